"""The archive as lines: every event exactly once, a message together with what belongs to it.

A message stands at the place of its first event and holds its valid edits, the reactions that were not withdrawn and
its redaction. Everything else is a line of its own, with two keys more: `state_key` and `content`. What was redacted
has a line that says so, without its content.

For a person it is the same with what they may read alone: an edit, a reaction or a redaction that came outside of that
is not there, though its effect is when it removed something.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from bridge import rawjson
from bridge.storage import export, inbox, messages
from bridge.storage.readable import WHOLE
from bridge.text import clean_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection
    from bridge.storage.export import AttachmentRow, EventRow
    from bridge.storage.messages import Reaction, Redaction, Revision
    from bridge.storage.readable import Place, Readable

PAGE = 200  # events in memory; one has 64 KiB at the most, and stands there several times
REDACTION, EDIT = "m.room.redaction", "m.replace"


@dataclass(frozen=True, slots=True)
class Selection:
    """What to export. `None` is no limit."""

    rooms: tuple[str, ...] | None = None
    since: datetime | None = None  # sent at or after
    until: datetime | None = None  # sent before


class Files(Protocol):
    """Where attachments go."""

    async def keep(self, attachment: AttachmentRow) -> str | None:
        """Put a file beside the export; its path from there, None when that is not wanted or not possible."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines, each with its newline, made of so many events."""

    lines: bytes
    events: int


@dataclass(frozen=True, slots=True)
class Records:
    """The next lines of a room as objects, made of so many events."""

    room_id: str
    lines: list[dict[str, Any]]
    events: int


async def batches(
    tx: Connection, selection: Selection, files: Files, readable: Readable | None = None
) -> AsyncIterator[Batch]:
    """All lines as JSON: rooms by id, inside a room in the order of the room. Arguments: see `records`."""
    async for found in records(tx, selection, files, readable):
        yield Batch(b"".join(msgspec.json.encode(line) + b"\n" for line in found.lines), found.events)


async def records(
    tx: Connection, selection: Selection, files: Files, readable: Readable | None = None
) -> AsyncIterator[Records]:
    """All lines: rooms by id, inside a room in the order of the room.

    Args:
        tx: see `storage.export.snapshot`.
        readable: what the reader may read; None for IT, who gets everything but what was removed.
    """
    async for room_id in _rooms(tx, selection):
        for span in (WHOLE,) if readable is None else readable.spans(room_id):
            after = (*span.start, "")
            while rows := await export.page(
                tx, room_id, after, span.end, since=selection.since, until=selection.until, limit=PAGE
            ):
                after = rows[-1].key
                around = await _around(tx, room_id, rows, readable)
                yield Records(room_id, await _lines(tx, room_id, rows, around, files), len(rows))


async def _rooms(tx: Connection, selection: Selection) -> AsyncIterator[str]:
    if selection.rooms is not None:
        for room_id in sorted(set(selection.rooms)):
            yield room_id
        return
    room = await export.room_after(tx, "")
    while room is not None:
        yield room
        room = await export.room_after(tx, room)


@dataclass(slots=True)
class _Around:
    """What belongs to the events of a page."""

    edits: dict[str, list[Revision]] = field(default_factory=dict)
    reactions: dict[str, list[Reaction]] = field(default_factory=dict)
    redactions: dict[str, Redaction] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    nested: set[str] = field(default_factory=set)  # events that stand in the line of another one

    def redacted(self, row: EventRow) -> dict[str, Any] | None:
        """How an event was redacted, or the message that it changes."""
        if row.event_id not in self.hidden:
            return None
        found = self.redactions.get(row.event_id) or self.redactions.get(row.target_id or "")
        if found is None:  # of an edit whose message we do not have
            return {"by": None, "at": None, "reason": None}
        return {"by": found.sender, "at": instant(found.sent_at), "reason": found.reason}


async def _around(tx: Connection, room_id: str, rows: Sequence[EventRow], readable: Readable | None) -> _Around:
    def may_read(place: Place) -> bool:
        return readable is None or readable.may_read(room_id, place)

    around = _Around()
    # What these events refer to may stand on another page. Only what is in the same room counts.
    referred = {row.target_id for row in rows if row.target_id and (not row.is_message or row.rel_type == EDIT)}
    found = await export.kinds(tx, room_id, sorted(referred)) if referred else {}
    kinds = {event_id: (kind, is_message) for event_id, (kind, is_message, place) in found.items() if may_read(place)}
    kinds |= {row.event_id: (row.type, row.is_message) for row in rows}
    around.hidden = await messages.hidden(tx, list(kinds))
    for redaction in await messages.redactions_of(tx, list(kinds)):
        if redaction.target_id not in around.redactions and may_read(redaction.place):
            around.redactions[redaction.target_id] = redaction
            # A redaction may stand in another line already, so the redaction of one gets a line of its own.
            if kinds[redaction.target_id][0] != REDACTION:
                around.nested.add(redaction.event_id)
    shown = [event_id for event_id, (_, is_message) in kinds.items() if is_message]
    for reaction in await messages.reactions_of(tx, shown):
        if may_read(reaction.place):
            around.reactions.setdefault(reaction.target_id, []).append(reaction)
            around.nested.add(reaction.event_id)
    for edit in await messages.revisions_of(tx, [event_id for event_id in shown if event_id not in around.hidden]):
        if may_read(edit.place):
            around.edits.setdefault(edit.target_id, []).append(edit)
            around.nested.add(edit.event_id)
    return around


async def _lines(
    tx: Connection, room_id: str, rows: Sequence[EventRow], around: _Around, files: Files
) -> list[dict[str, Any]]:
    own = [row for row in rows if row.event_id not in around.nested]
    readable = [row for row in own if row.event_id not in around.hidden]
    revised = {row.event_id: [edit.event_id for edit in around.edits.get(row.event_id, ())] for row in readable}
    with_files = [event_id for row in readable for event_id in (row.event_id, *revised[row.event_id])]
    attachments = await export.attachments(tx, room_id, with_files)
    contents = await _contents(tx, [row for row in readable if not row.is_message])
    lines = []
    for row in own:
        line = _line(row, around)
        line["attachments"] = (
            [
                await _attachment(found, files)
                for event_id in (row.event_id, *revised[row.event_id])
                for found in attachments.get(event_id, ())
            ]
            if row.event_id in revised
            else []
        )
        if not row.is_message:
            line["state_key"], line["content"] = row.state_key, contents.get(row.event_id)
        lines.append(line)
    return lines


def _line(row: EventRow, around: _Around) -> dict[str, Any]:
    redacted = around.redacted(row)
    return {
        "event_id": row.event_id,
        "room_id": row.room_id,
        "sender": row.sender,
        "sent_at": instant(row.sent_at),
        "type": row.type,
        "msgtype": row.msgtype if redacted is None else None,
        "body": row.body if redacted is None else None,
        "formatted_body": row.formatted_body if redacted is None else None,
        "reply_to": row.reply_to if redacted is None else None,
        "thread": row.thread_id,
        "edits": [_edit(edit) for edit in around.edits.get(row.event_id, ())],
        "redacted": redacted,
        "reactions": [_reaction(reaction) for reaction in around.reactions.get(row.event_id, ())],
        "attachments": [],
        "encrypted": row.encrypted,
        "decrypted": row.decrypted,
    }


def _edit(edit: Revision) -> dict[str, Any]:
    return {"event_id": edit.event_id, "sent_at": instant(edit.sent_at), "body": edit.body}


def _reaction(reaction: Reaction) -> dict[str, Any]:
    return {"sender": reaction.sender, "key": reaction.key, "sent_at": instant(reaction.sent_at)}


async def _attachment(row: AttachmentRow, files: Files) -> dict[str, Any]:
    return {
        "name": row.name,
        "mimetype": row.mimetype,
        "size": row.size,
        "sha256": row.sha256,
        "path": await files.keep(row) if row.sha256 else None,
    }


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds.

    Args:
        moment: in UTC, as every time from the database is.
    """
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


class _Content(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw(b"null")


_read_content = msgspec.json.Decoder(_Content).decode
_read_any = msgspec.json.Decoder().decode


async def _contents(tx: Connection, rows: Sequence[EventRow]) -> dict[str, msgspec.Raw]:
    """The content of events, from the inbox; of an encrypted event what was inside, when it was read."""
    found: dict[str, msgspec.Raw] = {}
    if clear := [row.seq for row in rows if not row.encrypted]:
        found |= {row.key: content(row.raw) for row in await inbox.by_seq(tx, clear)}
    if read := [row.event_id for row in rows if row.decrypted]:
        found |= {row.key: content(row.raw) for row in await inbox.by_key(tx, "decrypted", read)}
    return found


def content(raw: bytes) -> msgspec.Raw:
    """The content of an event as JSON on one line; `null` when it has none.

    It is passed on as it came, except for what strict readers of JSON refuse: lone surrogates become U+FFFD, and a
    number that is none becomes null.
    """
    try:
        found = bytes(_read_content(raw).content)
        _read_any(found)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        found = _mended(raw)
    # Inside a string JSON allows no line break, so these stand between tokens.
    return msgspec.Raw(found.replace(b"\n", b" ").replace(b"\r", b" "))


def _mended(raw: bytes) -> bytes:
    try:
        found = rawjson.members(raw).get(b"content", b"null")
    except rawjson.MalformedError:
        return b"null"
    try:
        return msgspec.json.encode(clean_json(json.loads(found, parse_constant=lambda _: None)))
    except RecursionError:
        return found
    except ValueError:
        return b"null"
