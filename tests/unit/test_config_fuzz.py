"""Whatever stands in the file, the loader gives a config or a list of problems."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bridge.config.loader import ConfigError, load_text
from bridge.config.schema import (
    Access,
    Appservice,
    Archive,
    Bots,
    BotUser,
    Config,
    Database,
    Homeserver,
    Logging,
    Monitoring,
    Rights,
    Webhooks,
)
from tests.unit.test_config_loader import GOOD

SECTIONS = (Access, Appservice, Archive, Bots, Database, Homeserver, Logging, Monitoring, Rights, Webhooks)
NAMES = sorted(
    {item.name for section in (Config, BotUser, *SECTIONS) for item in fields(section)} | {"as_token_file", "url_file"}
)
PATH = Path("/nowhere/config.yaml")

# A busy machine is no failure.

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
    | st.sampled_from(
        ["127.0.0.1:80", "https://example.com", "example.com", "@a:b", "0123456789abcdef", "5d", "1M", "<FILL IN"]
    )
)
keys = st.sampled_from(NAMES) | st.text("abcdefghij_", max_size=9)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=30,
)
pieces = st.sampled_from(
    [*NAMES, ":", ": ", "\n", "\n  ", "- ", "[", "]", "{", "}", "&a ", "*a", "!x ", "!!int ", "<<", "? ", "'", '"', "|",
     "#", "x", "5", "\t", "---", "%YAML 1.1\n", "\\", "\x00", "\ud800", "\N{GRINNING FACE}", "@", "`", ",", "~", "..."]
)  # fmt: skip


def outcome(text: str) -> Config | ConfigError:
    try:
        return load_text(text, PATH)
    except ConfigError as error:
        found = error
    assert found.problems
    assert str(found).encode()
    assert str(found).count("\n") == len(found.problems)
    return found


@given(st.dictionaries(keys, trees, max_size=9))
def test_any_tree(tree: dict[str, Any]) -> None:
    outcome(json.dumps(tree, ensure_ascii=False))


@given(st.text())
def test_any_text(text: str) -> None:
    outcome(text)


@given(st.lists(pieces, max_size=30).map("".join))
def test_any_pieces_of_yaml(text: str) -> None:
    outcome(text)
    outcome(GOOD + text)


@given(st.sampled_from(SECTIONS), st.data())
def test_one_setting_of_a_good_file(section: type[Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([item.name for item in fields(section)]))
    value = data.draw(trees)
    tree = YAML(typ="safe", pure=True).load(GOOD)
    tree.setdefault(section.__name__.lower(), {})[name] = value
    found = outcome(json.dumps(tree, ensure_ascii=False))  # JSON is YAML
    own = f"{section.__name__.lower()}.{name}"
    if isinstance(found, ConfigError):
        assert all(problem.path.startswith(own) or "differ" in problem.text for problem in found.problems)
