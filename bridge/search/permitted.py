"""What somebody may read, as a part of every query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tantivy import FieldType, Occur, Query

from bridge.search.schema import EDIT, LATER, LOW, PLACE, place_bound
from bridge.storage.readable import LAST, WHOLE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tantivy import Schema

    from bridge.storage.readable import Readable, Span

_FEW: Final = 300  # terms that are looked for one by one


def permitted(schema: Schema, readable: Readable) -> Query:
    """All documents that may be read: whole rooms as one set of terms, parts of rooms as ranges of places.

    Of a message that was edited this is the text of the last edit that may be read itself.
    """
    old = Query.term_query(schema, "is", "old", "basic")
    rooms = readable.rooms
    if readable.everything:
        whole = [_but(Query.all_query(), any_term(schema, "room", rooms)) if rooms else Query.all_query()]
        parts = dict(rooms)
    else:
        whole = _each(schema, "room", [room_id for room_id, spans in rooms.items() if spans == (WHOLE,)])
        parts = {room_id: spans for room_id, spans in rooms.items() if spans != (WHOLE,)}
    # From a place on and to the end: an edit follows its message, so it may be read too, and what it replaced is old.
    ends = {room_id: spans for room_id, spans in parts.items() if len(spans) == 1 and spans[0].end == LAST}
    others = {room_id: spans for room_id, spans in parts.items() if room_id not in ends}
    may = [_but(_any([*whole, *_within(schema, LOW, ends)]), old)]
    if others:
        edited = Query.term_query(schema, "is", "edited", "basic")
        may.append(
            _but(
                _any(_within(schema, PLACE, others)),
                _but(edited, *_within(schema, EDIT, others)),
                _all([old, _any(_within(schema, LATER, others))]),
            )
        )
    found = Query.const_score_query(_any(may), 0.0)
    return found if readable.removed else _but(found, Query.term_query(schema, "is", "deleted", "basic"))


def any_term(schema: Schema, field: str, values: Collection[str]) -> Query:
    """Documents with one of these."""
    return _any(_each(schema, field, values))


def _each(schema: Schema, field: str, values: Collection[str]) -> list[Query]:
    """One by one, as long as there are few: a set of terms reads all documents of each."""
    if len(values) > _FEW:
        return [Query.term_set_query(schema, field, list(values))]
    return [Query.term_query(schema, field, value, "basic") for value in values]


def _within(schema: Schema, field: str, parts: Mapping[str, Sequence[Span]]) -> list[Query]:
    """For each room what stands within its spans, by the place in a field."""
    return [
        _all(
            [
                Query.term_query(schema, "room", room_id, "basic"),
                _any([_range(schema, field, span) for span in spans]),
            ]
        )
        for room_id, spans in parts.items()
    ]


def _range(schema: Schema, field: str, span: Span) -> Query:
    last = None if span.end == LAST else place_bound(span.end) - 1
    return Query.range_query(schema, field, FieldType.Integer, place_bound(span.start), last)


def _but(query: Query, *others: Query) -> Query:
    return Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, other) for other in others)])


def _any(queries: Sequence[Query]) -> Query:
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _all(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, query) for query in queries])
