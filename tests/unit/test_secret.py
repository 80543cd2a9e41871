"""Small secrets, kept encrypted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.archive.secret import WrongPickleKeyError, seal, unseal


@given(st.binary(max_size=200), st.text(min_size=1, max_size=40))
def test_what_is_sealed_can_be_opened(plain: bytes, key: str) -> None:
    assert unseal(seal(plain, key, "purpose"), key, "purpose") == plain


def test_the_same_twice_looks_different() -> None:
    assert seal(b"secret", "key", "purpose") != seal(b"secret", "key", "purpose")


@pytest.mark.parametrize(("key", "purpose"), [("other", "purpose"), ("key", "other")])
def test_another_key_or_purpose_does_not_open_it(key: str, purpose: str) -> None:
    with pytest.raises(WrongPickleKeyError):
        unseal(seal(b"secret", "key", "purpose"), key, purpose)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(40)])
def test_what_was_changed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(WrongPickleKeyError):
        unseal(sealed, "key", "purpose")
