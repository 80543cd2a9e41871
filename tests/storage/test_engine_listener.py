"""What the listener takes for a question, and what it does not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive.consumer import rebuild
from bridge.storage.inbox import Arrival
from tests.storage.stage import ANNA, BAS, GUEST, NEWS, OTHER, POST, ROOM, SERVICE, STRANGER

if TYPE_CHECKING:
    from tests.storage.stage import Stage


async def heard(stage: Stage) -> list[tuple[str, str, str]]:
    """(kind, bot, text) of all that is asked."""
    return [(kind, user, json.loads(payload).get("text", "")) for kind, user, payload in await stage.asks()]


async def test_a_command(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo dag")

    assert await heard(stage) == [("message", POST, "!echo dag")]


async def test_nobody_of_us_is_there(stage: Stage) -> None:
    await stage.room(ANNA, BAS)
    await stage.say("!echo dag")

    assert await heard(stage) == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("Postkamer: dag", "dag"),
        ("postkamer, !echo dag", "!echo dag"),
        ("@postkamer dag", "dag"),
        ("@postkamer:example.com: dag", "dag"),
        ("[Postkamer](https://matrix.to/#/@postkamer:example.com) dag", "dag"),
        ("Postkamer:", ""),
        ("Postkamer is er ook", None),
        ("Vraag het aan Postkamer: die weet het", None),
        ("Postkamers: dag", None),
    ],
)
async def test_named_in_front(stage: Stage, body: str, text: str | None) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say(body)

    assert await heard(stage) == ([] if text is None else [("message", POST, text)])


@pytest.mark.parametrize(
    "more",
    [
        {"m.mentions": {"user_ids": [POST]}},
        {"formatted_body": '<a href="https://matrix.to/#/@postkamer:example.com">Postkamer</a> dag'},
        {"formatted_body": '<a href="https://matrix.to/#/%40postkamer%3Aexample.com">Postkamer</a>: dag'},
    ],
)
async def test_named_by_a_mention(stage: Stage, more: dict[str, Any]) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("Postkamer dag", more=more)
    await stage.say("Zeg dat tegen Postkamer", more=more)

    assert await heard(stage) == [("message", POST, "dag")]


async def test_people_in_the_html_are_links_in_the_text(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    html = '!echo <a href="https://matrix.to/#/@bas:example.com">Bas de Vries</a> en <a href="https://nu.nl">Bas</a>'
    await stage.say("!echo Bas de Vries en Bas", more={"formatted_body": html})

    assert await heard(stage) == [("message", POST, "!echo https://matrix.to/#/@bas:example.com en Bas")]


@pytest.mark.parametrize("sender", [POST, NEWS, SERVICE])
async def test_our_own_users_are_never_answered(stage: Stage, sender: str) -> None:
    await stage.room(ANNA, POST, NEWS)
    await stage.say("!echo dag", sender=sender)

    assert await heard(stage) == []


@pytest.mark.parametrize("msgtype", ["m.notice", "m.image", "m.file", 7])
async def test_bots_and_files_are_never_answered(stage: Stage, msgtype: Any) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo dag", more={"msgtype": msgtype})

    assert await heard(stage) == []


async def test_two_bots_share_a_room(stage: Stage) -> None:
    await stage.room(ANNA, POST, NEWS)
    for text in ("!news", "!NIEUWS, graag", "!echo", "!onbekend", "Mededelingen: hallo", "Mededelingen: !echo", "!!!"):
        await stage.say(text)

    assert await heard(stage) == [
        ("message", NEWS, "!news"),
        ("message", NEWS, "!NIEUWS, graag"),
        ("message", POST, "!echo"),
        ("message", POST, "!onbekend"),
        ("message", NEWS, "hallo"),
        ("message", POST, "!echo"),
    ]


async def test_a_word_of_a_bot_that_is_not_there(stage: Stage) -> None:
    await stage.room(ANNA, NEWS, BAS)
    await stage.say("!echo dag")

    assert await heard(stage) == [("message", NEWS, "!echo dag")]


async def test_a_direct_chat_needs_no_sign(stage: Stage) -> None:
    await stage.room(ANNA, POST)
    await stage.say("dag")
    assert await heard(stage) == [("message", POST, "dag")]

    await stage.member(BAS, "join")
    await stage.listen()
    await stage.clear_asks()
    await stage.say("dag Bas")
    assert await heard(stage) == []


async def test_invited_to_a_direct_chat(stage: Stage) -> None:
    await stage.member(POST, "invite", sender=ANNA, more={"is_direct": True})
    await stage.member(POST, "join")
    await stage.say("help")

    assert [kind for kind, *_ in await stage.asks()] == ["join", "message"]


async def test_a_reply_to_us(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    ours = await stage.receive(stage.event("m.room.message", {"msgtype": "m.notice", "body": "?"}, sender=POST))
    theirs = await stage.say("Dag")
    await stage.say("> <@postkamer:example.com> ?\n> nog wat\n\n2", relates={"m.in_reply_to": {"event_id": ours}})
    await stage.say("nee", relates={"m.in_reply_to": {"event_id": theirs}})
    thread = {"rel_type": "m.thread", "event_id": "$x", "is_falling_back": True, "m.in_reply_to": {"event_id": ours}}
    await stage.say("3", relates=thread)

    first, second = [json.loads(payload) for *_, payload in await stage.asks()]
    assert (first["text"], first["target"], first["replied"], first["addressed"]) == ("2", ours, ours, False)
    assert (second["text"], second["target"], second["replied"], second["thread"]) == ("3", None, ours, "$x")


async def test_an_edited_command(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    root = {"rel_type": "m.thread", "event_id": "$root"}
    first = await stage.say("!eco dag", relates=root)
    await stage.edit(first, "!echo dag")
    await stage.edit(first, "laat maar")
    await stage.edit(first, "!echo van Bas", sender=BAS)
    await stage.edit(first, "!echo elders", room_id=OTHER)
    await stage.edit(first, "!echo laat", ago=timedelta(minutes=-2))
    await stage.edit("$unknown", "!echo niets")

    (_, _, said), (kind, _, edited) = await stage.asks()
    assert json.loads(said)["text"] == "!eco dag"
    found = json.loads(edited)
    assert (kind, found["text"], found["edits"], found["thread"]) == ("edit", "!echo dag", first, "$root")


async def test_a_pressed_button(stage: Stage) -> None:
    await stage.room(ANNA, POST, NEWS, BAS)
    ours = await stage.receive(stage.event("m.room.message", {"msgtype": "m.notice", "body": "?"}, sender=NEWS))
    theirs = await stage.say("Dag")
    await stage.react(ours, "✅", sender=BAS)
    await stage.react(ours, "✅", sender=NEWS)
    await stage.react(theirs, "✅")
    await stage.react(ours, "✅", room_id=OTHER)

    ((kind, user, payload),) = await stage.asks()
    assert (kind, user, json.loads(payload)) == ("press", NEWS, {"key": "✅", "on": ours})


@pytest.mark.parametrize("late", [False, True])
async def test_an_encrypted_room(stage: Stage, late: bool) -> None:
    await stage.room(ANNA, POST, BAS, encrypted=True)
    root = {"m.relates_to": {"m.in_reply_to": {"event_id": "$other"}}}
    sealed = await stage.receive(stage.event("m.room.encrypted", root))
    if late:
        assert await heard(stage) == []
    inside = {"type": "m.room.message", "room_id": ROOM, "content": {"msgtype": "m.text", "body": "!echo dag"}}
    await stage.receive(Arrival("decrypted", sealed, ROOM, "m.room.message", json.dumps(inside).encode()))

    ((_, _, payload),) = await stage.asks()
    assert json.loads(payload)["text"] == "!echo dag"
    assert json.loads(payload)["target"] == "$other"
    ((seq,),) = await stage.rows("SELECT seq FROM ask WHERE state = 'due'")
    assert [(seq,)] == await stage.rows("SELECT max(seq) FROM inbox"), "the archive must know what was inside"


async def test_the_payload_may_come_first(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS, encrypted=True)
    sealed = stage.event("m.room.encrypted", {})
    inside = {"type": "m.room.message", "room_id": ROOM, "content": {"msgtype": "m.text", "body": "!echo dag"}}
    await stage.receive(Arrival("decrypted", sealed["event_id"], ROOM, "m.room.message", json.dumps(inside).encode()))
    assert await heard(stage) == []
    await stage.receive(sealed)

    assert await heard(stage) == [("message", POST, "!echo dag")]


async def test_old_questions_are_not_answered(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo gisteren", ago=timedelta(hours=25))
    await stage.say("!echo zojuist", ago=timedelta(hours=23))
    assert await heard(stage) == [("message", POST, "!echo zojuist")]

    await stage.clear_asks()
    stage.now += timedelta(hours=30)
    await stage.say("!echo later")
    await stage.execute("UPDATE inbox SET received_at = received_at - interval '30 hours'")
    assert await heard(stage) == []


async def test_history_is_not_answered(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    old = stage.event("m.room.message", {"msgtype": "m.text", "body": "!echo vroeger"})
    raw = json.dumps(old).encode()
    await stage.receive(Arrival("event", old["event_id"], ROOM, old["type"], raw, before_seq=1, before_sub=-1))

    assert await heard(stage) == []


async def test_a_rebuild_asks_nothing_again(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo dag")
    await stage.say("!echo nog eens")
    assert len(await stage.asks()) == 2
    await stage.execute("UPDATE ask SET state = 'done' WHERE payload->>'text' = '!echo dag'")

    await rebuild(stage.db, stage.listener)

    assert await heard(stage) == [("message", POST, "!echo nog eens")]
    assert await stage.rows("SELECT membership FROM bot_room") == [("join",)]


async def test_only_what_comes_while_the_bot_is_there(stage: Stage) -> None:
    await stage.room(ANNA, BAS)
    await stage.say("!echo te vroeg")
    await stage.member(POST, "invite", sender=ANNA)
    await stage.member(POST, "join")
    await stage.say("!echo dag")
    await stage.member(POST, "join", more={"displayname": "Postkamer 2"})
    await stage.say("!echo nog eens")
    await stage.member(POST, "leave", sender=ANNA)
    await stage.say("!echo te laat")

    assert await heard(stage) == [
        ("join", POST, ""),
        ("message", POST, "!echo dag"),
        ("message", POST, "!echo nog eens"),
    ]


INVITED = "SELECT room_id, user_id FROM invite ORDER BY room_id"


@pytest.mark.parametrize(("sender", "followed"), [(ANNA, True), (GUEST, False), (STRANGER, False)])
async def test_only_staff_invites(stage: Stage, sender: str, *, followed: bool) -> None:
    await stage.member(POST, "invite", sender=sender)
    await stage.listen()

    assert await stage.rows(INVITED) == ([(ROOM, POST)] if followed else [])


async def test_an_invitation_ends_and_comes_again(stage: Stage) -> None:
    for membership, left in (("invite", 1), ("leave", 0), ("invite", 1), ("invite", 1), ("join", 0)):
        await stage.member(POST, membership, sender=ANNA)
        await stage.listen()
        assert len(await stage.rows(INVITED)) == left, membership


@pytest.mark.parametrize("user", [SERVICE, BAS])
async def test_invitations_of_others_are_not_ours(stage: Stage, user: str) -> None:
    await stage.member(user, "invite", sender=ANNA)
    await stage.listen()

    assert await stage.rows(INVITED) == []


async def test_somebody_left(stage: Stage) -> None:
    await stage.room(ANNA, POST, NEWS, BAS)
    await stage.member(BAS, "leave")
    await stage.member(ANNA, "ban", sender=BAS, ago=timedelta(days=9))

    assert [row[:2] for row in await stage.asks()] == [("left", POST), ("left", NEWS), ("left", POST), ("left", NEWS)]


@pytest.mark.parametrize(("sender", "moves"), [(ANNA, True), (STRANGER, False)])
async def test_an_upgraded_room(stage: Stage, sender: str, *, moves: bool) -> None:
    await stage.room(ANNA, POST, BAS)
    content = {"body": "Verhuisd", "replacement_room": OTHER}
    await stage.receive(stage.event("m.room.tombstone", content, state_key="", sender=sender))
    await stage.listen()

    assert await stage.rows(INVITED) == ([(OTHER, POST)] if moves else [])


async def test_an_upgrade_to_a_room_where_the_bot_is_already(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.room(ANNA, POST, room=OTHER)
    await stage.receive(stage.event("m.room.tombstone", {"replacement_room": OTHER}, state_key=""))
    await stage.listen()

    assert await stage.rows(INVITED) == []


@pytest.mark.parametrize(
    ("kind", "content", "outer"),
    [
        ("m.room.member", {"membership": 7}, {"state_key": POST}),
        ("m.room.member", [], {"state_key": POST}),
        ("m.room.member", {"membership": "join"}, {"state_key": None}),
        ("m.room.message", {"msgtype": "m.text", "body": None}, {}),
        ("m.room.message", {"msgtype": "m.text", "body": "!echo", "m.relates_to": "x"}, {"sender": 4}),
        ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$e1", "key": 4}}, {}),
        ("m.reaction", {}, {}),
        ("m.room.tombstone", {"replacement_room": ["x"]}, {"state_key": ""}),
        ("m.room.message", {"msgtype": "m.text", "body": "  ", "formatted_body": ["x"], "m.mentions": []}, {}),
    ],
)
async def test_what_makes_no_sense_stops_nothing(stage: Stage, kind: str, content: Any, outer: Any) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.receive(stage.event(kind, content, **outer))
    await stage.say("!echo dag")

    assert await heard(stage) == [("message", POST, "!echo dag")]
    assert await stage.rows("SELECT count(*) FROM set_aside WHERE consumer = 'bots'") == [(0,)]
