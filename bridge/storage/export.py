"""What the export reads: the events of a room in order, a page at a time, in one snapshot of the database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.storage.readable import WITHIN, columns_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection, Db
    from bridge.storage.readable import Place, Span

Key = tuple[int, int, str]  # (ord, sub, event_id): where a page ended; with '' before all that stands at this place
SECONDS = 600.0  # counting a room of millions takes longer than other statements may


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event, and what the archive made of it when it is a message."""

    event_id: str
    room_id: str
    ord: int
    sub: int
    seq: int
    sender: str
    type: str
    state_key: str | None
    sent_at: datetime
    rel_type: str | None
    target_id: str | None
    encrypted: bool
    decrypted: bool
    is_message: bool
    msgtype: str | None
    body: str | None
    formatted_body: str | None
    reply_to: str | None
    thread_id: str | None

    @property
    def key(self) -> Key:
        """Its place in the room; the id only decides between equal ones."""
        return (self.ord, self.sub, self.event_id)


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """A file of an event, as the sender named it and as we have it."""

    event_id: str
    name: str
    mimetype: str | None
    size: int | None  # of what we hold, else what the sender said
    sha256: str | None  # None: we do not hold it


@dataclass(frozen=True, slots=True)
class WriterRow:
    """Somebody who wrote in a room."""

    user_id: str
    name: str | None  # when they last did
    messages: int
    first_at: datetime
    last_at: datetime


_ROOM_NAME = "SELECT coalesce(name, canonical_alias) FROM room WHERE room_id = $1"
_WRITERS = f"""
SELECT w.sender, (
        SELECT b.display_name FROM membership b
        WHERE b.room_id = $6 AND b.user_id = w.sender AND b.membership = 'join' AND b.ord <= w.ord
        ORDER BY b.ord DESC, b.sub DESC LIMIT 1
    ), w.messages, w.first_at, w.last_at
FROM (
    SELECT m.sender, count(*) AS messages, min(m.sent_at) AS first_at, max(m.sent_at) AS last_at, max(m.ord) AS ord
    FROM message m {WITHIN}
    WHERE ($7::timestamptz IS NULL OR m.sent_at >= $7) AND ($8::timestamptz IS NULL OR m.sent_at < $8)
    GROUP BY m.sender
) w ORDER BY w.messages DESC, w.sender
"""  # noqa: S608 (constants)
_ROOM_AFTER = "SELECT min(room_id) FROM event WHERE room_id > $1"
_HAS_ROOM = "SELECT EXISTS (SELECT FROM event WHERE room_id = $1)"
_COUNT = """
SELECT count(*) FROM event
WHERE ($1::text[] IS NULL OR room_id = ANY($1)) AND ($2::timestamptz IS NULL OR sent_at >= $2)
  AND ($3::timestamptz IS NULL OR sent_at < $3)
"""
_PAGE = """
SELECT e.event_id, e.room_id, e.ord, e.sub, e.seq, e.sender, e.type, e.state_key, e.sent_at, e.rel_type,
    e.target_id, e.encrypted, e.decrypted, m.event_id IS NOT NULL, m.msgtype, m.body, m.formatted_body,
    m.reply_to, m.thread_id
FROM event e LEFT JOIN message m ON m.event_id = e.event_id
WHERE e.room_id = $1 AND (e.ord, e.sub, e.event_id) > ($2, $3, $4) AND (e.ord, e.sub) < ($5, $6)
  AND ($7::timestamptz IS NULL OR e.sent_at >= $7) AND ($8::timestamptz IS NULL OR e.sent_at < $8)
ORDER BY e.ord, e.sub, e.event_id LIMIT $9
"""
_KINDS = """
SELECT e.event_id, e.type, m.event_id IS NOT NULL, e.ord, e.sub
FROM event e LEFT JOIN message m ON m.event_id = e.event_id
WHERE e.room_id = $1 AND e.event_id = ANY($2::text[])
"""
_ATTACHMENTS = """
SELECT a.event_id, a.name, coalesce(a.mimetype, m.mimetype), coalesce(m.size, a.declared_size),
    CASE WHEN m.state = 'stored' THEN m.sha256 END
FROM attachment a LEFT JOIN media m ON m.media_id = a.media_id
WHERE a.room_id = $1 AND a.event_id = ANY($2::text[]) ORDER BY a.event_id, a.n
"""


@asynccontextmanager
async def snapshot(db: Db) -> AsyncIterator[Connection]:
    """A connection on which the whole export sees the same moment, and can change nothing."""
    async with db.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


async def room_after(db: Connection, room_id: str) -> str | None:
    """The next room by id; None behind the last one. Start with ''."""
    found: str | None = await db.fetchval(_ROOM_AFTER, room_id)
    return found


async def has_room(db: Connection, room_id: str) -> bool:
    """Whether the archive has anything of a room."""
    return bool(await db.fetchval(_HAS_ROOM, room_id))


async def room_name(db: Connection, room_id: str) -> str | None:
    """The name of a room, else its address, else None."""
    found: str | None = await db.fetchval(_ROOM_NAME, room_id)
    return found


async def writers(
    db: Connection, room_id: str, spans: Sequence[Span], since: datetime | None, until: datetime | None
) -> list[WriterRow]:
    """Who wrote in these parts of a room, most messages first."""
    columns = columns_of(room_id, spans)
    return [WriterRow(*row) for row in await db.fetch(_WRITERS, *columns, room_id, since, until, timeout=SECONDS)]


async def count(db: Connection, rooms: Sequence[str] | None, since: datetime | None, until: datetime | None) -> int:
    """How many events there are at the most to export, for the progress shown."""
    return int(await db.fetchval(_COUNT, list(rooms) if rooms is not None else None, since, until))


async def page(
    db: Connection,
    room_id: str,
    after: Key,
    end: Place,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[EventRow]:
    """The next events of a room that stand before `end`, sent at or after `since` and before `until`."""
    return [EventRow(*row) for row in await db.fetch(_PAGE, room_id, *after, *end, since, until, limit)]


async def kinds(db: Connection, room_id: str, event_ids: Sequence[str]) -> dict[str, tuple[str, bool, Place]]:
    """Of the events that the room has: event id → (type, whether it is a message, where it stands)."""
    return {row[0]: (row[1], row[2], (row[3], row[4])) for row in await db.fetch(_KINDS, room_id, list(event_ids))}


async def attachments(db: Connection, room_id: str, event_ids: Sequence[str]) -> dict[str, list[AttachmentRow]]:
    """The files of events of a room, in their order."""
    found: dict[str, list[AttachmentRow]] = {}
    for row in await db.fetch(_ATTACHMENTS, room_id, list(event_ids)):
        found.setdefault(row[0], []).append(AttachmentRow(*row))
    return found
