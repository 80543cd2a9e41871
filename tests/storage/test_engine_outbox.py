"""Sending: in order, once, into the right room, and what happens when it cannot be done."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.botapi.render import Answer, Rendered
from bridge.botapi.reply import File
from bridge.engine.cleaner import KEPT, Cleaner
from bridge.engine.courier import AwayError, LimitedError, RefusedError
from bridge.engine.sender import FILE_GONE
from bridge.storage.outbox import RELATED
from tests.storage.stage import ANNA, BAS, OTHER, POST, ROOM, answer, drain, says

if TYPE_CHECKING:
    from pathlib import Path

    from tests.storage.stage import Stage

STATES = "SELECT state, reason, attempts FROM outbox ORDER BY id"


def trouble(error: Exception, *, what: str = "send", where: str | None = None, times: int = 1) -> Any:
    """Makes requests fail, for some times."""
    left = [times]

    def fail(request: str, room_id: str) -> None:
        if request == what and where in (None, room_id) and left[0]:
            left[0] -= 1
            raise error

    return fail


@pytest.mark.parametrize("error", [AwayError("502"), LimitedError(7)])
async def test_what_cannot_be_sent_now_is_sent_later(stage: Stage, error: Exception) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.room(ANNA, POST, BAS, room=OTHER)
    stage.server.trouble = trouble(error, where=ROOM)
    for text in ("een", "twee"):
        await stage.say(f"!echo {text}")
    await stage.say("!echo drie", room_id=OTHER)
    await stage.step()
    assert stage.server.bodies() == ["post: !echo drie"], "in order in its room, and other rooms go on"
    assert await stage.rows(STATES) == [
        ("due", f"bridge.engine.courier.{type(error).__name__}", 1),
        ("due", None, 0),
        ("sent", None, 0),
    ]

    await stage.step()
    assert stage.server.bodies(ROOM) == ["post: !echo een", "post: !echo twee"]


async def test_a_lane_waits_as_long_as_the_homeserver_says(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo")
    await stage.listen()
    await drain(stage.worker)
    sender = stage.senders[0]
    for error, seconds in ((LimitedError(7), 7), (AwayError("x"), 1.0), (AwayError("x"), 2.0), (LimitedError(0), 0.5)):
        stage.server.trouble = trouble(error)
        (row,) = await sender.fetch((), 10)
        assert await sender.handle(row) == seconds


async def test_what_is_refused_is_not_repeated(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!vraag"] = says(answer("welke?", action={}, buttons=("✅", "❌")))
    await stage.say("!vraag")
    await stage.say("!echo")
    stage.server.trouble = trouble(RefusedError("413 M_TOO_LARGE"))
    await stage.step()
    await stage.step()

    assert stage.server.bodies() == ["post: !echo"]
    assert await stage.rows(STATES) == [
        ("failed", "413 M_TOO_LARGE", 1),
        ("failed", RELATED, 1),
        ("failed", RELATED, 1),
        ("sent", None, 0),
    ]
    assert await stage.rows("SELECT DISTINCT content::text FROM outbox") == [("{}",)]


async def test_a_replacement_of_what_failed_fails(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    asked = await stage.say("!echo")
    stage.server.trouble = trouble(AwayError("x"))
    await stage.step()
    await stage.edit(asked, "!echo dag")
    await stage.listen()
    await drain(stage.worker)
    stage.server.trouble = trouble(RefusedError("403 M_FORBIDDEN"))
    await drain(stage.senders[0])

    assert [row[:2] for row in await stage.rows(STATES)] == [("failed", "403 M_FORBIDDEN"), ("failed", RELATED)]
    assert stage.server.sent == []


async def test_a_private_answer(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    told = Rendered("zie onze chat", None)
    stage.post.does["!geheim"] = says(answer("alleen voor jou", private=True, told=told))
    for _ in range(2):
        await stage.say("!geheim")
        await stage.step()

    made = [where for what, where in stage.server.requests if what == "create_direct"]
    assert made == [ANNA], "one for all"
    assert stage.server.bodies(ROOM) == ["zie onze chat"] * 2
    (direct,) = [name for name, room in stage.server.rooms.items() if room.token]
    assert stage.server.bodies(direct) == ["alleen voor jou"] * 2
    assert not stage.server.rooms[direct].encrypted
    assert await stage.rows("SELECT DISTINCT room_id FROM outbox WHERE person = $1", ANNA) == [(direct,)]


async def test_a_direct_chat_that_is_there(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.room(ANNA, POST, room="!samen")
    await stage.room(BAS, POST, room="!metbas")
    stage.post.does["!geheim"] = says(answer("alleen voor jou", private=True))
    await stage.say("!geheim")
    await stage.step()

    assert stage.server.bodies("!samen") == ["alleen voor jou"]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("m.room.join_rules", {"join_rule": "public"}),
        ("m.room.join_rules", {"join_rule": "restricted"}),
        ("m.room.history_visibility", {"history_visibility": "world_readable"}),
    ],
)
async def test_an_open_room_is_no_direct_chat(stage: Stage, kind: str, content: dict[str, str]) -> None:
    await stage.room(ANNA, POST, room="!open")
    await stage.receive(stage.event(kind, content, room_id="!open", state_key=""))
    stage.post.does["!geheim"] = says(answer("alleen voor jou", private=True))
    await stage.say("!geheim", room_id="!open")
    await stage.step()

    assert stage.server.bodies("!open") == []
    assert stage.server.bodies() == ["alleen voor jou"]


@pytest.mark.parametrize("gone", ["person", "bot", "company"])
async def test_a_direct_chat_that_is_none_any_more(stage: Stage, gone: str) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.room(ANNA, POST, room="!samen")
    stage.post.does["!geheim"] = says(answer("alleen voor jou", private=True))
    joined = stage.server.rooms["!samen"].joined
    if gone == "company":
        joined.add(BAS)
    else:
        joined.discard(ANNA if gone == "person" else POST)
    for _ in range(2):
        await stage.say("!geheim")
        await stage.step()

    assert stage.server.bodies("!samen") == []
    (direct,) = [name for name, room in stage.server.rooms.items() if room.token]
    assert stage.server.bodies(direct) == ["alleen voor jou"] * 2

    stage.server.rooms[direct].invited.clear()
    await stage.say("!geheim")
    await stage.step()
    assert len([name for name, room in stage.server.rooms.items() if room.token]) == 2, "she has left, so a new one"


async def test_what_is_sealed_goes_into_an_encrypted_room(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS, encrypted=True)
    await stage.room(ANNA, POST, room="!samen")
    stage.post.does |= {
        "!geheim": says(answer("verzegeld", private=True, sealed=True)),
        "geheim": says(answer("verzegeld", private=True, sealed=True)),
        "!hier": says(answer("hier", sealed=True)),
    }
    await stage.say("!geheim")
    await stage.say("geheim", room_id="!samen")
    await stage.say("!hier")
    await stage.step()

    assert sorted(stage.server.bodies()) == ["hier", "verzegeld", "verzegeld"]
    assert all(sent.encrypted for sent in stage.server.sent)
    assert stage.server.bodies("!samen") == []
    assert len([what for what, _ in stage.server.requests if what == "create_direct"]) == 1


async def test_sealed_and_asked_in_the_encrypted_direct_chat(stage: Stage) -> None:
    await stage.room(ANNA, POST, encrypted=True)
    stage.post.does["geheim"] = says(answer("verzegeld", private=True, sealed=True))
    await stage.say("geheim")
    await stage.step()

    assert stage.server.bodies(ROOM) == ["verzegeld"]


async def test_a_crash_while_a_direct_chat_is_made(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!geheim"] = says(answer("alleen voor jou", private=True))
    await stage.say("!geheim")
    for hook in ("trouble", "after"):
        setattr(stage.server, hook, trouble(KeyboardInterrupt(), what="create_direct"))  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            await stage.step()
        stage.build()
    await stage.step()

    (direct,) = [name for name, room in stage.server.rooms.items() if room.token]
    assert stage.server.bodies(direct) == ["alleen voor jou"]


async def test_a_person_who_cannot_be_reached(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!geheim"] = says(answer("alleen voor jou", private=True))
    await stage.say("!geheim")
    stage.server.trouble = trouble(RefusedError("403 M_FORBIDDEN"), what="create_direct")
    await stage.step()
    assert await stage.rows(STATES) == [("failed", "403 M_FORBIDDEN", 1)]

    await stage.say("!geheim")
    await stage.step()
    assert stage.server.bodies() == ["alleen voor jou"]


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_file(stage: Stage, tmp_path: Path, *, encrypted: bool) -> None:
    await stage.room(ANNA, POST, BAS, encrypted=encrypted)
    path = tmp_path / "x.html"
    path.write_text("<p>hoi</p>")
    file = File(path, "kantoor.html", "text/html")
    stage.post.does["!export"] = says(Answer((Rendered("klaar", None), Rendered("kantoor.html", None, file=file))))
    await stage.say("!export")
    stage.server.trouble = trouble(AwayError("x"), what="upload")
    await stage.step()
    assert path.exists()
    await stage.step()

    content = stage.server.sent[-1].content
    assert (content["msgtype"], content["body"], content["filename"]) == ("m.file", "kantoor.html", "kantoor.html")
    assert content["info"] == {"size": 10, "mimetype": "text/html"}
    assert ("file" in content) is encrypted
    assert not path.exists(), "it was ours, and is not needed any more"


async def test_a_file_that_is_gone(stage: Stage, tmp_path: Path) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!export"] = says(Answer((Rendered("x", None, file=File(tmp_path / "x", "x", "text/plain")),)))
    await stage.say("!export")
    await stage.step()

    assert await stage.rows(STATES) == [("failed", FILE_GONE, 1)]


@pytest.mark.parametrize("private", [False, True])
async def test_a_file_that_the_homeserver_does_not_take_is_told_of(
    stage: Stage, tmp_path: Path, *, private: bool
) -> None:
    await stage.room(ANNA, POST, BAS)
    path = tmp_path / "x.html"
    path.write_text("<p>hoi</p>")
    file = Rendered("x.html", None, file=File(path, "x.html", "text/html"), otherwise="x.html kan niet")
    stage.post.does["!export"] = says(Answer((Rendered("klaar", None), file), private=private))
    root = await stage.say("hoi")
    await stage.say("!export", relates={"rel_type": "m.thread", "event_id": root})
    stage.server.trouble = trouble(RefusedError("413 M_TOO_LARGE"), what="upload")
    await stage.step()
    await stage.step()

    assert stage.server.bodies() == ["klaar", "x.html kan niet"]
    assert stage.server.sent[0].room_id == stage.server.sent[1].room_id
    assert ("m.relates_to" in stage.server.sent[1].content) is not private
    assert await stage.rows(STATES) == [("sent", None, 0), ("failed", "413 M_TOO_LARGE", 1), ("sent", None, 0)]
    assert not path.exists()


async def test_notifying(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!bel"] = says(answer("Bas!", notify=(BAS,)))
    await stage.say("!bel")
    await stage.step()

    content = stage.server.sent[0].content
    assert (content["msgtype"], content["m.mentions"]) == ("m.text", {"user_ids": [BAS]})


async def test_what_is_old_is_forgotten(stage: Stage, tmp_path: Path) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!vraag"] = says(answer("welke?", action={}, buttons=("✅",)))
    await stage.say("!vraag")
    await stage.step()
    await stage.say("!echo later")
    await stage.listen()
    cleaner = Cleaner(stage.db, tmp_path, [POST])
    await cleaner.clean(stage.now + KEPT - timedelta(minutes=1))
    assert len(await stage.rows(STATES)) == 2

    await cleaner.clean(stage.now + KEPT + timedelta(minutes=1))

    assert await stage.rows(STATES) == []
    assert await stage.rows("SELECT state FROM ask") == [("due",)], "what is not answered yet stays"


async def known(stage: Stage) -> list[bool | None]:
    """Whether the rooms of what is to be sent are known to be encrypted."""
    return [row.encrypted for row in await stage.senders[0].fetch((), 10)]


async def test_what_is_known_of_encryption(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo")
    await stage.listen()
    await drain(stage.worker)
    assert await known(stage) == [False]

    await stage.receive(stage.event("m.room.encryption", {"algorithm": "x"}, state_key=""))
    assert await known(stage) == [None], "something has come in that is not recorded yet"
    await stage.listen()
    assert await known(stage) == [True]

    await stage.receive(stage.event("m.room.encryption", {}, state_key=""))
    await stage.listen()
    assert await known(stage) == [True], "for good"


async def test_a_room_of_which_nothing_is_known(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo")
    await stage.listen()
    await drain(stage.worker)
    await stage.execute("DELETE FROM room")

    assert await known(stage) == [None]
