"""Asking a bot something, in a test."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Unpack
from zoneinfo import ZoneInfo

from bridge.botapi.ask import Ask, Effects, Person, Room
from bridge.botapi.bot import Bot
from bridge.botapi.runner import Outcome, Runner
from bridge.botapi.testing.fakes import FakeArchive, FakeDirectory, FakeWebhooks, MemorySettings
from bridge.botapi.testing.finding import FakeSearch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence
    from typing import TypedDict

    from bridge.botapi.ask import NewJob
    from bridge.botapi.render import Answer
    from bridge.botapi.reply import File, Reply
    from bridge.botapi.rights import Role

    class Circumstances(TypedDict, total=False):
        """What may be different from a plain question by a member of staff; see `Talk`."""

        sender: Person
        room: Room
        language: str
        timezone: str
        now: datetime
        roles: Iterable[Role]
        target: str | None
        archive: FakeArchive
        directory: FakeDirectory
        search: FakeSearch
        webhooks: FakeWebhooks


ANNA: Final = Person("@anna:example.org", "Anna de Vries")
ROOM: Final = Room("!room:example.org", "Productie", encrypted=False, direct=False)
NOW: Final = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)  # Wednesday, 10:00 in Amsterdam


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question.

    Attributes:
        answer: as it would be sent; None when the bot says nothing.
        replies: what the handlers gave, before it was written out; errors and help too.
        effects: jobs and settings; none after an error.
    """

    talk: Talk
    answer: Answer | None
    replies: tuple[Reply, ...]
    effects: Effects

    @property
    def reply(self) -> Reply | None:
        """The first of the replies."""
        return self.replies[0] if self.replies else None

    @property
    def text(self) -> str:
        """All plain text; "" when the bot says nothing."""
        return "\n\n".join(message.body for message in self.answer.messages) if self.answer else ""

    @property
    def html(self) -> str:
        """All HTML."""
        return "".join(message.html or "" for message in self.answer.messages) if self.answer else ""

    @property
    def buttons(self) -> tuple[str, ...]:
        """The emoji below it."""
        return tuple(key for message in self.answer.messages for key in message.buttons) if self.answer else ()

    @property
    def files(self) -> list[File]:
        """The files that come with it."""
        return [message.file for message in self.answer.messages if message.file] if self.answer else []

    @property
    def action(self) -> dict[str, Any]:
        """What is kept with it; {} when nothing."""
        found = [message.action for message in self.answer.messages if message.action] if self.answer else []
        return dict(json.loads(json.dumps(found[0]))) if found else {}


class _Heard(Runner):
    """A runner that keeps what handlers replied."""

    def __init__(self, bots: Sequence[Bot]) -> None:
        super().__init__(bots)
        self.replies: list[Reply] = []

    def _written(self, outcome: Outcome) -> Answer:
        self.replies = [reply for _, reply in outcome.parts]
        return super()._written(outcome)


@dataclass(slots=True)
class Talk:
    """A room with one bot user in it, and somebody who asks. All fields can be changed between questions.

    Attributes:
        roles: of the sender; none is a stranger.
        language: of the company; what the person has set with `!taal` goes before it.
        now: aware; it stands still.
        target: the event that is replied to.
        jobs: what is planned, by (bot, action, key).
    """

    bots: Sequence[Bot]
    sender: Person = ANNA
    room: Room = ROOM
    language: str = "nl"
    timezone: str = "Europe/Amsterdam"
    now: datetime = NOW
    roles: Iterable[Role] = ("staff",)
    target: str | None = None
    archive: FakeArchive = field(default_factory=FakeArchive)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    search: FakeSearch = field(default_factory=FakeSearch)
    webhooks: FakeWebhooks = field(default_factory=FakeWebhooks)
    settings: MemorySettings = field(default_factory=MemorySettings)
    jobs: dict[tuple[str, str, str], NewJob] = field(default_factory=dict)
    _runner: _Heard = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self._runner = _Heard(self.bots)

    async def ask(self, text: str, *, addressed: bool | None = None) -> Answered:
        """Say something in the room; without a `!` it is said to the bot itself.

        Args:
            addressed: whether the bot was named; by default it was when there is no `!` in front.
        """
        if addressed is None:
            addressed = self.room.direct or not text.startswith("!")
        ask = await self._new_ask()
        return await self._done(ask, self._runner.message(ask, text, addressed=addressed))

    async def press(self, on: Answered, key: str) -> Answered:
        """React to an answer."""
        ask = await self._new_ask()
        return await self._done(ask, self._runner.press(ask, on.action, key))

    async def answer(self, on: Answered, text: str) -> Answered:
        """Answer a question of the bot."""
        ask = await self._new_ask()
        return await self._done(ask, self._runner.reply(ask, on.action, text))

    async def joined(self) -> Answered:
        """Let the bot join the room."""
        ask = await self._new_ask()
        return await self._done(ask, self._runner.joined(ask))

    async def due(self, job: NewJob) -> Answered:
        """Let a job of `jobs` be due."""
        ask = await self._new_ask()
        return await self._done(ask, self._runner.job(ask, job.bot, job.action, job.args))

    async def _new_ask(self) -> Ask:
        self._count += 1
        stored = await self.settings.get("core", "person", self.sender.user_id)
        return Ask(
            sender=self.sender,
            room=self.room,
            bot_user="@postkamer:example.org",
            language=str(stored.get("language") or self.language),
            timezone=ZoneInfo(self.timezone),
            now=self.now,
            roles=frozenset(self.roles),
            target=self.target,
            cause=f"$question{self._count}",
            archive=self.archive,
            directory=self.directory,
            search=self.search,
            webhooks=self.webhooks,
            stored=self.settings,
            effects=Effects(),
        )

    async def _done(self, ask: Ask, work: Awaitable[Answer | None]) -> Answered:
        self._runner.replies = []
        answer = await work
        for new in ask.effects.jobs:
            self.jobs[new.bot, new.action, new.key] = new
        for key in ask.effects.cancelled:
            self.jobs.pop(key, None)
        for setting in ask.effects.settings:
            self.settings.keep(setting)
        return Answered(self, answer, tuple(self._runner.replies), ask.effects)


async def ask(bot: Bot | Sequence[Bot], text: str, **circumstances: Unpack[Circumstances]) -> Answered:
    """Ask a bot (or some that share a user) one thing, as `Talk.ask` does."""
    bots = [bot] if isinstance(bot, Bot) else bot
    return await Talk(bots, **circumstances).ask(text)


async def press(on: Answered, key: str, *, sender: Person | None = None) -> Answered:
    """React to an answer; by default the asker does."""
    return await _as(on.talk, sender).press(on, key)


async def answer(on: Answered, text: str, *, sender: Person | None = None) -> Answered:
    """Answer a question of the bot; by default the asker does."""
    return await _as(on.talk, sender).answer(on, text)


def _as(talk: Talk, sender: Person | None) -> Talk:
    return replace(talk, sender=sender) if sender else talk
