"""The registration: what the homeserver gets to know, that Synapse takes it, and how an installed one differs."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML
from synapse.config.appservice import load_appservices

from bridge.config.document import ConfigError
from bridge.config.example import registration_yaml
from bridge.config.loader import load_text
from bridge.config.registration import differences, dump, read, registration

if TYPE_CHECKING:
    from bridge.config.schema import Config

AS, HS = "as-0123456789abcdef", "hs-0123456789abcdef"


def config(appservice: str = "", bots: str = "") -> Config:
    return load_text(
        "homeserver: {address: http://127.0.0.1:8008, server_name: chat.example.com}\n"
        f"appservice: {{as_token: {AS}, hs_token: {HS}, {appservice}}}\n"
        f"bots: {{{bots}}}\nencryption: {{pickle_key: x}}\n",
        Path("/x/config.yaml"),
    )


def test_content() -> None:
    assert registration(config()) == {
        "id": "postkamer",
        "url": "http://127.0.0.1:29350",
        "as_token": AS,
        "hs_token": HS,
        "sender_localpart": "_postkamer",
        "rate_limited": False,
        "receive_ephemeral": True,
        "de.sorunome.msc2409.push_ephemeral": True,
        "io.element.msc4190": True,
        "namespaces": {
            "users": [
                {"regex": r"^@_postkamer:chat\.example\.com$", "exclusive": True},
                {"regex": r"^@postkamer:chat\.example\.com$", "exclusive": True},
                {"regex": r"^@mededelingen:chat\.example\.com$", "exclusive": True},
            ],
            "aliases": [],
            "rooms": [{"regex": "!.*", "exclusive": False}],
        },
    }


def test_it_claims_no_other_user() -> None:
    users = registration(config(bots="users: [{localpart: post.kamer-1, displayname: x}]"))["namespaces"]["users"]
    claimed = [re.compile(entry["regex"]) for entry in users]
    for user in ("post.kamer-1", "_postkamer"):
        assert sum(bool(regex.match(f"@{user}:chat.example.com")) for regex in claimed) == 1
    for user in ("@postxkamer-1:chat.example.com", "@_postkamer:chatxexample.com", "@_postkamer:chat.example.com.evil",
                 "x@_postkamer:chat.example.com", "@anna:chat.example.com"):  # fmt: skip
        assert not any(regex.match(user) for regex in claimed)


@pytest.mark.parametrize(
    ("appservice", "url"),
    [
        ("listen: 0.0.0.0:80", "http://127.0.0.1:80"),
        ('listen: "[::]:80"', "http://127.0.0.1:80"),
        ('listen: "[::1]:80"', "http://[::1]:80"),
        ("listen: archive.local:80", "http://archive.local:80"),
        ("address: https://archive.example.com/x/", "https://archive.example.com/x"),
    ],
)
def test_url(appservice: str, url: str) -> None:
    assert registration(config(appservice))["url"] == url


def test_synapse_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    path.write_text(dump(registration(config())))
    (service,) = load_appservices("chat.example.com", [str(path)])
    assert service.is_exclusive_user("@postkamer:chat.example.com")
    assert not service.is_exclusive_user("@anna:chat.example.com")
    assert not service.is_interested_in_user("@anna:chat.example.com")
    assert service.is_room_id_in_namespace("!ab-CD_")
    assert not service.is_exclusive_room("!ab-CD_")
    assert not service.is_rate_limited()
    assert service.supports_ephemeral
    assert service.msc4190_device_management


def test_synapse_refuses_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    path.write_text(registration_yaml())
    with pytest.raises(KeyError, match="as_token"):
        load_appservices("chat.example.com", [str(path)])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    for one in (config(), config('id: "a.b", address: "https://example.com/a\'b"')):
        path.write_text(dump(registration(one)))
        assert read(path) == registration(one)
        assert differences(one, read(path)) == []
        assert YAML(typ="safe", pure=True).load(path) == registration(one)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is no registration"),
        ("- a\n", "is no registration"),
        ("id: 'x\n", "line 1: is not YAML"),
        ("as_token: hunter2\nas_token: hunter3\n", "is a key in it twice"),
        ("{[a]: {}, ? {b: c} : d}\n", ""),
        ("a: &a [*a]\nas_token: <FILL IN>\n", "as_token: is still the placeholder"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "registration.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert expected in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "registration.yaml")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"url": "http://127.0.0.1:29350/", "protocols": [], "org.matrix.msc3202": True}, []),
        ({"as_token": "hunter2", "hs_token": 5}, ["as_token is not the same as appservice.as_token",
                                                  "hs_token is not the same as appservice.hs_token"]),
        ({"url": None}, [("url is None, it has to be 'http://127.0.0.1:29350' (or set appservice.address to the URL at "
                         "which the homeserver reaches us)")]),
        ({"rate_limited": True}, ["rate_limited is True, it has to be False"]),
        ({"namespaces": []}, [
            r"namespaces.rooms lacks regex '!.*', exclusive: false",
            r"namespaces.users lacks regex '^@_postkamer:chat\\.example\\.com$', exclusive: true",
            r"namespaces.users lacks regex '^@mededelingen:chat\\.example\\.com$', exclusive: true",
            r"namespaces.users lacks regex '^@postkamer:chat\\.example\\.com$', exclusive: true",
        ]),
    ],
)  # fmt: skip
def test_differences(change: dict[str, Any], expected: list[str]) -> None:
    assert differences(config(), registration(config()) | change) == expected


def test_namespaces_that_differ() -> None:
    installed = copy.deepcopy(registration(config()))
    del installed["as_token"]
    del installed["io.element.msc4190"]
    installed["namespaces"]["users"].append({"regex": "@.*", "exclusive": False, "group_id": "x"})
    installed["namespaces"]["rooms"][0]["exclusive"] = True
    installed["namespaces"]["aliases"] = ["x", {}]
    assert differences(config(), installed) == [
        "as_token is missing",
        "io.element.msc4190 is missing, write `io.element.msc4190: true`",
        "namespaces.aliases has 'None' too: remove it",
        "namespaces.rooms has '!.*' too: remove it",
        "namespaces.rooms lacks regex '!.*', exclusive: false",
        "namespaces.users has '@.*' too: remove it",
    ]
