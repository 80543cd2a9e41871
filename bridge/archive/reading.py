"""Messages as people read them: the text that stands now, by the name that the sender had then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from bridge.storage import finding, messages, reading
from bridge.storage.readable import FIRST, LAST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection
    from bridge.storage.messages import Revision
    from bridge.storage.readable import Place, Readable
    from bridge.storage.reading import MessageKey, MessageRow

Kind: TypeAlias = Literal["text", "file", "image", "video", "audio", "voice", "sticker", "location", "poll", "unread"]
Period = tuple["datetime | None", "datetime | None"]  # from, until; None: without an end

_BY_MSGTYPE: dict[str, Kind] = {
    "m.file": "file",
    "m.image": "image",
    "m.video": "video",
    "m.audio": "audio",
    "m.voice": "voice",
    "m.location": "location",
}
_BY_TYPE: dict[str, Kind] = {"m.sticker": "sticker", "m.poll.start": "poll", "m.room.encrypted": "unread"}
_FILES = frozenset({"file", "image", "video", "audio", "voice"})


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands now."""

    row: MessageRow
    text: str
    kind: Kind
    edited: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Messages, oldest first."""

    messages: Sequence[Message]
    next: MessageKey | None


@dataclass(frozen=True, slots=True)
class Found:
    """A message that a search found.

    Attributes:
        edit: the event id of the edit that gave it its text; None: it is the first one.
        detail: JSON of that text: location, poll, voice.
        has_files: otherwise it surely has none.
    """

    message: Message
    edit: str | None
    detail: str | None
    has_files: bool


async def page(db: Connection, readable: Readable, room_id: str, after: MessageKey, limit: int) -> Page:
    """The next messages of a room, as far as they may be read.

    An edit counts when it may be read itself: who has left sees what stood there at that time.
    """
    rows = await reading.messages(db, readable, room_id, after, limit + 1)
    following = rows[limit - 1].key if len(rows) > limit else None
    shown = rows[:limit]
    last = await _last_edits(db, readable, shown)
    return Page([_message(row, last.get(row.event_id)) for row in shown], following)


async def by_seq(db: Connection, readable: Readable, seqs: Sequence[int]) -> dict[int, Found]:
    """Those of some messages that may be read, by the numbers of their events."""
    rows = await finding.by_seq(db, readable, seqs)
    last = await _last_edits(db, readable, [row.message for row in rows if row.edited])
    found = {}
    for row in rows:
        edit = last.get(row.message.event_id)
        found[row.seq] = Found(
            _message(row.message, edit), edit.event_id if edit else None, (edit or row).detail, row.has_files
        )
    return found


async def _last_edits(db: Connection, readable: Readable, rows: Sequence[MessageRow]) -> dict[str, Revision]:
    """By message the last edit of it that may be read."""
    last: dict[str, Revision] = {}
    for removed in (False, True):
        ids = [row.event_id for row in rows if row.removed is removed]
        rooms = {row.event_id: row.room_id for row in rows}
        for edit in await messages.revisions_of(db, ids, removed=removed) if ids else ():
            if readable.may_read(rooms[edit.target_id], edit.place):
                last[edit.target_id] = edit
    return last


async def withheld(db: Connection, readable: Readable, room_id: str, since: datetime) -> Sequence[Period]:
    """The periods from a time on that may not be read, in order; one that began before that time has no beginning."""
    found = []
    for start, end in _gaps(readable, room_id):
        begins = None if start == FIRST else await reading.first_at(db, room_id, start)
        ends = await reading.first_at(db, room_id, end)
        if (ends is None or ends > since) and (start == FIRST or begins is not None):
            found.append((begins if begins is not None and begins > since else None, ends))
    return found


def _gaps(readable: Readable, room_id: str) -> Iterator[tuple[Place, Place]]:
    place = FIRST
    for span in readable.spans(room_id):
        if span.start > place:
            yield place, span.start
        place = span.end
    if place < LAST:
        yield place, LAST


def _message(row: MessageRow, edit: Revision | None) -> Message:
    kind = _kind(row)
    body = without_quote(edit.body if edit else row.body or "", is_reply=row.reply_to is not None)
    if kind in _FILES and row.file_name and row.file_name != body:
        body = f"{row.file_name}: {body}" if body else row.file_name
    return Message(row, body, kind, edit is not None)


def _kind(row: MessageRow) -> Kind:
    if row.file_kind == "voice":
        return "voice"
    return _BY_TYPE.get(row.type) or _BY_MSGTYPE.get(row.msgtype or "") or "text"


def without_quote(body: str, *, is_reply: bool) -> str:
    """A text without the quotation that older clients put above a reply (Matrix v1.12, fallbacks of rich replies)."""
    if not is_reply or not body.startswith("> "):
        return body
    lines = body.split("\n")
    first = next((number for number, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[first:]).removeprefix("\n")
