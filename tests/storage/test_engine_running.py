"""The engine as it runs: everything wakes what comes after it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bridge.archive.consumer import Follower
from bridge.archive.recorder import Recorder
from bridge.background import running
from bridge.botapi.ask import NewJob
from bridge.engine.courier import AwayError
from bridge.engine.engine import Engine
from bridge.engine.lanes import POLL_SECONDS
from bridge.engine.ports import Ports
from tests.storage.stage import ANNA, BAS, NEWS, OTHER, POST, ROOM, Stage, answer
from tests.waiting import until

if TYPE_CHECKING:
    from bridge.botapi.ask import Ask
    from bridge.botapi.render import Answer

QUICK = POLL_SECONDS / 2  # nobody has looked for work without being woken


class Running:
    """The engine and the consumers that it needs, as the program runs them."""

    def __init__(self, stage: Stage) -> None:
        unused: Any = lambda asker: asker  # noqa: E731
        runners: Any = {POST: stage.post, NEWS: stage.news}
        couriers = {user: stage.server.courier(user) for user in runners}
        ports = Ports(unused, unused, unused, unused)
        self.engine = Engine(stage.config, stage.db, runners, couriers.__getitem__, ports)
        recorder = Follower(stage.db, Recorder(), then=self.engine.recorded)
        listener = Follower(stage.db, self.engine.consumer, then=self.engine.wake)
        self._followers = (recorder, listener)
        self.parts = {"recorder": recorder.run, "listener": listener.run, **self.engine.parts()}

    def wake(self) -> None:
        for follower in self._followers:
            follower.wake()


async def test_a_command_is_answered_at_once(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    program = Running(stage)
    async with running(program.parts):
        for number in range(5):
            await stage.say(f"!echo {number}")
            program.wake()
            await until(lambda: len(stage.server.bodies()) == number + 1, seconds=QUICK)  # noqa: B023
    assert stage.server.bodies() == [f"post: !echo {number}" for number in range(5)]
    assert all(ok for ok, _ in program.engine.state().values())


async def test_a_job_is_done_on_time(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)

    async def plan(ask: Ask) -> Answer | None:
        ask.effects.jobs.append(NewJob("echo", "ring", "k", {}, ask.now, None, ROOM, ANNA))
        return None

    stage.post.does["!plan"] = plan
    program = Running(stage)
    async with running(program.parts):
        await stage.say("!plan")
        program.wake()
        await until(lambda: stage.server.bodies() == ["ring {}"], seconds=QUICK)


async def test_an_invitation_is_followed_at_once(stage: Stage) -> None:
    stage.server.room(ROOM, ANNA)
    program = Running(stage)
    async with running(program.parts):
        await stage.member(POST, "invite", sender=ANNA)
        program.wake()
        await until(lambda: POST in stage.server.rooms[ROOM].joined, seconds=QUICK)


async def test_a_room_that_fails_holds_nobody_up(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.room(ANNA, POST, BAS, room=OTHER)
    slow = asyncio.Event()
    handled = []

    async def wait(ask: Ask) -> Answer | None:
        handled.append(ask.cause)
        await slow.wait()
        return answer("eindelijk")

    def away(what: str, where: str) -> None:
        if what == "send" and where == OTHER:
            raise AwayError("x")

    stage.post.does["!wacht"] = wait
    stage.server.trouble = away
    program = Running(stage)
    async with running(program.parts):
        await stage.say("!echo daar", room_id=OTHER)
        await stage.say("!wacht", room_id=OTHER)
        await stage.say("!echo hier")
        program.wake()
        await until(lambda: stage.server.bodies(ROOM) == ["post: !echo hier"], seconds=QUICK)
        await until(lambda: len(handled) == 1)
        state = program.engine.state()[f"outbox of {POST}"]
        assert state == (True, "1 waiting")

        slow.set()
        stage.server.trouble = lambda *_: None
        await until(lambda: stage.server.bodies(OTHER) == ["post: !echo daar", "eindelijk"])
