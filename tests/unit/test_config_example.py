"""The committed example files are those of the schema, they are refused as they are, and work once filled in."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest
from ruamel.yaml import YAML

from bridge.config.checks import PLACEHOLDER
from bridge.config.example import config_yaml, registration_yaml, write
from bridge.config.kind import Kind
from bridge.config.loader import ConfigError, load, load_text
from bridge.config.registration import read
from bridge.config.schema import Config

ROOT = Path(__file__).parents[2]
ANEW = "run `python -m bridge.config.example` in the root of the repository"

FILLED_IN = {
    f'"{PLACEHOLDER}: https://matrix.example.com>"': "https://chat.example.org",
    f'"{PLACEHOLDER}: example.com>"': "example.org",
    f'as_token: "{PLACEHOLDER}: `postkamer init` makes one>"': "as_token: as-0123456789abcdef",
    f'hs_token: "{PLACEHOLDER}: `postkamer init` makes one>"': "hs_token: hs-0123456789abcdef",
    f'pickle_key: "{PLACEHOLDER}: `postkamer init` makes one>"': "pickle_key: key-0123456789abcdef",
}


def example() -> str:
    return (ROOT / "config.example.yaml").read_text()


def test_the_committed_files_are_up_to_date(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("config.example.yaml", "registration.yaml"):
        assert (ROOT / name).read_text() == (tmp_path / name).read_text(), ANEW


def test_the_example_has_every_setting() -> None:
    tree = YAML(typ="safe", pure=True).load(example())
    assert list(tree) == [item.name for item in fields(Config)]
    for name, hint in get_type_hints(Config, include_extras=True).items():
        kind = Kind.of(hint)
        assert not kind.is_section or list(tree[name]) == [item.name for item in fields(kind.type)]


def test_the_example_is_refused_as_it_is() -> None:
    with pytest.raises(ConfigError) as caught:
        load(ROOT / "config.example.yaml")
    assert [problem.path for problem in caught.value.problems] == [
        "homeserver.address",
        "homeserver.server_name",
        "appservice.as_token",
        "appservice.hs_token",
        "encryption.pickle_key",
    ]
    assert all("still the placeholder: run `postkamer init`" in problem.text for problem in caught.value.problems)


def test_the_example_filled_in_holds_the_defaults() -> None:
    text = example()
    for placeholder, value in FILLED_IN.items():
        assert placeholder in text
        text = text.replace(placeholder, value)
    path = Path("/etc/postkamer/config.yaml")
    config = load_text(text, path)
    short = (
        "homeserver: {address: https://chat.example.org, server_name: example.org}\n"
        "appservice: {as_token: as-0123456789abcdef, hs_token: hs-0123456789abcdef}\n"
        "encryption: {pickle_key: key-0123456789abcdef}\n"
    )
    assert config == load_text(short, path)


def test_text_comes_back_whatever_is_in_it() -> None:
    url = "postgresql://ü:%'\"\\\N{GRINNING FACE}\N{LINE SEPARATOR}: {x}@h/d"
    text = config_yaml({"database.url": url})
    assert YAML(typ="safe", pure=True).load(text)["database"]["url"] == url
    assert text.isascii()


def test_the_sample_registration_is_refused_as_it_is() -> None:
    with pytest.raises(ConfigError) as caught:
        read(ROOT / "registration.yaml")
    assert [problem.path for problem in caught.value.problems] == ["url", "as_token", "hs_token", "namespaces"]
    assert registration_yaml().count("FILL IN") == 6
