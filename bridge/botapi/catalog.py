"""All that some bots can do, read from their declarations once, with every mistake found at the start."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from bridge.botapi import settings
from bridge.botapi.bot import Words
from bridge.botapi.params import choice_words, parameters, usage
from bridge.botapi.strings import LANGUAGES, Lexicon, Strings
from bridge.botapi.words import plain_phrase, plain_word
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.botapi.bot import Bot, Command
    from bridge.botapi.kinds import Kind
    from bridge.botapi.params import ChoiceWords, Parameter
    from bridge.botapi.rights import Role
    from bridge.botapi.settings import Scope
    from bridge.botapi.words import Word

HELP: Final = Words(nl="help", en="help", also=("hulp", "?"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A command of a bot, with all that running it and explaining it needs."""

    bot: Bot
    command: Command
    params: tuple[Parameter, ...]
    strings: Strings

    @property
    def method(self) -> str:
        """The name of its method."""
        return self.command.method

    @property
    def allow(self) -> Role:
        """The role that it needs."""
        return self.command.allow

    def phrase(self, language: str) -> str:
        """Its words, without `!`: `archief status`."""
        group = self.bot.words
        words = (group, self.command.words) if group else (self.command.words,)
        return " ".join(word for one in words if (word := in_language(one, language)))

    def usage(self, language: str) -> str:
        """`!archief terug <periode>`."""
        return " ".join((f"!{self.phrase(language)}", *usage(self.strings, language, self.method, self.params)))

    def example(self, language: str) -> str | None:
        """`!archief terug 3 dagen`; None when there is none."""
        shown = self.strings.find(language, f"{self.method}.example", {})
        return f"!{self.phrase(language)} {shown}" if shown else None

    def choices(self, param: Parameter) -> ChoiceWords:
        """The words for each value of a Literal, by language and value."""
        return choice_words(self.strings, f"{self.method}.{param.name}", param.kind.choices)


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that people may set: a field of `cls`."""

    bot: Bot
    scope: Scope
    cls: type[Any]
    name: str
    kind: Kind
    default: object
    strings: Strings

    def word(self, language: str) -> str:
        """What it is called."""
        return self.strings.find(language, f"settings.{self.name}", {}) or self.name

    def choices(self) -> ChoiceWords:
        """The words for each value of a Literal, by language and value."""
        return choice_words(self.strings, f"settings.{self.name}", self.kind.choices)


@runtime_checkable
class Meets(Protocol):
    """A bot that wants to know what the bots beside it can do, as the one that helps."""

    def meet(self, catalog: Catalog) -> None:
        """Called once, before any question."""


class Catalog:
    """The commands and settings of some bots.

    Raises (constructor): PostkamerError when two bots claim a word or a name, or one is declared wrongly.
    """

    def __init__(self, bots: Sequence[Bot]) -> None:
        self.bots = tuple(bots)
        self.strings = {bot.name: Strings.load(folder_of(bot)) for bot in bots}
        if len(self.strings) < len(self.bots):
            raise PostkamerError(f"two bots have one name: {', '.join(bot.name for bot in bots)}")
        self.lexicon = Lexicon(self.strings)
        self.entries = tuple(entry for bot in bots for entry in self._entries(bot))
        self.settings = tuple(setting for bot in bots for setting in self._settings(bot))
        self.groups = {plain_word(word): bot for bot in bots if bot.words for word in bot.words}
        self._check_words()
        self._check_own()
        self._check_strings()
        self._words = {self._place(entry, word): entry for entry in self.entries for word in entry.command.words}
        self._longest = max((place[1].count(" ") + 1 for place in self._words), default=1)

    @property
    def first_words(self) -> set[str]:
        """All words with which a line for one of these bots may begin."""
        commands = {place[1].split()[0] for place in self._words if place[0] is None}
        return {*commands, *self.groups, *(plain_word(word) for word in HELP)}

    def find(self, group: Bot | None, word: str) -> Entry | None:
        """The command of a word, or of a few; `group` is the bot whose word stands before it."""
        return self._words.get((group.name if group else None, plain_phrase(word)))

    def match(self, group: Bot | None, words: Sequence[Word]) -> tuple[Entry, int] | None:
        """The command with which a line begins, and how many words of it are the command's: as many as can be."""
        for count in range(min(self._longest, len(words)), 0, -1):
            if entry := self.find(group, " ".join(word.text for word in words[:count])):
                return entry, count
        return None

    def own(self, bot: Bot) -> Entry | None:
        """What a bot's own word does by itself."""
        return next((entry for entry in self.of(bot) if bot.words and not any(entry.command.words)), None)

    def short(self, word: str) -> Entry | None:
        """The command of a word that just one group has; there the word of the group may be left out."""
        found = {id(entry): entry for bot in self.bots if bot.words and (entry := self.find(bot, word))}
        return next(iter(found.values())) if len(found) == 1 else None

    def of(self, bot: Bot) -> Iterator[Entry]:
        """The commands of a bot, in the order in which it declares them."""
        return (entry for entry in self.entries if entry.bot is bot)

    def entry(self, bot: str, method: str | None) -> Entry | None:
        """A command by the name of its method."""
        return next((entry for entry in self.entries if (entry.bot.name, entry.method) == (bot, method)), None)

    def bot(self, name: str) -> Bot | None:
        """A bot by its name."""
        return next((bot for bot in self.bots if bot.name == name), None)

    def _entries(self, bot: Bot) -> Iterator[Entry]:
        strings = self.strings[bot.name]
        order = list(_members(type(bot)))
        for name, found in sorted(bot.commands().items(), key=lambda item: order.index(item[0])):
            yield Entry(bot, found, parameters(getattr(type(bot), name)), strings)

    def _settings(self, bot: Bot) -> Iterator[Setting]:
        scopes: tuple[tuple[Scope, type | None], ...] = (("room", bot.room_settings), ("person", bot.person_settings))
        for scope, cls in scopes:
            if cls is not None:
                found = settings.kinds(cls)
                defaults = cls()
                for name, kind in found.items():
                    yield Setting(bot, scope, cls, name, kind, getattr(defaults, name), self.strings[bot.name])

    @staticmethod
    def _place(entry: Entry, word: str) -> tuple[str | None, str]:
        return (entry.bot.name if entry.bot.words else None, plain_phrase(word))

    def _check_words(self) -> None:
        """Each word means one thing: a group, a command that stands by itself, or a command in its group."""
        owners: dict[tuple[str | None, str], str] = {}
        commands = {f"{entry.bot.name}.{entry.method}" for entry in self.entries}
        for place, owner in self._claims():
            word = place[1]
            if not word or (" " in word and owner not in commands):
                raise PostkamerError(f"{owner}: {word!r} is not a word")
            other = owners.setdefault(place, owner)
            if other != owner:
                raise PostkamerError(f"{owner} and {other} both want the word {word!r}")
            if place[0] is not None and word in {plain_word(one) for one in HELP}:
                raise PostkamerError(f"{owner} wants the word {word!r}, which shows the help of its bot")

    def _check_own(self) -> None:
        """A command has words in both languages, or it is the one of the bot's own word."""
        for bot in self.bots:
            own = [entry for entry in self.of(bot) if not any(entry.command.words)]
            if len(own) > (1 if bot.words else 0):
                names = ", ".join(entry.method for entry in own)
                raise PostkamerError(f"{bot.name}: only one command, below the bot's words, may have none: {names}")
        for entry in self.entries:
            name, words = f"{entry.bot.name}.{entry.method}", entry.command.words
            if bool(words.nl) != bool(words.en):
                raise PostkamerError(f"{name}: {words.nl or words.en!r} is in one language only")

    def _claims(self) -> Iterator[tuple[tuple[str | None, str], str]]:
        """Who wants which word where."""
        for bot in self.bots:
            yield from (((None, plain_word(word)), bot.name) for word in bot.words or ())
        for entry in self.entries:
            owner = f"{entry.bot.name}.{entry.method}"
            yield from ((self._place(entry, word), owner) for word in entry.command.words)
        for setting in self.settings:
            owner = f"the setting {setting.bot.name}.{setting.name} of a {setting.scope}"
            words = {plain_word(setting.word(language)) for language in LANGUAGES}
            yield from ((("a setting", word), owner) for word in words)

    def _check_strings(self) -> None:
        problems = [f"{name}: its strings lack about" for name, found in self.strings.items() if not found.has("about")]
        for entry in self.entries:
            wanted = [f"{entry.method}.help"]
            wanted += [f"{entry.method}.{param.name}" for param in entry.params if param.kind.name != "target"]
            problems += [f"{entry.bot.name}: its strings lack {key}" for key in wanted if not entry.strings.has(key)]
        for setting in self.settings:
            wanted = [f"settings.{setting.name}", f"settings.{setting.name}.help"]
            name, has = setting.bot.name, setting.strings.has
            problems += [f"{name}: its strings lack {key}" for key in wanted if not has(key)]
        for name, strings in self.strings.items():
            twice = sorted(strings.keys & self.lexicon.own.keys)
            problems += [f"{name}: the string {key} is one of the framework's" for key in twice]
        if problems:
            raise PostkamerError("\n".join(problems), f"add them in {' and '.join(LANGUAGES)}")


def folder_of(bot: Bot) -> Path:
    """Where the strings of a bot are: beside the module of its class."""
    return Path(inspect.getfile(type(bot))).parent / "strings"


def in_language(words: Words, language: str) -> str:
    """The word in one language."""
    return words.nl if language == "nl" else words.en


def _members(cls: type) -> Iterator[str]:
    for base in reversed(cls.__mro__):
        yield from vars(base)
