"""What somebody may read, as a part of every query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tantivy import FieldType, Occur, Query

from bridge.search.schema import EDIT_ORD, EDIT_SUB, NEXT_ORD, NEXT_SUB, ORD, SUB
from bridge.storage.readable import FIRST, LAST, WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tantivy import Schema

    from bridge.storage.readable import Place, Readable, Span


def permitted(schema: Schema, readable: Readable) -> Query:
    """All documents that may be read: whole rooms as one set of terms, parts of rooms as ranges of places.

    Of a message that was edited this is the text of the last edit that may be read itself.
    """
    old = Query.term_query(schema, "is", "old", "basic")
    if readable.everything:
        may = _but(Query.all_query(), old, Query.term_set_query(schema, "room", list(readable.rooms)))
    else:
        whole = [room_id for room_id, spans in readable.rooms.items() if spans == (WHOLE,)]
        may = _but(Query.term_set_query(schema, "room", whole), old)
    parts = [
        _in_parts(schema, room_id, spans)
        for room_id, spans in readable.rooms.items()
        if spans != (WHOLE,) or readable.everything
    ]
    may = Query.const_score_query(_any([may, *parts]), 0.0)
    return may if readable.removed else _but(may, Query.term_query(schema, "is", "deleted", "basic"))


def _in_parts(schema: Schema, room_id: str, spans: Sequence[Span]) -> Query:
    def within(ord_: str, sub: str) -> Query:
        return _any([_within(_Places(schema, ord_, sub), span) for span in spans])

    edited = Query.term_query(schema, "is", "edited", "basic")
    old = Query.term_query(schema, "is", "old", "basic")
    return _but(
        _all([Query.term_query(schema, "room", room_id, "basic"), within(ORD, SUB)]),
        _but(edited, within(EDIT_ORD, EDIT_SUB)),
        _all([old, within(NEXT_ORD, NEXT_SUB)]),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Two fields that make a place."""

    schema: Schema
    ord: str
    sub: str

    def ord_in(self, start: int | None, end: int | None) -> Query:
        return Query.range_query(self.schema, self.ord, FieldType.Integer, start, end)

    def sub_in(self, start: int | None, end: int | None) -> Query:
        return Query.range_query(self.schema, self.sub, FieldType.Integer, start, end)


def _within(places: _Places, span: Span) -> Query:
    limits = []
    if span.start != FIRST:
        limits.append(_from(places, span.start))
    if span.end != LAST:
        limits.append(_before(places, span.end))
    return _all(limits) if limits else Query.all_query()


def _from(places: _Places, place: Place) -> Query:
    """At this place or behind it."""
    ord_, sub = place
    here = _all([places.ord_in(ord_, ord_), places.sub_in(sub, None)])
    return here if ord_ == LAST[0] else _any([places.ord_in(ord_ + 1, None), here])


def _before(places: _Places, place: Place) -> Query:
    """Before this place."""
    ord_, sub = place
    found = []
    if ord_ != FIRST[0]:
        found.append(places.ord_in(None, ord_ - 1))
    if sub != FIRST[1]:
        found.append(_all([places.ord_in(ord_, ord_), places.sub_in(None, sub - 1)]))
    return _any(found) if found else Query.empty_query()


def _but(query: Query, *others: Query) -> Query:
    return Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, other) for other in others)])


def _any(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _all(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, query) for query in queries])
