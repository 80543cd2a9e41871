from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.archive.backfill import place
from bridge.cli.backfill import VARIABLE, admin_token
from bridge.errors import PostkamerError
from bridge.matrix.admin import _split, _without_bundles
from bridge.storage.inbox import Arrival

if TYPE_CHECKING:
    from pathlib import Path


def arrival(number: int) -> Arrival:
    return Arrival("event", f"${number}", "!room", "m.room.message", b"{}")


@given(st.integers(1, 60), st.sets(st.integers(1, 60)), st.integers(1, 10))
def test_history_stands_in_order_around_what_is_held(count: int, live: set[int], size: int) -> None:
    """Events 1 … count, of which `live` came in order with numbers of their own; read backwards in pages."""
    held = {f"${number}": (100 + number, 0) for number in live if number <= count}
    anchor, places = (200, 0), dict(held)
    newest_first = [arrival(number) for number in range(count, 0, -1)]
    for start in range(0, count, size):
        new, anchor = place(newest_first[start : start + size], held, anchor)
        places |= {event.key: (event.before_seq or 0, event.before_sub or 0) for event in new}
    assert len(places) == count
    assert sorted(places, key=places.__getitem__) == [f"${number}" for number in range(1, count + 1)]


def test_an_event_that_came_late_does_not_move_older_ones_forward() -> None:
    held = {"$3": (10, 0), "$2": (50, 0)}
    new, anchor = place([arrival(3), arrival(2), arrival(1)], held, (60, 0))
    assert [(event.key, event.before_seq, event.before_sub) for event in new] == [("$1", 10, -1)]
    assert anchor == (10, -1)


def test_the_same_event_twice_on_a_page_is_one() -> None:
    new, anchor = place([arrival(2), arrival(2), arrival(1)], {}, (7, 0))
    assert [event.before_sub for event in new] == [-1, -2]
    assert anchor == (7, -2)


def test_what_the_server_bundles_is_left_out_and_the_rest_stays_as_it_came() -> None:
    raw = (
        rb'{"event_id":"$1","content":{"body":"\ud800 m.relations", "n":1e999},'
        rb'"unsigned":{"age":5,"m.relations":{"m.replace":{"content":{"body":"geheim"}}}}}'
    )
    assert _without_bundles(raw) == (
        rb'{"event_id":"$1","content":{"body":"\ud800 m.relations", "n":1e999},"unsigned":{"age":5}}'
    )
    other = b'{"event_id": "$2", "content": {"m.relations": 1}, "unsigned": []}'
    assert _without_bundles(other) == other


def test_a_page_with_what_no_ordinary_parser_takes() -> None:
    deep = b"[" * 5000 + b"]" * 5000
    body = rb'{"chunk":[{"a":"\ud800"},{"b":' + deep + rb'}],"start":"s","end":"t1-2"}'
    chunk, end = _split(body)
    assert (chunk[0], end) == (rb'{"a":"\ud800"}', "t1-2")
    assert chunk[1] == b'{"b":' + deep + b"}"
    assert _split(json.dumps({"chunk": [], "start": "s"}).encode()) == ([], None)


def test_the_token_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("syt_file\n")
    monkeypatch.setenv(VARIABLE, "syt_environment")
    assert admin_token(path) == "syt_file"
    assert admin_token(None) == "syt_environment"


@pytest.mark.parametrize("token", ["", "two words", "tokén", "a\x00b", "line\nbreak"])
def test_what_is_no_token_is_refused(tmp_path: Path, token: str) -> None:
    path = tmp_path / "token"
    path.write_text(token)
    with pytest.raises(PostkamerError, match="no access token"):
        admin_token(path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PostkamerError, match="cannot read"):
        admin_token(tmp_path / "absent")
