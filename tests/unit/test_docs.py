"""The documentation speaks of what is there, and of all of it."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
from ruamel.yaml import YAML

from bridge.cli import COMMANDS, parser
from bridge.config.kind import Kind
from bridge.config.loader import load
from bridge.config.schema import Config
from bridge.monitor.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
# A command in running text or in a block: the word, and what follows it on its line.
COMMAND = re.compile(r"(?:^|[\s`/(])postkamer +(?!postkamer\b)([a-z]+(?:-[a-z]+)*)\b([^`\n]*)", re.MULTILINE)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return [block for _, name, block in FENCE.findall(text_of(page)) if name == language]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def commands() -> dict[str, argparse.ArgumentParser]:
    top = parser()
    (sub,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    return dict(sub.choices)


def options(command: argparse.ArgumentParser) -> list[list[str]]:
    """The names of each option."""
    return [
        list(action.option_strings) for action in command._actions if action.option_strings and action.dest != "help"
    ]


def settings(cls: type[Any] = Config, prefix: str = "") -> Iterator[str]:
    hints = get_type_hints(cls, include_extras=True)
    for item in fields(cls):
        kind = Kind.of(hints[item.name])
        if kind.is_section:
            yield from settings(kind.type, f"{prefix}{item.name}.")
            continue
        yield f"{prefix}{item.name}"
        if kind.item is not None and kind.item.is_section:
            yield from settings(kind.item.type, f"{prefix}{item.name}[].")


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_pages_are_there() -> None:
    there = {name_of(page) for page in PAGES}
    wanted = {f"docs/{name}.md" for name in ("README", "install", "config", "commands", "operate")}
    wanted |= {f"{name}.md" for name in ("README", "ARCHITECTURE", "THREAT_MODEL", "CONTRIBUTING", "CHANGELOG")}
    assert wanted <= there
    index = text_of(DOCS / "README.md")
    assert [
        name for name in wanted if name not in {"README.md", "docs/README.md"} and Path(name).name not in index
    ] == []


def test_every_command_and_option_is_documented() -> None:
    page = text_of(DOCS / "commands.md")
    assert set(commands()) == set(COMMANDS)
    missing = [name for name in commands() if f"postkamer {name}" not in page]
    missing += [
        f"{name} {names}"
        for name, command in commands().items()
        for names in options(command)
        if not re.search(rf"(?<![\w-])({'|'.join(names)})(?![\w-])", page)
    ]
    assert missing == []


def test_every_setting_is_documented() -> None:
    example = YAML(typ="safe").load(ROOT / "config.example.yaml")
    page = text_of(DOCS / "config.md")
    missing = []
    for name in settings():
        node = example
        for key in name.split("."):
            node = node.get(key.removesuffix("[]"), ...) if isinstance(node, dict) else ...
            node = node[0] if key.endswith("[]") and isinstance(node, list) else node
        if node is ... and name not in page:
            missing.append(name)
    assert missing == []


def test_every_metric_is_documented() -> None:
    """By the name that Prometheus shows, with its labels."""
    named = set(re.findall(r"`(postkamer_\w+(?:\{[^}]*\})?)`", text_of(DOCS / "operate.md")))
    metrics = Metrics()
    there = set()
    for collector in vars(metrics).values():
        if hasattr(collector, "_labelnames"):
            labels = ",".join(collector._labelnames)
            total = "_total" if collector._type == "counter" else ""
            there.add(collector._name + total + (f"{{{labels}}}" if labels else ""))
    assert named == there
    assert len(there) > 5


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for match in LINK.finditer(FENCE.sub("", text_of(page))):
        target = match[1] or match[2]
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path) if path else page
        if not other.exists() or (anchor and anchor not in anchors(other)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_that_are_named_exist(page: Path) -> None:
    wrong = []
    for match in COMMAND.finditer(text_of(page)):
        name, rest = match[1], match[2].partition("#")[0]
        if name not in commands():
            wrong.append(match[0].strip())
            continue
        known = {option for names in options(commands()[name]) for option in names}
        wrong += [f"{name} {option}" for option in re.findall(r"(?<![\w-])--[a-z-]+", rest) if option not in known]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_in_blocks_are_accepted(page: Path) -> None:
    """Lines that begin with `postkamer` parse, when they are complete (no … or [ in them)."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.strip(), comments=True)
            if words[:1] == ["postkamer"] and "..." not in line and "[" not in line:
                assert commands()[words[1]] is not None
                parser((words[1],)).parse_args(words[1:])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text_of(page), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_that_are_named_exist(page: Path) -> None:
    known = set(settings())
    sections = {name.partition(".")[0] for name in known if "." in name}
    named = set(re.findall(rf"`((?:{'|'.join(sorted(sections))})\.[a-z_]+)`", text_of(page)))
    assert {name for name in named - {"homeserver.yaml"} if name.removesuffix("_file") not in known} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_of_settings_are_accepted(page: Path, tmp_path: Path) -> None:
    """A block that begins with `# config.yaml` is laid over what a config must have, and read."""
    for number, block in enumerate(block for block in blocks(page, "yaml") if block.startswith("# config.yaml")):
        secret = tmp_path / "secret"
        secret.write_text("postgresql://postkamer:x@db/postkamer", encoding="utf-8")
        content = YAML(typ="safe").load(re.sub(r"/run/secrets/\S+", str(secret), block))
        needed: dict[str, dict[str, str]] = {
            "homeserver": {"address": "http://127.0.0.1:8008", "server_name": "example.com"},
            "appservice": {"as_token": "a" * 40, "hs_token": "b" * 40},
            "encryption": {"pickle_key": "c" * 40},
        }
        for section, values in needed.items():
            content[section] = {**values, **content.get(section, {})}
        path = tmp_path / f"{number}.yaml"
        YAML().dump(content, path)
        assert is_dataclass(load(path))


@cache
def texts_of_the_program() -> str:
    """All texts in the source, one a line; a text with values in it gives each of its constant parts."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "bridge").rglob("*.py")))
    nodes = (node for tree in trees for node in ast.walk(tree))
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_problems_that_are_explained_exist() -> None:
    table = re.findall(r"^\| `([^`]+)` \|", text_of(DOCS / "install.md"), re.MULTILINE)
    assert len(table) > 10
    program = texts_of_the_program()
    missing = [f"{row}: {part!r}" for row in table for part in row.split("…") if part.strip(" :") not in program]
    assert missing == []
