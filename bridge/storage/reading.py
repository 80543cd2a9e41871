"""What people read: the messages and files of one room, as far as somebody may read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.storage.messages import HIDDEN
from bridge.storage.readable import FIRST, LAST, WITHIN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection
    from bridge.storage.readable import Place, Readable

MessageKey = tuple["datetime", int, int, str]  # (sent_at, ord, sub, event_id)
FileKey = tuple["datetime", str, int]  # (sent_at, event_id, n)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message, with its first text."""

    event_id: str
    room_id: str
    ord: int
    sub: int
    sender: str
    sender_name: str | None  # as it was then; of who never had a name in this room None
    sent_at: datetime
    type: str
    msgtype: str | None
    body: str | None
    reply_to: str | None
    thread_id: str | None
    file_kind: str | None  # of its first attachment
    file_name: str | None
    encrypted: bool  # it came so
    removed: bool

    @property
    def key(self) -> MessageKey:
        """Where a page ended that ends with it."""
        return (self.sent_at, self.ord, self.sub, self.event_id)


@dataclass(frozen=True, slots=True)
class FileRow:
    """An attachment."""

    event_id: str  # of the message
    room_id: str
    name: str
    size: int | None  # bytes; of what we hold, else what the sender said
    mimetype: str | None
    sender: str
    sender_name: str | None
    sent_at: datetime
    held: bool
    encrypted: bool
    named_by: str  # the event: the message, or an edit of it
    n: int

    @property
    def key(self) -> FileKey:
        """Where a page ended that ends with it."""
        return (self.sent_at, self.named_by, self.n)


# The name that the sender of `p`, an event, had there; somebody whose joining is not held has the first one that is.
NAME = """coalesce(
    (SELECT b.display_name FROM membership b
     WHERE b.room_id = p.room_id AND b.user_id = p.sender AND b.membership = 'join' AND (b.ord, b.sub) <= (p.ord, p.sub)
     ORDER BY b.ord DESC, b.sub DESC LIMIT 1),
    (SELECT b.display_name FROM membership b
     WHERE b.room_id = p.room_id AND b.user_id = p.sender AND b.membership = 'join'
     ORDER BY b.ord, b.sub LIMIT 1))"""

# By time and not by place: what people see of a message is its time, and there is an index on it.
_MESSAGES = f"""
WITH page AS (
    SELECT m.event_id, m.room_id, m.ord, m.sub, m.sender, m.sent_at, m.type, m.msgtype, m.body, m.reply_to,
        m.thread_id, e.encrypted, {HIDDEN} AS removed
    FROM message m {WITHIN} JOIN event e ON e.event_id = m.event_id
    WHERE m.room_id = $6 AND (m.sent_at, m.ord, m.sub, m.event_id) > ($7, $8, $9, $10) AND ($11 OR NOT {HIDDEN})
    ORDER BY m.sent_at, m.ord, m.sub, m.event_id LIMIT $12
)
SELECT p.event_id, p.room_id, p.ord, p.sub, p.sender, {NAME}, p.sent_at, p.type, p.msgtype, p.body, p.reply_to,
    p.thread_id, a.kind, a.name, p.encrypted, p.removed
FROM page p LEFT JOIN attachment a ON a.event_id = p.event_id AND a.n = 0
ORDER BY p.sent_at, p.ord, p.sub, p.event_id
"""  # noqa: S608 (constants)

# An edit repeats the file of its message, so only another one counts; the edit of a stranger changes nothing. The files
# of the room come first (OFFSET 0 keeps the planner to that) and in order, so that only those of one page are looked at
# closely.
_FILES = f"""
WITH page AS (
    SELECT CASE WHEN e.rel_type = 'm.replace' THEN e.target_id ELSE e.event_id END AS message_id, e.room_id, e.ord,
        e.sub, e.sender, e.sent_at, e.event_id, e.encrypted, e.n, e.name, e.mimetype, e.declared_size, e.media_id
    FROM (
        SELECT m.* FROM (
            SELECT v.*, a.n, a.name, a.mimetype, a.declared_size, a.media_id
            FROM attachment a JOIN event v ON v.event_id = a.event_id
            WHERE a.room_id = $6 AND a.kind <> 'sticker'
              AND ($7::text IS NULL OR position(lower($7) IN lower(a.name)) > 0)
              AND ($8::timestamptz IS NULL OR (v.sent_at, v.event_id, a.n) < ($8, $9, $10))
            OFFSET 0
        ) m {WITHIN} ORDER BY m.sent_at DESC, m.event_id DESC, m.n DESC OFFSET 0
    ) e
    WHERE NOT {HIDDEN} AND (e.rel_type IS DISTINCT FROM 'm.replace' OR EXISTS (
        SELECT FROM event t WHERE t.event_id = e.target_id AND t.sender = e.sender AND t.room_id = e.room_id
        AND NOT EXISTS (SELECT FROM attachment o WHERE o.event_id = t.event_id AND o.media_id = e.media_id)))
    ORDER BY e.sent_at DESC, e.event_id DESC, e.n DESC LIMIT $11
)
SELECT p.message_id, p.room_id, p.name, coalesce(f.size, p.declared_size), coalesce(p.mimetype, f.mimetype), p.sender,
    {NAME}, p.sent_at, coalesce(f.state = 'stored', false), p.encrypted, p.event_id, p.n
FROM page p LEFT JOIN media f ON f.media_id = p.media_id
ORDER BY p.sent_at DESC, p.event_id DESC, p.n DESC
"""  # noqa: S608

_NAMES = f"""
SELECT p.event_id, {NAME} FROM event p WHERE p.room_id = $1 AND p.event_id = ANY($2::text[])
"""  # noqa: S608
_FIRST_AT = "SELECT sent_at FROM event WHERE room_id = $1 AND (ord, sub) >= ($2, $3) ORDER BY ord, sub LIMIT 1"
_HELD_FROM = "SELECT sent_at, type FROM event WHERE room_id = $1 ORDER BY ord, sub LIMIT 1"
_ENCRYPTED = (
    "SELECT EXISTS (SELECT FROM room_state WHERE room_id = $1 AND type = 'm.room.encryption' AND state_key = '')"
)
_ANY_ENCRYPTED = f"SELECT EXISTS (SELECT FROM event m {WITHIN} WHERE m.encrypted)"  # noqa: S608


def start_at(since: datetime) -> MessageKey:
    """Where the first page of what was sent at or after a time begins."""
    return (since, *FIRST, "")


async def messages(
    db: Connection, readable: Readable, room_id: str, after: MessageKey, limit: int
) -> Sequence[MessageRow]:
    """The next messages, oldest first; what was removed only for who may read that."""
    columns = readable.columns(room_id)
    rows = await db.fetch(_MESSAGES, *columns, room_id, *after, readable.removed, limit)
    return [MessageRow(*row) for row in rows]


async def files(
    db: Connection, readable: Readable, room_id: str, after: FileKey | None, *, name: str | None, limit: int
) -> Sequence[FileRow]:
    """The next attachments, newest first, without stickers and without what was removed.

    Args:
        name: a part of the file's name, in small or large letters.
    """
    columns = readable.columns(room_id)
    rows = await db.fetch(_FILES, *columns, room_id, name, *(after or (None, None, None)), limit)
    return [FileRow(*row) for row in rows]


async def sender_names(db: Connection, room_id: str, event_ids: Sequence[str]) -> dict[str, str]:
    """By event the name that its sender had then, of those who have one."""
    return {row[0]: row[1] for row in await db.fetch(_NAMES, room_id, list(event_ids)) if row[1]}


async def first_at(db: Connection, room_id: str, place: Place) -> datetime | None:
    """When the first event at or after a place was sent; None when there is none."""
    found: datetime | None = None if place == LAST else await db.fetchval(_FIRST_AT, room_id, *place)
    return found


async def held_from(db: Connection, room_id: str) -> datetime | None:
    """When the first event was sent that we hold, of a room whose beginning we do not hold; otherwise None."""
    row = await db.fetchrow(_HELD_FROM, room_id)
    return None if row is None or row[1] == "m.room.create" else row[0]


async def is_encrypted(db: Connection, room_id: str) -> bool:
    """Whether encryption was ever switched on, which cannot be undone."""
    return bool(await db.fetchval(_ENCRYPTED, room_id))


async def any_encrypted(db: Connection, readable: Readable, room_id: str) -> bool:
    """Whether any event that may be read came encrypted."""
    return bool(await db.fetchval(_ANY_ENCRYPTED, *readable.columns(room_id)))
