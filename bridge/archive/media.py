"""Fetching attachments: a consumer that notes which files events name, and the worker that fetches them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import structlog

from bridge.archive.attachments import EVENT_TYPES, attachments_of, parse_mxc
from bridge.archive.blobs import BlobError
from bridge.archive.consumer import Rejected, repr_type
from bridge.archive.media_source import (
    FileKey,
    MediaAwayError,
    MediaFailedError,
    MediaTooLargeError,
    decrypted,
    limited,
)
from bridge.storage import media
from bridge.storage.db import UNAVAILABLE
from bridge.storage.media import NewMedia

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.archive.blobs import BlobStore, Staged
    from bridge.archive.media_source import MediaSource
    from bridge.storage.db import Connection, Db
    from bridge.storage.inbox import InboxRow
    from bridge.storage.media import PendingMedia

log = structlog.get_logger(__name__)

POLL_SECONDS = 5.0
PARALLEL = 4  # files at once
# After a failure of one file: 5 s, 15 s, 45 s ... then every hour, together about a week.
FIRST_RETRY, LONGEST_RETRY, RETRY_GROWTH, ATTEMPTS = 5.0, 3600.0, 3, 174
# When nothing works (disk full, homeserver away): 1 s, 2 s ... 30 s.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class MediaConsumer:
    """Notes the files that events name; `MediaWorker` fetches them."""

    name = "media"
    batch = 200

    def concerns(self, row: InboxRow) -> bool:
        del row
        return False  # nobody misses a file for a moment

    async def apply(self, tx: Connection, rows: Sequence[InboxRow]) -> Sequence[Rejected]:
        found: list[NewMedia] = []
        rejected: list[Rejected] = []
        for row in rows:
            if row.erased_at is None and (row.kind == "decrypted" or (row.kind == "event" and row.type in EVENT_TYPES)):
                try:
                    found += _files_of(row)
                except (ValueError, RecursionError):
                    rejected.append(Rejected(row.seq, "not JSON that can be read"))
        if found:
            await media.add(tx, found)
        return rejected

    async def clear(self, tx: Connection) -> None:
        await media.start_again(tx)


def _files_of(row: InboxRow) -> list[NewMedia]:
    event: Any = json.loads(row.raw)
    content = event.get("content") if isinstance(event, dict) else None
    event_type = event.get("type") if isinstance(event, dict) else None
    if not isinstance(content, dict) or not isinstance(event_type, str):
        return []
    return [
        NewMedia(
            media_id=ref.media_id,
            mxc=ref.mxc,
            room_id=row.room_id,
            event_id=row.key,
            file=None if ref.file is None else json.dumps(ref.file),
            size_hint=ref.size,
            seq=row.seq,
        )
        for ref in attachments_of(content, event_type)
    ]


class MediaWorker:
    """Fetches what is due. One process does so at a time.

    Args:
        max_size: bytes; a larger file is recorded as such.
        first_retry: seconds until a file is tried a second time.
    """

    def __init__(
        self, db: Db, blobs: BlobStore, source: MediaSource, *, max_size: int, first_retry: float = FIRST_RETRY
    ) -> None:
        self.failing: str | None = None  # why nothing can be fetched at this moment
        self._db = db
        self._blobs = blobs
        self._source = source
        self._max_size = max_size
        self._first_retry = first_retry
        self._busy: set[str] = set()
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._pause = FIRST_PAUSE
        self._paused_until = 0.0

    def wake(self) -> None:
        """There may be something new to fetch."""
        self._news.set()

    async def run(self) -> None:
        """Fetch until cancelled."""
        while True:
            try:
                await self._blobs.prepare()
                break
            except BlobError as error:
                self._stop_for_a_while(str(error))
                await self._while_paused()
        async with asyncio.TaskGroup() as lanes:
            for number in range(PARALLEL):
                # One takes the newest, so that today's files do not wait behind those of years of history.
                lanes.create_task(self._lane(newest=number == 0))

    async def _lane(self, *, newest: bool) -> None:
        while True:
            item = await self._next(newest=newest)
            try:
                await self._handle(item)
            except Exception as error:  # noqa: BLE001 (whatever it is, the flow goes on)
                self._stop_for_the_database(error, item.event_id)
            finally:
                self._busy.discard(item.media_id)
                self.wake()  # its next time may be near

    async def _next(self, *, newest: bool) -> PendingMedia:
        """What is to be fetched next. One lane looks; the others wait for their turn."""
        async with self._turn:
            while True:
                await self._while_paused()
                self._news.clear()
                try:
                    async with self._db.connection() as connection:
                        item = await media.next_pending(connection, self._busy, newest=True) if newest else None
                        item = item or await media.next_pending(connection, self._busy)
                except Exception as error:  # noqa: BLE001 (the same)
                    self._stop_for_the_database(error)
                    continue
                if item is not None and item.wait == 0:
                    self._busy.add(item.media_id)
                    return item
                await self._wait_for_news(POLL_SECONDS if item is None else min(item.wait, POLL_SECONDS))

    async def _handle(self, item: PendingMedia) -> None:
        try:
            await self._fetch(item)
        except (MediaAwayError, BlobError) as error:
            self._stop_for_a_while(str(error))
            async with self._db.connection() as connection:
                await media.postpone(connection, item.media_id, item.attempts, str(error), self._pause)
            return
        except MediaTooLargeError as error:
            log.info("attachment too large", event_id=item.event_id, size=error.size)
            async with self._db.connection() as connection:
                await media.too_large(connection, item.media_id, str(error), error.size)
        except MediaFailedError as error:
            await self._failed(item, str(error), error.attempts or ATTEMPTS, error.retry_after)
        except UNAVAILABLE:
            raise
        except Exception as error:
            log.exception("attachment failed", event_id=item.event_id)
            await self._failed(item, repr_type(error), ATTEMPTS, 0)
        if self.failing is not None:
            log.info("attachments are fetched again")
        self.failing, self._pause = None, FIRST_PAUSE

    async def _fetch(self, item: PendingMedia) -> None:
        if await self._have(item):
            return
        where = parse_mxc(item.mxc)
        if where is None:
            raise MediaFailedError("not a valid mxc URI", attempts=1)
        key = None if item.file is None else FileKey.parse(json.loads(item.file))
        async with self._source.open(*where) as download:
            if download.size is not None and download.size > self._max_size:
                raise MediaTooLargeError(f"larger than the limit of {self._max_size} bytes", download.size)
            chunks = limited(download.chunks, self._max_size)
            mimetype = download.mimetype
            if key is not None:
                chunks, mimetype = decrypted(chunks, key), None  # the homeserver knows nothing of what is inside
            async with self._blobs.stage(chunks) as staged:
                await self._keep(item, staged, mimetype)

    async def _have(self, item: PendingMedia) -> bool:
        """Whether the content is in the store from before a crash or a rebuild."""
        if item.sha256 is None or not await self._blobs.exists(item.sha256):
            return False
        async with self._db.tx() as tx:
            await media.lock_content(tx, item.sha256)
            if not await self._blobs.exists(item.sha256):
                return False
            if await media.hold(tx, item.media_id):
                await media.stored(tx, item.media_id)
        return True

    async def _keep(self, item: PendingMedia, staged: Staged, mimetype: str | None) -> None:
        async with self._db.connection() as connection:
            await media.intend(connection, item.media_id, staged.sha256, staged.size, mimetype)
        async with self._db.tx() as tx:
            await media.lock_content(tx, staged.sha256)
            if await media.hold(tx, item.media_id):  # it may have been erased meanwhile
                await staged.publish()
                await media.stored(tx, item.media_id)

    async def _failed(self, item: PendingMedia, reason: str, most: int, retry_after: float) -> None:
        attempts = item.attempts + 1
        log.warning("attachment not fetched", event_id=item.event_id, reason=reason, attempt=attempts)
        async with self._db.connection() as connection:
            if attempts >= most:
                await media.fail(connection, item.media_id, attempts, reason)
                return
            pause = min(self._first_retry * RETRY_GROWTH ** min(attempts - 1, 20), LONGEST_RETRY)
            pause = max(pause, min(retry_after, LONGEST_RETRY))
            await media.postpone(connection, item.media_id, attempts, reason, pause)

    def _stop_for_the_database(self, error: Exception, event_id: str | None = None) -> None:
        if not isinstance(error, UNAVAILABLE):
            log.error("attachments: the database fails", event_id=event_id, exc_info=error)
        self._stop_for_a_while(f"database away ({repr_type(error)})")

    def _stop_for_a_while(self, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._paused_until:
            return  # another file has met the same
        if self.failing != reason:
            log.warning("attachments cannot be fetched now", reason=reason)
        self._pause = FIRST_PAUSE if self.failing is None else min(self._pause * 2, LONGEST_PAUSE)
        self.failing, self._paused_until = reason, now + self._pause

    async def _while_paused(self) -> None:
        await asyncio.sleep(max(0.0, self._paused_until - asyncio.get_running_loop().time()))

    async def _wait_for_news(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return


async def delete_unused(db: Db, blobs: BlobStore, sha256: str) -> bool:
    """Delete a content for good, unless a file that is not erased has it; never while it is being published.

    Returns:
        False when it is in use.

    Raises:
        BlobError: it could not be deleted now.
    """
    async with db.tx() as tx:
        await media.lock_content(tx, sha256)
        if await media.content_used(tx, sha256):
            return False
        await blobs.delete(sha256)
        return True
