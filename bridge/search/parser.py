"""From a line to a query. Nothing that people type is refused: what is not understood is searched as text, and said.

line   = { either }
either = one { OR one }                 OR binds closer than standing side by side, as elsewhere
one    = [-] ( "(" line ")" | "{" { one } "}" | operator:value | operator:( line ) | #label | text [ AROUND n text ] )
text   = word | +word | "phrase" | part* | *part
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, cast
from unicodedata import category

from bridge.search.lexer import Lexer, Token
from bridge.search.query import (
    AllOf,
    AnyOf,
    Exact,
    FileType,
    In,
    Label,
    Near,
    Not,
    Part,
    Phrase,
    Place,
    Problem,
    Query,
    Text,
    Thread,
    When,
    Who,
    Word,
)
from bridge.search.values import SEVERAL_WORDS, NotUnderstoodError, value
from bridge.search.words import NEAR, SORTS, example, meaning, nearest
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from bridge.search.query import LongName, Node, Sort

MAX_LENGTH: Final = 2_000  # characters; more is no question
MAX_DEPTH: Final = 20
MAX_JOINED: Final = 4  # words that a date or a name without quotes may have beside its first
_NAMES: Final[Mapping[str, Literal["person", "room"]]] = {
    "from": "person",
    "to": "person",
    "with": "person",
    "mentions": "person",
    "in": "room",
}
_SYMBOLS: Final = ("So", "Sm")  # emoji and the like are words


def parse(line: str, now: datetime, names: Collection[LongName] = ()) -> Query:
    """Read a line.

    Args:
        now: aware, in the asker's time zone; `yesterday` is seen from here.
        names: of `Query.longer` of the same line those that exist: `from:Jan de Vries` without quotes is about him.
    """
    line = clean(line)
    problems: list[Problem] = []
    if len(line) > MAX_LENGTH:
        problems = [Problem("too_long", Place(MAX_LENGTH, len(line)), str(len(line)), "")]
        line = line[:MAX_LENGTH]
    lexer = Lexer(line)
    parser = _Parser(list(lexer.tokens()), now, line, names)
    root = parser.line(depth=0)
    found = [*lexer.problems, *parser.problems]
    if any(problem.key == "open_quote" for problem in found):  # which may hold the bracket that is missed
        found = [problem for problem in found if problem.key != "open_group"]
    problems += sorted(found, key=lambda problem: problem.place.start)
    return Query(root, parser.sort, tuple(problems), frozenset(parser.longer))


@dataclass
class _Parser:
    tokens: Sequence[Token]
    now: datetime
    source: str
    names: Collection[LongName]
    at: int = 0
    sort: Sort | None = None
    problems: list[Problem] = field(default_factory=list)
    longer: set[LongName] = field(default_factory=set)

    def kind(self, ahead: int = 0) -> str:
        """Of the token at hand, or of one behind it; '' at the end."""
        return self.tokens[self.at + ahead].kind if self.at + ahead < len(self.tokens) else ""

    def line(self, *, depth: int) -> Node | None:
        """All up to the bracket that closes this group, or to the end."""
        nodes: list[Node] = []
        while self.kind() and not (self.kind() == "close" and depth):
            if self.kind() == "close" or (self.kind() == "and" and nodes and self.kind(1) not in ("", "close", "or")):
                self.at += 1
            elif (node := self.either(depth)) is not None:
                nodes.append(node)
        return joined(nodes)

    def either(self, depth: int) -> Node | None:
        """One, or several with OR in between."""
        nodes = [self.one(depth)]
        while self.kind() == "or" and self.kind(1) not in ("", "close", "or"):
            self.at += 1
            nodes.append(self.one(depth))
        return any_of([node for node in nodes if node is not None])

    def one(self, depth: int) -> Node | None:
        token = self.tokens[self.at]
        self.at += 1
        node: Node | None
        if token.kind == "open":
            node = self._group(token, depth)
        elif token.kind == "operator":
            node = self._filter(token, depth)
        elif token.kind == "label":
            node = Label(token.text)
        elif token.kind in ("or", "near"):
            node = self._lone(token)
        else:
            text = text_of(token)
            node = self._near(text) if text is not None else None
        return Not(node) if node is not None and token.negated else node

    def _lone(self, token: Token) -> Node | None:
        """OR or AROUND without something on both sides, which is a word only when there is nothing else."""
        text = ("word", "phrase")
        forgotten = token.kind == "near" and self.at > 1 and self.kind(-2) in text and self.kind() in text
        with_number = f"{NEAR} {5 if token.number is None else token.number}"
        proposal = with_number if forgotten and with_number != token.text else f'"{token.text}"'
        self.problems.append(
            Problem("lone_or" if token.kind == "or" else "lone_near", token.place, token.text, proposal)
        )
        return Word(token.text, token.place) if len(self.tokens) == 1 else None

    def _group(self, token: Token, depth: int) -> Node | None:
        if depth >= MAX_DEPTH:
            self.problems.append(Problem("too_deep", token.place, token.text, ""))
            return None
        if token.text == "{":
            nodes: list[Node] = []
            while self.kind() not in ("", "close"):
                if self.kind() == "or":
                    self.at += 1
                elif (node := self.one(depth + 1)) is not None:
                    nodes.append(node)
            found = any_of(nodes)
        else:
            found = self.line(depth=depth + 1)
        if not self.kind():
            place = Place(token.place.start, len(self.source))
            closing = ")" if token.text == "(" else "}"
            got = self.source[place.start :]
            self.problems.append(Problem("open_group", place, token.text, got + closing))
        self.at += 1
        return found

    def _near(self, left: Text) -> Node:
        if self.kind() != "near" or self.kind(1) not in ("word", "phrase"):
            return left
        near, following = self.tokens[self.at : self.at + 2]
        right = None if following.negated or near.number is None else text_of(following)
        if right is None or near.number is None:
            return left
        self.at += 2
        return Near(left, right, near.number)

    def _filter(self, token: Token, depth: int) -> Node | None:
        if token.text:
            return self._value(token)
        if self.kind() == "open" and self.tokens[self.at].place.start == token.value.start:
            self.at += 1
            group = self._group(self.tokens[self.at - 1], depth)
            return self._each(token, group) if group is not None else None
        self.problems.append(Problem("no_value", token.value, token.name, example(token.name, token.typed)))
        return None

    def _each(self, token: Token, node: Node) -> Node | None:
        """`from:(anna bas)`: the operator is for each word in the brackets."""
        match node:
            case AllOf(nodes) | AnyOf(nodes):
                found = [one for each in nodes if (one := self._each(token, each)) is not None]
                return joined(found) if isinstance(node, AllOf) else any_of(found)
            case Not(inner):
                one = self._each(token, inner)
                return Not(one) if one is not None else None
            case Word(text, place) | Exact(text, place) | Phrase(text, place) | Part(text, place=place):
                return self._value(replace(token, text=text, place=place, value=place, fixed=True))
        return node

    def _value(self, token: Token) -> Node | None:
        """What an operator asks for, without quotes also with the words behind it: `during:last week`."""
        if token.name == "sort":
            self._sort(token)
            return None
        problem: Problem | None = None
        for text, place, count in reversed([*self._values(token)]):
            try:
                node = value(token.name, text, place, self.now)
            except NotUnderstoodError as error:
                if problem is None or (error.proposal and not problem.proposal):
                    problem = Problem(error.key, place, text, error.proposal or "")
                elif not problem.proposal:
                    problem = replace(problem, place=place, got=text)
                continue
            self.at += count
            return node
        assert problem is not None  # noqa: S101 (there is one value at least)
        proposal = problem.proposal or example(token.name, token.typed)
        self.problems.append(replace(problem, proposal=proposal))
        return self._words(token)

    def _values(self, token: Token) -> Iterator[tuple[str, Place, int]]:
        """What may be the value: the first word, then with the words behind it that it may have, and how many."""
        text, place = token.text, token.value
        yield text, place, 0
        name = _NAMES.get(token.name)
        if token.fixed or not (name or token.name in SEVERAL_WORDS):
            return
        for count in range(1, MAX_JOINED + 1):
            if self.kind(count - 1) != "word":
                return
            more = self.tokens[self.at + count - 1]
            if more.negated or more.as_written:
                return
            text, place = f"{text} {more.text}", Place(place.start, more.place.end)
            if name is not None:
                self.longer.add((name, text))
            if name is None or (name, text) in self.names:
                yield text, place, count

    def _words(self, token: Token) -> Node | None:
        """An operator that is not understood is text."""
        start, end = token.place.start, token.place.end
        words = re.finditer(r'[^\s"]+', self.source[start:end].lstrip("-"))
        start = end - len(self.source[start:end].lstrip("-"))
        return joined([Word(found[0], Place(start + found.start(), start + found.end())) for found in words])

    def _sort(self, token: Token) -> None:
        name = meaning(SORTS, token.text)
        if name is None:
            proposal = nearest(SORTS, token.text) or example("sort", token.typed)
            self.problems.append(Problem("unknown_value", token.value, token.text, proposal))
        else:
            self.sort = cast("Sort", name)


def text_of(token: Token) -> Text | None:
    """What a word or phrase asks for; None when there is nothing in it to look for."""
    text, place = token.text, token.place
    if not any(char.isalnum() or (char > "\x7f" and category(char) in _SYMBOLS) for char in text):
        return None
    if token.kind == "phrase":
        return Phrase(text, place)
    inner = text.strip("*")
    if inner != text and "*" not in inner:
        return Part(inner, text.startswith("*"), text.endswith("*"), place)
    return Exact(text, place) if token.as_written else Word(text, place)


def joined(nodes: Sequence[Node]) -> Node | None:
    """All of these; several people in the same role, or several places, days or types of file mean either."""
    grouped: dict[object, list[Node]] = {}
    for number, node in enumerate(nodes):
        key: object = number
        if isinstance(node, (Who, In, Thread, FileType)):
            key = (type(node), getattr(node, "role", ""))
        elif isinstance(node, When) and node.start is not None and node.end is not None:
            key = When
        grouped.setdefault(key, []).append(node)
    found = [either for those in grouped.values() if (either := any_of(those)) is not None]
    if len(found) <= 1:
        return found[0] if found else None
    return AllOf(tuple(found))


def any_of(nodes: Sequence[Node]) -> Node | None:
    """At least one of these; None of none."""
    if len(nodes) <= 1:
        return nodes[0] if nodes else None
    return AnyOf(tuple(nodes))
