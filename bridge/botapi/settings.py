"""What people set, for a room or for themselves: fields of a frozen dataclass with defaults."""

from __future__ import annotations

from dataclasses import MISSING, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from bridge.botapi.ask import NewSetting
from bridge.botapi.kinds import Kind, hints, kind_of
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from bridge.botapi.ask import Ask

    S = TypeVar("S")

Scope = Literal["room", "person"]
KINDS: Final = ("word", "int", "bool", "choice", "duration")  # what a setting may be


def kinds(cls: type[Any]) -> dict[str, Kind]:
    """How each field is read.

    Raises:
        PostkamerError: a field has no default, or a type that no setting can have.
    """
    where = f"{cls.__module__}.{cls.__qualname__}"
    names = {item.name for item in fields(cls)}
    lacking = [item.name for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING]
    if lacking:
        raise PostkamerError(f"{where}: no default for {', '.join(lacking)}")
    found = {}
    for name, annotation in hints(cls, names).items():
        kind = kind_of(annotation)
        if kind is None or kind.name not in KINDS:
            raise PostkamerError(f"{where}.{name}: {annotation} cannot be set in a chat")
        found[name] = kind
    return found


async def read(ask: Ask, bot: str, scope: Scope, cls: type[S]) -> S:
    """What is set, and the defaults of what is not, or no longer fits. What the same ask has changed counts."""
    subject = subject_of(ask, scope)
    stored = dict(await ask.stored.get(bot, scope, subject))
    stored |= {
        new.name: new.value
        for new in ask.effects.settings
        if (new.bot, new.scope, new.subject) == (bot, scope, subject)
    }
    values = {}
    for name, kind in kinds(cls).items():
        if name in stored and fits(kind, stored[name]):
            values[name] = _from_json(kind, stored[name])
    return cls(**values)


def write(ask: Ask, bot: str, scope: Scope, name: str, value: object) -> None:
    """Set something, together with the answer."""
    ask.effects.settings.append(NewSetting(bot, scope, subject_of(ask, scope), name, _to_json(value)))


def subject_of(ask: Ask, scope: Scope) -> str:
    """Whose setting it is: a room id or a Matrix id."""
    return ask.room.room_id if scope == "room" else ask.sender.user_id


def fits(kind: Kind, value: object) -> bool:
    """Whether a stored value can still be used: a newer version may want another one."""
    if value is None:
        return kind.optional
    if kind.name == "choice":
        return value in kind.choices
    if kind.name == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    return isinstance(value, str if kind.name == "word" else int)


def _from_json(kind: Kind, value: Any) -> object:
    return timedelta(seconds=value) if kind.name == "duration" and value is not None else value


def _to_json(value: object) -> object:
    return round(value.total_seconds()) if isinstance(value, timedelta) else value
