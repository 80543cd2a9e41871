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
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from bridge.botapi import schedule, settings
from bridge.botapi.ask import NewJob, NewSetting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime, timedelta

    from bridge.botapi.ask import Ask
    from bridge.botapi.reply import Reply
    from bridge.botapi.rights import Role

    H = TypeVar("H", bound=Callable[..., Awaitable[Reply | None]])
    S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Words:
    """One word in both languages, or a few (`wie is`); more ways to write it in `also`."""

    nl: str
    en: str
    also: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(word for word in (self.nl, self.en, *self.also) if word))


@dataclass(frozen=True, slots=True)
class Command:
    """The one declaration that running, help and the permission check read. Without words it is the bot's own one."""

    words: Words
    allow: Role
    method: str


_COMMAND, _BUTTON, _JOB = "__postkamer_command__", "__postkamer_button__", "__postkamer_job__"


def command(nl: str = "", en: str = "", *also: str, allow: Role = "staff") -> Callable[[H], H]:
    """Make a method a command.

    Without words it is what the bot's own word does by itself (`!zoek LINE`). Then what stands in quotes is never taken
    for the word of another command, nor is a command that has no parameters when more follows.

    Its parameters after `ask` are the arguments: str (one word, or several in quotes), int, bool, Literal, datetime,
    date, timedelta, `Rest`, `Target`, `Past`, `Person`, `Room`, `Here`; each may be `| None` or have a default. The
    bot's strings have `METHOD.help`; `METHOD.ARGUMENT`, what the usage calls an argument (not for a `Target`);
    `METHOD.ARGUMENT.VALUE`, the words for a value of a Literal, with commas between (without it: the value itself); and
    `METHOD.example`, arguments to show, when there are any.

    Args:
        nl: the word in Dutch, or a few.
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
    setattr(method, _JOB, "quick")
    return method


def slow_job(method: H) -> H:
    """The same for what may take minutes or hours: one of these runs at a time, and no other job waits for it."""
    setattr(method, _JOB, "slow")
    return method


class Bot:
    """A bot. Its strings are in the folder `strings` beside its module: `nl.yaml` and `en.yaml`.

    Attributes:
        name: in the config, and of its jobs and settings.
        words: the word before its commands (`!archief status`); None when its commands stand by themselves (`!help`).
        room_settings: a frozen dataclass with defaults: what can be set for a room by its managers. The strings have
            `settings.NAME`, the word to set it by, `settings.NAME.help`, and `settings.NAME.VALUE` as for a Literal.
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

    @classmethod
    def slow_jobs(cls) -> list[str]:
        """The names of the methods that are marked with `@slow_job`."""
        return [name for name, method in _methods(cls) if getattr(method, _JOB, None) == "slow"]

    async def greeting(self, ask: Ask) -> Reply | None:
        """What it says once when it has joined a room; nothing by default."""
        del ask
        return None

    async def settings(self, ask: Ask, cls: type[S]) -> S:
        """What is set for the room, or for the asker: an object of `room_settings` or `person_settings`."""
        scope: settings.Scope = "room" if cls is self.room_settings else "person"
        return await settings.read(ask, self.name, scope, cls)

    def remember(self, ask: Ask, name: str, value: object) -> None:
        """Keep a JSON value for the asker, together with the answer; nobody sets it by hand."""
        ask.effects.settings.append(NewSetting(self.name, "person", ask.sender.user_id, name, value))

    async def remembered(self, ask: Ask, name: str) -> Any:
        """What was kept for the asker under this name; None: nothing."""
        return (await ask.stored.get(self.name, "person", ask.sender.user_id)).get(name)

    def at(self, ask: Ask, when: datetime, action: Callable[..., Any], *, key: str, **args: Any) -> None:
        """Do something once. The same `key` again replaces what was planned.

        Args:
            action: a method of this bot that is marked with `@job` or `@slow_job`.
            key: names the job among those of this action.
            args: JSON values, handed to it by name.
        """
        self._plan(ask, when, action, key=key, args=args)

    def every(self, ask: Ask, pause: timedelta, action: Callable[..., Any], *, key: str, **args: Any) -> None:
        """Do something again and again, first after `pause`."""
        self._plan(ask, ask.now + pause, action, key=key, args=args, plan=schedule.every(pause))

    def cron(self, ask: Ask, expression: str, action: Callable[..., Any], *, key: str, **args: Any) -> None:
        """Do something at the times of a cron expression, in the company's time zone.

        Raises:
            ValueError: it is no such expression, or never comes.
        """
        plan = f"cron {expression}"
        due_at = schedule.next_due(plan, ask.now, ask.timezone)
        self._plan(ask, due_at, action, key=key, args=args, plan=plan)

    def cancel_job(self, ask: Ask, action: Callable[..., Any], *, key: str) -> None:
        """Forget what was planned."""
        found = (self.name, action.__name__, key)
        ask.effects.jobs[:] = [new for new in ask.effects.jobs if (new.bot, new.action, new.key) != found]
        ask.effects.cancelled.append(found)

    def _plan(
        self,
        ask: Ask,
        due_at: datetime,
        action: Callable[..., Any],
        *,
        key: str,
        args: dict[str, Any],
        plan: str | None = None,
    ) -> None:
        name = action.__name__
        if not self.is_job(name):
            raise TypeError(f"{name} is not marked with @job")
        if due_at.tzinfo is None:
            raise ValueError(f"{name} is planned at a time without a zone")
        json.dumps(args)  # a TypeError now, and not when it is due
        found = (self.name, name, key)
        effects = ask.effects
        effects.jobs[:] = [new for new in effects.jobs if (new.bot, new.action, new.key) != found]
        effects.cancelled[:] = [old for old in effects.cancelled if old != found]
        effects.jobs.append(NewJob(self.name, name, key, args, due_at, plan, ask.room.room_id, ask.sender.user_id))


def _methods(cls: type[Bot]) -> list[tuple[str, Any]]:
    return inspect.getmembers(cls, inspect.isfunction)
