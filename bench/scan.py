"""An obvious, slow search that goes through all messages for every question: what the index must find.

As `tests.storage.slow_scan`, made for hundreds of thousands of messages: it looks at each word once beforehand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bridge.search.folding import LONGEST
from bridge.search.query import AllOf, AnyOf, Exact, Has, In, Near, Not, Part, Phrase, When, Who, Word
from tests.storage.slow_scan import fold, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from bridge.search.analysis import Analysis
    from bridge.search.query import Node, Text
    from bridge.storage.readable import Place, Readable


class Line(NamedTuple):
    """A message."""

    seq: int
    event_id: str
    room_id: str
    sender: str
    sent_at: datetime
    place: Place
    text: str


@dataclass(frozen=True, slots=True)
class _Forms:
    """What a word of a text can be asked by."""

    dutch: str
    english: str
    parts: frozenset[str]


class Scan:
    """All messages, oldest first.

    Args:
        lines: in any order.
    """

    def __init__(self, lines: Sequence[Line], analysis: Analysis) -> None:
        self.lines = sorted(lines, key=lambda one: (one.sent_at, sum(one.place)))
        self.by_seq = {one.seq: one.event_id for one in lines}
        self._analysis = analysis
        known: dict[str, str] = {}
        self._words = [
            tuple(known.setdefault(word, word) for word in (found[:LONGEST] for found in words_of(one.text)))
            for one in self.lines
        ]
        self._forms = {word: self._forms_of(word) for word in known}

    def readable(self, matching: set[int], readable: Readable) -> list[str]:
        """The event ids of those of some messages that may be read, newest first."""
        found = (self.lines[at] for at in sorted(matching, reverse=True))
        return [one.event_id for one in found if readable.may_read(one.room_id, one.place)]

    def matching(self, node: Node) -> set[int]:
        """The numbers of the messages that are asked for, in `lines`."""
        match node:
            case AllOf(nodes):
                return set.intersection(*map(self.matching, nodes))
            case AnyOf(nodes):
                return set().union(*map(self.matching, nodes))
            case Not(inner):
                return set(range(len(self.lines))) - self.matching(inner)
            case Near(one, other, distance):
                return self._near(one, other, distance)
            case Word() | Exact() | Phrase() | Part():
                return self._with_text(node)
        return {at for at, line in enumerate(self.lines) if self._fits(line, node)}

    def _fits(self, line: Line, node: Node) -> bool:
        match node:
            case Who("from", name):
                return line.sender == name
            case In(name):
                return line.room_id == name
            case When(start, end):
                return (start is None or line.sent_at >= start) and (end is None or line.sent_at < end)
            case Has("link"):
                return re.search(r"https?://|\bwww\.", line.text) is not None
        raise NotImplementedError(node)

    def _with_text(self, node: Text) -> set[int]:
        sought = words_of(node.text)
        match node:
            case Part(text, open_start, open_end):
                return self._with_one(_part(fold(text), open_start=open_start, open_end=open_end))
            case Word() if len(sought) == 1:
                return self._with_one(self._same(sought[0]))
            case Exact() | Phrase():
                return set(self._in_order([sought[at].__eq__ for at in range(len(sought))]))
        raise NotImplementedError(node)

    def _with_one(self, fits: Callable[[str], bool]) -> set[int]:
        wanted = {word for word in self._forms if fits(word)}
        return {at for at, words in enumerate(self._words) if not wanted.isdisjoint(words)}

    def _in_order(self, sought: Sequence[Callable[[str], bool]]) -> Iterator[int]:
        wanted = [{word for word in self._forms if fits(word)} for fits in sought]
        for at, words in enumerate(self._words):
            if not wanted[0].isdisjoint(words) and any(
                all(words[start + n] in those for n, those in enumerate(wanted))
                for start in range(len(words) - len(wanted) + 1)
            ):
                yield at

    def _near(self, one: Text, other: Text, distance: int) -> set[int]:
        found = set()
        for form in ("dutch", "english"):
            stems = [getattr(self._forms_of(words_of(side.text)[0]), form) for side in (one, other)]
            wanted = [{word for word, forms in self._forms.items() if getattr(forms, form) == stem} for stem in stems]
            for at, words in enumerate(self._words):
                if not wanted[0].isdisjoint(words) and not wanted[1].isdisjoint(words):
                    places = [[n for n, word in enumerate(words) if word in those] for those in wanted]
                    if any(a != b and abs(a - b) - 1 <= distance for a in places[0] for b in places[1]):
                        found.add(at)
        return found

    def _forms_of(self, word: str) -> _Forms:
        found = self._analysis
        return _Forms(found.dutch(word), found.english(word), frozenset(found.parts(word)))

    def _same(self, asked: str) -> Callable[[str], bool]:
        """By one of the stems, or as a part of a compound."""
        wanted = self._forms_of(asked)

        def same(word: str) -> bool:
            forms = self._forms[word]
            return forms.dutch == wanted.dutch or forms.english == wanted.english or wanted.dutch in forms.parts

        return same


def _part(part: str, *, open_start: bool, open_end: bool) -> Callable[[str], bool]:
    if open_start and open_end:
        return lambda word: part in word
    return lambda word: word.endswith(part) if open_start else word.startswith(part)
