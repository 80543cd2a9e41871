"""What a person may read, as a value: made by `bridge.archive.access` alone, taken by all that shows messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Place = tuple[int, int]  # (ord, sub): where an event stands in its room

FIRST: Final[Place] = (-(2**63), -(2**63))
LAST: Final[Place] = (2**63 - 1, 2**63 - 1)


def after(place: Place) -> Place:
    """The place directly behind another."""
    return place if place == LAST else (place[0], place[1] + 1)


class Span(NamedTuple):
    """A part of a room: from `start` up to, and without, `end`."""

    start: Place = FIRST
    end: Place = LAST


WHOLE: Final = Span()
_SEAL: Final = object()


# Keeps of `event m` or `message m` what lies within spans; its five arguments are those of `Readable.columns`. Spans do
# not touch each other, so no row comes twice.
WITHIN: Final = """
JOIN unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
     AS s (room_id, start_ord, start_sub, end_ord, end_sub)
ON m.room_id = s.room_id AND (m.ord, m.sub) >= (s.start_ord, s.start_sub) AND (m.ord, m.sub) < (s.end_ord, s.end_sub)
"""


class SpanColumns(NamedTuple):
    """Spans as columns: the first five arguments of a query with `WITHIN`."""

    room_ids: list[str]
    start_ords: list[int]
    start_subs: list[int]
    end_ords: list[int]
    end_subs: list[int]


def columns_of(room_id: str, spans: Sequence[Span]) -> SpanColumns:
    """Spans of a room, for a query."""
    return SpanColumns(
        [room_id] * len(spans),
        [span.start[0] for span in spans],
        [span.start[1] for span in spans],
        [span.end[0] for span in spans],
        [span.end[1] for span in spans],
    )


class Readable:
    """The parts of rooms that somebody may read.

    Attributes:
        rooms: by room id, spans that do not touch each other, in order; a room without any is left out.
        removed: whether the content of redacted messages may be read as long as it is kept (auditors).
        everything: all rooms, also those that are not in `rooms` (auditors).
    """

    __slots__ = ("everything", "removed", "rooms")

    def __init__(
        self, seal: object, rooms: Mapping[str, tuple[Span, ...]], *, removed: bool = False, everything: bool = False
    ) -> None:
        if seal is not _SEAL:
            raise TypeError("only the access rule makes these")
        self.rooms = rooms
        self.removed = removed
        self.everything = everything

    def spans(self, room_id: str) -> tuple[Span, ...]:
        """The parts of one room."""
        return self.rooms.get(room_id, (WHOLE,) if self.everything else ())

    def may_read(self, room_id: str, place: Place) -> bool:
        """Whether an event at this place of a room may be read."""
        return any(span.start <= place < span.end for span in self.spans(room_id))

    def columns(self, room_id: str) -> SpanColumns:
        """The spans of one room, for a query."""
        return columns_of(room_id, self.spans(room_id))

    def in_part(self) -> Readable:
        """The same without the rooms that may be read as a whole."""
        return Readable(_SEAL, {room_id: spans for room_id, spans in self.rooms.items() if spans != (WHOLE,)})

    def all_columns(self) -> SpanColumns:
        """The spans of all rooms that are named in it, for a query."""
        spans = [(room_id, span) for room_id, some in self.rooms.items() for span in some]
        return SpanColumns(
            [room_id for room_id, _ in spans],
            [span.start[0] for _, span in spans],
            [span.start[1] for _, span in spans],
            [span.end[0] for _, span in spans],
            [span.end[1] for _, span in spans],
        )


def seal_for_access() -> object:
    """What `Readable` wants to see; a test allows this call to the access rule alone."""
    return _SEAL
