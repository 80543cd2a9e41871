"""Erasing what was removed, wherever it is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from bridge.storage import extracted
from bridge.storage.inbox import InboxRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.storage.db import Connection


class Due(NamedTuple):
    """A redaction whose time is over: the keys of its row in order of time."""

    received_at: datetime
    event_id: str


BEFORE_ALL = Due(datetime(1, 1, 1, tzinfo=UTC), "")

_DUE = """
SELECT received_at, event_id FROM redaction WHERE received_at <= $1 AND (received_at, event_id) > ($2, $3)
ORDER BY received_at, event_id LIMIT $4
"""

# What is removed, also where the recorder has set it aside; and its edits, by the same rule as `messages.HIDDEN`.
_KEYS = """
SELECT i.key FROM redaction r
JOIN inbox i ON i.kind IN ('event', 'decrypted') AND i.key = r.target_id
JOIN inbox o ON o.kind = 'event' AND o.key = r.target_id AND o.room_id = r.room_id
WHERE r.event_id = ANY($1::text[]) AND i.erased_at IS NULL
UNION
SELECT i.key FROM redaction r
JOIN event e ON e.target_id = r.target_id AND e.room_id = r.room_id AND e.rel_type = 'm.replace'
JOIN inbox i ON i.kind IN ('event', 'decrypted') AND i.key = e.event_id
WHERE r.event_id = ANY($1::text[]) AND i.erased_at IS NULL
  AND NOT EXISTS (SELECT FROM event t WHERE t.event_id = r.target_id AND t.sender <> e.sender)
ORDER BY key
"""

# The envelopes first: who stores what was inside one holds its lock, and is seen by the statement that follows.
_LOCK = "SELECT seq FROM inbox WHERE kind = 'event' AND key = ANY($1::text[]) ORDER BY seq FOR UPDATE"
_ROWS = """
SELECT seq, kind, key, room_id, type, before_seq, before_sub, received_at, erased_at, raw FROM inbox
WHERE kind IN ('event', 'decrypted') AND key = ANY($1::text[]) ORDER BY seq FOR UPDATE
"""

_SET_ASIDE = """
UPDATE set_aside SET raw = '' WHERE raw <> '' AND seq IN (SELECT seq FROM inbox WHERE key = ANY($1::text[]))
"""

_FILES = "SELECT event_id, media_id FROM attachment WHERE event_id = ANY($1::text[]) ORDER BY media_id"

# By the last part of the mxc URI, which needs no escape in JSON.
_NAMED_AHEAD = r"""
SELECT n.media_id FROM unnest($2::text[]) AS n (media_id)
WHERE EXISTS (SELECT FROM inbox i WHERE i.seq > $1
              AND position(convert_to(substring(n.media_id FROM '([^/#]+)(?:#|$)'), 'UTF8') IN i.raw) > 0)
"""

# A row is made where none is yet, so that the file is not fetched by somebody who read the event before it was erased.
_ERASE_MEDIA = """
INSERT INTO media (media_id, mxc, state)
SELECT n.media_id, split_part(n.media_id, '#', 1), 'erased' FROM unnest($1::text[]) AS n (media_id)
WHERE NOT EXISTS (SELECT FROM attachment a WHERE a.media_id = n.media_id)
ON CONFLICT (media_id) DO UPDATE
SET state = 'erased', file = NULL, reason = NULL, mimetype = NULL, size_hint = NULL, event_id = NULL
"""

_LEFT_CONTENT = """
SELECT sha256 FROM media WHERE state = 'erased' AND sha256 > $1 ORDER BY sha256 LIMIT 1
"""
_CONTENT_GONE = "UPDATE media SET sha256 = NULL, size = NULL, stored_at = NULL WHERE state = 'erased' AND sha256 = $1"


async def due(db: Connection, until: datetime, after: Due, limit: int) -> list[Due]:
    """The next redactions that were received at `until` or before."""
    return [Due(*row) for row in await db.fetch(_DUE, until, *after, limit)]


async def keys_of(db: Connection, redaction_ids: Sequence[str]) -> list[str]:
    """The events that these redactions remove, and their edits, as far as they are not erased."""
    return [row[0] for row in await db.fetch(_KEYS, list(redaction_ids))]


async def rows_of(tx: Connection, keys: Sequence[str]) -> list[InboxRow]:
    """The rows of these events, erased or not, kept from change by others until the end of the transaction."""
    await tx.fetch(_LOCK, list(keys))
    return [InboxRow(*row) for row in await tx.fetch(_ROWS, list(keys))]


async def files_of(tx: Connection, event_ids: Sequence[str]) -> list[tuple[str, str]]:
    """The files that these events name, each as (event id, media id)."""
    return [(row[0], row[1]) for row in await tx.fetch(_FILES, list(event_ids))]


async def named_ahead(tx: Connection, position: int, media_ids: Sequence[str]) -> set[str]:
    """Which of these files are named by rows of the inbox behind a position."""
    return {row[0] for row in await tx.fetch(_NAMED_AHEAD, position, list(media_ids))}


async def empty_set_aside(tx: Connection, keys: Sequence[str]) -> None:
    """Erase other contents that claimed the ids of these events."""
    await tx.execute(_SET_ASIDE, list(keys))


async def erase_media(tx: Connection, media_ids: Sequence[str]) -> None:
    """Mark files as erased, unless an event that is left names them, and erase their text. Their content stays for
    `next_left_content`.
    """
    if media_ids:
        await tx.execute(_ERASE_MEDIA, list(media_ids))
        await extracted.forget(tx, media_ids)


async def next_left_content(db: Connection, after: str) -> str | None:
    """The next SHA-256 of an erased file whose content was not dealt with yet; start with ''."""
    found: str | None = await db.fetchval(_LEFT_CONTENT, after)
    return found


async def content_gone(db: Connection, sha256: str) -> None:
    """The content of erased files is deleted, or belongs only to others now."""
    await db.execute(_CONTENT_GONE, sha256)
