"""An obvious, slow search that looks at every message: what the index finds is compared with what this finds."""
# ruff: noqa: PLR0911, RUF001 (tables; what looks like another character is meant)

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.search.numbers import numbers
from bridge.search.query import (
    AllOf,
    AnyOf,
    Exact,
    FileName,
    FileType,
    Has,
    In,
    Is,
    Label,
    Near,
    Not,
    Part,
    Phrase,
    Size,
    Thread,
    When,
    Who,
    Word,
)
from tests.storage.searching import analysis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from bridge.search.query import Filter, Node, Text
    from bridge.storage.readable import Place, Readable

LETTER = r"[^\W_]"


@dataclass(frozen=True)
class Written:
    """A message and all that can be asked of it.

    Attributes:
        file: name, media type and bytes.
        thread: the first message of its thread; of one that is in none its own id.
        reactions: by key the place of the first one.
        chat: the people of the room when it is a chat of two.
    """

    event_id: str
    room: str
    sender: str
    sent_at: datetime
    place: Place
    text: str
    file: tuple[str, str, int] | None
    mentions: frozenset[str]
    thread: str
    edited: bool
    reactions: Mapping[str, Place]
    chat: frozenset[str]


class Scan:
    """A search of all that was written, for somebody who may read some of it."""

    def __init__(self, written: Sequence[Written], readable: Readable) -> None:
        self.read = [
            replace(one, reactions={k: at for k, at in one.reactions.items() if readable.may_read(one.room, at)})
            for one in written
            if readable.may_read(one.room, one.place)
        ]

    def find(self, root: Node | None, *, oldest_first: bool = False) -> list[str]:
        """The event ids of what is asked for, newest first."""
        found = [one for one in self.read if root is not None and self.matches(one, root)]
        found.sort(key=lambda one: (one.sent_at, one.place[0] + one.place[1]), reverse=not oldest_first)
        return [one.event_id for one in found]

    def matches(self, one: Written, node: Node) -> bool:
        """Whether a message is asked for."""
        match node:
            case AllOf(nodes):
                return all(self.matches(one, each) for each in nodes)
            case AnyOf(nodes):
                return any(self.matches(one, each) for each in nodes)
            case Not(inner):
                return not self.matches(one, inner)
            case Word() | Exact() | Phrase() | Part():
                return _has_text(one.text, node)
            case Near(left, right, distance):
                both = _has_text(one.text, left) and _has_text(one.text, right)
                return both and _near(one.text, left, right, distance)
            case Who("with", name):
                return name in one.chat or one.thread in self._threads({name})
            case Thread(name):
                return any(other.event_id == name and other.thread == one.thread for other in self.read)
        return _fits(one, node)

    def _threads(self, people: set[str]) -> set[str]:
        """In which these have written."""
        threads = {one.thread for one in self.read if one.thread != one.event_id}
        return threads & {one.thread for one in self.read if one.sender in people}


def _fits(one: Written, node: Filter) -> bool:
    match node:
        case Who("from", name):
            return one.sender == name
        case Who("mentions", name):
            return name in one.mentions
        case Who("to", name):
            return name in one.mentions or (name in one.chat and one.sender != name)
        case In(name):
            return one.room == name
        case When(start, end):
            return (start is None or one.sent_at >= start) and (end is None or one.sent_at < end)
        case Has("emoji", emoji):
            return emoji in one.reactions or str(emoji) in one.text
        case Has(thing):
            return thing in _holds(one)
        case Is("dm"):
            return bool(one.chat)
        case Is(state):
            return state == "edited" and one.edited
        case Label(name):
            return fold(name) in re.findall(r"(?:^|(?<=\s))#(?=[^\W\d])([\w-]+)", fold(one.text))
    return one.file is not None and _is_file(*one.file, node)


def _is_file(name: str, kind: str, size: int, node: Filter) -> bool:
    match node:
        case FileName(text):
            return fold(text) in fold(name)
        case FileType(types):
            return bool(set(types) & {fold(name).rpartition(".")[2], kind, *kind.split("/")})
        case Size(over, under):
            return (over is None or size > over) and (under is None or size < under)
    raise AssertionError(node)


def fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(char for char in plain if not unicodedata.combining(char) and char != "\u00ad")
    for letter, letters in (("æ", "ae"), ("œ", "oe"), ("ø", "o"), ("đ", "d"), ("ð", "d"), ("ł", "l"), ("ı", "i")):
        plain = plain.replace(letter, letters)
    return plain


def words_of(text: str) -> list[str]:
    return re.findall(f"{LETTER}+", re.sub("(?<=[^\\W\\d_])['’]s\\b", "", fold(text)))


def _holds(one: Written) -> set[str]:
    found = {number.kind for number in numbers(one.text)} | ({"reaction"} if one.reactions else set())
    if "https://" in one.text:
        found.add("link")
    if one.file is not None:
        found |= {"file", "image"} if one.file[1].startswith("image/") else {"file"}
    return set(map(str, found))


def _has_text(text: str, node: Text) -> bool:
    words = words_of(text)
    match node:
        case Part(part, open_start, open_end):
            return any(_part(fold(part), word, open_start=open_start, open_end=open_end) for word in words)
        case Exact(asked) | Phrase(asked):
            return _in_order(words, words_of(asked), str.__eq__) and all(
                _stands_in(text, code) for code in asked.split() if _is_code(code)
            )
        case Word(asked):
            if wanted := {number.form for number in numbers(asked)}:
                return bool(wanted & {number.form for number in numbers(text)}) or _in_order(
                    words, words_of(asked), str.__eq__
                )
            if not words_of(asked) or re.search(r"[+#]$|^[.-]", asked):
                return _stands_in(text, asked)
            sought = words_of(asked)
            return (
                _in_order(words, sought, _same_stem(analysis().dutch))
                or _in_order(words, sought, _same_stem(analysis().english))
                or (len(sought) == 1 and any(analysis().dutch(sought[0]) in analysis().parts(word) for word in words))
            )


def _same_stem(stem: Callable[[str], str]) -> Callable[[str, str], bool]:
    return lambda one, other: stem(one) == stem(other)


def _part(part: str, word: str, *, open_start: bool, open_end: bool) -> bool:
    if open_start and open_end:
        return part in word
    return word.endswith(part) if open_start else word.startswith(part)


def _in_order(words: list[str], sought: list[str], same: Callable[[str, str], bool]) -> bool:
    return any(
        all(same(word, other) for word, other in zip(words[at:], sought, strict=False))
        for at in range(len(words) - len(sought) + 1)
    )


def _is_code(asked: str) -> bool:
    return not re.fullmatch(rf"[\"'(,;:!?.]*{LETTER}+[\"'),;:!?.]*", asked)


def _stands_in(text: str, asked: str) -> bool:
    """As it is written, not as a piece of a longer word."""
    asked = fold(asked.rstrip("?!,;:."))
    before = f"(?<!{LETTER})" if asked[:1].isalnum() else ""
    behind = f"(?!{LETTER})" if asked[-1:].isalnum() else ""
    return re.search(before + re.escape(asked) + behind, fold(text)) is not None


def _near(text: str, left: Text, right: Text, distance: int) -> bool:
    """With at most so many words in between, in either order; symbols have no place among words."""
    words = words_of(text)
    if not words_of(left.text) or not words_of(right.text):
        return True
    for stem in (analysis().dutch, analysis().english):
        places = [
            [at for at, word in enumerate(words) if stem(word) == stem(words_of(side.text)[0])]
            for side in (left, right)
        ]
        if any(at != other and abs(at - other) - 1 <= distance for at in places[0] for other in places[1]):
            return True
    return False
