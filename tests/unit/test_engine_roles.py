"""Who is what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.config.ids import IdPattern, MatrixId
from bridge.config.schema import Rights as RightsConfig
from bridge.engine.roles import INFINITE, Rights, our_users, power_level
from tests.storage.stage import ANNA, BAS, GUEST, NEWS, POST, SERVICE, STRANGER, config

CARLA = "@carla:example.com"


def rights(**more: Any) -> Rights:
    made = config()
    settings = {"guests": (IdPattern("@*:partner.nl"),), **more}
    object.__setattr__(made, "rights", RightsConfig(**settings))
    return Rights(made)


def test_our_own_users() -> None:
    assert our_users(config()) == {POST, NEWS, SERVICE}


@pytest.mark.parametrize(
    ("user", "roles"),
    [
        (ANNA, {"staff"}),
        (GUEST, {"guest"}),
        (STRANGER, set()),
        ("@anna:example.com.evil.org", set()),
        ("@eve:evil.org:example.com", set()),
        (POST, set()),
        (SERVICE, set()),
    ],
)
def test_by_default_everybody_of_our_server(user: str, roles: set[str]) -> None:
    assert rights().of_company(user) == roles


def test_who_is_named() -> None:
    found = rights(
        staff=(IdPattern("@b*:example.com"),),
        managers=(MatrixId(ANNA),),
        auditors=(MatrixId(ANNA), MatrixId("@accountant:cijfers.nl")),
        it=(MatrixId(BAS), MatrixId(POST)),
    )
    assert found.of_company(ANNA) == {"staff", "manager", "auditor"}
    assert found.of_company(BAS) == {"staff", "it"}
    assert found.of_company("@accountant:cijfers.nl") == {"staff", "auditor"}
    assert found.of_company(CARLA) == set()
    assert found.of_company(POST) == set(), "a bot is nobody, whatever the config says"


@pytest.mark.parametrize(
    ("user", "level", "direct", "roles"),
    [
        (ANNA, 49, False, {"staff"}),
        (ANNA, 50, False, {"staff", "manager"}),
        (ANNA, INFINITE, True, {"staff"}),
        (GUEST, 100, False, {"guest"}),
        (STRANGER, 100, False, set()),
    ],
)
def test_managers_of_a_room(user: str, level: int, direct: bool, roles: set[str]) -> None:
    assert rights().in_room(user, level, direct=direct) == roles


@pytest.mark.parametrize(
    ("user", "version", "create", "levels", "level"),
    [
        (ANNA, "11", {}, None, 100),
        (BAS, "11", {}, None, 0),
        (ANNA, "10", {"creator": BAS}, None, 0),
        (BAS, "10", {"creator": BAS}, None, 100),
        (ANNA, "11", {}, {}, 0),
        (ANNA, "11", {}, {"users": {ANNA: 75}, "users_default": 10}, 75),
        (BAS, "11", {}, {"users": {ANNA: 75}, "users_default": 10}, 10),
        (BAS, "9", {}, {"users": {BAS: " 50 "}}, 50),
        (ANNA, "12", {}, {"users": {}}, INFINITE),
        (BAS, "12", {"additional_creators": [BAS]}, None, INFINITE),
        (CARLA, "12", {"additional_creators": [BAS]}, {"users": {CARLA: 50}}, 50),
        (CARLA, "12", {"additional_creators": "x"}, None, 0),
        (ANNA, "org.matrix.hydra.11", {}, None, INFINITE),
        (BAS, "11", {"additional_creators": [BAS]}, {"users": {}}, 0),
        (BAS, None, None, None, 0),
        (BAS, "11", {}, {"users": {BAS: None}}, 0),
        (BAS, "11", {}, {"users": {BAS: 1e400}}, 0),
        (BAS, "11", {}, ["x"], 0),
        (BAS, "11", "x", {"users": "x", "users_default": "y"}, 0),
    ],
)
def test_power_levels(user: str, version: str | None, create: Any, levels: Any, level: int) -> None:
    found = power_level(
        user,
        version=version,
        creator=ANNA if create is not None else None,
        create=None if create is None else json.dumps(create),
        power_levels=None if levels is None else json.dumps(levels),
    )
    assert found == level
