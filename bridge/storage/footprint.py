"""What the archive keeps of one person, counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.storage.db import Connection

SECONDS = 600.0  # there is no index by sender: this is asked seldom, and each index slows down every message


@dataclass(frozen=True, slots=True)
class Counts:
    """What a person wrote and left behind."""

    since: datetime | None  # the first event of theirs that is held
    rooms: int  # that they are or were in
    messages: int
    edits: int
    reactions: int
    receipts: int
    removed_waiting: int  # removed messages whose content is not erased yet
    files: int
    file_bytes: int  # of what is held, each content once


_COUNTS = """
SELECT
    (SELECT min(sent_at) FROM event WHERE sender = $1),
    (SELECT count(DISTINCT room_id) FROM membership WHERE user_id = $1 AND membership = 'join'),
    (SELECT count(*) FROM message WHERE sender = $1),
    (SELECT count(*) FROM revision WHERE sender = $1),
    (SELECT count(*) FROM reaction WHERE sender = $1),
    (SELECT count(*) FROM receipt WHERE user_id = $1),
    (SELECT count(*) FROM message m
     JOIN inbox i ON i.key = m.event_id AND i.kind = 'event' AND i.erased_at IS NULL
     WHERE m.sender = $1
       AND EXISTS (SELECT FROM redaction r WHERE r.target_id = m.event_id AND r.room_id = m.room_id)),
    coalesce(sum(own.files), 0)::bigint, coalesce(sum(own.size), 0)::bigint
FROM (
    SELECT count(*) AS files, max(f.size) FILTER (WHERE f.state = 'stored') AS size
    FROM attachment a JOIN event e ON e.event_id = a.event_id LEFT JOIN media f ON f.media_id = a.media_id
    WHERE e.sender = $1 GROUP BY coalesce(f.sha256, a.media_id)
) own
"""
_NAMES = """
SELECT display_name FROM membership
WHERE user_id = $1 AND membership = 'join' AND display_name IS NOT NULL
GROUP BY display_name ORDER BY min(from_at), display_name
"""


async def counts(db: Connection, user_id: str) -> Counts:
    """What is kept of a person."""
    (row,) = await db.fetch(_COUNTS, user_id, timeout=SECONDS)
    return Counts(*row)


async def names(db: Connection, user_id: str) -> tuple[str, ...]:
    """The display names of a person over time, each once."""
    return tuple(row[0] for row in await db.fetch(_NAMES, user_id))
