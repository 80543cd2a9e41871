"""From a row to a question: who asks, where, with what rights, and what the handler may use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from bridge.botapi.ask import Ask, Effects, Person, Room
from bridge.engine.ports import Asker
from bridge.engine.roles import Rights, our_users, power_level
from bridge.storage import asking, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.botapi.rights import Role
    from bridge.config.schema import Config
    from bridge.engine.ports import Ports
    from bridge.storage.asking import Facts
    from bridge.storage.db import Connection, Db

CORE: Final = "core"  # the bot that keeps the language of a person
_LANGUAGES: Final = frozenset({"nl", "en"})


class StoredSettings:
    """See `bridge.botapi.ports.SettingsStore`."""

    def __init__(self, db: Db) -> None:
        self._db = db

    async def get(self, bot: str, scope: Literal["room", "person"], subject: str) -> dict[str, object]:
        """By name."""
        async with self._db.connection() as connection:
            return await settings.get(connection, bot, scope, subject)


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks what, as the row says."""

    bot_user: str
    room_id: str | None  # None: nowhere, as a job for a person alone
    sender: str
    cause: str
    target: str | None = None
    seq: int = 0  # of the inbox: what the archive has to know
    for_all: bool = False  # the answer is for a room, not for who asks: in the company's language


@dataclass(frozen=True, slots=True)
class Situation:
    """The question for the handler, and what the archive knows of its room.

    Attributes:
        recorded: the archive is as new as the question.
    """

    ask: Ask
    facts: Facts | None
    recorded: bool


class Situations:
    """Makes questions."""

    def __init__(
        self, config: Config, db: Db, ports: Ports, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.ours = our_users(config)
        self.rights = Rights(config)
        self.now = now
        self._bots = config.bots
        self._ports = ports
        self._stored = StoredSettings(db)

    async def of(self, db: Connection, question: Question) -> Situation:
        """All that is known of a question."""
        facts: Facts | None = None
        if question.room_id is not None:
            facts = await asking.facts(
                db, question.room_id, question.sender, question.bot_user, ours=self.ours, core=CORE
            )
            chosen = json.loads(facts.language or "null")
        else:
            chosen = (await settings.get(db, CORE, "person", question.sender)).get("language")
        recorded = facts is None or facts.recorded >= question.seq
        room = _room(question, facts, recorded=recorded)
        roles = self._roles(question, facts, direct=room.direct)
        asker = Asker(
            question.sender,
            roles,
            self.rights.of_company(question.sender),
            room.room_id,
            direct=room.direct,
            bot_user=question.bot_user,
        )
        ask = Ask(
            sender=Person(question.sender, (facts and facts.sender_name) or question.sender),
            room=room,
            bot_user=question.bot_user,
            language=str(
                chosen if chosen in _LANGUAGES and (room.direct or not question.for_all) else self._bots.language
            ),
            timezone=self._bots.timezone.zone,
            now=self.now(),
            roles=roles,
            target=question.target,
            cause=question.cause,
            archive=self._ports.archive_for(asker),
            directory=self._ports.directory_for(asker),
            search=self._ports.search_for(asker),
            webhooks=self._ports.webhooks_for(asker),
            stored=self._stored,
            effects=Effects(),
        )
        return Situation(ask, facts, recorded)

    def _roles(self, question: Question, facts: Facts | None, *, direct: bool) -> frozenset[Role]:
        level = 0
        if facts is not None:
            level = power_level(
                question.sender,
                version=facts.version,
                creator=facts.creator,
                create=facts.create,
                power_levels=facts.power_levels,
            )
        return self.rights.in_room(question.sender, level, direct=direct)


def _room(question: Question, facts: Facts | None, *, recorded: bool) -> Room:
    """Somebody is alone with the bot when the archive knows for sure who is there, and nobody else can come in."""
    if question.room_id is None or facts is None:
        return Room("", "", encrypted=True, direct=True)
    direct = recorded and facts.closed and set(facts.people) == {question.bot_user, question.sender}
    name = facts.name or ", ".join(facts.others) or question.room_id
    return Room(question.room_id, name, encrypted=facts.encrypted, direct=direct)
