"""A query as a tree, as `parser.parse` makes it. Names of people and rooms are still as they were typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

Sort: TypeAlias = Literal["new", "old", "relevance"]
Role: TypeAlias = Literal["from", "to", "with", "mentions"]
Thing: TypeAlias = Literal[
    "file", "image", "video", "audio", "voice", "link", "poll", "location", "reaction", "phone", "iban", "emoji"
]
LongName: TypeAlias = tuple[Literal["person", "room"], str]
State: TypeAlias = Literal[
    "urgent",
    "open",
    "overdue",
    "acked",
    "unacked",
    "edited",
    "imported",
    "announcement",
    "deleted",
    "held",
    "dm",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the line: characters, from `start` up to and without `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word: stemmed, and as written."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Exact:
    """A word as written only (`+word`)."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in this order."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a word: `kozij*` is open at its end, `*verslag` at its beginning."""

    text: str
    open_start: bool
    open_end: bool
    place: Place


Text: TypeAlias = Word | Exact | Phrase | Part


@dataclass(frozen=True, slots=True)
class Near:
    """Both, at most `distance` words apart, in either order."""

    one: Text
    other: Text
    distance: int


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody in a role; `name` is a Matrix id, a part of a name, a department, or `me`."""

    role: Role
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class In:
    """A room or space by name, alias or id."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread, by the id or permalink of its first message."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class When:
    """Sent at or after `start` and before `end`; None is no limit."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Has:
    """It holds something; `emoji` with a reaction or text of that emoji."""

    thing: Thing
    emoji: str | None = None


@dataclass(frozen=True, slots=True)
class FileName:
    """A part of the name of an attachment."""

    text: str


@dataclass(frozen=True, slots=True)
class FileType:
    """One of these is the ending or the media type of an attachment (`pdf`, `image/png`, `image`)."""

    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of an attachment: more than `over`, less than `under`."""

    over: int | None
    under: int | None


@dataclass(frozen=True, slots=True)
class Is:
    """A state."""

    state: State


@dataclass(frozen=True, slots=True)
class Label:
    """A label (`tag:x`, `#x`)."""

    name: str


Filter: TypeAlias = Who | In | Thread | When | Has | FileName | FileType | Size | Is | Label


@dataclass(frozen=True, slots=True)
class Not:
    """Everything but this."""

    node: Node


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of these."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these."""

    nodes: tuple[Node, ...]


Node: TypeAlias = Text | Near | Filter | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the line that was not understood, or only by a guess.

    Attributes:
        key: of the strings of the search bot (`query.KEY`).
        place: what the proposal is for.
        got: what was typed, or the name of the operator without a value.
        proposal: what could stand in that place.
    """

    key: Literal[
        "unknown_operator",
        "unknown_value",
        "bad_date",
        "bad_size",
        "no_value",
        "open_quote",
        "open_group",
        "lone_or",
        "lone_near",
        "too_deep",
        "too_long",
    ]
    place: Place
    got: str
    proposal: str


@dataclass(frozen=True, slots=True)
class Query:
    """A line that was read.

    Attributes:
        root: None when nothing is asked for.
        sort: None when the line does not say.
        longer: names of several words that the line may mean, each with what it would be the name of. Whoever knows
            which of them exist can have the line read again (`parser.parse`).
    """

    root: Node | None
    sort: Sort | None
    problems: tuple[Problem, ...]
    longer: frozenset[LongName] = frozenset()


@dataclass(frozen=True, slots=True)
class Note:
    """What the one who asks has to know of how a line was understood, beside its problems.

    Attributes:
        key: of the strings of the search bot (`query.KEY`).
        got: the name, state or word that it is about.
        names: of people or rooms that a name stands for, when it stands for several; the first ones.
        count: of all of those.
    """

    key: Literal[
        "nobody",
        "several_people",
        "no_room",
        "several_rooms",
        "no_thread",
        "auditors_only",
        "not_yet",
        "part_too_short",
    ]
    got: str
    names: tuple[str, ...] = ()
    count: int = 0


def leaves(node: Node | None, *, wanted: bool = False) -> Iterator[Text | Filter]:
    """Texts and filters of a tree, in order.

    Args:
        wanted: without those that are excluded.
    """
    match node:
        case None:
            return
        case Near(one, other):
            yield from (one, other)
        case AllOf(nodes) | AnyOf(nodes):
            for each in nodes:
                yield from leaves(each, wanted=wanted)
        case Not(inner):
            if not wanted:
                yield from leaves(inner)
        case _:
            yield node
