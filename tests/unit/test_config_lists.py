"""Lists in config.yaml: what is right comes out as tuples, what is wrong with its place in the list and its line."""

from __future__ import annotations

import pytest

from bridge.config.checks import Duration, HostPort, LaterJoiners
from bridge.config.loader import load_text
from tests.unit.test_config_loader import GOOD, PATH, problems

USERS = "must be a list of sections with the keys localpart, displayname, avatar, bots"
USER = "must be a section with the keys localpart, displayname, avatar, bots"
LOCALPART = "a short name such as postkamer: letters a to z, digits and . _ -"


def test_lists() -> None:
    config = load_text(
        GOOD
        + "bots:\n  timezone: Asia/Tokyo\n  users:\n"
        + "  - {localpart: a, displayname: A, avatar: a.png, bots: [core, archive]}\n"
        + "  - {localpart: b, displayname: B}\n"
        + 'rights: {staff: ["@*:a.nl", "@x*:*"], managers: [], auditors: ["@a:b.nl"]}\n'
        + "access: {later_joiners: 1d 12h, after_leaving: nothing}\nwebhooks: {listen: localhost:1}\n",
        PATH,
    )
    one, other = config.bots.users
    assert (one.localpart, one.displayname, one.bots) == ("a", "A", ("core", "archive"))
    assert (one.avatar, other.avatar, other.bots) == (PATH.parent / "a.png", None, ())
    assert config.bots.timezone.zone.key == "Asia/Tokyo"
    assert config.rights.staff == ("@*:a.nl", "@x*:*")
    assert (config.rights.managers, config.rights.auditors, config.rights.it) == ((), ("@a:b.nl",), ())
    assert config.access.later_joiners == LaterJoiners("window", Duration(hours=36))
    assert config.access.after_leaving == "nothing"
    assert config.webhooks.listen == HostPort("localhost", 1)


def test_a_name_of_ours_that_is_a_default_of_another() -> None:
    text = GOOD.replace("appservice:\n", "appservice:\n  sender_localpart: postkamer\n")
    assert problems(text) == [
        "appservice.sender_localpart (line 5): must differ from bots.users[0].localpart: take another name"
    ]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (
            (
                "bots:\n"
                "  users:\n"
                "  - {localpart: a, displayname: x, bots: [core]}\n"
                "  - {localpart: b, displayname: y, bots: [core]}\n"
            ),
            [
                "bots.users[1].bots[0] (line 12): core stands under bots.users[0] too: keep one of them",
            ],
        ),
        (
            "bots:\n  users:\n    - localprt: A\n      displayname: x\n",
            [
                "bots.users[0].localprt (line 11): unknown key; did you mean 'localpart'?",
                f"bots.users[0].localpart (line 11): must be {LOCALPART}; without @ and without the server, got 'A'",
            ],
        ),
        (
            "bots:\n  users:\n    - displayname: x\n    -\n    - 5\n",
            [
                f"bots.users[0].localpart (line 11): is required; write `localpart:` and {LOCALPART}",
                f"bots.users[1].localpart (line 12): is required; write `localpart:` and {LOCALPART}",
                "bots.users[1].displayname (line 12): is required; write `displayname:` and a text",
                f"bots.users[2] (line 13): {USER}, not a single value",
            ],
        ),
        (
            "bots: {users: {localpart: a}}\n",
            [
                f"bots.users (line 9): {USERS}, not a section",
            ],
        ),
        (
            "bots: {users: []}\n",
            [
                "bots.users (line 9): must have at least one entry",
            ],
        ),
        (
            "bots: {users: &a [*a]}\n",
            [
                f"bots.users[0] (line 9): {USER}, not a list",
            ],
        ),
        (
            "bots: {language: fr}\n",
            [
                "bots.language (line 9): must be one of nl, en, got 'fr'",
            ],
        ),
        (
            "bots: {timezone: Europe/Amsterdm}\n",
            [
                (
                    "bots.timezone (line 9): must be a time zone such as Europe/Amsterdam;"
                    " did you mean Europe/Amsterdam?, got 'Europe/Amsterdm'"
                ),
            ],
        ),
        (
            'rights:\n  managers: "@a:b"\n',
            [
                "rights.managers (line 10): must be a list such as ['@anna:example.com'], not a single value",
            ],
        ),
        (
            'rights:\n  managers:\n    - "@a:b"\n    - anna\n    - "@a:b"\n    - [x]\n',
            [
                "rights.managers[1] (line 12): must be a Matrix id such as @anna:example.com, got 'anna'",
                "rights.managers[2] (line 13): is here twice, first on line 11: keep one of them",
                "rights.managers[3] (line 14): must be a Matrix id such as @anna:example.com, not a list",
            ],
        ),
        (
            "rights: {staff: [partner.nl]}\n",
            [
                (
                    "rights.staff[0] (line 9): must be a Matrix id in which * stands for anything, such as "
                    "@*:partner.nl, got 'partner.nl'"
                ),
            ],
        ),
        (
            "access: {later_joiners: 30}\n",
            [
                "access.later_joiners (line 9): must be as_client, all, or a length of time such as 30d, got '30'",
            ],
        ),
    ],
)
def test_one_mistake(extra: str, expected: list[str]) -> None:
    assert problems(GOOD + extra) == expected
