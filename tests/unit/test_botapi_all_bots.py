"""What must hold for each command of each bot that comes with Postkamer."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bots import BOTS
from bridge.botapi import Bot, Catalog, Entry, Named, Room, Say
from bridge.botapi.catalog import folder_of
from bridge.botapi.convert import Binder
from bridge.botapi.strings import LANGUAGES, OWN, PLACEHOLDER, Strings
from bridge.botapi.testing import FakeDirectory, Talk
from bridge.botapi.testing.talk import NOW
from bridge.botapi.values import Reader
from bridge.botapi.words import split

ROOT = Path(__file__).resolve().parents[2]
DIRECT = Room("!dm:example.org", "Anna", encrypted=False, direct=True)
CATALOG = Catalog([bot() for bot in BOTS])
ENTRIES = [pytest.param(entry, id=f"{entry.bot.name}.{entry.method}") for entry in CATALOG.entries]
# Methods and functions whose first argument is a key; of some it is only so when it is a text.
SAYS = {"say", "line", "and_say", "Say", "UserError", "UsageError", "BotError"}
PLURALS = (".one", ".other")


class Anything(FakeDirectory):
    """Every word is the name of somebody, and of a room."""

    async def people(self, text: str) -> list[Named]:
        return [] if " " in text else [Named("@anybody:example.org", text)]

    async def rooms(self, text: str) -> list[Named]:
        return [] if " " in text else [Named("!any:example.org", text)]


def everybody() -> Talk:
    people = {"@anna:example.org": "Anna", "@bob:example.org": "Bob"}
    return Talk([bot() for bot in BOTS], directory=FakeDirectory(people, {"!a:example.org": "Productie"}))


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_stranger_is_ignored_and_when_addressed_refused(entry: Entry, language: str) -> None:
    talk = everybody()
    talk.roles, talk.language = (), language
    line = (entry.example(language) or f"!{entry.phrase(language)}").removeprefix("!")
    ignored = await talk.ask(f"!{line}")
    assert ignored.answer is None
    for room in (talk.room, DIRECT):
        talk.room = room
        refused = await talk.ask(line)
        assert refused.text.startswith("⛔")
        assert not refused.answer or not any((refused.effects.jobs, refused.effects.settings, refused.buttons))


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_help_is_there_for_who_may_and_for_nobody_else(entry: Entry, language: str) -> None:
    talk = everybody()
    talk.language = language
    other = "en" if language == "nl" else "nl"
    talk.roles = (entry.allow,)
    shown = (await talk.ask(f"!help {entry.phrase(language)}")).text
    assert f"`{entry.usage(language)}`" in shown
    assert entry.phrase(other) == entry.phrase(language) or f"`!{entry.phrase(other)}`" in shown
    text = entry.strings.find(language, f"{entry.method}.help", {})
    assert text
    assert text in shown
    assert entry.usage(language) in (await talk.ask("help")).text
    if entry.allow in {"manager", "auditor", "it"}:
        talk.roles = ("guest", "staff")
        assert entry.usage(language) not in (await talk.ask("help")).text
        assert entry.usage(language) not in (await talk.ask(f"help {entry.phrase(language)}")).text


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_its_example_is_understood(entry: Entry, language: str) -> None:
    talk = everybody()
    talk.target = "$target"
    shown = entry.strings.find(language, f"{entry.method}.example", {})
    needed = [param for param in entry.params if param.required and not param.kind.here]
    assert shown is not None or not needed, "it has no example"
    ask = replace(await talk._new_ask(), directory=Anything())
    await Binder(entry, ask, split(shown or "")).bind()


@cache
def literals(folder: Path) -> frozenset[str]:
    """Every text in the code of a folder, also the parts of f-strings."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


@cache
def keys_said(folder: Path) -> frozenset[str]:
    """The keys that stand in the code as the first argument of what says something."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                first = node.args[0]
                choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                if name in SAYS:
                    found |= {
                        one.value for one in choices if isinstance(one, ast.Constant) and isinstance(one.value, str)
                    }
    return frozenset(found)


@pytest.mark.parametrize("bot", BOTS, ids=lambda bot: bot.name)
def test_every_key_that_is_said_is_there(bot: type[Bot]) -> None:
    strings = CATALOG.strings[bot.name]
    said = keys_said(folder_of(bot()).parent)
    assert {key for key in said if not strings.has(key) and not CATALOG.lexicon.own.has(key)} == set()


def declared(bot: str) -> set[str]:
    """Keys that a declaration asks for."""
    keys = {"about", "more"}
    for entry in CATALOG.entries:
        if entry.bot.name == bot:
            keys |= {f"{entry.method}.help", f"{entry.method}.example"}
            for param in entry.params:
                prefix = f"{entry.method}.{param.name}"
                keys |= {prefix, *(f"{prefix}.{choice}" for choice in param.kind.choices)}
    for setting in CATALOG.settings:
        if setting.bot.name == bot:
            prefix = f"settings.{setting.name}"
            keys |= {prefix, f"{prefix}.help", *(f"{prefix}.{choice}" for choice in setting.kind.choices)}
    return keys


def unused(strings: Strings, known: set[str], texts: frozenset[str]) -> set[str]:
    """Keys that the code neither has nor can put together of its texts (`f"panel.set_{scope}"`)."""
    left = set()
    for key in strings.keys - known:
        plain = next((key.removesuffix(ending) for ending in PLURALS if key.endswith(ending)), key)
        reached = {0}
        for end in range(1, len(plain) + 1):
            if any(plain[start:end] in texts for start in reached):
                reached.add(end)
        if len(plain) not in reached:
            left.add(key)
    return left


@pytest.mark.parametrize("bot", BOTS, ids=lambda bot: bot.name)
def test_no_string_of_a_bot_is_unused(bot: type[Bot]) -> None:
    folders = (folder_of(bot()).parent, *(ROOT / "bridge" / part for part in ("engine", "botapi", "search")))
    texts = frozenset(text for folder in folders for text in literals(folder))
    assert unused(CATALOG.strings[bot.name], declared(bot.name), texts) == set()


def test_no_string_of_the_framework_is_unused() -> None:
    texts = literals(ROOT / "bridge" / "botapi") | literals(ROOT / "bridge" / "engine")
    assert unused(Strings.load(OWN), set(), texts) == set()


def test_every_key_that_the_framework_says_is_there() -> None:
    own = Strings.load(OWN)
    said = keys_said(ROOT / "bridge" / "botapi") | keys_said(ROOT / "bridge" / "engine")
    others = {key for strings in CATALOG.strings.values() for key in strings.keys}
    assert {key for key in said if "." in key and not own.has(key) and key not in others} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_written_out(language: str) -> None:
    """With the names of its placeholders as their values: Markdown that does not close would show."""
    talk = everybody()
    renderer = talk._runner._renderer
    reader = Reader(language, ZoneInfo("Europe/Amsterdam"), NOW)
    for name, strings in [*CATALOG.strings.items(), (None, CATALOG.lexicon.own)]:
        for key in strings.keys:
            text = strings.find(language, key, {}) or ""
            values = dict.fromkeys(PLACEHOLDER.findall(text), "x")
            shown = renderer.say(name, Say(key, dict(values)), reader)
            assert "**" not in shown.html, key
            assert "`" not in shown.html, key
