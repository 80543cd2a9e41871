"""A crash at any moment: before and after each commit and each request. Everything is done exactly once."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bridge.botapi.ask import NewJob
from bridge.botapi.render import Rendered
from bridge.storage.db import Db
from tests.storage.stage import ANNA, BAS, POST, ROOM, Stage, answer, drain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.botapi.ask import Ask
    from bridge.botapi.render import Answer
    from bridge.storage.db import Connection


class CrashError(BaseException):
    """The process is gone."""


class Fragile(Db):
    """A database in whose use we die, at the moment that `left` counts down to; 0: never."""

    left = 0

    def moment(self, *_: str) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise CrashError

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        self.moment()
        async with super().connection() as connection:
            yield connection
        self.moment()

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Connection]:
        async with self.connection() as connection, connection.transaction():
            yield connection
            self.moment()


async def fragile(stage: Stage) -> tuple[Stage, Fragile]:
    """The stage on such a database, in a room with a button; its handlers say what they are asked for."""
    db = Fragile(stage.db._pool, stage.db.url)
    stage = Stage(db)
    stage.server.trouble = stage.server.after = db.moment

    async def both(ask: Ask) -> Answer | None:
        ask.effects.jobs.append(NewJob("echo", "ring", ask.cause, {"of": ask.cause}, stage.now, None, ROOM, ANNA))
        told = Rendered(f"zie onze chat {ask.cause}", None)
        return answer(f"een {ask.cause}", f"twee {ask.cause}", private=True, told=told)

    async def press(ask: Ask) -> Answer | None:
        return answer(f"gedrukt {ask.cause}", buttons=("❌",), action={"does": "niets"})

    stage.post.does |= {"!alles": both, "press ✅": press}
    await stage.room(ANNA, POST, BAS)
    return stage, db


async def work(stage: Stage) -> None:
    await stage.step()
    await drain(stage.jobs)
    await stage.step()


async def test_a_crash_anywhere(stage: Stage) -> None:
    stage, db = await fragile(stage)
    stage.post.does["!vraag"] = _question
    await stage.say("!vraag")
    await work(stage)
    button = stage.server.sent[0].event_id
    await stage.arrived()

    crashes = 0
    for number in itertools.count(1):
        asked = await stage.say("!alles")
        pressed = await stage.react(button, "✅")
        db.left = number
        try:
            await work(stage)
        except CrashError:
            crashes += 1
        survived, db.left = db.left > 0, 0
        for _ in range(2):
            stage.build()
            await work(stage)

        wanted = [f"{text} {asked}" for text in ("een", "twee", "zie onze chat")]
        wanted += [f"gedrukt {pressed}", f"ring {{'of': '{asked}'}}"]
        said = stage.server.bodies()
        assert [said.count(text) for text in wanted] == [1] * len(wanted), number
        if survived:
            break
    assert crashes > 80
    reactions = [one for one in stage.server.sent if one.type == "m.reaction"]
    assert len(reactions) == len({one.content["m.relates_to"]["event_id"] for one in reactions}) == crashes + 2
    assert len([room for room in stage.server.rooms.values() if room.token]) == 1
    assert await stage.rows("SELECT DISTINCT state FROM outbox") == [("sent",)]
    assert await stage.rows("SELECT DISTINCT state FROM ask") == [("done",)]
    assert await stage.rows("SELECT * FROM job") == []


async def _question(ask: Ask) -> Answer | None:
    del ask
    return answer("welke?", action={"does": "koos"}, buttons=("✅",))
