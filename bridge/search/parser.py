"""From a line to a query. Nothing that people type is refused: what is not understood is searched as text, and said.

line   = { either }
either = one { OR one }                 OR binds closer than standing side by side, as elsewhere
one    = [-] ( "(" line ")" | "{" { one } "}" | operator:value | #label | text [ AROUND n text ] )
text   = word | +word | "phrase" | part* | *part
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from bridge.search.lexer import Lexer, Token
from bridge.search.query import (
    AllOf,
    AnyOf,
    Exact,
    In,
    Label,
    Near,
    Node,
    Not,
    Part,
    Phrase,
    Place,
    Problem,
    Query,
    Sort,
    Text,
    Thread,
    Who,
    Word,
)
from bridge.search.values import NotUnderstoodError, value
from bridge.search.words import SORTS, meaning, nearest

if TYPE_CHECKING:
    from datetime import datetime

MAX_LENGTH: Final = 2_000  # characters; more is no question
MAX_DEPTH: Final = 20
MAX_JOINED: Final = 3  # words that a date without quotes may have


def parse(line: str, now: datetime) -> Query:
    """Read a line.

    Args:
        now: aware, in the asker's time zone; `yesterday` is seen from here.
    """
    problems: list[Problem] = []
    if len(line) > MAX_LENGTH:
        from_here = Problem("too_long", Place(MAX_LENGTH, len(line)), str(len(line)), str(MAX_LENGTH))
        line, problems = line[:MAX_LENGTH], [from_here]
    lexer = Lexer(line)
    parser = _Parser(list(lexer.tokens()), now, line)
    root = parser.line(depth=0)
    problems += sorted([*lexer.problems, *parser.problems], key=lambda problem: problem.place.start)
    return Query(root, parser.sort, tuple(problems))


@dataclass
class _Parser:
    tokens: list[Token]
    now: datetime
    source: str
    at: int = 0
    sort: Sort | None = None
    problems: list[Problem] = field(default_factory=list)

    def line(self, *, depth: int) -> Node | None:
        """All up to the bracket that closes this group, or to the end."""
        nodes: list[Node] = []
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "close":
                if depth:
                    break
                self.at += 1
                continue
            node = self.either(depth)
            if node is not None:
                nodes.append(node)
        return joined(nodes)

    def either(self, depth: int) -> Node | None:
        """One, or several with OR in between."""
        nodes = [self.one(depth)]
        while self.at < len(self.tokens) and self.tokens[self.at].kind == "or":
            token = self.tokens[self.at]
            self.at += 1
            last = self.at >= len(self.tokens) or self.tokens[self.at].kind in ("close", "or")
            if nodes[-1] is None or last:
                self.problems.append(Problem("lone_or", token.place, token.text))
                nodes.append(Word(token.text, token.place) if nodes[0] is None else None)
            else:
                nodes.append(self.one(depth))
        return any_of([node for node in nodes if node is not None])

    def one(self, depth: int) -> Node | None:
        token = self.tokens[self.at]
        if token.kind == "or":
            return None
        self.at += 1
        if token.kind == "open":
            node = self._group(token, depth)
        elif token.kind == "operator":
            node = self._filter(token)
        elif token.kind == "label":
            node = Label(token.text)
        elif token.kind == "near":
            self.problems.append(Problem("lone_near", token.place, token.text))
            return None
        elif token.kind == "close":
            return None
        else:
            text = text_of(token)
            node = self._near(text) if text is not None else None
        return Not(node) if node is not None and "-" in token.signs else node

    def _group(self, token: Token, depth: int) -> Node | None:
        if depth >= MAX_DEPTH:
            self.problems.append(Problem("open_group", token.place, token.text))
            return None
        if token.text == "{":
            nodes: list[Node] = []
            while self.at < len(self.tokens) and self.tokens[self.at].kind != "close":
                if self.tokens[self.at].kind == "or":
                    self.at += 1
                elif (node := self.one(depth + 1)) is not None:
                    nodes.append(node)
            found = any_of(nodes)
        else:
            found = self.line(depth=depth + 1)
        if self.at >= len(self.tokens):
            self.problems.append(Problem("open_group", token.place, token.text))
        else:
            self.at += 1
        return found

    def _near(self, left: Text) -> Node:
        following = self.tokens[self.at : self.at + 2]
        if not following or following[0].kind != "near":
            return left
        right = text_of(following[1]) if len(following) > 1 and following[1].kind in ("word", "phrase") else None
        if right is None:
            return left  # `one` reports the lone AROUND
        self.at += 2
        return Near(left, right, following[0].number)

    def _filter(self, token: Token) -> Node | None:
        if token.name == "sort":
            self._sort(token)
            return None
        if not token.text.strip():
            self.problems.append(Problem("no_value", token.place, token.name))
            return None
        try:
            return self._value(token)
        except NotUnderstoodError as error:
            self.problems.append(Problem(error.key, token.place, token.text, error.proposal))
            return Word(self.source[token.place.start : token.place.end].lstrip("-+"), token.place)

    def _value(self, token: Token) -> Node:
        """Its value; of a date without quotes also with the words behind it (`during:last week`)."""
        longest: Node | None = None
        taken = 0
        if not token.quoted:
            text = token.text
            for count, more in enumerate(self.tokens[self.at : self.at + MAX_JOINED], 1):
                if more.kind != "word" or more.signs:
                    break
                text = f"{text} {more.text}"
                try:
                    longest, taken = value(token.name, text, token.place, self.now, joined=True), count
                except NotUnderstoodError:
                    continue
        if longest is not None:
            self.at += taken
            return longest
        return value(token.name, token.text, token.place, self.now)

    def _sort(self, token: Token) -> None:
        name = meaning(SORTS, token.text)
        if name is None:
            self.problems.append(Problem("unknown_value", token.place, token.text, nearest(SORTS, token.text)))
        else:
            self.sort = cast("Sort", name)


def text_of(token: Token) -> Text | None:
    """What a word or phrase asks for; None when there is nothing in it to look for."""
    text, place = token.text, token.place
    if token.kind == "phrase":
        return Phrase(text, place) if text else None
    if "+" in token.signs:
        if text[:1].isdigit() and text.replace("-", "").replace(".", "").isdigit():
            return Word(f"+{text}", place)  # a telephone number
        return Exact(text, place)
    inner = text.strip("*")
    if inner and inner != text and "*" not in inner:
        return Part(inner, text.startswith("*"), text.endswith("*"), place)
    if not any(char.isalnum() or ord(char) > 0x2000 for char in text):  # noqa: PLR2004 (emoji are words)
        return None
    return Word(text, place)


_SEVERAL: Final = (Who, In, Thread)


def joined(nodes: list[Node]) -> Node | None:
    """All of these; the same operator for people or places twice means either."""
    grouped: dict[object, list[Node]] = {}
    for number, node in enumerate(nodes):
        key: object = number
        if isinstance(node, _SEVERAL):
            key = (type(node), getattr(node, "role", ""))
        grouped.setdefault(key, []).append(node)
    found = [either for those in grouped.values() if (either := any_of(those)) is not None]
    if len(found) <= 1:
        return found[0] if found else None
    return AllOf(tuple(found))


def any_of(nodes: list[Node]) -> Node | None:
    """At least one of these; None of none."""
    if len(nodes) <= 1:
        return nodes[0] if nodes else None
    return AnyOf(tuple(nodes))
