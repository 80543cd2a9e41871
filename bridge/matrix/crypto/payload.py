"""What is inside an encrypted event, checked.

Source: Matrix Client-Server API v1.16, "m.megolm.v1.aes-sha2" and "Validation of incoming decrypted events".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import olm

from bridge import rawjson
from bridge.storage import undecrypted

if TYPE_CHECKING:
    from mautrix.crypto import InboundGroupSession

ALGORITHM = "m.megolm.v1.aes-sha2"
_MAX_BIGINT = 2**63 - 1
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeError)


class RefusedError(Exception):
    """It cannot be read; `reason` says why (no text of a message)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Content(msgspec.Struct):
    algorithm: str
    ciphertext: str


class _Envelope(msgspec.Struct):
    sender: str
    content: _Content
    origin_server_ts: object = 0


class _Payload(msgspec.Struct):
    room_id: str
    type: str
    content: msgspec.Raw


_read_envelope = msgspec.json.Decoder(_Envelope).decode
_read_payload = msgspec.json.Decoder(_Payload).decode


@dataclass(frozen=True, slots=True)
class Envelope:
    """An encrypted event."""

    sender: str
    sent_at: int  # milliseconds since 1970, as the event says
    ciphertext: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A decrypted event."""

    raw: bytes  # the JSON object, as it was encrypted
    type: str
    index: int  # of the message in its Megolm session


def envelope(raw: bytes) -> Envelope:
    """An event of type m.room.encrypted.

    Raises:
        RefusedError: it is damaged, or encrypted in a way that we do not know.
    """
    try:
        event = _read_envelope(raw)
    except _UNREADABLE as error:
        raise RefusedError(undecrypted.DAMAGED) from error
    if event.content.algorithm != ALGORITHM or not event.content.ciphertext:
        raise RefusedError(undecrypted.DAMAGED)
    sent_at = event.origin_server_ts
    usable = isinstance(sent_at, int) and abs(sent_at) <= _MAX_BIGINT
    return Envelope(event.sender, int(sent_at) if usable and isinstance(sent_at, int) else 0, event.content.ciphertext)


def decrypt(session: InboundGroupSession, ciphertext: str, room_id: str) -> Opened:
    """Decrypt an event that came in `room_id`.

    Raises:
        RefusedError: the key starts after this message, the ciphertext is damaged, or it is for another room.
    """
    try:
        plain, index = session.decrypt(ciphertext)
    except olm.OlmGroupSessionError as error:
        early = str(error) == "UNKNOWN_MESSAGE_INDEX"
        raise RefusedError(undecrypted.BEFORE_US if early else undecrypted.DAMAGED) from error
    except ValueError as error:
        raise RefusedError(undecrypted.DAMAGED) from error
    raw = plain.encode(errors="replace")
    meant_for, event_type, content = _parts(raw)
    if not content.startswith(b"{"):
        raise RefusedError(undecrypted.DAMAGED)
    if meant_for != room_id:
        raise RefusedError(undecrypted.WRONG_ROOM)
    return Opened(raw, event_type, index)


def _parts(raw: bytes) -> tuple[str, str, bytes]:
    """The room id, the type, and the content as written."""
    try:
        payload = _read_payload(raw)
    except _UNREADABLE:
        pass
    else:
        return payload.room_id, payload.type, bytes(payload.content)
    # Nested thousands deep, or with lone surrogates.
    try:
        found = rawjson.members(raw)
        room_id, event_type = (json.loads(found[name]) for name in (b"room_id", b"type"))
        content = found[b"content"]
    except (ValueError, KeyError, RecursionError) as error:
        raise RefusedError(undecrypted.DAMAGED) from error
    if not isinstance(room_id, str) or not isinstance(event_type, str):
        raise RefusedError(undecrypted.DAMAGED)
    return room_id, event_type, content
