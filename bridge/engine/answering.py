"""From a row of `ask` to what is sent and changed: asks the bots, and changes nothing itself."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from bridge.botapi.ask import Effects
from bridge.botapi.errors import BotError
from bridge.botapi.words import without_bang
from bridge.engine.posts import Origin, posts
from bridge.engine.situation import Question
from bridge.storage import asking, bot_rooms, outbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from bridge.botapi.ask import Ask
    from bridge.botapi.render import Answer
    from bridge.botapi.runner import Runner
    from bridge.engine.recorded import Recorded
    from bridge.engine.situation import Situation, Situations
    from bridge.storage.asks import DueAsk
    from bridge.storage.db import Connection, Db
    from bridge.storage.outbox import NewPost

log = structlog.get_logger(__name__)

HANDLER_SECONDS: Final = 60.0


class NotYetError(Exception):
    """What it is about is not known yet."""


class EmptyRoomError(Exception):
    """Nobody is there to be greeted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of a question.

    Attributes:
        note: why nothing comes of it.
    """

    posts: Sequence[NewPost] = ()
    effects: Effects = field(default_factory=Effects)
    note: str | None = None


class Answering:
    """Asks the bots.

    Args:
        runners: by bot user.
        handler_seconds: how long a handler may take.
    """

    def __init__(
        self,
        db: Db,
        runners: Mapping[str, Runner],
        situations: Situations,
        recorded: Recorded,
        *,
        handler_seconds: float = HANDLER_SECONDS,
    ) -> None:
        self._db = db
        self._runners = runners
        self._situations = situations
        self._recorded = recorded
        self._handler_seconds = handler_seconds

    async def message(self, row: DueAsk) -> Outcome:
        """Answer a command, perhaps an edited one."""
        payload, runner = json.loads(row.payload), self._runners[row.user_id]
        async with self._situation(row, payload) as (connection, situation):
            origin = _origin(row, situation, payload)
            if row.kind == "edit":
                origin = replace(origin, earlier=await outbox.by_cause(connection, origin.cause, row.user_id))
            addressed = payload["addressed"] or situation.ask.room.direct
            if not addressed and not situation.recorded:
                addressed = await bot_rooms.is_direct(connection, row.room_id, row.user_id)
            about = None
            if payload["replied"] is not None:
                about = await outbox.by_event(connection, payload["replied"], row.room_id)
            elif addressed and situation.ask.room.direct and without_bang(payload["text"]) is None:
                about = await outbox.last_question(connection, row.room_id, row.user_id)
        ask, text = situation.ask, payload["text"]

        async def run() -> Answer | None:
            if about is not None and about.action is not None and about.user_id == row.user_id:
                answer = await runner.reply(ask, json.loads(about.action), text)
                if answer is not None:
                    return answer
            return await runner.message(ask, text, addressed=addressed)

        return self._outcome(ask, origin, await self.within_time(ask, run))

    async def press(self, row: DueAsk) -> Outcome:
        """Do what a button does; only what is kept with our own message says what that is.

        Raises:
            NotYetError: the message may be one of which we do not know yet that it was sent.
        """
        payload, runner = json.loads(row.payload), self._runners[row.user_id]
        async with self._db.connection() as connection:
            about = await outbox.by_event(connection, payload["on"], row.room_id)
            if about is None and await outbox.has_unsent(connection, row.user_id):
                raise NotYetError
        if about is None or about.action is None or about.user_id != row.user_id:
            return Outcome(note="not a button")
        async with self._situation(row, payload) as (connection, situation):
            thread = await asking.thread_of(connection, payload["on"], row.room_id)
        origin = _origin(row, situation, payload | {"thread": thread})
        origin = replace(origin, pressed=about)
        ask, action = situation.ask, json.loads(about.action)
        return self._outcome(
            ask, origin, await self.within_time(ask, lambda: runner.press(ask, action, payload["key"]))
        )

    async def joined(self, row: DueAsk) -> Outcome:
        """Greet a room, unless the bot made it itself or has moved there with an older one.

        Raises:
            EmptyRoomError: nobody seems to be there any more.
        """
        async with self._situation(row, {}) as (connection, found):
            facts = found.facts
            inviter = None if facts is None else facts.invited_by
            if facts is None or inviter is None or facts.greeted or facts.creator in self._situations.ours:
                return Outcome(note="no greeting")
            if not self._situations.rights.of_company(inviter):
                return Outcome(note="stranger")
            if self._situations.ours.issuperset(facts.people):
                raise EmptyRoomError
            question = Question(row.user_id, row.room_id, inviter, row.cause, for_all=True)
            situation = await self._situations.of(connection, question)
        ask, runner = situation.ask, self._runners[row.user_id]
        origin = replace(_origin(row, situation, {}), reply_to=None)
        return self._outcome(ask, origin, await self.within_time(ask, lambda: runner.joined(ask)))

    async def refusal(self, row: DueAsk, error: BotError) -> Outcome:
        """Answer with an error of the framework's."""
        payload = json.loads(row.payload)
        async with self._db.connection() as connection:
            situation = await self._situations.of(connection, _question(row, payload))
        origin = _origin(row, situation, payload)
        return self._outcome(situation.ask, origin, self._runners[row.user_id].refuse(situation.ask, error))

    @asynccontextmanager
    async def _situation(self, row: DueAsk, payload: Mapping[str, Any]) -> AsyncIterator[tuple[Connection, Situation]]:
        """The question, once the archive is as new as it or that takes too long; and the connection."""
        question = _question(row, payload)
        async with self._db.connection() as connection:
            situation = await self._situations.of(connection, question)
            if situation.recorded:
                yield connection, situation
                return
        await self._recorded.reached(row.seq)
        async with self._db.connection() as connection:
            yield connection, await self._situations.of(connection, question)

    async def within_time(self, ask: Ask, run: Callable[[], Awaitable[Answer | None]]) -> Answer | None:
        """What a handler answers; when it takes too long, that it did."""
        try:
            async with asyncio.timeout(self._handler_seconds):
                return await run()
        except TimeoutError:
            log.error("a handler took too long", cause=ask.cause, seconds=self._handler_seconds)  # noqa: TRY400
            ask.effects.clear()
            return self._runners[ask.bot_user].refuse(ask, BotError("error.slow"))

    @staticmethod
    def _outcome(ask: Ask, origin: Origin, answer: Answer | None) -> Outcome:
        return Outcome(posts(answer, origin) if answer is not None else (), ask.effects)


def _question(row: DueAsk, payload: Mapping[str, Any]) -> Question:
    """The cause of an edited command is the command itself, so that what it planned is replaced too."""
    cause = payload.get("edits") or row.cause
    return Question(row.user_id, row.room_id, row.sender, cause, payload.get("target"), row.seq)


def _origin(row: DueAsk, situation: Situation, payload: Mapping[str, Any]) -> Origin:
    ask = situation.ask
    return Origin(
        key=row.cause,
        cause=ask.cause,
        bot_user=row.user_id,
        person=ask.sender.user_id,
        room_id=row.room_id,
        direct=ask.room.direct,
        encrypted=ask.room.encrypted,
        reply_to=payload.get("on") or ask.cause,
        thread=payload.get("thread"),
    )
