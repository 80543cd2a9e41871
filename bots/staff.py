"""Writes the lists in docs/staff.nl.md and docs/staff.en.md: `python -m bots.staff`, in the root of the repository.

What stands between `<!-- NAME -->` and `<!-- /NAME -->` is made of the declarations and strings of the bots; the rest
of the pages is written by hand.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bots import BOTS
from bridge.botapi import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.botapi import Entry, Strings

LANGUAGES: Final = ("nl", "en")
_ERRORS: Final = frozenset(("BotError", "UsageError", "UserError"))
_WHERE: Final = ("bots", "bridge/botapi", "bridge/engine")
_WHO: Final = {
    "nl": {
        "guest": "",
        "staff": "",
        "manager": " *Voor beheerders van de kamer.*",
        "auditor": " *Voor wie toezicht houdt.*",
        "it": " *Voor IT.*",
    },
    "en": {
        "guest": "",
        "staff": "",
        "manager": " *For managers of the room.*",
        "auditor": " *For auditors.*",
        "it": " *For IT.*",
    },
}
_WORDS: Final = {
    "nl": {"example": "Bijvoorbeeld", "other": "In het Engels", "room": "van een kamer", "person": "van jou"},
    "en": {"example": "For example", "other": "In Dutch", "room": "of a room", "person": "of yours"},
}


def write(root: Path) -> None:
    """Write the lists of both pages anew."""
    catalog = Catalog([bot() for bot in BOTS])
    for language in LANGUAGES:
        path = root / "docs" / f"staff.{language}.md"
        text = path.read_text(encoding="utf-8")
        path.write_text(filled(text, catalog, language, root), encoding="utf-8")


def filled(page: str, catalog: Catalog, language: str, root: Path) -> str:
    """A page with its lists as they are now."""
    lists = {
        "commands": commands(catalog, language),
        "settings": settings(catalog, language),
        "messages": messages(catalog, language, error_keys(root)),
    }
    for name, lines in lists.items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = "\n".join(lines)
        page = mark.sub(lambda found, text=text: f"{found[1]}\n{text}\n{found[2]}", page)  # type: ignore[misc]
    return page


def commands(catalog: Catalog, language: str) -> Iterator[str]:
    """Every command with its usage, what it does, for whom, an example, and its words in the other language."""
    for bot in catalog.bots:
        yield f"### {_text(catalog.strings[bot.name], language, 'about')}\n"
        for entry in catalog.of(bot):
            yield from _command(entry, language)
        yield ""


def _command(entry: Entry, language: str) -> Iterator[str]:
    words, other = _WORDS[language], "en" if language == "nl" else "nl"
    about = _text(entry.strings, language, f"{entry.method}.help")
    yield f"- `{entry.usage(language)}`: {about}.{_WHO[language][entry.allow]}"
    more = []
    if example := entry.example(language):
        more.append(f"{words['example']}: `{example}`.")
    if entry.phrase(other) != entry.phrase(language):
        more.append(f"{words['other']}: `!{entry.phrase(other)}`.")
    if more:
        yield f"  {' '.join(more)}"


def settings(catalog: Catalog, language: str) -> Iterator[str]:
    """Every setting with its meaning and its values."""
    for setting in catalog.settings:
        about = _text(setting.strings, language, f"settings.{setting.name}.help")
        values = ", ".join(f"`{words[0]}`" for words in setting.choices()[language].values())
        tail = f" ({values})" if values else ""
        yield f"- `{setting.word(language)}` {_WORDS[language][setting.scope]}: {about}{tail}."


def messages(catalog: Catalog, language: str, keys: frozenset[str]) -> Iterator[str]:
    """Every way in which a bot says that something did not work."""
    for strings in (catalog.lexicon.own, *catalog.strings.values()):
        shown = sorted(key for key in strings.keys if key.split(".")[0] in {"error", "unknown"} or key in keys)
        for key in shown:
            text = re.sub(r"\{[a-z_0-9]+\}", "…", _text(strings, language, key))
            if text.strip("… ❓⚠️"):
                yield f"- {text}"


def error_keys(root: Path) -> frozenset[str]:
    """The keys of all errors that the code raises."""
    files = (path for folder in _WHERE for path in sorted((root / folder).rglob("*.py")))
    calls = (
        node
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _ERRORS and node.args
    )
    return frozenset(
        first.value
        for call in calls
        if isinstance(first := call.args[0], ast.Constant) and isinstance(first.value, str)
    )


def _text(strings: Strings, language: str, key: str) -> str:
    return strings.find(language, key, {}) or ""


if __name__ == "__main__":
    write(Path.cwd())
