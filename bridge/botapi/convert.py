"""The words of a line as the arguments of a command."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.botapi import moments, readers
from bridge.botapi.actions import MOST_CHOICES, Choice
from bridge.botapi.ask import Person, Room
from bridge.botapi.errors import UsageError
from bridge.botapi.reply import Code, excerpt
from bridge.botapi.words import plain_word, quote
from bridge.links import permalink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.botapi.ask import Ask
    from bridge.botapi.catalog import Entry
    from bridge.botapi.params import Parameter
    from bridge.botapi.ports import Named
    from bridge.botapi.words import Line, Word

_LONGEST: Final = {"moment": 9, "past": 9, "date": 6, "duration": 9, "person": 4, "room": 6}  # words
_ME: Final = frozenset(("ik", "me", "mij", "mezelf", "i", "myself"))
_HERE: Final = frozenset(("hier", "here", "deze kamer", "this room", "dit gesprek", "this chat"))


class QuestionError(Exception):
    """Something is missing or means several things, and one of these would do."""

    def __init__(self, what: str, choices: Sequence[Choice]) -> None:
        super().__init__(what)
        self.what = what
        self.choices = tuple(choices)


@dataclass(frozen=True, slots=True)
class Taken:
    """A value, and how many words it was made of."""

    value: object
    words: int


class Binder:
    """Makes arguments of one line."""

    def __init__(self, entry: Entry, ask: Ask, line: Line) -> None:
        self._entry = entry
        self._ask = ask
        self._line = line

    async def bind(self) -> dict[str, object]:
        """The arguments by name.

        Raises:
            UsageError: a word means nothing, is missing, or is left over.
            QuestionError: the person can choose.
        """
        values: dict[str, object] = {}
        at = 0
        skipped: UsageError | None = None
        for param in self._entry.params:
            here = param.kind.here and not self._ask.room.direct
            values[param.name] = self._ask.room if here else param.default
            required = param.required and not here
            try:
                taken = await self._take(param, at)
            except UsageError as error:
                if required:
                    raise
                skipped = skipped or error
                continue
            if taken is not None:
                values[param.name] = taken.value
                at += taken.words
            elif required:
                raise await self._missing(param)
        if at < len(self._line.words):
            raise skipped or UsageError("error.too_much", given=excerpt(self._line.rest(at)))
        return values

    async def _take(self, param: Parameter, at: int) -> Taken | None:
        """The value of the next words; None when there are none."""
        if param.kind.name == "target":
            return self._target(at)
        if at < len(self._line.words):
            return await self._value(param, at)
        return await self._only_room() if param.kind.here and self._ask.room.direct else None

    async def _value(self, param: Parameter, at: int) -> Taken:
        match param.kind.name:
            case "rest":
                return Taken(self._line.rest(at), len(self._line.words) - at)
            case "person":
                return await self._person(param, at)
            case "room":
                return await self._room(param, at)
            case "moment" | "past" | "date" | "duration":
                return self._moment(param, at)
            case _:
                word, words = self._line.words[at].text, self._entry.choices(param)
                return Taken(readers.read(param.kind, word, words, self._ask.language), 1)

    def _target(self, at: int) -> Taken | None:
        if at < len(self._line.words):
            text = self._line.words[at].text
            link = permalink(text)
            if link and (link.event_id or link.id.startswith("$")):
                return Taken(link.event_id or link.id, 1)
        return Taken(self._ask.target, 0) if self._ask.target else None

    def _moment(self, param: Parameter, at: int) -> Taken:
        ask, kind = self._ask, param.kind.name
        for count in self._sizes(kind, at):
            text = self._text(at, count)
            found: object
            if kind == "duration":
                found = moments.duration(text)
            elif kind == "date":
                found = moments.day(text, ask.now, ask.timezone)
            else:
                found = moments.moment(text, ask.now, ask.timezone, past=kind == "past")
            if found is not None:
                return Taken(found, count)
        given = self._text(at, max(self._sizes(kind, at)))
        key = {"duration": "error.not_duration", "date": "error.not_date"}.get(kind, "error.not_moment")
        raise UsageError(key, given=excerpt(given))

    async def _person(self, param: Parameter, at: int) -> Taken:
        sender = self._ask.sender
        if plain_word(self._line.words[at].text) in _ME:
            return Taken(Person(sender.user_id, sender.name), 1)
        found, count = await self._look_up(param, at)
        return Taken(Person(found.id, found.name), count)

    async def _room(self, param: Parameter, at: int) -> Taken:
        for count in (2, 1):
            if plain_word(self._text(at, count)) in _HERE:
                return Taken(self._ask.room, count)
        found, count = await self._look_up(param, at)
        return Taken(self._found_room(found), count)

    async def _only_room(self) -> Taken | None:
        """Who has one room alone need not say which."""
        found = await self._ask.directory.rooms("")
        return Taken(self._found_room(found[0]), 0) if len(found) == 1 else None

    def _found_room(self, found: Named) -> Room:
        room = self._ask.room
        return room if found.id == room.room_id else Room(found.id, found.name)

    async def _look_up(self, param: Parameter, at: int) -> tuple[Named, int]:
        """The longest name that somebody or some room has."""
        for count in self._sizes(param.kind.name, at):
            text = self._text(at, count)
            link = permalink(text)
            wanted = link.id if link else text
            found = await self._named(param, wanted)
            same = [one for one in found if plain_word(wanted) in {plain_word(one.name), plain_word(one.id)}]
            # Where a room need not be named, only its whole name means it: the words may belong to what follows.
            exact = same if param.kind.here and not self._ask.room.direct else same or list(found)
            if len(exact) == 1:
                return exact[0], count
            if exact:
                raise self._several(param, at, count, exact)
        given = excerpt(self._text(at, 1))
        raise UsageError("error.no_such_room" if param.kind.name == "room" else "error.no_such_person", given=given)

    async def _named(self, param: Parameter, text: str) -> Sequence[Named]:
        directory = self._ask.directory
        return await (directory.rooms(text) if param.kind.name == "room" else directory.people(text))

    def _several(self, param: Parameter, at: int, count: int, found: Sequence[Named]) -> Exception:
        words = self._line.words
        before, after = self._line.text[: words[at].start], self._line.text[words[at + count - 1].end :]
        names = Counter(one.name for one in found)
        labels = [one.name if names[one.name] == 1 else f"{one.name} ({one.id})" for one in found]
        choices = [Choice(label, f"{before}{quote(one.id)}{after}") for label, one in zip(labels, found, strict=True)]
        return self._question(param, choices) or UsageError("error.several", given=excerpt(self._text(at, count)))

    async def _missing(self, param: Parameter) -> Exception:
        """What is asked, or said, when a word is not there."""
        kind, language = param.kind.name, self._ask.language
        if kind == "target":
            return UsageError("error.no_target")
        options: list[tuple[str, str]] = []
        if kind == "choice":
            options = [(spellings[0], spellings[0]) for spellings in self._entry.choices(param)[language].values()]
        elif kind == "bool":
            options = [(word[language], word[language]) for word in (readers.YES, readers.NO)]
        elif kind in {"person", "room"}:
            options = [(one.name, one.id) for one in await self._named(param, "")]
        choices = [Choice(label, f"{self._line.text} {quote(word)}".strip()) for label, word in options]
        return self._question(param, choices) or UsageError("error.missing", what=Code(self._name(param)))

    def _question(self, param: Parameter, choices: Sequence[Choice]) -> QuestionError | None:
        """Only in a direct chat may the names of rooms and people be shown: others in a room may not know them."""
        private = param.kind.name in {"person", "room"}
        if not 1 <= len(choices) <= MOST_CHOICES or (private and not self._ask.room.direct):
            return None
        return QuestionError(self._name(param), choices)

    def _name(self, param: Parameter) -> str:
        key = f"{self._entry.method}.{param.name}"
        return self._entry.strings.find(self._ask.language, key, {}) or param.name

    def _sizes(self, kind: str, at: int) -> range:
        """How many words may be one value, longest first; what is in quotes stands by itself."""
        words: Sequence[Word] = self._line.words[at : at + _LONGEST[kind]]
        if words[0].quoted:
            return range(1, 0, -1)
        bare = next((index for index, word in enumerate(words) if word.quoted), len(words))
        return range(bare, 0, -1)

    def _text(self, at: int, count: int) -> str:
        return " ".join(word.text for word in self._line.words[at : at + count])
