"""From the body of a transaction to rows for the inbox.

Source: Matrix Application Service API v1.16, `PUT /_matrix/app/v1/transactions/{txnId}`; ephemeral events: MSC2409.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from bridge import rawjson
from bridge.storage.inbox import MAX_KEY, Arrival, digest_key
from bridge.text import clean

if TYPE_CHECKING:
    from bridge.storage.inbox import Kind

# Who types and who is there is of the moment; we do not keep it.
NOT_KEPT = frozenset({"m.typing", "m.presence"})
_UNSTABLE_EPHEMERAL = "de.sorunome.msc2409.ephemeral"


class _Body(msgspec.Struct):
    events: list[msgspec.Raw] = []
    ephemeral: list[msgspec.Raw] = []
    unstable: list[msgspec.Raw] = msgspec.field(name=_UNSTABLE_EPHEMERAL, default_factory=list)


class _Envelope(msgspec.Struct):
    event_id: str | None = None
    room_id: str | None = None
    type: str | None = None


_read_body = msgspec.json.Decoder(_Body).decode
_read_envelope = msgspec.json.Decoder(_Envelope).decode


def arrivals(body: bytes) -> list[Arrival]:
    """The rows for the inbox: events first, then ephemeral events that we keep.

    No content of an event makes it fail: what an event does not say properly (its id, room or type) is left out of
    its row, and `raw` holds the event as it came.

    Raises:
        rawjson.MalformedError: the body is not a transaction.
    """
    events, ephemeral = _split(body)
    rows = [arrival("event", raw) for raw in events]
    for raw in ephemeral:
        row = arrival("ephemeral", raw)
        if row.type not in NOT_KEPT:
            rows.append(row)
    return rows


def is_empty(body: bytes) -> bool:
    """Whether the transaction holds nothing for the inbox.

    Raises:
        rawjson.MalformedError: the body is not a transaction; `arrivals` would say the same.
    """
    events, ephemeral = _split(body)
    return not events and not (ephemeral and arrivals(body))


def _split(body: bytes) -> tuple[list[bytes], list[bytes]]:
    try:
        parsed = _read_body(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        _check_json(body)
        found = rawjson.members(body)
        stable, unstable = (rawjson.elements(found.get(k.encode(), b"[]")) for k in ("ephemeral", _UNSTABLE_EPHEMERAL))
        return rawjson.elements(found.get(b"events", b"[]")), stable or unstable
    return [bytes(raw) for raw in parsed.events], [bytes(raw) for raw in parsed.ephemeral or parsed.unstable]


def _check_json(body: bytes) -> None:
    """Refuse what no homeserver writes; what it may write and the strict parser does not take is let through."""
    with suppress(RecursionError):  # too deep to be told
        try:
            json.loads(body.decode(errors="replace"), strict=False, parse_int=len, parse_float=len)
        except ValueError as error:
            raise rawjson.MalformedError("not JSON") from error


def arrival(kind: Kind, raw: bytes) -> Arrival:
    """The row for one event, whatever it holds."""
    try:
        envelope = _read_envelope(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        event_id, room_id, event_type = _outer_strings(raw)
    else:
        event_id, room_id, event_type = envelope.event_id, envelope.room_id, envelope.type
    usable = kind == "event" and event_id and event_id == _fit(event_id)
    return Arrival(kind, event_id if usable and event_id else digest_key(raw), _fit(room_id), _fit(event_type), raw)


def _fit(text: str | None) -> str | None:
    """An id as PostgreSQL can hold and index it."""
    return text and clean(text).encode()[:MAX_KEY].decode(errors="ignore")


def _outer_strings(raw: bytes) -> tuple[str | None, str | None, str | None]:
    try:
        found = rawjson.members(raw)
    except rawjson.MalformedError:
        return None, None, None
    return _string(found.get(b"event_id")), _string(found.get(b"room_id")), _string(found.get(b"type"))


def _string(raw: bytes | None) -> str | None:
    if raw is None or not raw.startswith(b'"'):
        return None
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, str) else None
