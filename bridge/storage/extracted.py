"""The table `extracted`: the text of each stored content, and how far we are with reading them.

What is in it is the content of messages: who may read it is decided by the event that has the attachment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class DueContent:
    """A content that is to be read."""

    sha256: str
    attempts: int  # before
    wait: float  # seconds until its time; 0: now


# The text may be there before another message brings the same content: then its message is due to be indexed at once.
# So is one whose sender said nothing of the size, or something else.
_EXPECT = """
WITH new AS (SELECT media_id, sha256, size FROM media WHERE media_id = $1 AND sha256 IS NOT NULL), added AS (
    INSERT INTO extracted (sha256) SELECT sha256 FROM new ON CONFLICT (sha256) DO NOTHING
)
INSERT INTO index_due (event_id)
SELECT DISTINCT a.event_id FROM new JOIN attachment a USING (media_id) LEFT JOIN extracted x USING (sha256)
WHERE x.text IS NOT NULL OR a.declared_size IS DISTINCT FROM new.size
"""

_DUE = """
SELECT sha256, attempts, greatest(extract(epoch FROM next_at - now())::float8, 0) FROM extracted
WHERE state = 'due' AND NOT (sha256 = ANY($1::text[]))
"""
_NEXT = f"{_DUE} ORDER BY next_at LIMIT 1"
_NEWEST = f"{_DUE} AND next_at <= now() ORDER BY next_at DESC LIMIT 1"
_BEGIN = """
UPDATE extracted SET attempts = attempts + 1, next_at = now() + make_interval(secs => $2)
WHERE sha256 = $1 AND state = 'due'
"""
_GIVE_BACK = """
UPDATE extracted SET attempts = attempts - 1, next_at = now() + interval '5 s'
WHERE sha256 = $1 AND state = 'due' AND attempts > 0
"""
# PostgreSQL shows the row as it was before in the FROM clause.
_STORE = """
UPDATE extracted x SET state = $2, text = $3, pages = $4, reason = $5, version = $6
FROM extracted old
WHERE x.sha256 = $1 AND old.sha256 = x.sha256 AND x.state = 'due'
RETURNING old.text IS DISTINCT FROM x.text
"""
_REINDEX = """
INSERT INTO index_due (event_id)
SELECT DISTINCT a.event_id FROM media m JOIN attachment a USING (media_id) WHERE m.sha256 = $1 AND m.state = 'stored'
"""
_READ_AGAIN = """
UPDATE extracted SET state = 'due', attempts = 0, next_at = now()
WHERE state <> 'due' AND (version < $1 OR ($2 AND state = 'no_ocr'))
"""
_RETRY = "UPDATE extracted SET state = 'due', attempts = 0, next_at = now() WHERE state IN ('failed', 'too_large')"
_FORGET = """
DELETE FROM extracted x USING media e
WHERE e.media_id = ANY($1::text[]) AND e.state = 'erased' AND x.sha256 = e.sha256
  AND NOT EXISTS (SELECT FROM media m WHERE m.sha256 = x.sha256 AND m.state IN ('stored', 'pending'))
"""


async def expect(tx: Connection, media_id: str) -> None:
    """The content of this file is in the store from now on, so its text is to be read, or is there already."""
    await tx.execute(_EXPECT, media_id)


async def next_due(db: Connection, busy: Collection[str], *, newest: bool = False) -> DueContent | None:
    """The content whose time comes or came first, among those that are not in `busy`.

    With `newest` the one whose time came last, if there is any whose time has come.
    """
    row = await db.fetchrow(_NEWEST if newest else _NEXT, list(busy))
    return None if row is None else DueContent(*row)


async def begin(db: Connection, sha256: str, again_after: float) -> None:
    """Count the attempt before it is made, since it may end us all; unless it ends well, the next comes later.

    Args:
        again_after: seconds.
    """
    await db.execute(_BEGIN, sha256, again_after)


async def give_back(db: Connection, sha256: str) -> None:
    """It was not read for a reason that is none of its own: the attempt does not count."""
    await db.execute(_GIVE_BACK, sha256)


async def store(
    tx: Connection,
    sha256: str,
    *,
    state: str,
    version: int,
    text: str | None = None,
    pages: int | None = None,
    reason: str | None = None,
) -> None:
    """Keep what was read, and have the messages with this content indexed anew; nothing if it was erased meanwhile."""
    if await tx.fetchval(_STORE, sha256, state, text, pages, reason, version):
        await tx.execute(_REINDEX, sha256)


async def read_again(db: Connection, version: int, *, ocr: bool) -> int:
    """What an older reader has read is due again; with `ocr` also the pictures that nothing could read before.

    Returns:
        how many contents.
    """
    return int((await db.execute(_READ_AGAIN, version, ocr)).rpartition(" ")[2])


async def retry_failed(db: Connection) -> int:
    """Read again what failed or was too large.

    Returns:
        how many contents.
    """
    return int((await db.execute(_RETRY)).rpartition(" ")[2])


async def forget(tx: Connection, media_ids: Sequence[str]) -> None:
    """Erase the text of files that were just marked as erased, unless another file has the same content."""
    await tx.execute(_FORGET, list(media_ids))
