"""What a parameter of a command, or a setting, may be."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NewType, Optional, Union, get_args, get_origin, get_type_hints

from bridge.botapi.ask import Person, Room

if TYPE_CHECKING:
    from collections.abc import Callable

# Types of parameters that Python has no type for.
Rest = NewType("Rest", str)  # all that is left of the line, as it was written
Target = NewType("Target", str)  # the event that was replied to, or a permalink
Here = NewType("Here", Room)  # left out: the room that is asked in; in a direct chat that is a question
Past = NewType("Past", datetime)  # a moment before now: "3 dagen" is 3 days ago; a day without a time is its midnight

KindName = Literal[
    "word", "rest", "target", "int", "bool", "choice", "moment", "past", "date", "duration", "person", "room"
]

_KINDS: Final[dict[Any, KindName]] = {
    str: "word",
    Rest: "rest",
    Target: "target",
    int: "int",
    bool: "bool",
    datetime: "moment",
    Past: "past",
    date: "date",
    timedelta: "duration",
    Person: "person",
    Room: "room",
    Here: "room",
}
# A bot may import the types of its parameters for the type checker alone.
_KNOWN: Final = {
    "Here": Here,
    "Literal": Literal,
    "Optional": Optional,
    "date": date,
    "datetime": datetime,
    "timedelta": timedelta,
    "Past": Past,
    "Person": Person,
    "Rest": Rest,
    "Room": Room,
    "Target": Target,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is read and shown. `choices`: the values of a Literal. `optional`: it may be None. `here`: a room
    that need not be named where it is meant.
    """

    name: KindName
    choices: tuple[str, ...] = ()
    optional: bool = False
    here: bool = False


def kind_of(annotation: Any) -> Kind | None:
    """None for a type that no word can be made into."""
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        found = kind_of(inner[0]) if len(inner) == 1 else None
        return Kind(found.name, found.choices, optional=True, here=found.here) if found else None
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        return Kind("choice", choices) if all(isinstance(choice, str) for choice in choices) else None
    name = next((name for known, name in _KINDS.items() if known is annotation), None)
    return Kind(name, here=annotation is Here) if name else None


def hints(of: Callable[..., Any] | type[Any], names: set[str]) -> dict[str, Any]:
    """The types of some parameters or fields.

    Raises:
        NameError: a type is imported for the type checker alone, and is none of those that botapi knows.
    """
    annotations = {name: found for name, found in of.__annotations__.items() if name in names}
    holder = type("Hints", (), {"__annotations__": annotations, "__module__": of.__module__})
    scope = {**_KNOWN, **_globals(of)}
    return get_type_hints(holder, globalns=scope, localns=scope)


def _globals(of: Callable[..., Any] | type[Any]) -> dict[str, Any]:
    return getattr(of, "__globals__", None) or vars(sys.modules[of.__module__])
