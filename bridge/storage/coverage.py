"""What `coverage` counts of all rooms or of one: a query a subject, in one snapshot (see `storage.export.snapshot`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.storage.undecrypted import BEFORE_US, NO_BOT, NO_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection

NOT_TRIED = "not tried yet"
SECONDS = 600.0  # counting ten million events takes longer than other statements may


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room, and its events."""

    room_id: str
    name: str | None
    events: int
    messages: int
    first_at: datetime
    last_at: datetime
    has_beginning: bool  # we hold its m.room.create
    encrypted: bool  # encryption is switched on
    has_bot: bool  # one of ours has joined
    encrypted_events: int
    read_events: int
    backfilled_at: datetime | None  # when a backfill was last through with it
    checked_at: datetime | None  # when that backfill began: what the homeserver had then is held
    backfill_reason: str | None  # why it stopped


@dataclass(frozen=True, slots=True)
class Count:
    """How many of a room are in a state, and why."""

    room_id: str | None
    what: str
    reason: str | None
    count: int


@dataclass(frozen=True, slots=True)
class ConsumerRow:
    """How far a consumer is."""

    name: str
    position: int
    head: int
    behind: int  # rows of the inbox


_ROOMS = """
WITH counted AS (
    SELECT room_id, count(*) AS events, min(sent_at) AS first_at, max(sent_at) AS last_at,
        bool_or(type = 'm.room.create' AND state_key = '') IS TRUE AS has_beginning,
        count(*) FILTER (WHERE encrypted) AS encrypted_events, count(*) FILTER (WHERE decrypted) AS read_events
    FROM event GROUP BY room_id
), written AS (SELECT room_id, count(*) AS messages FROM message GROUP BY room_id)
SELECT c.room_id, coalesce(r.name, r.canonical_alias), c.events, coalesce(w.messages, 0), c.first_at, c.last_at,
    c.has_beginning, r.encryption IS NOT NULL,
    EXISTS (
        SELECT FROM membership b
        WHERE b.room_id = c.room_id AND b.user_id = ANY($1::text[]) AND b.membership = 'join' AND b.to_ord IS NULL
    ),
    c.encrypted_events, c.read_events,
    f.finished_at, f.checked_at, f.reason
FROM counted c
LEFT JOIN written w ON w.room_id = c.room_id
LEFT JOIN room r ON r.room_id = c.room_id
LEFT JOIN backfill f ON f.room_id = c.room_id
ORDER BY c.room_id
"""
# What was removed before it could be read, nobody can read any more: nothing is missing. Without a key the reason comes
# from the membership of our bots, so that it stays true when one is invited later.
_UNREAD = """
WITH bot AS (
    SELECT room_id, min(ord) AS ord FROM membership
    WHERE user_id = ANY($1::text[]) AND membership = 'join' GROUP BY room_id
)
SELECT e.room_id, 'unread',
    CASE WHEN u.reason <> $2 THEN u.reason WHEN bot.ord IS NULL THEN $3 WHEN e.ord < bot.ord THEN $4
        ELSE coalesce(u.reason, $5) END AS why,
    count(*)
FROM event e LEFT JOIN undecrypted u ON u.event_id = e.event_id LEFT JOIN bot ON bot.room_id = e.room_id
WHERE e.encrypted AND NOT e.decrypted
    AND NOT EXISTS (SELECT FROM redaction r WHERE r.target_id = e.event_id AND r.room_id = e.room_id)
GROUP BY e.room_id, why ORDER BY e.room_id, why
"""
_ATTACHMENTS = """
SELECT a.room_id, coalesce(m.state, 'pending'), m.reason, count(DISTINCT a.media_id)
FROM attachment a LEFT JOIN media m ON m.media_id = a.media_id
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_TEXTS = """
SELECT a.room_id, coalesce(x.state, 'due'), x.reason, count(DISTINCT a.media_id)
FROM attachment a JOIN media m ON m.media_id = a.media_id AND m.state = 'stored'
LEFT JOIN extracted x ON x.sha256 = m.sha256
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_SET_ASIDE = """
SELECT room_id, consumer, reason, count(*) FROM set_aside
GROUP BY room_id, consumer, reason ORDER BY room_id NULLS FIRST, consumer, reason
"""
_CONSUMERS = """
SELECT name, position, (SELECT coalesce(max(seq), 0) FROM inbox),
    (SELECT count(*) FROM inbox WHERE seq > position)
FROM consumer ORDER BY name
"""
# Of a room that was checked, only what was referred to since counts: an id from before that is not held is none of the
# homeserver's either (made up, another room's, purged). Receipts have no place in the room, so their time decides; one
# from the future would count for ever.
_REFERRED = """
WITH referred AS (
    SELECT room_id, target_id AS event_id, ord, sub FROM event
    WHERE target_id IS NOT NULL AND ($1::text IS NULL OR room_id = $1)
    UNION ALL SELECT room_id, reply_to, ord, sub FROM message
    WHERE reply_to IS NOT NULL AND ($1::text IS NULL OR room_id = $1)
), since AS (
    SELECT r.room_id, r.event_id FROM referred r LEFT JOIN backfill f ON f.room_id = r.room_id
    WHERE f.checked_seq IS NULL OR (r.ord, r.sub) >= (f.checked_seq, 0)
    UNION ALL
    SELECT r.room_id, r.event_id FROM receipt r LEFT JOIN backfill f ON f.room_id = r.room_id
    WHERE r.read_at <= now() AND (f.checked_at IS NULL OR r.read_at > f.checked_at)
      AND ($1::text IS NULL OR r.room_id = $1)
), lacking AS MATERIALIZED (
    SELECT DISTINCT s.room_id, s.event_id FROM since s LEFT JOIN event e ON e.event_id = s.event_id
    WHERE e.event_id IS NULL
)
SELECT room_id, 'referred', NULL, count(*) FROM lacking l
WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.key = l.event_id AND i.kind = 'event')
GROUP BY room_id ORDER BY room_id
"""
_CHECKED = "SELECT at FROM checked"
_NOT_BEGUN = """
SELECT room_id, reason FROM backfill f
WHERE finished_at IS NULL AND NOT EXISTS (SELECT FROM event e WHERE e.room_id = f.room_id)
ORDER BY room_id
"""


async def rooms(db: Connection, bots: Sequence[str]) -> list[RoomRow]:
    """Every room of which we hold an event.

    Args:
        bots: the Matrix ids of those that read encrypted rooms.
    """
    return [RoomRow(*row) for row in await db.fetch(_ROOMS, list(bots), timeout=SECONDS)]


async def unread(db: Connection, bots: Sequence[str]) -> list[Count]:
    """Encrypted events that were not read, and why."""
    reasons = (NO_KEY, NO_BOT, BEFORE_US, NOT_TRIED)
    return [Count(*row) for row in await db.fetch(_UNREAD, list(bots), *reasons, timeout=SECONDS)]


async def attachments(db: Connection) -> list[Count]:
    """Files by state (table `media`)."""
    return [Count(*row) for row in await db.fetch(_ATTACHMENTS, timeout=SECONDS)]


async def texts(db: Connection) -> list[Count]:
    """Stored files by what is known of their text (table `extracted`)."""
    return [Count(*row) for row in await db.fetch(_TEXTS, timeout=SECONDS)]


async def set_aside(db: Connection) -> list[Count]:
    """What could not be handled, by consumer; 'inbox' for another content under a known event id."""
    return [Count(*row) for row in await db.fetch(_SET_ASIDE, timeout=SECONDS)]


async def consumers(db: Connection) -> list[ConsumerRow]:
    """How far each is."""
    return [ConsumerRow(*row) for row in await db.fetch(_CONSUMERS, timeout=SECONDS)]


async def referred(db: Connection, room_id: str | None = None) -> list[Count]:
    """Ids of events, by room (or of one room), that other events or receipts name and that are nowhere in the inbox."""
    return [Count(*row) for row in await db.fetch(_REFERRED, room_id, timeout=SECONDS)]


async def checked_at(db: Connection) -> datetime | None:
    """When the last backfill of all rooms began that was completed; None: there was none."""
    found: datetime | None = await db.fetchval(_CHECKED)
    return found


async def rooms_not_read(db: Connection) -> list[tuple[str, str | None]]:
    """Rooms of which a backfill could read nothing: (room id, reason)."""
    return [(row[0], row[1]) for row in await db.fetch(_NOT_BEGUN)]
