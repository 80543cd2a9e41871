"""Which devices get the key of a room."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.matrix.crypto.recipients import Recipient, recipients

ANNA, BAS, BOT = "@anna:example.com", "@bas:elsewhere.org", "@postkamer:example.com"
OWN = (BOT, "POSTKAMERX")


def device(name: str, letter: str = "a") -> dict[str, Any]:
    return {"keys": {f"curve25519:{name}": letter * 43, f"ed25519:{name}": letter.upper() * 43}}


def one(user: str, name: str, letter: str = "a") -> Recipient:
    return Recipient(user, name, letter * 43, letter.upper() * 43)


def test_all_devices_of_the_readers_but_our_own() -> None:
    answer = {
        "device_keys": {ANNA: {"A": device("A"), "B": device("B", "b")}, BOT: {"POSTKAMERX": device("POSTKAMERX")}}
    }

    assert recipients(answer, [ANNA, BOT], (), OWN) == {one(ANNA, "A"), one(ANNA, "B", "b")}
    assert recipients(answer, [BOT], (), OWN) == set()


def test_a_device_with_other_keys_is_another_one() -> None:
    first = recipients({"device_keys": {ANNA: {"A": device("A")}}}, [ANNA], (), OWN)
    second = recipients({"device_keys": {ANNA: {"A": device("A", "z")}}}, [ANNA], first, OWN)

    assert not first & second


def test_somebody_whose_server_is_away_keeps_the_key_but_not_who_has_left() -> None:
    known = {one(ANNA, "A"), one(BAS, "B")}

    assert recipients({"device_keys": {ANNA: {}}}, [ANNA, BAS], known, OWN) == {one(BAS, "B")}
    assert recipients({"device_keys": {ANNA: {}}}, [ANNA], known, OWN) == set()
    assert recipients({}, [ANNA], known, OWN) == {one(ANNA, "A")}


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {"keys": []},
        {"keys": {}},
        {"keys": {"curve25519:A": 5, "ed25519:A": "a" * 43}},
        {"keys": {"curve25519:A": "a" * 60, "ed25519:A": "a" * 43}},
    ],
)
def test_devices_that_make_no_sense(odd: Any) -> None:
    assert recipients({"device_keys": {ANNA: {"A": odd}}}, [ANNA], (), OWN) == set()
