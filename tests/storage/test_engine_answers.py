"""From a question to what the homeserver gets: who is answered, where, and how often."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bridge.botapi.ask import NewJob, NewSetting
from bridge.config.ids import IdPattern
from bridge.engine.worker import ATTEMPTS
from tests.storage.stage import ANNA, BAS, GUEST, NEWS, OTHER, POST, ROOM, STRANGER, Stage, answer, config, drain, says

if TYPE_CHECKING:
    from bridge.botapi.ask import Ask
    from bridge.botapi.render import Answer


async def test_a_command_is_answered_in_its_room(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    asked = await stage.say("!echo dag")
    await stage.step()
    await stage.step()

    (sent,) = stage.server.sent
    assert (sent.sender, sent.room_id, sent.type) == (POST, ROOM, "m.room.message")
    assert sent.content == {
        "msgtype": "m.notice",
        "body": "post: !echo dag",
        "m.mentions": {},
        "m.relates_to": {"m.in_reply_to": {"event_id": asked}},
    }
    assert await stage.rows("SELECT state, payload::text FROM ask WHERE cause = $1", asked) == [("done", "{}")]
    assert await stage.rows("SELECT state, event_id, content::text FROM outbox") == [("sent", sent.event_id, "{}")]


async def test_what_a_handler_is_told(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS, encrypted=True)
    other = await stage.say("Zie hier")
    await stage.execute("INSERT INTO setting VALUES ('core', 'person', $1, 'language', '\"en\"')", ANNA)
    asked = await stage.say("!echo dag", relates={"m.in_reply_to": {"event_id": other}})
    await stage.say("!echo dag", sender=BAS)
    await stage.step()

    (_, _, ask), (_, _, second) = stage.post.heard
    assert (ask.sender.user_id, ask.sender.name, ask.language, ask.bot_user) == (ANNA, "Anna", "en", POST)
    assert (ask.room.room_id, ask.room.name, ask.room.encrypted, ask.room.direct) == (ROOM, "Kantoor", True, False)
    assert (ask.target, ask.cause, str(ask.timezone)) == (other, asked, "Europe/Amsterdam")
    assert ask.roles == {"staff", "manager"}, "she made the room"
    assert second.language == "nl"
    assert second.roles == {"staff", "auditor"}
    asker: Any = second.archive
    assert (asker.user_id, asker.room_id, sorted(asker.company_roles)) == (BAS, ROOM, ["auditor", "staff"])


async def test_a_room_without_a_name(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS, GUEST, name="")
    await stage.say("!echo dag")
    await stage.step()

    assert stage.post.heard[0][2].room.name == "Bas, Gast"


async def test_strangers_are_not_even_answered(stage: Stage) -> None:
    await stage.room(ANNA, POST, STRANGER, GUEST)
    await stage.say("!echo dag", sender=STRANGER)
    await stage.say("!echo dag", sender=GUEST)
    await stage.step()

    assert [ask.roles for *_, ask in stage.post.heard] == [{"guest"}]
    assert stage.server.bodies() == ["post: !echo dag"]


async def test_staff_by_patterns(stage: Stage) -> None:
    stage = Stage(stage.db, config(staff=(IdPattern("@b*:example.com"),)))
    await stage.room(BAS, POST, ANNA)
    await stage.say("!echo van Anna")
    await stage.say("!echo van Bas", sender=BAS)
    await stage.step()

    assert stage.server.bodies() == ["post: !echo van Bas"]


async def test_in_a_thread(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!twee"] = says(answer("een", "twee"))
    asked = await stage.say("!twee", relates={"rel_type": "m.thread", "event_id": "$root"})
    await stage.step()

    thread = {"rel_type": "m.thread", "event_id": "$root", "is_falling_back": True}
    assert [sent.content["m.relates_to"] for sent in stage.server.sent] == [
        thread | {"m.in_reply_to": {"event_id": asked}}
    ] * 2


async def test_in_a_direct_chat(stage: Stage) -> None:
    await stage.room(ANNA, POST)
    stage.post.does["geheim"] = says(answer("niet verder vertellen", private=True))
    await stage.say("dag")
    await stage.say("geheim")
    await stage.step()

    assert stage.server.bodies(ROOM) == ["post: dag", "niet verder vertellen"]
    assert all("m.relates_to" not in sent.content for sent in stage.server.sent)
    assert all(ask.roles == {"staff"} for *_, ask in stage.post.heard), "nobody manages a room by a direct chat"


async def test_no_direct_chat_after_all(stage: Stage) -> None:
    """The listener may be ahead of the recorder; the worker waits for it."""
    await stage.room(ANNA, POST)
    await stage.member(BAS, "join")
    await stage.say("dag Bas")
    await stage.step()

    assert stage.server.sent == []


async def test_two_bots_answer_their_own(stage: Stage) -> None:
    await stage.room(ANNA, POST, NEWS)
    await stage.say("!echo dag")
    await stage.say("!nieuws")
    await stage.say("Mededelingen: Postkamer")
    await stage.step()

    assert [(sent.sender, sent.content["body"]) for sent in stage.server.sent] == [
        (POST, "post: !echo dag"),
        (NEWS, "news: !nieuws"),
        (NEWS, "news: Postkamer"),
    ]


async def test_an_edited_command_changes_its_answer(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!twee"] = says(answer("een", "twee"))
    asked = await stage.say("!twee")
    await stage.step()
    first, second = stage.server.sent
    await stage.edit(asked, "!echo dag")
    await stage.step()

    change, removal = stage.server.sent[2:]
    new = {"msgtype": "m.notice", "body": "post: !echo dag", "m.mentions": {}}
    assert change.content == {
        **new,
        "body": "* post: !echo dag",
        "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": first.event_id},
    }
    assert (removal.type, removal.content) == ("m.room.redaction", {"redacts": second.event_id})
    assert stage.post.heard[-1][2].cause == asked, "so that what the command planned is replaced"

    await stage.edit(asked, "!echo nog eens")
    await stage.step()
    assert stage.server.sent[-1].content["m.relates_to"]["event_id"] == first.event_id


async def test_an_edit_before_the_answer(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    asked = await stage.say("!eco dag")
    await stage.edit(asked, "!echo dag")
    await stage.step()

    assert [sent.content["body"] for sent in stage.server.sent] == ["post: !eco dag", "* post: !echo dag"]


async def test_an_edit_makes_a_command(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    said = await stage.say("echo dag")
    await stage.step()
    await stage.edit(said, "!echo dag")
    await stage.step()

    (sent,) = stage.server.sent
    assert (sent.content["body"], sent.content["m.relates_to"]) == (
        "post: !echo dag",
        {"m.in_reply_to": {"event_id": said}},
    )


async def question(stage: Stage, *members: str, **more: Any) -> str:
    """The event id of a message of ours with a button and a question."""
    await stage.room(*members)
    stage.post.does["!vraag"] = says(answer("welke?", action={"does": "koos"}, buttons=("✅",), **more))
    await stage.say("!vraag")
    await stage.step()
    asked, button = stage.server.sent[-2:]
    assert button.content == {
        "m.relates_to": {"rel_type": "m.annotation", "key": "✅", "event_id": asked.event_id},
    }
    await stage.arrived()
    await stage.step()
    return asked.event_id


async def test_a_button(stage: Stage) -> None:
    asked = await question(stage, ANNA, POST, BAS)
    stage.build()
    await stage.react(asked, "✅", sender=BAS)
    await stage.react(asked, "✅", sender=STRANGER)
    await stage.step()

    (pressed,) = [(text, ask) for kind, text, ask in stage.post.heard if kind == "press"]
    assert (pressed[0], pressed[1].sender.user_id) == ("✅", BAS)
    assert stage.server.bodies()[1:] == ["koos ✅"]
    assert stage.server.sent[-1].content["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}


async def test_a_button_in_a_thread(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!vraag"] = says(answer("welke?", action={"does": "koos"}, buttons=("✅",)))
    await stage.say("!vraag", relates={"rel_type": "m.thread", "event_id": "$root"})
    await stage.step()
    await stage.arrived()
    asked = stage.server.sent[0].event_id
    await stage.react(asked, "✅")
    await stage.step()

    assert stage.server.sent[-1].content["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": asked},
    }


async def test_a_button_turns_the_page(stage: Stage) -> None:
    asked = await question(stage, ANNA, POST, BAS)
    page = answer("bladzijde 2", action={"does": "terug"}, buttons=("✅", "⬅️"), replaces=True)
    stage.post.does["press ✅"] = says(page)
    await stage.react(asked, "✅")
    await stage.step()
    change, button = stage.server.sent[-2:]
    assert change.content["m.new_content"]["body"] == "bladzijde 2"
    assert change.content["m.relates_to"] == {"rel_type": "m.replace", "event_id": asked}
    assert button.content["m.relates_to"] == {"rel_type": "m.annotation", "key": "⬅️", "event_id": asked}

    await stage.arrived()
    await stage.react(asked, "⬅️")
    await stage.react(change.event_id, "⬅️")
    await stage.step()
    assert stage.server.bodies()[-2:] == ["terug ⬅️", "terug ⬅️"], "what the buttons do was replaced too"


async def test_a_button_of_another_room_or_of_nothing(stage: Stage) -> None:
    asked = await question(stage, ANNA, POST, BAS)
    await stage.room(ANNA, POST, room=OTHER)
    plain = await stage.receive(stage.event("m.room.message", {"msgtype": "m.notice", "body": "?"}, sender=POST))
    await stage.react(plain, "✅")
    await stage.react(asked, "✅", room_id=OTHER)
    await stage.step()

    assert not [kind for kind, *_ in stage.post.heard if kind == "press"]


async def test_pressed_before_we_know_that_it_was_sent(stage: Stage) -> None:
    asked = await question(stage, ANNA, POST, BAS)
    await stage.execute("UPDATE outbox SET state = 'due', event_id = NULL WHERE type = 'm.room.message'")
    await stage.react(asked, "✅")
    await stage.listen()
    await drain(stage.worker)
    assert await stage.rows("SELECT state, attempts FROM ask WHERE kind = 'press'") == [("due", 1)]

    await stage.execute("UPDATE outbox SET state = 'sent', event_id = $1 WHERE type = 'm.room.message'", asked)
    await stage.step()
    assert stage.server.bodies()[1:] == ["koos ✅"]


async def test_an_answer_to_a_question(stage: Stage) -> None:
    asked = await question(stage, ANNA, POST, BAS)
    await stage.say("2", relates={"m.in_reply_to": {"event_id": asked}})
    await stage.say("dank je", relates={"m.in_reply_to": {"event_id": asked}})
    await stage.say("3")
    await stage.step()

    assert stage.server.bodies()[1:] == ["koos 2"]


async def test_an_answer_in_a_direct_chat(stage: Stage) -> None:
    await question(stage, ANNA, POST)
    await stage.say("2")
    await stage.say("dag")
    await stage.step()

    assert stage.server.bodies()[1:] == ["koos 2", "post: dag"]


async def test_a_limit_per_person(stage: Stage) -> None:
    stage = Stage(stage.db, config(commands_per_minute=2))
    await stage.room(ANNA, POST, BAS)
    for number in range(5):
        await stage.say(f"!echo {number}")
    await stage.say("!echo Bas", sender=BAS)
    await stage.step()
    assert stage.server.bodies() == ["post: !echo 0", "post: !echo 1", "refused: error.busy", "post: !echo Bas"]

    stage.now += timedelta(seconds=61)
    await stage.say("!echo 6")
    await stage.step()
    assert stage.server.bodies()[-1] == "post: !echo 6"


async def test_a_handler_that_takes_too_long(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)

    async def sleep(ask: Ask) -> Answer | None:
        ask.effects.settings.append(NewSetting("echo", "room", ROOM, "x", 1))
        await asyncio.sleep(60)
        return None

    stage.post.does["!slaap"] = sleep
    await stage.say("!slaap")
    await stage.say("!echo dag")
    await stage.step()

    assert stage.server.bodies() == ["refused: error.slow", "post: !echo dag"]
    assert await stage.rows("SELECT * FROM setting") == []


async def test_effects_come_with_the_answer(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    at = datetime(2030, 1, 2, tzinfo=UTC)

    async def plan(ask: Ask) -> Answer | None:
        ask.effects.jobs.append(NewJob("echo", "ring", "k", {"text": "é"}, at, None, ROOM, ANNA))
        ask.effects.settings.append(NewSetting("echo", "room", ROOM, "loud", value=[1, "é"]))
        return answer("ok")

    async def cancel(ask: Ask) -> Answer | None:
        assert await ask.stored.get("echo", "room", ROOM) == {"loud": [1, "é"]}
        ask.effects.cancelled.append(("echo", "ring", "k"))
        ask.effects.settings.append(NewSetting("echo", "room", ROOM, "loud", value=None))
        return None

    stage.post.does |= {"!plan": plan, "!af": cancel}
    await stage.say("!plan")
    await stage.say("!plan")
    await stage.step()
    assert await stage.rows("SELECT bot, action, key, args->>'text', due_at, next_at, room_id, person FROM job") == [
        ("echo", "ring", "k", "é", at, at, ROOM, ANNA)
    ]
    await stage.say("!af")
    await stage.step()
    assert await stage.rows("SELECT * FROM job") == []
    assert await stage.rows("SELECT name, value::text FROM setting") == [("loud", "null")]


async def test_a_failure_of_our_own_is_tried_again_and_then_seen(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)

    async def broken(ask: Ask) -> Answer | None:
        raise RuntimeError(ask.cause)

    stage.post.does["!stuk"] = broken
    asked = await stage.say("!stuk")
    await stage.say("!echo dag")
    await stage.listen()
    await drain(stage.worker)
    assert await stage.rows("SELECT state, attempts, reason FROM ask WHERE cause = $1", asked) == [
        ("due", 1, "RuntimeError")
    ]
    for _ in range(ATTEMPTS):
        await stage.step()

    assert await stage.rows("SELECT state FROM ask WHERE cause = $1", asked) == [("failed",)]
    assert stage.server.bodies() == ["post: !echo dag"], "the room goes on"


async def test_the_recorder_is_behind(stage: Stage) -> None:
    await stage.room(ANNA, POST)
    await stage.say("geheim")
    stage.post.does["geheim"] = says(answer("niet verder vertellen", private=True))
    await stage.listen()
    await stage.execute("UPDATE consumer SET position = 0 WHERE name = 'recorder'")
    await drain(stage.worker)

    assert await stage.rows("SELECT room_id, person FROM outbox") == [], "nobody knows whether they are alone"
    ((payload,),) = await stage.rows("SELECT payload::text FROM ask WHERE kind = 'message'")
    assert json.loads(payload) == {}
