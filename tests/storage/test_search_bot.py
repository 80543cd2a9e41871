"""`!zoek` from the question to what is sent: in a room, in private, and by alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.storage.db import open_db
from tests.storage.search_stage import search_stage
from tests.storage.stage import ANNA, BAS, OTHER, POST, ROOM, STRANGER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.storage.search_stage import SearchStage

CORA, DIRK = "@cora:example.com", "@dirk:example.com"
CHAT = "!chat"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[SearchStage]:
    """An office with Anna and Bas, a room of the board without them, and a chat of Anna with the bot."""
    async with open_db(database_url, size=6) as db, search_stage(db, tmp_path) as made:
        await made.room(ANNA, BAS, POST)
        await made.room(CORA, DIRK, POST, room=OTHER, name="Directie")
        await made.room(ANNA, POST, room=CHAT, name="")
        yield made


async def asked(stage: SearchStage, text: str, **outer: str) -> list[str]:
    """What is sent when somebody says this; with the room, unless it is the one where it was said."""
    await stage.index()
    before = len(stage.server.sent)
    await stage.say(text, **outer)
    await stage.step()
    return [one.content["body"] for one in stage.server.sent[before:] if "body" in one.content]


async def test_in_a_room_and_in_private(stage: SearchStage) -> None:
    await stage.say("de offerte voor Jansen", sender=BAS)
    await stage.say("de geheime offerte", sender=CORA, room_id=OTHER)
    (answer,) = await asked(stage, "!zoek offerte")
    assert "één bericht in deze kamer" in answer
    assert "**Bas**: de **offerte** voor Jansen" in answer
    assert "geheim" not in answer
    (answer,) = await asked(stage, "zoek offerte", room_id=CHAT)
    assert "**Bas** in Kantoor: de **offerte** voor Jansen" in answer
    assert "geheim" not in answer
    (answer,) = await asked(stage, "!zoek offerte", room_id=OTHER, sender=CORA)
    assert "geheime" in answer
    assert "Jansen" not in answer


async def test_the_rest_is_sent_in_private(stage: SearchStage) -> None:
    await stage.room(ANNA, BAS, CORA, room="!zuid", name="Zuid")
    await stage.say("offerte uit zuid", room_id="!zuid")
    (answer,) = await asked(stage, "!zoek offerte")
    assert "niets gevonden" in answer
    sent = next(one for one in reversed(stage.server.sent) if one.content.get("body") == answer)
    await stage.arrived()
    await stage.react(sent.event_id, "📬")
    await stage.step()
    rooms = {one.room_id: one.content["body"] for one in stage.server.sent if "body" in one.content}
    assert "uit zuid" in rooms[CHAT]
    assert "uit zuid" not in rooms[ROOM]


async def test_who_joined_later_finds_in_the_room_only_what_all_may_read(stage: SearchStage) -> None:
    visibility = stage.event("m.room.history_visibility", {"history_visibility": "joined"}, state_key="")
    await stage.receive(visibility)
    await stage.say("offerte een")
    await stage.member(CORA, "join")
    await stage.say("offerte twee")
    (answer,) = await asked(stage, "!zoek offerte")
    assert "**offerte** twee" in answer
    assert "een bericht" not in answer
    assert "**offerte** een" not in answer
    (answer,) = await asked(stage, "zoek offerte", room_id=CHAT)
    assert "**offerte** een" in answer


async def test_strangers_and_what_was_removed(stage: SearchStage) -> None:
    said = await stage.say("offerte een")
    await stage.member(STRANGER, "join")
    assert await asked(stage, "!zoek offerte", sender=STRANGER) == []
    redaction = stage.event("m.room.redaction", {"redacts": said})
    await stage.receive(redaction)
    await stage.listen()
    await stage.say("!zoek offerte")
    await stage.step()
    assert "niets gevonden" in stage.server.bodies(ROOM)[-1]


async def test_what_was_encrypted_is_only_sent_to_encrypted_rooms(stage: SearchStage) -> None:
    await stage.room(ANNA, BAS, room="!dicht", name="Dicht", encrypted=True)
    await stage.say("offerte uit dicht", room_id="!dicht")
    await stage.index()
    await stage.say("zoek offerte", room_id=CHAT)
    await stage.step()
    sent = [one for one in stage.server.sent if "uit dicht" in one.content.get("body", "")]
    assert [one.encrypted for one in sent] == [True]
    assert sent[0].room_id != CHAT


async def test_saved_searches_are_ones_own(stage: SearchStage) -> None:
    await stage.say("de offerte voor Jansen", sender=BAS)
    assert "Bewaard" in (await asked(stage, "zoek bewaar Jansen: offerte jansen", room_id=CHAT))[0]
    assert "de **offerte** voor **Jansen**" in (await asked(stage, "zoek jansen", room_id=CHAT))[0]
    (answer,) = await asked(stage, "!zoek jansen", sender=BAS)
    assert "`jansen`" in answer
    assert "niets bewaard" in " ".join(await asked(stage, "!zoek bewaard", sender=BAS))


async def test_an_alert_tells_its_owner_once(stage: SearchStage) -> None:
    await stage.say("een oude offerte", sender=BAS)
    assert "laat het je weten" in (await asked(stage, "zoek waarschuw mij: offerte", room_id=CHAT))[0]
    await stage.look()
    before = len(stage.server.sent)
    await stage.say("een nieuwe offerte", sender=BAS)
    await stage.say("mijn offerte", sender=ANNA)
    await stage.say("!zoek offerte", sender=BAS)
    await stage.say("de offerte van de directie", sender=CORA, room_id=OTHER)
    await stage.look()
    told = [one for one in stage.server.sent[before:] if one.room_id == CHAT and "body" in one.content]
    assert len(told) == 1
    assert "🔔 Nieuw bij `offerte`:" in told[0].content["body"]
    assert "een nieuwe **offerte**" in told[0].content["body"]
    assert "matrix.to/#/!kantoor/" in told[0].content["body"]
    await stage.look()
    await stage.look()
    assert [one for one in stage.server.sent[before:] if one.room_id == CHAT and "body" in one.content] == told


async def test_alerts_are_collected_for_a_minute_and_stop_by_a_button(stage: SearchStage) -> None:
    await asked(stage, "zoek waarschuw mij: offerte", room_id=CHAT)
    for number in range(3):
        await stage.say(f"offerte {number}", sender=BAS)
        await stage.look()
    told = [body for body in stage.server.bodies(CHAT) if "🔔" in body and "Nieuw" in body]
    assert len(told) == 1
    (due,) = await stage.rows("SELECT extract(epoch FROM due_at - now())::float8 FROM job WHERE action = 'tell'")
    assert 30 < due[0] <= 60
    await stage.execute("UPDATE job SET due_at = now(), next_at = now()")
    await stage.look()
    (collected,) = [body for body in stage.server.bodies(CHAT) if "2 keer iets nieuws" in body]
    assert "**offerte** 1" in collected
    sent = next(one for one in stage.server.sent if one.content.get("body") == collected)
    await stage.arrived()
    await stage.react(sent.event_id, "🔕", room_id=CHAT)
    await stage.step()
    assert await stage.rows("SELECT FROM search_alert") == []
    assert await stage.rows("SELECT FROM search_alerted") == []


async def test_an_alert_never_tells_what_its_owner_may_not_read(stage: SearchStage) -> None:
    await asked(stage, "zoek waarschuw mij: offerte", room_id=CHAT)
    await stage.member(ANNA, "leave")
    await stage.say("offerte na haar vertrek", sender=BAS)
    await stage.look()
    await stage.member(ANNA, "join")
    await stage.say("offerte na haar terugkeer", sender=BAS)
    removed = await stage.say("offerte die weg gaat", sender=BAS)
    await stage.index()
    while await stage.alerts.step():
        pass
    await stage.receive(stage.event("m.room.redaction", {"redacts": removed}))
    await stage.look()
    told = " ".join(body for body in stage.server.bodies(CHAT) if "ieuw" in body)
    assert "terugkeer" in told
    assert "vertrek" not in told
    assert "weg gaat" not in told


async def test_an_alert_of_who_lost_all_rights(stage: SearchStage) -> None:
    await asked(stage, "zoek waarschuw mij: offerte", room_id=CHAT)
    await stage.say("een offerte", sender=BAS)
    await stage.index()
    stage.alerts._roles_of = lambda _: set()
    while await stage.alerts.step():
        pass
    assert await stage.rows("SELECT FROM search_alerted") == []
    assert await stage.rows("SELECT FROM job") == []


async def test_an_alert_of_what_is_read_in_a_file_later(stage: SearchStage) -> None:
    await asked(stage, "zoek waarschuw mij: levertijd", room_id=CHAT)
    content = {"msgtype": "m.file", "body": "offerte.pdf", "url": "mxc://example.com/a"}
    event_id = await stage.receive(stage.event("m.room.message", content, sender=BAS))
    await stage.look()
    assert not [body for body in stage.server.bodies(CHAT) if "Nieuw" in body]
    stored = "INSERT INTO media (media_id, mxc, state, sha256) VALUES ($1, $1, 'stored', 'abc')"
    await stage.execute(stored, content["url"])
    await stage.execute("INSERT INTO extracted (sha256, state, text) VALUES ('abc', 'done', 'de levertijd is kort')")
    await stage.execute("INSERT INTO index_due (event_id) VALUES ($1)", event_id)
    await stage.look()
    (told,) = [body for body in stage.server.bodies(CHAT) if "Nieuw" in body]
    assert "offerte.pdf (grootte onbekend), daarin staat: de **levertijd** is kort" in told


async def test_a_crash_between_finding_and_telling_loses_and_doubles_nothing(stage: SearchStage) -> None:
    await asked(stage, "zoek waarschuw mij: offerte", room_id=CHAT)
    await stage.say("een offerte", sender=BAS)
    await stage.index()
    while await stage.alerts.step():
        pass
    (row,) = await stage.jobs.fetch([], 1)
    posts, _ = await stage.jobs._do(row)
    assert len(posts) > 0
    stage.build()
    await stage.look()
    await stage.look()
    assert len([body for body in stage.server.bodies(CHAT) if "Nieuw bij" in body]) == 1
