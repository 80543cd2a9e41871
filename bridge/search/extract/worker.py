"""Reads what is due, as long as the process has the files: a row of `extracted` for each content in the store."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING, Final

import structlog

from bridge.archive.consumer import repr_type
from bridge.search.extract.outcome import VERSION, Extracted
from bridge.search.extract.reader import OCR_SECONDS, SECONDS, NoReaderError, Reader, command
from bridge.storage import extracted
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bridge.archive.blobs import FileBlobs
    from bridge.storage.db import Db
    from bridge.storage.extracted import DueContent

log = structlog.get_logger(__name__)

PARALLEL: Final = 2  # files at once, each with a process of its own
POLL_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 30.0  # then the processes end
# What may have been bad luck is tried once more, in a fresh process.
ATTEMPTS: Final = 2
MOST_ATTEMPTS: Final = 5  # that ended this program too
AGAIN_SECONDS: Final = 60.0
_NONE_OF_ITS_OWN: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # when nothing can be read or stored


class ExtractWorker:
    """Reads the text of the files in the store. One process does so at a time.

    Args:
        tesseract: the program for OCR, if there is one.
        reader: makes what reads files; each is used for one at a time.
        again: seconds until a file is tried a second time.
    """

    def __init__(
        self,
        db: Db,
        blobs: FileBlobs,
        *,
        tesseract: Path | None = None,
        reader: Callable[[], Reader] | None = None,
        again: float = AGAIN_SECONDS,
    ) -> None:
        self.failing: str | None = None  # why nothing can be read at this moment
        self._db = db
        self._blobs = blobs
        self._tesseract = tesseract
        self._reader = reader or (lambda: Reader(command(tesseract), OCR_SECONDS if tesseract else SECONDS))
        self._again = again
        self._busy: set[str] = set()
        self._turn = asyncio.Lock()
        self._pause = FIRST_PAUSE

    async def run(self) -> None:
        """Read until cancelled."""
        while not await self._tried(self._look_again()):
            pass
        async with asyncio.TaskGroup() as lanes:
            for number in range(PARALLEL):
                # One takes the newest, so that today's files do not wait behind those of years of history.
                lanes.create_task(self._lane(newest=number == 0))

    async def _look_again(self) -> None:
        async with self._db.connection() as connection:
            count = await extracted.read_again(connection, VERSION, ocr=self._tesseract is not None)
        if count:
            log.info("attachments are read again", count=count)

    async def _lane(self, *, newest: bool) -> None:
        """Read one after the other, in one process."""
        clock = asyncio.get_running_loop().time
        reader = self._reader()
        used = clock()
        try:
            while True:
                item = await self._next(newest=newest)
                if item is not None:
                    await self._handle(item, reader)
                    used = clock()
                elif clock() - used > IDLE_SECONDS:
                    await reader.close()
        finally:
            await reader.close()

    async def _next(self, *, newest: bool) -> DueContent | None:
        """What is to be read now; None after a moment in which there was nothing."""
        found: list[DueContent] = []

        async def look() -> None:
            async with self._turn, self._db.connection() as connection:
                item = await extracted.next_due(connection, self._busy, newest=True) if newest else None
                item = item or await extracted.next_due(connection, self._busy)
                if item is not None and item.wait == 0:
                    self._busy.add(item.sha256)
                    found.append(item)

        await self._tried(look())
        if not found:
            await asyncio.sleep(POLL_SECONDS)
            return None
        return found[0]

    async def _handle(self, item: DueContent, reader: Reader) -> None:
        try:
            await self._tried(self._read(item, reader), item)
        finally:
            self._busy.discard(item.sha256)

    async def _read(self, item: DueContent, reader: Reader) -> None:
        if item.attempts >= MOST_ATTEMPTS:
            await self._store(item, Extracted("failed", reason="this program ended each time"))
            return
        async with self._db.connection() as connection:
            await extracted.begin(connection, item.sha256, self._again)
        try:
            found = await self._open_and_read(item, reader)
        except BaseException:  # also when we are asked to stop: the file is not to blame
            async with self._db.connection() as connection:
                await extracted.give_back(connection, item.sha256)
            raise
        if found.again and item.attempts + 1 < ATTEMPTS:
            log.info("attachment not read, to be tried again", sha256=item.sha256, reason=found.reason)
            return
        await self._store(item, found)

    async def _open_and_read(self, item: DueContent, reader: Reader) -> Extracted:
        try:
            descriptor = await asyncio.to_thread(os.open, self._blobs.path(item.sha256), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in _NONE_OF_ITS_OWN:
                raise
            return Extracted("failed", reason=f"cannot be opened ({os.strerror(error.errno or 0)})", again=True)
        try:
            return await reader.read(descriptor)
        finally:
            os.close(descriptor)

    async def _store(self, item: DueContent, found: Extracted) -> None:
        if found.state in ("failed", "too_large"):
            log.warning("attachment not read", sha256=item.sha256, state=found.state, reason=found.reason)
        async with self._db.tx() as tx:
            await extracted.store(
                tx,
                item.sha256,
                state=found.state,
                version=VERSION,
                text=found.text,
                pages=found.pages,
                reason=found.reason,
            )

    async def _tried(self, attempt: Awaitable[None], item: DueContent | None = None) -> bool:
        """Whether it worked. When the database or the readers are away, say so and wait a moment."""
        try:
            await attempt
        except (NoReaderError, *UNAVAILABLE) as error:
            reason = str(error) if isinstance(error, NoReaderError) else f"database or disk away ({repr_type(error)})"
            if self.failing != reason:
                log.warning("attachments cannot be read now", reason=reason)
            self.failing = reason
        except Exception as error:
            self.failing = repr_type(error)
            log.exception("attachment failed", sha256=None if item is None else item.sha256)
        else:
            if self.failing is not None:
                log.info("attachments are read again")
            self.failing, self._pause = None, FIRST_PAUSE
            return True
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return False
