"""What a handler is told about a question, and what it may use to answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bridge.botapi.finding import Search
    from bridge.botapi.ports import Archive, Directory, SettingsStore, Webhooks
    from bridge.botapi.rights import Role


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a Matrix id."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Room:
    """A room, as far as bots need to know. One that was found by its name counts as encrypted: be careful with it."""

    room_id: str
    name: str
    encrypted: bool = True
    direct: bool = False  # nobody but the bot and one person is in it


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be kept. `schedule` is None (once), 'every SECONDS' or 'cron EXPRESSION' (the company's time zone)."""

    bot: str
    action: str
    key: str
    args: dict[str, Any]
    due_at: datetime
    schedule: str | None
    room_id: str | None
    person: str | None


@dataclass(frozen=True, slots=True)
class NewSetting:
    """A setting to be kept; `value` is JSON."""

    bot: str
    scope: Literal["room", "person"]
    subject: str
    name: str
    value: object


@dataclass(slots=True)
class Effects:
    """What a handler wants changed. It is committed together with its answer, or not at all."""

    jobs: list[NewJob] = field(default_factory=list)
    cancelled: list[tuple[str, str, str]] = field(default_factory=list)  # (bot, action, key)
    settings: list[NewSetting] = field(default_factory=list)

    def clear(self) -> None:
        """Nothing is to be changed after all."""
        self.jobs.clear()
        self.cancelled.clear()
        self.settings.clear()


@dataclass(frozen=True, slots=True)
class Ask:
    """A command, a press of a button, or a job that is due.

    Attributes:
        target: the event that was replied to, or whose permalink was given; None when there is none.
        cause: what made this ask one; an event id mostly.
    """

    sender: Person
    room: Room
    bot_user: str
    language: str  # 'nl' or 'en'
    timezone: ZoneInfo
    now: datetime  # aware
    roles: frozenset[Role]
    target: str | None
    cause: str
    archive: Archive
    directory: Directory
    search: Search
    webhooks: Webhooks
    stored: SettingsStore
    effects: Effects
