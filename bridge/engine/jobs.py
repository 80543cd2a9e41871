"""Does what bots have planned, once each time, also when we were down meanwhile or die in the middle."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from bridge.archive.consumer import repr_type
from bridge.botapi.errors import BotError
from bridge.botapi.schedule import next_due
from bridge.engine.answering import HANDLER_SECONDS
from bridge.engine.keeping import keep
from bridge.engine.posts import Origin, posts
from bridge.engine.situation import Question
from bridge.storage import bot_rooms, jobs, outbox
from bridge.storage.jobs import Which

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bridge.botapi.ask import Ask, Effects
    from bridge.botapi.render import Answer
    from bridge.botapi.runner import Runner
    from bridge.engine.situation import Situations
    from bridge.storage.db import Db
    from bridge.storage.jobs import DueJob
    from bridge.storage.outbox import NewPost

log = structlog.get_logger(__name__)

# After a failure: 10 s, 30 s, 90 s ... an hour, together about 3 hours.
FIRST_RETRY, LONGEST_RETRY, RETRY_GROWTH, ATTEMPTS = 10.0, 3600.0, 3, 8
SLOW_SECONDS: Final = 6 * 3600.0
NOT_THERE: Final = "the bot is not in the room any more"
NO_RIGHTS: Final = "the person has no rights any more"


class Jobs:
    """See `bridge.engine.lanes.Work`; each job is a lane of its own.

    Args:
        runners: by bot user.
        then: called after each commit.
        slow: do the slow jobs, and not all others.
        handler_seconds: how long a handler may take.
    """

    def __init__(
        self,
        db: Db,
        runners: Mapping[str, Runner],
        situations: Situations,
        zone: ZoneInfo,
        then: Callable[[], None],
        *,
        slow: bool = False,
        handler_seconds: float | None = None,
    ) -> None:
        self.name = "slow jobs" if slow else "jobs"
        self._db = db
        self._runners = runners
        self._hosts = {bot.name: user_id for user_id, runner in runners.items() for bot in runner.bots}
        names = [f"{bot.name}.{name}" for runner in runners.values() for bot in runner.bots for name in bot.slow_jobs()]
        self._which = Which(list(self._hosts), names, slow)
        self._situations = situations
        self._zone = zone
        self._then = then
        self._handler_seconds = handler_seconds or (SLOW_SECONDS if slow else HANDLER_SECONDS)

    async def fetch(self, without_lanes: Collection[str], limit: int) -> Sequence[DueJob]:
        """See `Work`."""
        async with self._db.connection() as connection:
            return await jobs.due(connection, self._which, [int(lane) for lane in without_lanes], limit)

    async def seconds_to_next(self) -> float | None:
        """How long until the next one is due."""
        async with self._db.connection() as connection:
            return await jobs.seconds_to_next(connection, self._which)

    def lane(self, row: DueJob) -> str:
        """See `Work`."""
        return str(row.id)

    async def handle(self, row: DueJob) -> float:
        """See `Work`."""
        dropped = await self._not_to_be_done(row)
        if dropped is not None:
            log.info("a job is dropped", bot=row.bot, action=row.action, room_id=row.room_id, reason=dropped)
            async with self._db.tx() as tx:
                await jobs.delete(tx, row)
            return 0.0
        try:
            found, effects = await self._do(row)
            following = self._next(row)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is tried again)
            return await self._failed(row, error)
        async with self._db.tx() as tx:
            if not await jobs.take(tx, row):
                return 0.0
            if following is None:
                await jobs.delete(tx, row)
            else:
                await jobs.plan_next(tx, row, following)
            await keep(tx, found, effects)
        self._then()
        return 0.0

    async def _not_to_be_done(self, row: DueJob) -> str | None:
        """Why a job has lost its meaning."""
        if row.person is not None and not self._situations.rights.of_company(row.person):
            return NO_RIGHTS
        if row.room_id is not None:
            async with self._db.connection() as connection:
                if not await bot_rooms.is_joined(connection, row.room_id, self._hosts[row.bot]):
                    return NOT_THERE
        return None

    async def _do(self, row: DueJob) -> tuple[Sequence[NewPost], Effects]:
        ask = await self._ask(row)
        async with asyncio.timeout(self._handler_seconds):
            answer = await self._runners[ask.bot_user].job(ask, row.bot, row.action, json.loads(row.args))
        return (_posts(answer, ask, row) if answer is not None else ()), ask.effects

    async def _ask(self, row: DueJob) -> Ask:
        user_id = self._hosts[row.bot]
        question = Question(user_id, row.room_id, row.person or user_id, f"job:{row.id}:{row.due_at.isoformat()}")
        async with self._db.connection() as connection:
            return (await self._situations.of(connection, question)).ask

    def _next(self, row: DueJob) -> datetime | None:
        """When it is due again; times that have passed while we were down are left out."""
        if row.schedule is None:
            return None
        now = self._situations.now()
        following = next_due(row.schedule, row.due_at, self._zone)
        return following if following > now else next_due(row.schedule, now, self._zone)

    async def _failed(self, row: DueJob, error: Exception) -> float:
        reason, last = repr_type(error), row.attempts + 1 >= ATTEMPTS
        log.error("a job failed", bot=row.bot, action=row.action, attempt=row.attempts + 1, last=last, exc_info=error)
        pause = min(FIRST_RETRY * RETRY_GROWTH**row.attempts, LONGEST_RETRY)
        following, sorry = None, []
        if last:
            sorry = await self._sorry(row)
            try:
                following = self._next(row)
            except ValueError:
                log.error("a job has no time any more", bot=row.bot, action=row.action)  # noqa: TRY400
        async with self._db.tx() as tx:
            if not last:
                await jobs.again(tx, row, pause, reason)
            elif following is None:
                if await jobs.give_up(tx, row, reason):
                    await outbox.add(tx, sorry)
            elif await jobs.take(tx, row):
                await jobs.plan_next(tx, row, following, reason)
        self._then()
        return 0.0

    async def _sorry(self, row: DueJob) -> list[NewPost]:
        """What a person is told who waits for something that will not come."""
        if row.person is None:
            return []
        try:
            ask = await self._ask(row)
            answer = self._runners[ask.bot_user].refuse(ask, BotError("error.job_failed", at=row.due_at))
            return _posts(replace(answer, private=True), ask, row)
        except Exception:
            log.exception("nobody can be told of a job that failed", bot=row.bot, action=row.action)
            return []


def _posts(answer: Answer, ask: Ask, row: DueJob) -> list[NewPost]:
    """What goes to the person alone is told of in their direct chat at most: nobody in the room has just asked."""
    direct = row.room_id is not None and ask.room.direct
    origin = Origin(
        ask.cause, ask.cause, ask.bot_user, row.person, row.room_id, direct=direct, encrypted=ask.room.encrypted
    )
    return posts(answer if direct else replace(answer, told=None), origin)
