"""What a homeserver, or somebody who pretends to be one, puts into a transaction."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.matrix.transaction import arrivals
from bridge.rawjson import MalformedError
from bridge.storage.inbox import MAX_KEY

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=10,
)
ids = st.just("$event:server") | anything
events = (
    st.fixed_dictionaries({}, optional={"event_id": ids, "room_id": ids, "type": ids, "content": anything}) | anything
)


def body(**parts: object) -> bytes:
    return json.dumps(parts).encode()


def test_an_event_keeps_its_bytes() -> None:
    raw = b'{"event_id":"$a", "room_id":"!r", "type":"m.room.message",  "content":{"body":"\\u0000\\ud800"}}'
    (row,) = arrivals(b'{"events":[' + raw + b"]}")
    assert (row.kind, row.key, row.room_id, row.type, row.raw) == ("event", "$a", "!r", "m.room.message", raw)


def test_events_nested_too_deeply_for_any_parser_keep_their_id() -> None:
    raw = b'{"content":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b',"event_id":"$deep","room_id":"!r","type":"t"}'
    first, second = arrivals(b'{"events":[' + raw + b',{"event_id":"$b"}]}')
    assert (first.key, first.room_id, first.type, first.raw) == ("$deep", "!r", "t", raw)
    assert second.key == "$b"


@given(st.lists(events, max_size=5))
def test_every_event_becomes_one_row(sent: list[object]) -> None:
    rows = arrivals(body(events=sent))
    assert len(rows) == len(sent)
    for row, event in zip(rows, sent, strict=True):
        assert json.dumps(json.loads(row.raw)) == json.dumps(event)
        for value in (row.key, row.room_id or "", row.type or ""):
            value.encode()
            assert "\x00" not in value
            assert len(value) <= MAX_KEY


@pytest.mark.parametrize("event_id", ["$a\x00", "$\ud800", "", "$" + "x" * 300, 5, None, ["$a"]])
def test_an_unusable_event_id_is_replaced_by_a_digest(event_id: object) -> None:
    (row,) = arrivals(body(events=[{"event_id": event_id, "room_id": "!r"}]))
    assert row.key.startswith("sha256:")
    assert row.room_id == "!r"


@pytest.mark.parametrize("name", ["ephemeral", "de.sorunome.msc2409.ephemeral"])
def test_receipts_are_kept_typing_and_presence_are_not(name: str) -> None:
    sent: list[dict[str, object]] = [
        {"type": kind, "room_id": "!r", "content": {}} for kind in ("m.receipt", "m.typing", "m.presence")
    ]
    (row,) = arrivals(body(events=[], **{name: sent}))
    assert (row.kind, row.type, row.room_id) == ("ephemeral", "m.receipt", "!r")


@pytest.mark.parametrize("value", [b"NaN", b"9" * 5000, b"1e999", b'"\\ud800"', b'"\n"', b'"\xff"'])
def test_what_a_homeserver_may_write_is_let_through(value: bytes) -> None:
    (row,) = arrivals(b'{"events": [{"event_id": "$a", "content": ' + value + b"}]}")
    assert row.key == "$a"


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"no", b"[]", b"5", b'{"events": 5}', b'{"events": {"a": 1}}', b'{"events": [', b"\xff"),
        *(b'{"events": [tru]}', b'{"events": [{"a":}]}', b'{"events": ["a]}'),
    ],
)
def test_what_is_no_transaction_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        arrivals(raw)
