from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.archive.export import content, instant
from bridge.cli.export import moment, room_id

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("2026-03-01", False, datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01", True, datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-01T08:30", True, datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("2026-03-01 08:30:15.5", False, datetime(2026, 3, 1, 8, 30, 15, 500_000, tzinfo=UTC)),
        ("2026-03-01T08:30+01:00", False, datetime(2026, 3, 1, 7, 30, tzinfo=UTC)),
        ("2026-03-01T08:30Z", False, datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_moments(text: str, *, end: bool, expected: datetime) -> None:
    assert moment(text, end=end) == expected


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "1e9", "9999-12-31", "0001-01-01T00:00+05:00"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no time; write"):
        moment(text, end=True)


@pytest.mark.parametrize("text", ["!abc:example.com", "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"])
def test_room_ids(text: str) -> None:
    assert room_id(text) == text


@pytest.mark.parametrize("text", ["", "!", "#algemeen:example.com", "!a b", "!" + "x" * 255, "Algemeen"])
def test_what_is_no_room_id(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no room id"):
        room_id(text)


def test_instants_have_milliseconds_and_a_zone() -> None:
    assert instant(datetime(2026, 3, 1, 8, 30, 15, 123_999, tzinfo=UTC)) == "2026-03-01T08:30:15.123Z"
    assert instant(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00.000Z"


@given(JSON, st.sampled_from([None, 2]))
def test_content_is_passed_on_as_one_line(value: Any, indent: int | None) -> None:
    raw = json.dumps({"type": "x", "content": value}, indent=indent).encode()
    found = bytes(content(raw))
    assert b"\n" not in found
    assert json.loads(found) == value


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (rb'{"content":{"body":"\ud800"}}', {"body": "�"}),
        (b'{"content":{"n":NaN}}', {"n": None}),
        (b"{}", None),
        (b"[1]", None),
        (b"nonsense", None),
        (b'{"content":{"n":1' + b"0" * 40 + b"}}", {"n": 10**40}),
    ],
)
def test_content_that_is_not_quite_json(raw: bytes, expected: Any) -> None:
    assert json.loads(bytes(content(raw))) == expected


def test_content_nested_very_deeply_is_passed_on() -> None:
    deep = b"[" * 5000 + b"]" * 5000
    assert bytes(content(b'{"content":' + deep + b"}")) == deep
