"""Waiting until the archive is as new as a question."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bridge.storage import consumers

if TYPE_CHECKING:
    from bridge.storage.db import Db

PATIENCE: Final = 10.0  # seconds; on a busy machine the recorder may need some
_POLL_SECONDS: Final = 0.05  # the recorder may run in another process


class Recorded:
    """How far the recorder is.

    Args:
        patience: seconds that a question waits at the most.
    """

    def __init__(self, db: Db, *, patience: float = PATIENCE) -> None:
        self._db = db
        self._patience = patience
        self._news = asyncio.Event()
        self._given_up = 0  # nobody waits again for what was not recorded in time

    def wake(self) -> None:
        """The recorder has recorded something."""
        self._news.set()
        self._news = asyncio.Event()

    async def reached(self, seq: int) -> bool:
        """Wait for a row of the inbox to be recorded; False when it takes too long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            news = self._news
            async with self._db.connection() as connection:
                position = await consumers.position(connection, "recorder")
            if position >= seq:
                return True
            left = until - loop.time()
            if left <= 0 or position < self._given_up:
                self._given_up = max(self._given_up, seq)
                return False
            try:
                async with asyncio.timeout(min(left, _POLL_SECONDS)):
                    await news.wait()
            except TimeoutError:
                continue
