"""Joining, greeting, moving and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.engine.courier import AwayError, LimitedError, RefusedError
from tests.storage.stage import ANNA, BAS, NEWS, OTHER, POST, ROOM, answer, drain, says
from tests.storage.test_engine_outbox import trouble

if TYPE_CHECKING:
    from tests.storage.stage import Stage

INVITES = "SELECT room_id, attempts, reason FROM invite"


async def invited(stage: Stage, room: str = ROOM, *, by: str = ANNA) -> None:
    """A member of staff makes a room and asks the bot into it."""
    outer = {"room_id": room, "sender": by, "state_key": ""}
    await stage.receive(stage.event("m.room.create", {"room_version": "11"}, **outer))
    await stage.member(by, "join", room_id=room)
    await stage.member(POST, "invite", room_id=room, sender=by)
    stage.server.room(room, by).invited.add(POST)
    await stage.step()


async def test_joins_and_greets_once(stage: Stage) -> None:
    stage.post.greeting = answer("Dag, ik ben Postkamer")
    await invited(stage)
    assert stage.server.rooms[ROOM].joined == {ANNA, POST}
    assert await stage.rows(INVITES) == []

    for membership in ("join", "leave", "invite", "join"):
        await stage.member(POST, membership, sender=ANNA)
        await stage.step()

    (sent,) = stage.server.sent
    assert sent.content == {"msgtype": "m.notice", "body": "Dag, ik ben Postkamer", "m.mentions": {}}
    ((_, _, ask),) = stage.post.heard
    assert (ask.sender.user_id, ask.sender.name, ask.room.direct) == (ANNA, "Anna", True)


@pytest.mark.parametrize("error", [AwayError("502"), LimitedError(0.01)])
async def test_a_room_that_cannot_be_joined_now(stage: Stage, error: Exception) -> None:
    stage.server.trouble = trouble(error, what="join")
    await invited(stage)
    assert await stage.rows(INVITES) == [(ROOM, 1, f"bridge.engine.courier.{type(error).__name__}")]

    await stage.execute("UPDATE invite SET next_at = now()")
    await stage.step()
    assert await stage.rows(INVITES) == []
    assert POST in stage.server.rooms[ROOM].joined


async def test_an_invitation_that_does_not_hold_any_more(stage: Stage) -> None:
    stage.server.trouble = trouble(RefusedError("403 M_FORBIDDEN"), what="join")
    await invited(stage)

    assert await stage.rows(INVITES) == []


async def test_when_it_is_tried_again(stage: Stage) -> None:
    await stage.member(POST, "invite", sender=ANNA)
    await stage.listen()
    (joining, _) = stage.joining
    assert await joining.seconds_to_next() is None
    stage.server.trouble = trouble(AwayError("x"), what="join")
    await drain(joining)
    seconds = await joining.seconds_to_next()
    assert seconds is not None
    assert 1 < seconds <= 2


async def test_no_greeting_after_an_upgrade(stage: Stage) -> None:
    stage.post.greeting = answer("Dag")
    await stage.room(ANNA, POST, BAS)
    stage.server.room(OTHER, ANNA, BAS)
    await stage.receive(stage.event("m.room.tombstone", {"replacement_room": OTHER}, state_key=""))
    create = {"room_version": "12", "predecessor": {"room_id": ROOM}}
    await stage.receive(stage.event("m.room.create", create, state_key="", room_id=OTHER))
    await stage.step()
    assert POST in stage.server.rooms[OTHER].joined

    await stage.member(POST, "join", room_id=OTHER)
    await stage.step()
    await stage.say("!echo dag", room_id=OTHER)
    await stage.step()
    assert stage.server.bodies() == ["post: !echo dag"]


async def test_no_greeting_where_the_bot_is_not_for_others(stage: Stage) -> None:
    """A direct chat that it made itself, and a room into which a stranger once asked it."""
    stage.post.greeting = answer("Dag")
    await stage.receive(stage.event("m.room.create", {"room_version": "11"}, state_key="", sender=POST))
    await stage.member(POST, "join")
    await stage.member(ANNA, "invite", sender=POST)
    await stage.member(POST, "invite", sender="@eve:elsewhere.org", room_id=OTHER)
    await stage.member(POST, "join", room_id=OTHER)
    await stage.step()

    assert stage.server.sent == []
    assert await stage.rows("SELECT DISTINCT state FROM ask") == [("done",)]


async def test_leaves_an_empty_room(stage: Stage) -> None:
    await stage.room(ANNA, POST, NEWS, BAS)
    room = stage.server.rooms[ROOM]
    await stage.member(BAS, "leave")
    room.joined.discard(BAS)
    await stage.step()
    assert room.joined == {ANNA, POST, NEWS}

    await stage.member(ANNA, "leave")
    room.joined.discard(ANNA)
    room.invited.add(BAS)
    await stage.step()
    assert room.joined == {POST, NEWS}, "somebody may still come"

    await stage.member(BAS, "leave")
    room.invited.discard(BAS)
    stage.server.trouble = trouble(AwayError("x"), what="leave")
    await stage.step()
    await stage.step()
    assert room.joined == set()
    assert await stage.rows("SELECT DISTINCT state FROM ask") == [("done",)]


async def test_everybody_left_before_it_came(stage: Stage) -> None:
    stage.post.greeting = answer("Dag")
    await invited(stage)
    await stage.member(ANNA, "leave")
    stage.server.rooms[ROOM].joined.discard(ANNA)
    await stage.member(POST, "join")
    await stage.step()

    assert stage.server.rooms[ROOM].joined == set()
    assert stage.server.sent == []


async def test_thrown_out(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!vraag"] = says(answer("welke?"))
    await stage.say("!vraag")
    await stage.member(POST, "leave", sender=ANNA)
    stage.server.rooms[ROOM].joined.discard(POST)
    await stage.step()

    assert await stage.rows("SELECT state, reason FROM outbox") == [("failed", "403 M_FORBIDDEN")]
