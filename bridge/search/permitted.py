"""What somebody may read, as a part of every query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tantivy import FieldType, Occur, Query

from bridge.storage.readable import FIRST, LAST, WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tantivy import Schema

    from bridge.storage.readable import Place, Readable, Span


def permitted(schema: Schema, readable: Readable) -> Query:
    """All documents that may be read: whole rooms as one set of terms, parts of rooms as ranges of places."""
    if readable.everything:
        may = _everything(schema, readable)
    else:
        whole = [room_id for room_id, spans in readable.rooms.items() if spans == (WHOLE,)]
        parts = [_in_parts(schema, room_id, spans) for room_id, spans in readable.rooms.items() if spans != (WHOLE,)]
        may = _any([Query.term_set_query(schema, "room", whole), *parts])
    may = Query.const_score_query(may, 0.0)
    if readable.removed:
        return may
    removed = Query.term_query(schema, "is", "deleted", "basic")
    return Query.boolean_query([(Occur.Must, may), (Occur.MustNot, removed)])


def _everything(schema: Schema, readable: Readable) -> Query:
    """All rooms, of those that are named only the parts."""
    named = [_in_parts(schema, room_id, spans) for room_id, spans in readable.rooms.items()]
    if not named:
        return Query.all_query()
    others = Query.boolean_query(
        [
            (Occur.Must, Query.all_query()),
            (Occur.MustNot, Query.term_set_query(schema, "room", list(readable.rooms))),
        ]
    )
    return _any([others, *named])


def _in_parts(schema: Schema, room_id: str, spans: Sequence[Span]) -> Query:
    room = Query.term_query(schema, "room", room_id, "basic")
    return _all([room, _any([_within(schema, span) for span in spans])])


def _within(schema: Schema, span: Span) -> Query:
    limits = []
    if span.start != FIRST:
        limits.append(_from(schema, span.start))
    if span.end != LAST:
        limits.append(_before(schema, span.end))
    return _all(limits) if limits else Query.all_query()


def _from(schema: Schema, place: Place) -> Query:
    """At this place or behind it."""
    ord_, sub = place
    here = _all([_range(schema, "ord", ord_, ord_), _range(schema, "sub", sub, None)])
    return here if ord_ == LAST[0] else _any([_range(schema, "ord", ord_ + 1, None), here])


def _before(schema: Schema, place: Place) -> Query:
    """Before this place."""
    ord_, sub = place
    found = []
    if ord_ != FIRST[0]:
        found.append(_range(schema, "ord", None, ord_ - 1))
    if sub != FIRST[1]:
        found.append(_all([_range(schema, "ord", ord_, ord_), _range(schema, "sub", None, sub - 1)]))
    return _any(found) if found else Query.empty_query()


def _range(schema: Schema, field: str, start: int | None, end: int | None) -> Query:
    return Query.range_query(schema, field, FieldType.Integer, start, end)


def _any(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _all(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, query) for query in queries])
