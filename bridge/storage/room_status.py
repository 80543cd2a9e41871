"""What there is to say about one room at once, also when it has a hundred thousand messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """Counts of a room."""

    messages: int  # behind the place that was asked for
    newest: int  # the place (`ord`) up to which they are counted
    files: int  # without stickers; the same one sent twice is one
    first_at: datetime | None
    last_at: datetime | None
    has_beginning: bool  # we hold its m.room.create
    unread_no_bot: int  # encrypted events from before one of our bots was there
    unread_no_key: int
    files_pending: int
    files_failed: int
    files_too_large: int
    set_aside: int
    behind: int  # events that are in the inbox and not recorded
    unsorted: int  # transactions, of any room, that are not in the inbox yet


_FACTS = """
WITH unread AS (
    SELECT e.ord FROM event e WHERE e.room_id = $1 AND e.encrypted AND NOT e.decrypted
    AND NOT EXISTS (SELECT FROM redaction r WHERE r.target_id = e.event_id AND r.room_id = e.room_id)
), bot AS (
    SELECT min(ord) AS ord FROM membership WHERE room_id = $1 AND user_id = ANY($2::text[]) AND membership = 'join'
), lacking AS (
    SELECT m.state, count(DISTINCT m.media_id) AS files FROM media m JOIN attachment a USING (media_id)
    WHERE m.state IN ('pending', 'failed', 'too_large') AND a.room_id = $1 GROUP BY m.state
)
SELECT (SELECT count(*) FROM message WHERE room_id = $1 AND ord > $3),
    coalesce((SELECT ord FROM message WHERE room_id = $1 ORDER BY ord DESC, sub DESC LIMIT 1), 0),
    (SELECT count(DISTINCT media_id) FROM attachment WHERE room_id = $1 AND kind <> 'sticker'),
    (SELECT sent_at FROM event WHERE room_id = $1 ORDER BY ord, sub LIMIT 1),
    (SELECT sent_at FROM event WHERE room_id = $1 ORDER BY ord DESC, sub DESC LIMIT 1),
    EXISTS (SELECT FROM room_state WHERE room_id = $1 AND type = 'm.room.create' AND state_key = ''),
    (SELECT count(*) FROM unread, bot WHERE bot.ord IS NULL OR unread.ord < bot.ord),
    (SELECT count(*) FROM unread, bot WHERE unread.ord >= bot.ord),
    coalesce((SELECT files FROM lacking WHERE state = 'pending'), 0) + (
        SELECT count(DISTINCT a.media_id) FROM event e JOIN attachment a USING (event_id)
        WHERE e.room_id = $1 AND e.seq > coalesce((SELECT position FROM consumer WHERE name = 'media'), 0)
        AND NOT EXISTS (SELECT FROM media m WHERE m.media_id = a.media_id)
    ),
    coalesce((SELECT files FROM lacking WHERE state = 'failed'), 0),
    coalesce((SELECT files FROM lacking WHERE state = 'too_large'), 0),
    (SELECT count(*) FROM set_aside WHERE room_id = $1),
    (SELECT count(*) FROM inbox WHERE room_id = $1
        AND seq > coalesce((SELECT position FROM consumer WHERE name = 'recorder'), 0)),
    (SELECT count(*) FROM intake)
"""


async def facts(db: Connection, bots: Sequence[str], room_id: str, *, counted: int = -1) -> RoomFacts:
    """The counts of a room.

    Args:
        bots: the Matrix ids of those that read encrypted rooms.
        counted: the place up to which its messages are counted already.
    """
    row = await db.fetchrow(_FACTS, room_id, list(bots), counted)
    assert row is not None  # noqa: S101 (it has no FROM)
    return RoomFacts(*row)
