"""From a line to tokens, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from bridge.search.numbers import numbers
from bridge.search.query import Place, Problem
from bridge.search.words import AND, NEAR, OPERATORS, OR, meaning, operator_meant

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["word", "phrase", "operator", "label", "and", "or", "near", "open", "close"]

_DOUBLE: Final = '"“”„‟'  # phones and word processors type all of these
_CLOSING: Final = dict.fromkeys(_DOUBLE, _DOUBLE) | {"«": "»"}
_MINUS: Final = "-\N{MINUS SIGN}\N{EN DASH}"
_OPENERS: Final = "({"
_CLOSERS: Final = ")}"
_OPERATOR: Final = re.compile(r"([^\W\d_]{2,20}):(\s*)(?!//)")
_LABEL: Final = re.compile(r"#(?=[^\W\d])[\w-]+(?=[\s)},.;!?]|$)")
_DISTANCE: Final = re.compile(r"\s*\(?(\d{1,3})\)?(?=\s|$)")
_RUN: Final = re.compile(r"\S*")
_NOWHERE: Final = Place(0, 0)
_AT_THE_END: Final = ",;?!"  # of a value without quotes: punctuation of the sentence


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the line.

    Attributes:
        text: of a word or phrase; of an operator its value; of `open` and `close` the bracket.
        name: of an operator, the English one; `typed` is what was typed.
        value: of an operator, where its value stands; the brackets behind an operator without one are its values.
        negated: a minus stands in front.
        as_written: a plus stands in front.
        fixed: the value of an operator ends here: it was in quotes, or before punctuation.
        number: of `near`, the distance; None when there is none.
    """

    kind: Kind
    text: str
    place: Place
    name: str = ""
    typed: str = ""
    value: Place = _NOWHERE
    negated: bool = False
    as_written: bool = False
    fixed: bool = False
    number: int | None = None


class Lexer:
    """Reads one line.

    Attributes:
        problems: what was found on the way.
    """

    def __init__(self, line: str) -> None:
        self.problems: list[Problem] = []
        self._line = line
        self._at = 0
        self._depth = 0
        self._numbers = {number.start: number.end for number in numbers(line)}

    def tokens(self) -> Iterator[Token]:
        """All tokens in order."""
        while self._skip():
            yield self._next()

    def _skip(self) -> bool:
        """Move to the next token; whether there is one."""
        while self._line[self._at : self._at + 1].isspace():
            self._at += 1
        return self._at < len(self._line)

    def _next(self) -> Token:
        line, start = self._line, self._at
        if start in self._numbers:
            self._at = self._numbers[start]
            return Token("word", line[start : self._at], Place(start, self._at))
        if line[start] in _CLOSERS and self._depth:
            self._depth -= 1
            self._at += 1
            return Token("close", line[start], Place(start, self._at))
        negated, as_written = self._signs()
        if line[self._at] in _OPENERS:
            self._depth += 1
            self._at += 1
            return Token("open", line[self._at - 1], Place(start, self._at), negated=negated)
        if line[self._at] in _CLOSING:
            text = self._quoted()
            return Token("phrase", text, Place(start, self._at), negated=negated, as_written=as_written)
        return (
            self._label(start, negated=negated)
            or self._operator(start, negated=negated)
            or self._word(start, negated=negated, as_written=as_written)
        )

    def _signs(self) -> tuple[bool, bool]:
        """A minus and a plus directly before something; `--force` is a word, and so is `- a`."""
        found = {"-": False, "+": False}
        begin = self._at
        while self._at + 1 < len(self._line):
            char, following = self._line[self._at], self._line[self._at + 1]
            if following.isspace() or (following in _CLOSERS and self._depth):
                break
            sign = "-" if char in _MINUS else char
            if sign not in found:
                break
            if found[sign]:
                self._at = begin
                return False, False
            found[sign] = True
            self._at += 1
        return found["-"], found["+"]

    def _quoted(self) -> str:
        """What stands in quotes, with the position moved behind them."""
        line, start = self._line, self._at
        closing = _CLOSING[line[start]]
        end = next((n for n in range(start + 1, len(line)) if line[n] in closing), None)
        if end is None:
            self._at = len(line)
            text = line[start:]
            self.problems.append(Problem("open_quote", Place(start, self._at), text, text + closing[0]))
            return text[1:].strip()
        self._at = end + 1
        return line[start + 1 : end].strip()

    def _label(self, start: int, *, negated: bool) -> Token | None:
        found = _LABEL.match(self._line, self._at)
        if found is None:
            return None
        self._at = found.end()
        return Token("label", found[0][1:], Place(start, self._at), negated=negated)

    def _operator(self, start: int, *, negated: bool) -> Token | None:
        found = _OPERATOR.match(self._line, self._at)
        if found is None:
            return None
        name = meaning(OPERATORS, found[1])
        if name is None:
            proposal = None if found[2] or found.end() == len(self._line) else operator_meant(found[1])
            if proposal is not None:
                self.problems.append(Problem("unknown_operator", Place(*found.span(1)), found[1], proposal))
            return None
        text, fixed = self._value(found)
        value = Place(min(found.end(), self._at), self._at)
        place = Place(start, self._at)
        return Token("operator", text, place, name, found[1], value, negated=negated, fixed=fixed)

    def _value(self, found: re.Match[str]) -> tuple[str, bool]:
        """The value of an operator, also behind a space: `van: jan`; and whether it ends there for certain."""
        line = self._line
        self._at = found.end()
        first = line[self._at : self._at + 1]
        if first and first in _CLOSING:
            return self._quoted(), True
        following = _OPERATOR.match(line, self._at)
        ends = first in _CLOSERS and self._depth
        if not first or ends or first in _OPENERS or (following and meaning(OPERATORS, following[1])):
            self._at = found.end(1) + 1 if not first or first not in _OPENERS else self._at
            return "", True
        text = self._run()
        kept = text.rstrip(_AT_THE_END) or text
        self._at -= len(text) - len(kept)
        return kept, kept != text

    def _word(self, start: int, *, negated: bool, as_written: bool) -> Token:
        plain = self._at == start
        text = self._run()
        place = Place(start, self._at)
        if plain and text in OR:
            return Token("or", text, place)
        if plain and text in AND:
            return Token("and", text, place)
        if plain and text.startswith(NEAR) and text[len(NEAR) :].strip("()0123456789") == "":
            self._at = start + len(NEAR)
            found = _DISTANCE.match(self._line, self._at)
            self._at = found.end() if found else place.end
            distance = int(found[1]) if found else None
            return Token("near", self._line[start : self._at], Place(start, self._at), number=distance)
        return Token("word", text, place, negated=negated, as_written=as_written)

    def _run(self) -> str:
        """Characters up to the next space; brackets at the end that close an open group stay behind."""
        found = _RUN.match(self._line, self._at)
        text = found[0] if found else ""
        while self._depth and len(text) > 1 and text[-1] in _CLOSERS and _surplus(text):
            text = text[:-1]
        self._at += len(text)
        return text


def _surplus(text: str) -> bool:
    """Whether the last bracket closes something that was opened before this word: `f(x)` keeps its own."""
    closing = text[-1]
    opening = _OPENERS[_CLOSERS.index(closing)]
    return text.count(closing) > text.count(opening)
