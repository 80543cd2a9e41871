"""Working off rows of a table: in order within a lane (a room, mostly), several lanes side by side.

A lane whose row cannot be done now waits by itself; the others go on. The rows stay in the table until they are done:
nothing is lost with the process.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

import structlog

from bridge.archive.consumer import repr_type
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

log = structlog.get_logger(__name__)

T = TypeVar("T")

POLL_SECONDS: Final = 5.0  # we are woken in the process; this is for rows that others wrote
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0  # when the database is away
BROKEN_PAUSE: Final = 60.0  # after an error that nobody thought of
BATCH: Final = 50


class Work(Protocol[T]):
    """What is done in lanes."""

    name: str  # for the log

    async def fetch(self, without_lanes: Collection[str], limit: int) -> Sequence[T]:
        """The next rows, oldest first, but none of these lanes."""

    def lane(self, row: T) -> str:
        """The lane of a row."""

    async def handle(self, row: T) -> float:
        """Do it.

        Returns:
            seconds for which its lane has to wait; 0 when it is done, or is never to be done.
        """


class Lanes(Generic[T]):
    """Runs one kind of work.

    Args:
        parallel: rows that are worked on at the same time, at the most.
        until_next: says in how many seconds a row of a later time can be done; None: there is none.
    """

    def __init__(
        self, work: Work[T], *, parallel: int, until_next: Callable[[], Awaitable[float | None]] | None = None
    ) -> None:
        self.name = work.name
        self._failing: str | None = None  # why nothing can be done at this moment
        self._work = work
        self._parallel = parallel
        self._until_next = until_next
        self._busy: set[str] = set()
        self._paused: dict[str, float] = {}  # lane → the loop's time
        self._news = asyncio.Event()
        self._pause = FIRST_PAUSE

    def state(self) -> tuple[bool, str]:
        """Whether it works, and what is to be said about that."""
        if self._failing is not None:
            return False, self._failing
        return True, f"{len(self._paused)} waiting" if self._paused else ""

    def wake(self) -> None:
        """There is something new."""
        self._news.set()

    async def run(self) -> None:
        """Work until cancelled."""
        self._busy.clear()
        self._paused.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._news.clear()
                try:
                    seconds = await self._start(tasks)
                except UNAVAILABLE as error:
                    await self._stop(error)
                    continue
                self._failing, self._pause = None, FIRST_PAUSE
                try:
                    async with asyncio.timeout(seconds):
                        await self._news.wait()
                except TimeoutError:
                    continue

    async def _start(self, tasks: asyncio.TaskGroup) -> float:
        """Start what can be done now; how long until something may be done that cannot now."""
        now = asyncio.get_running_loop().time()
        self._paused = {lane: until for lane, until in self._paused.items() if until > now}
        while len(self._busy) < self._parallel:
            rows = await self._work.fetch(self._busy | self._paused.keys(), BATCH)
            for row in rows:
                lane = self._work.lane(row)
                if lane not in self._busy and len(self._busy) < self._parallel:
                    self._busy.add(lane)
                    tasks.create_task(self._one(lane, row))
            if len(rows) < BATCH:
                break
        seconds = [POLL_SECONDS, *(until - now for until in self._paused.values())]
        if self._until_next is not None and (following := await self._until_next()) is not None:
            seconds.append(following)
        return max(0.0, min(seconds))

    async def _one(self, lane: str, row: T) -> None:
        pause = BROKEN_PAUSE
        try:
            pause = await self._work.handle(row)
        except UNAVAILABLE as error:
            log.warning("waits for the database", part=self._work.name, error=repr_type(error))
            pause = FIRST_PAUSE
        except Exception:
            log.exception("broke down at a row, leaving its lane alone for a while", part=self._work.name)
        finally:
            if pause:
                self._paused[lane] = asyncio.get_running_loop().time() + pause
            self._busy.discard(lane)
            self.wake()

    async def _stop(self, error: Exception) -> None:
        self._failing = f"database away ({repr_type(error)})"
        log.warning("waits for the database", part=self._work.name, error=repr_type(error))
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
