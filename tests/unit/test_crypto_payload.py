"""Checking what is inside an encrypted event."""

from __future__ import annotations

import json
from typing import Any

import olm
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mautrix.crypto import InboundGroupSession
from mautrix.types import IdentityKey, RoomID, SigningKey

from bridge.matrix.crypto.payload import RefusedError, decrypt, envelope
from bridge.storage.undecrypted import BEFORE_US, DAMAGED, WRONG_ROOM

ROOM = "!room:example.com"


class Sender:
    def __init__(self) -> None:
        self.outbound = olm.OutboundGroupSession()

    def seal(self, payload: str) -> str:
        return str(self.outbound.encrypt(payload))

    def key(self) -> InboundGroupSession:
        """From the next message on."""
        return InboundGroupSession(self.outbound.session_key, SigningKey("s"), IdentityKey("i"), RoomID(ROOM))


def reason(session: InboundGroupSession, ciphertext: str) -> str:
    with pytest.raises(RefusedError) as refused:
        decrypt(session, ciphertext, ROOM)
    return refused.value.reason


def test_the_payload_comes_out_as_it_was_written() -> None:
    sender = Sender()
    session = sender.key()
    written = (
        '{"room_id": "!room:example.com","type":"m.room.message", "content":{"body":"caf\\u00e9 \\u0000 \\ud800"}}'
    )

    opened = decrypt(session, sender.seal(written), ROOM)

    assert (opened.raw, opened.type, opened.index) == (written.encode(), "m.room.message", 0)


def test_nested_thousands_deep() -> None:
    sender = Sender()
    session = sender.key()
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    written = f'{{"room_id":"{ROOM}","type":"m.room.message","content":{deep}}}'

    assert decrypt(session, sender.seal(written), ROOM).raw == written.encode()


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"room_id":5,"type":"m","content":{}}',
        f'{{"room_id":"{ROOM}","type":[],"content":{{}}}}',
        f'{{"room_id":"{ROOM}","type":"m","content":[]}}',
        f'{{"room_id":"{ROOM}","type":"m"}}',
        f'{{"room_id":"{ROOM}","type":"\\ud800","content":"x"}}',
    ],
)
def test_what_is_no_event_is_damaged(payload: str) -> None:
    sender = Sender()
    session = sender.key()

    assert reason(session, sender.seal(payload)) == DAMAGED


def test_for_another_room() -> None:
    sender = Sender()
    session = sender.key()

    assert reason(session, sender.seal('{"room_id":"!other:example.com","type":"m","content":{}}')) == WRONG_ROOM


def test_from_before_the_key() -> None:
    sender = Sender()
    early = sender.seal("{}")

    assert reason(sender.key(), early) == BEFORE_US


@given(st.text(min_size=1))
def test_any_ciphertext(ciphertext: str) -> None:
    assert reason(Sender().key(), ciphertext) == DAMAGED


@pytest.mark.parametrize(
    "change",
    [
        {"content": None},
        {"content": {}},
        {"content": {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": ""}},
        {"content": {"algorithm": "m.other", "ciphertext": "x"}},
        {"content": {"algorithm": 3, "ciphertext": "x"}},
        {"sender": None},
    ],
)
def test_an_envelope_that_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match=DAMAGED):
        envelope(json.dumps(event(**change)).encode())


@pytest.mark.parametrize(
    ("said", "taken"), [(1, 1), (-5, -5), (2**63 - 1, 2**63 - 1), (2**70, 0), ("soon", 0), (None, 0), (1.5, 0)]
)
def test_times_that_are_none(said: Any, taken: int) -> None:
    assert envelope(json.dumps(event(origin_server_ts=said)).encode()).sent_at == taken


def event(**change: Any) -> dict[str, Any]:
    content = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "s"}
    return {"sender": "@a:example.com", "content": content, "origin_server_ts": 1, **change}
