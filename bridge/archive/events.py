"""From the raw JSON of the inbox to events of ours.

Events are written by strangers, so a field of the wrong type is as good as one that is not there, and every string is
made fit for the database. Only an event that lacks what makes it one (id, room, sender, type) is refused.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from bridge.text import clean_json

if TYPE_CHECKING:
    from bridge.storage.inbox import InboxRow

ENCRYPTED, REDACTION = "m.room.encrypted", "m.room.redaction"

MAX_ID = 255  # bytes, as in the specification; longer ones would not fit in an index
MAX_DEPTH = 100  # brackets in brackets; more is no message, and every later step would have to count its stack
_MAX_DIGITS = 4_000  # Python converts no number with more than 4300
_MAX_INT = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MIN_MS = (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_MAX_MS = (datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_NUL = re.compile(rb"\\u0000")

_decode = msgspec.json.Decoder().decode


class UnusableError(Exception):
    """The row of the inbox is no event that can be recorded; the reason holds no text of the event."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Relation:
    """`m.relates_to`."""

    rel_type: str | None
    target_id: str | None
    reply_to: str | None
    falling_back: bool  # the reply is only for clients that know no threads


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a room; of an encrypted one that was read, with the type and content inside."""

    event_id: str
    seq: int
    ord: int
    sub: int
    room_id: str
    sender: str
    type: str
    state_key: str | None
    sent_at: datetime
    received_at: datetime
    content: dict[str, Any]
    relation: Relation
    redacts: str | None
    encrypted: bool = False
    decrypted: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """What was inside an encrypted event."""

    room_id: str
    type: str
    content: dict[str, Any]


NO_RELATION = Relation(None, None, None, falling_back=False)


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object, with strings that the database can hold and numbers that Python can; others are None.

    Raises:
        UnusableError: no JSON object, or nested too deeply.
    """
    try:
        value, doubtful = _decode(raw), _NUL.search(raw) is not None
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        value, doubtful = _lenient(raw), True
    if not isinstance(value, dict):
        raise UnusableError("not a JSON object")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _is_deep(value):
        raise UnusableError("nested too deeply")
    found: dict[str, Any] = clean_json(value) if doubtful else value
    return found


def _lenient(raw: bytes) -> Any:
    """For what the strict parser refuses: lone surrogates, NaN, endless numbers, control characters, bad UTF-8."""
    try:
        return json.loads(
            raw.decode("utf-8-sig", "replace"),
            strict=False,
            parse_int=lambda digits: int(digits) if len(digits) <= _MAX_DIGITS else None,
            parse_float=_finite,
            parse_constant=lambda _: None,
        )
    except RecursionError:
        raise UnusableError("nested too deeply") from None
    except ValueError:
        raise UnusableError("not JSON") from None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for outer in level
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True


def read_event(row: InboxRow) -> Event:
    """An event as it came.

    Raises:
        UnusableError: no JSON object, or one without a usable id, room, sender or type.
    """
    outer = read_object(row.raw)
    if outer.get("event_id") != row.key:
        raise UnusableError("no usable event_id")
    for name in ("room_id", "sender", "type"):
        if not isinstance(outer.get(name), str) or not outer[name]:
            raise UnusableError(f"no usable {name}")
    kind, state_key, content = fit(outer["type"]), outer.get("state_key"), outer.get("content")
    content = content if isinstance(content, dict) else {}
    order, sub = row.order
    return Event(
        row.key,
        row.seq,
        order,
        sub,
        fit(outer["room_id"]),
        fit(outer["sender"]),
        kind,
        fit(state_key) if isinstance(state_key, str) else None,
        instant(outer.get("origin_server_ts"), row.received_at),
        row.received_at,
        content,
        _relation(content, row.key),
        _redacts(outer, content, row.key) if kind == REDACTION else None,
        encrypted=kind == ENCRYPTED,
    )


def read_payload(row: InboxRow) -> Payload:
    """The JSON inside an encrypted event (`type`, `content`, `room_id`).

    Raises:
        UnusableError: no such object.
    """
    outer = read_object(row.raw)
    kind, content, room_id = outer.get("type"), outer.get("content"), outer.get("room_id")
    if not isinstance(kind, str) or not kind:
        raise UnusableError("no usable type in the encrypted part")
    if not isinstance(room_id, str):
        raise UnusableError("no usable room_id in the encrypted part")
    return Payload(fit(room_id), fit(kind), content if isinstance(content, dict) else {})


def unlocked(event: Event, payload: Payload) -> Event:
    """The event with what was inside; unchanged when the payload was made for another room, and when it is state, whose
    sender's right to what is inside no homeserver has checked.

    Relations stand outside of the encrypted part (specification, "m.room.encrypted"); what stands inside is for clients
    that put them there. A redaction inside removes nothing: no homeserver has checked the sender's right to it.
    """
    if not event.encrypted or event.state_key is not None or payload.room_id != event.room_id:
        return event
    outside = event.relation is not NO_RELATION or isinstance(event.content.get("m.relates_to"), dict)
    relation = event.relation if outside else _relation(payload.content, event.event_id)
    return replace(event, type=payload.type, content=payload.content, relation=relation, decrypted=True)


def fit(text: str) -> str:
    """A name that fits in an index: a longer one ends in a digest, so that it still differs from others."""
    if len(text) * 4 <= MAX_ID:
        return text
    data = text.encode()
    if len(data) <= MAX_ID:
        return text
    return f"{data[:200].decode(errors='ignore')}…{sha256(data).hexdigest()[:16]}"


def reference(value: Any, own_id: str | None = None) -> str | None:
    """The id of another event; None for what cannot be one."""
    if not isinstance(value, str) or not value or value == own_id:
        return None
    return value if len(value) * 4 <= MAX_ID or len(value.encode()) <= MAX_ID else None


def text_of(value: Any) -> str | None:
    """A string, otherwise None."""
    return value if isinstance(value, str) else None


def object_of(value: Any) -> dict[str, Any]:
    """An object, otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def number_of(value: Any) -> int | None:
    """An integer of 64 bits, otherwise None."""
    return value if type(value) is int and abs(value) <= _MAX_INT else None


def instant(value: Any, otherwise: datetime) -> datetime:
    """Milliseconds since 1970 as a time of the years 1 to 9999."""
    if type(value) is not int:
        return otherwise
    return _EPOCH + timedelta(milliseconds=min(max(value, _MIN_MS), _MAX_MS))


def _relation(content: dict[str, Any], own_id: str) -> Relation:
    relates = content.get("m.relates_to")
    if not isinstance(relates, dict):
        return NO_RELATION
    rel_type, target_id = text_of(relates.get("rel_type")), reference(relates.get("event_id"), own_id)
    return Relation(
        fit(rel_type) if rel_type and target_id else None,
        target_id if rel_type else None,
        reference(object_of(relates.get("m.in_reply_to")).get("event_id"), own_id),
        falling_back=relates.get("is_falling_back") is True,
    )


def _redacts(outer: dict[str, Any], content: dict[str, Any], own_id: str) -> str | None:
    """In the content since room version 11, at the top before."""
    return reference(content.get("redacts"), own_id) or reference(outer.get("redacts"), own_id)
