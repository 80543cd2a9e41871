"""Erasing for good what was removed, once auditors have had the time that the config gives them.

Of the event stays what the redaction algorithm leaves (`bridge.archive.pruning`), in the inbox, and the archive is made
from that. Every pass looks at all redactions whose time is over, so whatever a crash left, or came late, is found by
the next one.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from bridge.archive.blobs import BlobError
from bridge.archive.media import delete_unused
from bridge.archive.pruning import pruned
from bridge.archive.recorder import Recorder
from bridge.storage import consumers, erasure, inbox, indexing
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.archive.blobs import BlobStore
    from bridge.storage.db import Connection, Db
    from bridge.storage.inbox import InboxRow

log = structlog.get_logger(__name__)

BATCH = 200  # redactions in a transaction
MAX_BEHIND = 10_000  # rows that the recorder has still before it; during a rebuild nothing is erased
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=15)


async def erase_due(db: Db, blobs: BlobStore, retention: timedelta, now: datetime) -> int:
    """Erase everything that was removed `retention` before `now`, or earlier.

    Again for the same is harmless; a crash at any moment leaves nothing that the next call does not find.

    Returns:
        how many events were erased.
    """
    erased, after = 0, erasure.BEFORE_ALL
    while True:
        async with db.connection() as connection:
            redactions = await erasure.due(connection, now - retention, after, BATCH)
            keys = await erasure.keys_of(connection, [one.event_id for one in redactions])
        if not redactions:
            break
        for start in range(0, len(keys), BATCH):
            erased += await _erase(db, keys[start : start + BATCH])
        after = redactions[-1]
    await _delete_contents(db, blobs)
    return erased


async def _erase(db: Db, keys: Sequence[str]) -> int:
    recorder = Recorder()
    async with db.tx() as tx:
        position = await consumers.lock(tx, recorder.name)
        if await inbox.head(tx) - position > MAX_BEHIND:
            log.info("erasing waits for the recorder")
            return 0
        rows = await erasure.rows_of(tx, keys)
        files = await erasure.files_of(tx, keys)
        waiting = await _waiting(tx, position, rows, files)
        done = sorted({row.key for row in rows} - waiting)
        for row in rows:
            if row.key not in waiting and row.erased_at is None:
                # Off the event loop: an event may take long to read that was made for it.
                await inbox.erase(tx, row.kind, row.key, await asyncio.to_thread(pruned, row))
        rows = await erasure.rows_of(tx, done)
        rejected = {one.seq for one in await recorder.apply(tx, rows)}
        for row in rows:
            if row.seq not in rejected:
                await consumers.drop_set_aside(tx, recorder.name, row.seq)
        await erasure.empty_set_aside(tx, done)
        await indexing.erased(tx, done)
        await erasure.erase_media(tx, sorted({media_id for key, media_id in files if key in done}))
    return len(done)


async def _waiting(
    tx: Connection, position: int, rows: Sequence[InboxRow], files: Sequence[tuple[str, str]]
) -> set[str]:
    """The events that are left to the next pass: the recorder may have read of them what it has not recorded yet, or
    has still to learn that somebody else sent the same file.
    """
    ahead = await erasure.named_ahead(tx, position, sorted({media_id for _, media_id in files}))
    return {row.key for row in rows if row.seq > position} | {key for key, media_id in files if media_id in ahead}


async def _delete_contents(db: Db, blobs: BlobStore) -> None:
    """Delete what no file has any more; only now, when it is certain that the database knows it."""
    sha256 = ""
    while True:
        async with db.connection() as connection:
            found = await erasure.next_left_content(connection, sha256)
        if found is None:
            return
        sha256 = found
        try:
            await delete_unused(db, blobs, sha256)
        except BlobError:
            log.warning("content of an erased file could not be deleted now", sha256=sha256)
            continue
        async with db.connection() as connection:
            await erasure.content_gone(connection, sha256)


class Eraser:
    """Erases what is due, now and then."""

    def __init__(
        self,
        db: Db,
        blobs: BlobStore,
        retention: timedelta,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._retention = retention
        self._clock = clock
        self._pause = min(max(retention / 10, SHORTEST_PAUSE), LONGEST_PAUSE)

    async def run(self) -> None:
        """Erase until cancelled."""
        while True:
            try:
                erased = await erase_due(self._db, self._blobs, self._retention, self._clock())
            except UNAVAILABLE as error:
                log.warning("erasing waits for the database", error=type(error).__name__)
            else:
                if erased:
                    log.info("erased what was removed", events=erased)
            await asyncio.sleep(self._pause.total_seconds())
