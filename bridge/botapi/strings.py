"""The texts of a bot: `strings/nl.yaml` and `strings/en.yaml`, keys with light Markdown and named placeholders.

A key is written flat (`status.help: …`) or nested. A text for which `count` matters is two: `KEY.one` and `KEY.other`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.botapi.reply import Value

LANGUAGES: Final = ("nl", "en")
PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PLACED_IN_URL: Final = re.compile(r"\]\([^)]*\{")
OWN: Final = Path(__file__).parent / "strings"  # the framework's


class Strings:
    """The texts of one folder, by language and key; both languages have the same keys."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]], where: str) -> None:
        problems = list(_problems(texts))
        if problems:
            raise PostkamerError("\n  ".join((f"{where}: {len(problems)} problem(s)", *problems)))
        self.where = where
        self.keys = frozenset(texts["nl"])
        self._texts = texts

    @classmethod
    def load(cls, folder: Path) -> Strings:
        """Read a folder.

        Raises:
            PostkamerError: a file is missing or no YAML, or the languages differ in keys or placeholders.
        """
        return cls({language: _read(folder / f"{language}.yaml") for language in LANGUAGES}, str(folder))

    def has(self, key: str) -> bool:
        """Whether a reply may say this."""
        return key in self.keys or f"{key}.other" in self.keys

    def find(self, language: str, key: str, values: Mapping[str, Value]) -> str | None:
        """The text with its placeholders; None when there is no such key."""
        texts = self._texts[language]
        if key not in texts:
            key = f"{key}.one" if values.get("count") == 1 and f"{key}.one" in texts else f"{key}.other"
        return texts.get(key)


class Lexicon:
    """All strings that a reply may use: those of its bot, and the framework's; `BOT:KEY` is one of another bot."""

    def __init__(self, bots: Mapping[str, Strings]) -> None:
        self.own = Strings.load(OWN)
        self.bots = bots

    def find(self, bot: str | None, language: str, key: str, values: Mapping[str, Value]) -> str:
        """The text with its placeholders.

        Raises:
            LookupError: there is no such key.
        """
        other, colon, name = key.partition(":")
        if colon:
            bot, key = other, name
        theirs = self.bots[bot].find(language, key, values) if bot is not None else None
        found = theirs if theirs is not None else self.own.find(language, key, values)
        if found is None:
            raise LookupError(f"{bot}: no string {key!r}")
        return found


def _read(path: Path) -> dict[str, str]:
    try:
        tree = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PostkamerError(f"{path} is not there", "each bot says everything in Dutch and in English") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise PostkamerError(f"{path}: {error}") from None
    found: dict[str, str] = {}
    for key, text in _flat(tree or {}, "", path):
        if found.setdefault(key, text) is not text:
            raise PostkamerError(f"{path}: {key} is there twice")
    return found


def _flat(tree: Any, prefix: str, path: Path) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key), path)
    elif isinstance(tree, str) and prefix:
        yield prefix, tree.strip()
    else:
        raise PostkamerError(f"{path}: {prefix or 'the file'} is not a text", "put it in quotes")


def _problems(texts: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    dutch, english = texts["nl"], texts["en"]
    for key in sorted(dutch.keys() ^ english.keys()):
        yield f"{key} is missing in {'en' if key in dutch else 'nl'}.yaml"
    for key in sorted(dutch.keys() & english.keys()):
        if _placeholders(key, dutch[key]) != _placeholders(key, english[key]):
            yield f"{key} has other placeholders in nl.yaml than in en.yaml"
    for language, found in texts.items():
        for key, text in found.items():
            if re.search("[{}]", PLACEHOLDER.sub("", text)):
                yield f"{language}.yaml: {key} has a brace that is no {{placeholder}}"
            if _PLACED_IN_URL.search(text):
                yield f"{language}.yaml: {key} has a placeholder in the address of a link; use the value Link"
            if key.endswith(".one") and f"{key[:-4]}.other" not in found:
                yield f"{language}.yaml: {key} has no {key[:-4]}.other beside it"


def _placeholders(key: str, text: str) -> set[str]:
    """`KEY.one` may leave out the number."""
    found = set(PLACEHOLDER.findall(text))
    return found - {"count"} if key.endswith(".one") else found
