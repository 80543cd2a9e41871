"""The slow reader of outer JSON agrees with the ordinary one, and survives what that one does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rawjson import MalformedError, elements, members

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values), st.sampled_from([None, 2]))
def test_members_are_those_of_json(value: dict[str, object], indent: int | None) -> None:
    raw = json.dumps(value, indent=indent).encode()
    found = {name.decode(errors="surrogatepass"): json.loads(part) for name, part in members(raw).items()}
    assert found == value


@given(st.lists(values), st.booleans())
def test_elements_are_those_of_json(value: list[object], ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    assert [json.loads(element) for element in elements(raw)] == value


def test_depth_does_not_matter() -> None:
    deep = b"[" * 50_000 + b"]" * 50_000
    assert members(b'{"a": ' + deep + b', "b": 1}') == {b"a": deep, b"b": b"1"}


@pytest.mark.parametrize(
    "raw",
    [b"", b"1", b"{", b"[1]", b'{"a"}', b'{"a" 1}', b"{1: 2}", b'{"a": 1}}', b'{"a": {}', b'{"a": 1,}', b'{"a', b"{,}"],
)
def test_no_object(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        members(raw)


@given(st.binary())
def test_any_bytes_give_parts_or_malformed(raw: bytes) -> None:
    for read in (members, elements):
        try:
            read(raw)
        except MalformedError:
            continue
