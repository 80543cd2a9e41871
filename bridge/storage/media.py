"""The table `media`: the files that events name, and how far we are with fetching them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.storage import extracted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class NewMedia:
    """A file that an event names."""

    media_id: str
    mxc: str
    room_id: str | None
    event_id: str
    file: str | None  # JSON of EncryptedFile
    size_hint: int | None
    seq: int  # the row of the inbox that names it


@dataclass(frozen=True, slots=True)
class PendingMedia:
    """A file that is to be fetched."""

    media_id: str
    mxc: str
    event_id: str | None
    file: str | None
    attempts: int
    sha256: str | None  # where we had its content, or were about to have it
    wait: float  # seconds until its time; 0: now


# A row of the inbox that is erased while we look at it names nothing any more; its lock makes the two orders the only
# ones. A file that was erased comes back when another event, which is not erased, names it.
_ADD = """
INSERT INTO media (media_id, mxc, room_id, event_id, file, size_hint)
SELECT n.media_id, n.mxc, n.room_id, n.event_id, n.file::json, n.size_hint
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS n (media_id, mxc, room_id, event_id, file, size_hint)
ON CONFLICT (media_id) DO UPDATE
SET state = 'pending', room_id = excluded.room_id, event_id = excluded.event_id, file = excluded.file,
    attempts = 0, next_at = now(), reason = NULL
WHERE media.state = 'erased'
"""
_LOCK_ROWS = "SELECT seq FROM inbox WHERE seq = ANY($1::bigint[]) AND erased_at IS NULL ORDER BY seq FOR SHARE"
_FORGET = "DELETE FROM media WHERE sha256 IS NULL AND state <> 'erased'"
_FETCH_AGAIN = """
UPDATE media SET state = 'pending', attempts = 0, next_at = now(), reason = NULL
WHERE sha256 IS NOT NULL AND state <> 'erased'
"""

_PENDING = """
SELECT media_id, mxc, event_id, file::text, attempts, sha256,
    greatest(extract(epoch FROM next_at - now())::float8, 0)
FROM media WHERE state = 'pending' AND NOT (media_id = ANY($1::text[]))
"""
_NEXT = f"{_PENDING} ORDER BY next_at LIMIT 1"
_NEWEST = f"{_PENDING} AND next_at <= now() ORDER BY next_at DESC LIMIT 1"
_INTEND = "UPDATE media SET sha256 = $2, size = $3, mimetype = $4 WHERE media_id = $1 AND state = 'pending'"
_HOLD = "SELECT 1 FROM media WHERE media_id = $1 AND state = 'pending' FOR UPDATE"
_STORED = "UPDATE media SET state = 'stored', reason = NULL, stored_at = now() WHERE media_id = $1"
_POSTPONE = """
UPDATE media SET attempts = $2, reason = $3, next_at = now() + make_interval(secs => $4)
WHERE media_id = $1 AND state = 'pending'
"""
_FAIL = "UPDATE media SET state = 'failed', attempts = $2, reason = $3 WHERE media_id = $1 AND state = 'pending'"
_TOO_LARGE = "UPDATE media SET state = 'too_large', reason = $2, size = $3 WHERE media_id = $1 AND state = 'pending'"
_RETRY = """
UPDATE media SET state = 'pending', attempts = 0, next_at = now(), reason = NULL WHERE state IN ('failed', 'too_large')
"""

_LOCK_CONTENT = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_USED = "SELECT EXISTS (SELECT 1 FROM media WHERE sha256 = $1 AND state IN ('stored', 'pending'))"


async def add(tx: Connection, found: Sequence[NewMedia]) -> None:
    """Note files to be fetched; what is known already stays as it is."""
    live = {row[0] for row in await tx.fetch(_LOCK_ROWS, [one.seq for one in found])}
    # ON CONFLICT takes each file only once
    once = {one.media_id: one for one in reversed(found) if one.seq in live}
    new = [once[media_id] for media_id in sorted(once)]
    await tx.execute(
        _ADD,
        [one.media_id for one in new],
        [one.mxc for one in new],
        [one.room_id for one in new],
        [one.event_id for one in new],
        [one.file for one in new],
        [one.size_hint for one in new],
    )


async def start_again(tx: Connection) -> None:
    """Before a rebuild: forget what holds nothing, and look again whether the rest is really in the store.

    Which content belongs to which mxc URI stands nowhere else, and the homeserver may have deleted its copy: these
    rows must outlive a rebuild.
    """
    await tx.execute(_FORGET)
    await tx.execute(_FETCH_AGAIN)


async def next_pending(db: Connection, busy: Collection[str], *, newest: bool = False) -> PendingMedia | None:
    """The file whose time comes or came first, among those that are not in `busy`.

    With `newest` the one whose time came last, if there is any whose time has come.
    """
    row = await db.fetchrow(_NEWEST if newest else _NEXT, list(busy))
    return None if row is None else PendingMedia(*row)


async def intend(db: Connection, media_id: str, sha256: str, size: int, mimetype: str | None) -> None:
    """Note what is about to be stored, so that a content that a crash leaves behind is still known by its row."""
    await db.execute(_INTEND, media_id, sha256, size, mimetype)


async def hold(tx: Connection, media_id: str) -> bool:
    """Keep a row as it is until the end of the transaction; False when it is not to be fetched any more."""
    return await tx.fetchval(_HOLD, media_id) is not None


async def stored(tx: Connection, media_id: str) -> None:
    """The content is in the store; its text is to be read."""
    await tx.execute(_STORED, media_id)
    await extracted.expect(tx, media_id)


async def postpone(db: Connection, media_id: str, attempts: int, reason: str, seconds: float) -> None:
    """Try again after a pause."""
    await db.execute(_POSTPONE, media_id, attempts, reason, seconds)


async def fail(db: Connection, media_id: str, attempts: int, reason: str) -> None:
    """Give up, until somebody calls `retry_failed`."""
    await db.execute(_FAIL, media_id, attempts, reason)


async def too_large(db: Connection, media_id: str, reason: str, size: int | None) -> None:
    """Larger than the limit; `size` in bytes if it is known."""
    await db.execute(_TOO_LARGE, media_id, reason, size)


async def retry_failed(db: Connection) -> int:
    """Try again what failed or was too large (the limit may be another one now).

    Returns:
        how many files.
    """
    return int((await db.execute(_RETRY)).rpartition(" ")[2])


async def lock_content(tx: Connection, sha256: str) -> None:
    """Be the only one to publish or delete this content until the end of the transaction."""
    await tx.execute(_LOCK_CONTENT, sha256)


async def content_used(tx: Connection, sha256: str) -> bool:
    """Whether a file that is not erased has, or may be about to have, this content."""
    return bool(await tx.fetchval(_USED, sha256))
