"""Forgets what was answered and sent a long time ago."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bridge.storage import asks, outbox
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from bridge.storage.db import Db

log = structlog.get_logger(__name__)

KEPT: Final = timedelta(days=90)  # buttons live as long
_HOUR: Final = 3600.0


class Cleaner:
    """Once an hour."""

    def __init__(self, db: Db) -> None:
        self._db = db

    async def run(self) -> None:
        """Clean until cancelled."""
        while True:
            try:
                await self.clean(datetime.now(UTC))
            except UNAVAILABLE as error:
                log.warning("what is old could not be deleted now", error=type(error).__name__)
            await asyncio.sleep(_HOUR)

    async def clean(self, now: datetime) -> None:
        """Delete what is old enough."""
        async with self._db.tx() as tx:
            await asks.delete_old(tx, now - KEPT)
            await outbox.delete_old(tx, now - KEPT)
