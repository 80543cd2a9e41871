"""From words, phrases and parts of words to queries of the index."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tantivy import Occur, Query

from bridge.search.analysis import LONGEST_END, codes, number_forms
from bridge.search.query import Exact, Near, Note, Part, Phrase, Word
from bridge.search.schema import CODE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tantivy import Schema

    from bridge.search.analysis import Analysis
    from bridge.search.query import Text

# By relevance: as written before stemmed, and that before a part of a compound.
_AS_WRITTEN: Final = 2.0
_IN_COMPOUND: Final = 0.4

SHORTEST_BEGINNING: Final = 2  # letters of `ko*`
SHORTEST_PART: Final = 3  # of `*oor*`
_SPECIAL: Final = re.compile(r"([\\.+*?()|\[\]{}^$#&~-])")
_FARTHEST: Final = 100  # words between one and the same word and itself
_CURRENCY: Final = "€$£¥"
# A word that ends or begins so is another word without it: C++, C#, .NET, --force.
_TELLING_ENDS: Final = ("+", "#")
_TELLING_STARTS: Final = (".", "-")


def escaped(text: str) -> str:
    """A text as a regular expression of tantivy."""
    return _SPECIAL.sub(r"\\\1", text)


def any_of(queries: Sequence[Query]) -> Query:
    """At least one of these."""
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def all_of(queries: Sequence[Query]) -> Query:
    """All of these."""
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, query) for query in queries])


class TextCompiler:
    """Makes the parts of a query that are about text.

    Args:
        scored: the order is by relevance.

    Attributes:
        notes: what was understood otherwise than it was typed.
    """

    def __init__(self, fields: Schema, analysis: Analysis, *, scored: bool) -> None:
        self.notes: list[Note] = []
        self._fields = fields
        self._analysis = analysis
        self._scored = scored

    def text(self, node: Text | Near) -> Query | None:
        """None when there is nothing in it to look for."""
        match node:
            case Word(text):
                return self._word(text)
            case Exact(text) | Phrase(text):
                return self.as_written(text)
            case Part():
                return self._part(node)
            case Near():
                return self._near(node)

    def as_written(self, text: str) -> Query | None:
        """These words in this order, with the symbols in them."""
        found = [self._phrase(CODE, pieces) for pieces in codes(text)]
        words = self._analysis.words(text).words
        if words:
            found.append(self._phrase("words", words))
        return all_of(found) if found else None

    def _word(self, text: str) -> Query | None:
        found = [self._term("numbers", form) for form in number_forms(text)]
        text = text.strip(_CURRENCY)
        words, pieces = self._analysis.words(text), codes(text)
        if words.words and not any(_tells(code) for code in pieces):
            found += [self._phrase("nl", words.nl), self._phrase("en", words.en)]
            if len(words.words) == 1:
                found.append(Query.boost_query(self._term("parts", words.nl[0]), _IN_COMPOUND))
            if self._scored:
                exact = [self._phrase("words", words.words), *(self._phrase(CODE, code) for code in pieces)]
                found += [Query.boost_query(query, _AS_WRITTEN) for query in exact]
        else:
            found += [self._phrase(CODE, code) for code in pieces]
        return any_of(found) if found else None

    def _part(self, node: Part) -> Query | None:
        shortest = SHORTEST_PART if node.open_start else SHORTEST_BEGINNING
        if len(node.text) < shortest:
            self.notes.append(Note("part_too_short", node.text))
            return self.as_written(node.text)
        code = next(iter(codes(node.text)), None)
        if code is not None:
            patterns = _open(code, node)
            if len(patterns) > 1:
                return Query.regex_phrase_query(self._fields, CODE, list(patterns))
            return Query.regex_query(self._fields, CODE, patterns[0])
        word = next(iter(self._analysis.words(node.text).words), None)
        if word is None:
            return None
        if node.open_start and len(word) >= LONGEST_END:
            return Query.regex_query(self._fields, "words", f".*{escaped(word)}{'.*' if node.open_end else ''}")
        fields = (
            ("words", "ends") if node.open_start else ("words",)
        )  # a word ends in many ways: no need to look inside
        return any_of([self._beginning(field, word) if node.open_end else self._term(field, word) for field in fields])

    def _beginning(self, field: str, word: str) -> Query:
        return Query.regex_query(self._fields, field, f"{escaped(word)}.*")

    def _near(self, node: Near) -> Query | None:
        both = [query for side in (node.one, node.other) if (query := self.text(side)) is not None]
        if isinstance(node.one, Part) or isinstance(node.other, Part):
            near = self._near_patterns(node)
        else:
            one, other = (self._analysis.words(side.text) for side in (node.one, node.other))
            near = [
                query
                for left, right, field in ((one.nl, other.nl, "nl"), (one.en, other.en, "en"))
                for query in self._within(field, left, right, node.distance)
            ]
        if near:
            both.append(Query.const_score_query(any_of(near), 0.0))
        return all_of(both) if both else None

    def _within(self, field: str, left: Sequence[str], right: Sequence[str], distance: int) -> Sequence[Query]:
        """In either order with so many words in between; without words on a side (emoji) there is no order to keep."""
        if not left or not right:
            return ()
        if left == right:  # with a slop a phrase is content with one and the same
            return [self._twice(field, left, between) for between in range(min(distance, _FARTHEST) + 1)]
        return [
            Query.phrase_query(self._fields, field, [*first, *second], slop=distance)
            for first, second in ((left, right), (right, left))
        ]

    def _twice(self, field: str, tokens: Sequence[str], between: int) -> Query:
        places = [*range(len(tokens)), *range(len(tokens) + between, 2 * len(tokens) + between)]
        return Query.phrase_query(self._fields, field, list(zip(places, [*tokens, *tokens], strict=True)))

    def _near_patterns(self, node: Near) -> Sequence[Query]:
        left, right = (self._as_patterns(side) for side in (node.one, node.other))
        if not left or not right:
            return ()
        return [
            Query.regex_phrase_query(self._fields, "words", [*first, *second], slop=node.distance)
            for first, second in ((left, right), (right, left))
        ]

    def _as_patterns(self, side: Text) -> Sequence[str]:
        words = self._analysis.words(side.text).words
        return _open(words, side) if isinstance(side, Part) else [escaped(word) for word in words]

    def _phrase(self, field: str, tokens: Sequence[str]) -> Query:
        if len(tokens) == 1:
            return self._term(field, tokens[0])
        return Query.phrase_query(self._fields, field, list(tokens))

    def _term(self, field: str, token: str) -> Query:
        return Query.term_query(self._fields, field, token, "freq" if self._scored else "basic")


def _open(tokens: Sequence[str], part: Part) -> Sequence[str]:
    """Tokens as regular expressions, the first and the last one as open as the part is."""
    patterns = [escaped(token) for token in tokens]
    if part.open_start and tokens and tokens[0].isalnum():
        patterns[0] = f".*{patterns[0]}"
    if part.open_end and tokens and tokens[-1].isalnum():
        patterns[-1] = f"{patterns[-1]}.*"
    return patterns


def _tells(code: Sequence[str]) -> bool:
    """Whether its first or last symbol makes a word another word."""
    return code[-1] in _TELLING_ENDS or code[0] in _TELLING_STARTS
