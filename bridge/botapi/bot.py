"""How a bot says what it can do: commands by typed methods, buttons, jobs, settings. Nothing is said twice.

class Reminders(Bot):
name = "reminder"
words = Words(nl="herinner", en="remind")          # !herinner, !remind

@command(nl="mij", en="me")
async def me(self, ask: Ask, at: datetime, text: Rest) -> Reply:
self.at(ask, at, self.ring, key=ask.cause, text=text)
return say("saved", at=at).button("❌", self.cancel, key=ask.cause)

@button
async def cancel(self, ask: Ask, key: str) -> Reply: ...

@job
async def ring(self, ask: Ask, text: str) -> Reply: ...
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NewType, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime, timedelta

    from bridge.botapi.ask import Ask
    from bridge.botapi.reply import Reply
    from bridge.botapi.rights import Role

    P = ParamSpec("P")
    Handler = Callable[P, Awaitable[Reply | None]]
    H = TypeVar("H", bound=Callable[..., Awaitable[Reply | None]])

# Types of parameters that Python has no type for. Also: str (one word, or several in quotes), int, bool, Literal,
# datetime, date, timedelta, `Person`, `Room`; each may be `| None` or have a default.
Rest = NewType("Rest", str)  # all that is left of the line, as it was written
Target = NewType("Target", str)  # the event that was replied to, or a permalink


@dataclass(frozen=True, slots=True)
class Words:
    """One word in both languages; more ways to write it in `also`."""

    nl: str
    en: str
    also: tuple[str, ...] = ()

    def __iter__(self) -> Any:
        return iter(dict.fromkeys((self.nl, self.en, *self.also)))


@dataclass(frozen=True, slots=True)
class Command:
    """The one declaration that running, help and the permission check read."""

    words: Words
    allow: Role
    method: str


_COMMAND, _BUTTON, _JOB = "__postkamer_command__", "__postkamer_button__", "__postkamer_job__"


def command(nl: str, en: str, *also: str, allow: Role = "staff") -> Callable[[H], H]:
    """Make a method a command.

    Its parameters after `ask` are the arguments. Help and the meaning of each argument stand in the bot's strings:
    `METHOD.help`, and `METHOD.ARGUMENT` for what the usage calls an argument.

    Args:
        nl: the word in Dutch.
        en: and in English.
        also: other spellings.
        allow: the role that it needs. Managers of the company count as staff, auditors and IT do too.
    """

    def mark(method: H) -> H:
        setattr(method, _COMMAND, Command(Words(nl, en, also), allow, method.__name__))
        return method

    return mark


def button(method: H) -> H:
    """Make a method what a button does. It gets the `args` of the button by name."""
    setattr(method, _BUTTON, True)
    return method


def job(method: H) -> H:
    """Make a method what a job does. It gets the `args` of the job by name; its answer goes to the job's room."""
    setattr(method, _JOB, True)
    return method


class Bot:
    """A bot. Its strings are in the folder `strings` beside its module: `nl.yaml` and `en.yaml`.

    Attributes:
        name: in the config, and of its jobs and settings.
        words: the word before its commands (`!archief status`); None when its commands stand by themselves (`!help`).
        room_settings: a frozen dataclass with defaults: what can be set for a room, with `settings` strings.
        person_settings: the same for a person.
    """

    name: ClassVar[str]
    words: ClassVar[Words | None] = None
    room_settings: ClassVar[type[Any] | None] = None
    person_settings: ClassVar[type[Any] | None] = None

    @classmethod
    def commands(cls) -> dict[str, Command]:
        """By name of the method."""
        return {name: found for name, method in _methods(cls) if (found := getattr(method, _COMMAND, None))}

    @classmethod
    def is_button(cls, name: str) -> bool:
        """Whether a method is what a button may call."""
        return bool(getattr(getattr(cls, name, None), _BUTTON, False))

    @classmethod
    def is_job(cls, name: str) -> bool:
        """Whether a method is what a job may call."""
        return bool(getattr(getattr(cls, name, None), _JOB, False))

    async def greeting(self, ask: Ask) -> Reply | None:
        """What it says once when it has joined a room; nothing by default."""
        del ask
        return None

    def at(self, ask: Ask, when: datetime, action: Callable[..., Any], *, key: str, **args: Any) -> None:
        """Do something once. The same `key` again replaces what was planned."""
        raise NotImplementedError

    def every(self, ask: Ask, pause: timedelta, action: Callable[..., Any], *, key: str, **args: Any) -> None:
        """Do something again and again, first after `pause`."""
        raise NotImplementedError

    def cron(self, ask: Ask, expression: str, action: Callable[..., Any], *, key: str, **args: Any) -> None:
        """Do something at the times of a cron expression, in the company's time zone."""
        raise NotImplementedError

    def cancel_job(self, ask: Ask, action: Callable[..., Any], *, key: str) -> None:
        """Forget what was planned."""
        raise NotImplementedError


def _methods(cls: type[Bot]) -> list[tuple[str, Any]]:
    return inspect.getmembers(cls, inspect.isfunction)
