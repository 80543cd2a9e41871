"""Forgets what was answered and sent a long time ago, and files that nobody will send any more."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bridge.storage import asks, outbox, trouble
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from bridge.storage.db import Db

log = structlog.get_logger(__name__)

KEPT: Final = timedelta(days=90)  # buttons live as long
UNSENT: Final = timedelta(days=1)  # a file is made before the row that sends it
LEFT_OVER: Final = timedelta(days=1)  # who took a bot user out of the config by mistake puts it back before
_HOUR: Final = 3600.0


class Cleaner:
    """Once an hour.

    Args:
        folder: where files for people are made.
        users: the bot users of the config.
    """

    def __init__(self, db: Db, folder: Path, users: Collection[str]) -> None:
        self._db = db
        self._folder = folder
        self._users = list(users)

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
            await trouble.end_left_over(tx, self._users, now - LEFT_OVER)
            await asks.delete_old(tx, now - KEPT)
            await outbox.delete_old(tx, now - KEPT)
            needed = await outbox.files_due(tx)
        await asyncio.to_thread(self._delete_files, needed, (now - UNSENT).timestamp())

    def _delete_files(self, needed: Collection[str], before: float) -> None:
        """What a crash, or a message that could not be sent, has left."""
        for path in self._folder.glob("*"):
            with suppress(FileNotFoundError):  # it was just sent
                if str(path) not in needed and path.stat().st_mtime < before:
                    path.unlink()
