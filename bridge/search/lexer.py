"""From a line to tokens, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from bridge.search.query import Place, Problem
from bridge.search.words import NEAR, OPERATORS, OR, meaning, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["word", "phrase", "operator", "label", "or", "near", "open", "close"]

QUOTES: Final = {'"': '"', "“": '”„“"', "„": '”“"', "«": "»", "”": '”"'}  # phones type all of these
_OPEN, _CLOSE = "({", ")}"
_OPERATOR = re.compile(r"([^\W\d_]{2,20}):(?=\S)(?!//)", re.UNICODE)
_LABEL = re.compile(r"#(?=[^\W\d])[\w-]+(?=[\s)}]|$)")
_DISTANCE = re.compile(r"\s+(\d{1,3})(?=\s|$)")
_GROUP_END = re.compile(r"[)}]+$")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the line.

    Attributes:
        text: of a word or phrase; of an operator its value; of `open` and `close` the bracket.
        name: of an operator, the English one.
        signs: what stands in front: any of '-' and '+'.
        quoted: the value of an operator was in quotes.
        number: of `near`, the distance.
    """

    kind: Kind
    text: str
    place: Place
    name: str = ""
    signs: str = ""
    quoted: bool = False
    number: int = 0


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

    def tokens(self) -> Iterator[Token]:
        """All tokens in order."""
        while True:
            while self._at < len(self._line) and self._line[self._at].isspace():
                self._at += 1
            if self._at >= len(self._line):
                return
            yield self._next()

    def _next(self) -> Token:
        line, start = self._line, self._at
        char = line[start]
        if char in _OPEN:
            self._depth += 1
            return self._take("open", start, start + 1, char)
        if char in _CLOSE and self._depth:
            self._depth -= 1
            return self._take("close", start, start + 1, char)
        signs = ""
        while line[self._at : self._at + 1] in ("-", "+") and line[self._at + 1 : self._at + 2].strip():
            if line[self._at] in signs:
                break
            signs += line[self._at]
            self._at += 1
        if "-" in signs and line[self._at] in _OPEN:
            self._depth += 1
            return self._take("open", start, self._at + 1, line[self._at], signs)
        if line[self._at] in QUOTES:
            text = self._quoted()
            return Token("phrase", text, Place(start, self._at), signs=signs)
        return self._label(start, signs) or self._operator(start, signs) or self._word(start, signs)

    def _take(self, kind: Kind, start: int, end: int, text: str, signs: str = "") -> Token:
        self._at = end
        return Token(kind, text, Place(start, end), signs=signs)

    def _quoted(self) -> str:
        """What stands in quotes, with the position moved behind them."""
        start = self._at
        closing = QUOTES[self._line[start]]
        end = next((n for n in range(start + 1, len(self._line)) if self._line[n] in closing), None)
        if end is None:
            self._at = len(self._line)
            self.problems.append(Problem("open_quote", Place(start, start + 1), self._line[start]))
            return self._line[start + 1 :].strip()
        self._at = end + 1
        return self._line[start + 1 : end].strip()

    def _label(self, start: int, signs: str) -> Token | None:
        found = _LABEL.match(self._line, self._at)
        if found is None:
            return None
        self._at = found.end()
        return Token("label", found[0][1:], Place(start, self._at), signs=signs)

    def _operator(self, start: int, signs: str) -> Token | None:
        found = _OPERATOR.match(self._line, self._at)
        if found is None:
            return None
        name = meaning(OPERATORS, found[1])
        if name is None:
            proposal = nearest(OPERATORS, found[1])
            if proposal is not None:
                place = Place(found.start(1), found.end(1))
                self.problems.append(Problem("unknown_operator", place, found[1], proposal))
            return None
        self._at = found.end()
        if self._line[self._at] in QUOTES:
            text, quoted = self._quoted(), True
        else:
            text, quoted = self._run(), False
        return Token("operator", text, Place(start, self._at), name=name, signs=signs, quoted=quoted)

    def _word(self, start: int, signs: str) -> Token:
        begin = self._at
        text = self._run()
        if begin == start and text in OR:
            return Token("or", text, Place(start, self._at))
        if begin == start and text == NEAR and (found := _DISTANCE.match(self._line, self._at)):
            self._at = found.end()
            return Token("near", text, Place(start, self._at), number=int(found[1]))
        return Token("word", text, Place(start, self._at), signs=signs)

    def _run(self) -> str:
        """Characters up to the next space; brackets at the end that close an open group stay behind."""
        found = re.compile(r"\S*").match(self._line, self._at)
        text = found[0] if found else ""
        while self._depth and text and text[-1] in _CLOSE and _surplus(text):
            text = text[:-1]
        self._at += len(text)
        return text


def _surplus(text: str) -> bool:
    """Whether the last bracket closes something that was opened before this word: `f(x)` keeps its own."""
    closing = text[-1]
    opening = _OPEN[_CLOSE.index(closing)]
    return text.count(closing) > text.count(opening)
