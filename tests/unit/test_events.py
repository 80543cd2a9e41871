"""Reading events of strangers, and what stays of erased ones."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.archive.events import MAX_ID, UnusableError, fit, read_event, read_object, read_payload, unlocked
from bridge.archive.pruning import pruned
from bridge.archive.recorder.rows import Rows
from bridge.storage.inbox import InboxRow
from bridge.text import clean

if TYPE_CHECKING:
    from bridge.storage.inbox import Kind

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
NUMBER = 7


def row(raw: bytes, kind: Kind = "event", key: str = "$1") -> InboxRow:
    return InboxRow(NUMBER, kind, key, "!r", None, None, None, NOW, None, raw)


def made(kind: str, content: Any, **outer: Any) -> bytes:
    return json.dumps(
        {"event_id": "$1", "type": kind, "room_id": "!r", "sender": "@a:b", "content": content, **outer}
    ).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(json_values, st.sampled_from(("m.room.message", "m.room.member", "m.reaction", "m.room.redaction", "m.x")))
def test_any_content_is_read_and_pruned(content: Any, kind: str) -> None:
    state = {"state_key": ""} if kind == "m.room.member" else {}
    first = row(made(kind, content, **state))
    event = read_event(first)
    Rows().add(event)
    # What stays can be read again, and pruning it again changes nothing.
    left = pruned(first)
    read_event(row(left))
    assert pruned(row(left)) == left


@given(st.binary())
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(UnusableError):
        read_object(raw)
    assert b'"content":{}' in pruned(row(raw))


@given(st.text())
def test_names_fit_in_an_index(name: str) -> None:
    assert len(fit(name).encode()) <= MAX_ID
    assert fit(fit(name)) == fit(name)


def test_order_in_the_room() -> None:
    event = read_event(row(made("m.x", {})))
    assert (event.ord, event.sub) == (NUMBER, 0)
    history = InboxRow(NUMBER, "event", "$1", "!r", None, 3, -2, NOW, None, made("m.x", {}))
    assert (read_event(history).ord, read_event(history).sub) == (3, -2)


@pytest.mark.parametrize(
    ("kind", "content", "outer", "stays"),
    [
        ("m.room.message", {"body": "x", "msgtype": "m.text"}, {}, {}),
        ("m.room.message", {"m.relates_to": {"m.in_reply_to": {"event_id": "$2"}}}, {}, {}),
        (
            "m.room.message",
            {"m.new_content": {"body": "x"}, "m.relates_to": {"rel_type": "m.replace", "event_id": "$2", "x": 1}},
            {},
            {"m.relates_to": {"rel_type": "m.replace", "event_id": "$2"}, "m.new_content": {}},
        ),
        (
            "m.reaction",
            {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$2", "key": "x"}},
            {},
            {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$2"}},
        ),
        ("m.room.redaction", {"reason": "x"}, {"redacts": "$2"}, {"redacts": "$2"}),
        ("m.room.redaction", {"reason": "x", "redacts": "$2"}, {}, {"redacts": "$2"}),
        (
            "m.room.member",
            {"membership": "invite", "displayname": "x", "third_party_invite": {"display_name": "x", "signed": {}}},
            {"state_key": "@c:d"},
            {"membership": "invite", "third_party_invite": {"signed": {}}},
        ),
        ("m.room.create", {"room_version": "12", "x": 1}, {"state_key": ""}, {"room_version": "12", "x": 1}),
        ("m.room.power_levels", {"invite": 50, "notifications": {}}, {"state_key": ""}, {"invite": 50}),
        ("m.room.name", {"name": "x", "m.relates_to": {"rel_type": "a"}}, {"state_key": ""}, {}),
    ],
)
def test_what_stays_of_an_erased_event(
    kind: str, content: dict[str, Any], outer: dict[str, Any], stays: dict[str, Any]
) -> None:
    raw = made(kind, content, **outer, origin_server_ts=5, unsigned={"prev_content": {"body": "x"}})
    left = json.loads(pruned(row(raw)))
    state = {name: value for name, value in outer.items() if name == "state_key"}
    plain = {"event_id": "$1", "room_id": "!r", "type": kind, "sender": "@a:b", "origin_server_ts": 5}
    assert left == {**plain, **state, "content": stays}


def test_what_stays_of_the_inside_of_an_encrypted_event() -> None:
    raw = json.dumps({"type": "m.room.message", "room_id": "!r", "content": {"body": "x"}, "keys": {}}).encode()
    left = json.loads(pruned(row(raw, "decrypted")))
    assert left == {"type": "m.room.message", "room_id": "!r", "content": {}}


def test_the_inside_of_an_encrypted_event_removes_nothing() -> None:
    envelope = read_event(row(made("m.room.encrypted", {})))
    inside = json.dumps({"type": "m.room.redaction", "room_id": "!r", "content": {"redacts": "$2"}}).encode()
    event = unlocked(envelope, read_payload(row(inside, "decrypted")))
    assert (event.type, event.decrypted, event.redacts) == ("m.room.redaction", True, None)


def test_strings_are_clean_everywhere() -> None:
    event = read_event(row(b'{"event_id":"$1","type":"\\u0000","room_id":"\\ud800","sender":"s\\udfff","content":{}}'))
    assert (event.type, event.room_id, event.sender) == tuple(map(clean, ("\x00", "\ud800", "s\udfff")))
