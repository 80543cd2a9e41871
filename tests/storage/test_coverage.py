from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bridge.archive.coverage import Coverage, measure
from bridge.cli.coverage import table
from bridge.engine.room_status import LOOKED_SECONDS, RoomStatuses
from bridge.storage import consumers, coverage, room_status
from bridge.storage.coverage import NOT_TRIED
from bridge.storage.db import open_db
from bridge.storage.export import snapshot
from bridge.storage.undecrypted import NO_BOT
from tests.storage.scribe import OTHER, ROOM, Scribe, insert

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BOT, ANNOUNCER = "@postkamer:example.com", "@mededelingen:example.com"


@pytest.fixture
async def scribe(database_url: str) -> AsyncIterator[Scribe]:
    async with open_db(database_url, size=4) as db:
        yield Scribe(db)


async def measured(scribe: Scribe) -> Coverage:
    async with snapshot(scribe.db) as tx:
        return await measure(tx, (BOT, ANNOUNCER))


async def follow_to_the_end(scribe: Scribe, name: str = "recorder") -> None:
    async with scribe.db.tx() as tx:
        await consumers.register(tx, name)
    await scribe.execute("UPDATE consumer SET position = (SELECT max(seq) FROM inbox) WHERE name = $1", name)


async def test_an_empty_archive(scribe: Scribe) -> None:
    found = await measured(scribe)
    assert found.complete
    assert found.as_json()["totals"]["events"] == 0
    assert "The archive is empty." in list(table(found))


async def test_all_is_held(scribe: Scribe) -> None:
    await scribe.event("m.room.create", {}, state_key="")
    first = await scribe.message("hoi")
    await scribe.file(first, "a.txt", state="stored")
    await follow_to_the_end(scribe)
    found = await measured(scribe)
    assert found.complete
    (room,) = found.as_json()["rooms"]
    assert (room["room_id"], room["events"], room["messages"]) == (ROOM, 2, 1)
    assert (room["from"], room["to"]) == ("2026-03-02T08:01:00.000Z", "2026-03-02T08:02:00.000Z")
    assert (room["history"]["complete"], room["attachments"]["stored"]) == (True, 1)
    assert "All that the homeserver sent is held." in list(table(found))


async def test_history_that_is_not_held(scribe: Scribe) -> None:
    await scribe.message("hoi")
    await insert_room(scribe, ROOM, "Algemeen\x1b[2J")
    found = await measured(scribe)
    assert not found.complete
    text = "\n".join(table(found))
    assert "history before 2026-03-02 08:01 UTC not held: postkamer backfill" in text
    assert "Algemeen�[2J" in text
    assert "\x1b" not in text
    finished = "INSERT INTO backfill (room_id, before_seq, before_sub, finished_at) VALUES ($1, 0, 0, now())"
    await scribe.execute(finished, ROOM)
    assert "UTC not held, and the homeserver gave none of it" in "\n".join(table(await measured(scribe)))


async def insert_room(scribe: Scribe, room_id: str, name: str, encryption: str | None = None) -> None:
    async with scribe.db.tx() as tx:
        await insert(tx, "room", {"room_id": room_id, "name": name, "encryption": encryption})


async def join_bot(scribe: Scribe, room_id: str, bot: str = BOT, place: int = 1) -> None:
    async with scribe.db.tx() as tx:
        member = {"room_id": room_id, "user_id": bot, "ord": place, "sub": 0, "membership": "join"}
        await insert(tx, "membership", {**member, "event_id": f"$join{place}", "sender": bot, "from_at": scribe.now})


async def test_encrypted_events_and_why_they_are_unread(scribe: Scribe) -> None:
    for room in (ROOM, OTHER):
        await insert_room(scribe, room, room[1:], "m.megolm.v1.aes-sha2")
        await scribe.event("m.room.create", {}, room=room, state_key="")
        await scribe.event("m.room.encrypted", {}, room=room, encrypted=True, table="message")
    await join_bot(scribe, ROOM)
    await join_bot(scribe, ROOM, ANNOUNCER, 100)
    waiting = await scribe.event("m.room.encrypted", {}, encrypted=True, table="message")
    removed = await scribe.event("m.room.encrypted", {}, encrypted=True, table="message")
    await scribe.redaction(removed)
    async with scribe.db.tx() as tx:
        row = {"event_id": waiting, "seq": 1, "room_id": ROOM, "session_id": "s", "reason": "no key for its session"}
        await insert(tx, "undecrypted", row)
    found = await measured(scribe)
    algemeen, directie = (room["encryption"] for room in found.as_json()["rooms"])
    assert algemeen == {
        "enabled": True,
        "bot": True,
        "events": 3,
        "read": 0,
        "unread": 2,
        "reasons": {"no key for its session": 1, NOT_TRIED: 1},
    }
    assert (directie["bot"], directie["reasons"]) == (False, {NO_BOT: 1})
    assert len(found.rooms) == 2
    assert found.totals()["encrypted_rooms_without_bot"] == 1
    assert f"  directie: 1 encrypted not read: {NO_BOT}" in list(table(found))


async def test_attachments_and_what_is_set_aside(scribe: Scribe) -> None:
    await scribe.event("m.room.create", {}, state_key="")
    for number, media in enumerate(
        [{"state": "stored"}, {"state": "failed", "reason": "404"}, {"state": "too_large", "reason": "200 MB"}, {}]
    ):
        await scribe.file(await scribe.message("bijlage"), f"{number}.txt", **media)
    async with scribe.db.tx() as tx:
        await consumers.set_aside(tx, "recorder", 2, "no sender", room_id=ROOM)
        await consumers.set_aside(tx, "recorder", 3, "not a JSON object")
        await consumers.set_aside(tx, "inbox", 2, "other content", room_id=ROOM, digest=b"x", raw=b"{}")
    found = await measured(scribe)
    (room,) = found.as_json()["rooms"]
    assert room["attachments"] == {
        "stored": 1,
        "pending": 1,
        "too_large": 1,
        "failed": 1,
        "erased": 0,
        "reasons": {"200 MB": 1, "404": 1},
    }
    assert {"consumer": "recorder", "reason": "no sender", "count": 1} in room["set_aside"]
    assert (found.set_aside.total(), found.conflicts) == (3, 1)
    lines = list(table(found))
    assert "  1 set aside by recorder: not a JSON object" in lines
    assert f"  {ROOM}: 1 set aside by recorder: no sender" in lines
    assert not found.complete


async def test_the_text_of_attachments(scribe: Scribe) -> None:
    states = [("done", None), ("done", "only the beginning was read"), ("locked", "needs a password"), ("failed", None)]
    await scribe.event("m.room.create", {}, state_key="")
    for number, (state, reason) in enumerate(states):
        await scribe.file(await scribe.message("bijlage"), f"{number}.pdf", state="stored", sha256=f"{number}")
        await scribe.execute(
            "INSERT INTO extracted (sha256, state, reason) VALUES ($1, $2, $3)", f"{number}", state, reason
        )
    await scribe.file(await scribe.message("bijlage"), "9.pdf", state="stored", sha256="9")
    await scribe.file(await scribe.message("bijlage"), "8.pdf", state="failed", reason="404")
    found = await measured(scribe)
    assert found.totals()["texts"] == {
        "done": 2,
        "no_text": 0,
        "due": 1,
        "locked": 1,
        "failed": 1,
        "too_large": 0,
        "no_ocr": 0,
        "reasons": {"needs a password": 1},
    }
    lines = list(table(found))
    assert "Text of attachments: 2 read, 0 have none, 2 could not be read, 1 waiting" in lines
    assert "  1 not read: needs a password" in lines


async def test_a_consumer_that_is_behind(scribe: Scribe) -> None:
    await scribe.event("m.room.create", {}, state_key="")
    await follow_to_the_end(scribe)
    await scribe.message("hoi")
    found = await measured(scribe)
    assert found.as_json()["consumers"] == [{"name": "recorder", "position": 1, "head": 2, "behind": 1}]
    assert not found.complete
    assert json.loads(json.dumps(found.as_json()))["complete"] is False


async def test_a_room_that_could_not_be_read_back(scribe: Scribe) -> None:
    await scribe.execute("INSERT INTO backfill (room_id, before_seq, before_sub, reason) VALUES ('!x', 0, 0, '500')")
    found = await measured(scribe)
    assert found.as_json()["rooms_not_read"] == [{"room_id": "!x", "reason": "500"}]
    assert not found.complete


async def test_what_others_refer_to_and_is_not_held(scribe: Scribe) -> None:
    """The only trace of an event that the homeserver forgot to send."""
    await scribe.event("m.room.create", {}, state_key="")
    first = await scribe.message("hoi")
    await scribe.event("m.reaction", {}, relation=("m.annotation", first))
    await follow_to_the_end(scribe)
    assert (await measured(scribe)).complete
    await scribe.event("m.reaction", {}, relation=("m.annotation", "$forgotten"))
    await scribe.execute("INSERT INTO receipt VALUES ($1, '@bas:example.com', '', '$forgotten2', now())", ROOM)
    await follow_to_the_end(scribe)
    found = await measured(scribe)
    assert not found.complete
    assert found.totals()["referred_not_held"] == 2
    assert "2 events are referred to that are not held: postkamer backfill" in "\n".join(table(found))


async def test_when_it_was_compared_with_the_homeserver(scribe: Scribe) -> None:
    await scribe.event("m.room.create", {}, state_key="")
    assert any(line.startswith("Never compared") for line in table(await measured(scribe)))
    await scribe.execute("INSERT INTO checked (at) VALUES ('2026-03-02 08:00Z')")
    found = await measured(scribe)
    assert "Last compared with what the homeserver has: 2026-03-02 08:00 UTC" in list(table(found))
    assert found.as_json()["checked_at"] == "2026-03-02T08:00:00.000Z"


async def test_the_status_of_one_room_says_what_coverage_says(scribe: Scribe) -> None:
    for room in (ROOM, OTHER):
        first = await scribe.message("hoi", room=room)
        await scribe.file(first, "a.txt", room=room, state="failed", reason="404")
        await scribe.event("m.room.encrypted", {}, room=room, encrypted=True, table="message")
        await scribe.event("m.reaction", {}, room=room, relation=("m.annotation", "$forgotten"))
    await follow_to_the_end(scribe)
    async with scribe.db.tx() as tx:
        await consumers.set_aside(tx, "recorder", 2, "no sender", room_id=ROOM)
        await consumers.set_aside(tx, "recorder", 3, "no sender", room_id=OTHER)
    await scribe.event("m.room.create", {}, state_key="")
    everything = next(room for room in (await measured(scribe)).rooms if room.row.room_id == ROOM)
    async with scribe.db.connection() as connection:
        alone = await room_status.facts(connection, (BOT, ANNOUNCER), ROOM)
        behind = (await room_status.facts(connection, (BOT, ANNOUNCER), OTHER)).behind
        (referred,) = await coverage.referred(connection, ROOM)
    row = everything.row
    assert (alone.messages, alone.first_at, alone.last_at) == (row.messages, row.first_at, row.last_at)
    assert alone.unread_no_bot == everything.unread.total() == 1
    assert (alone.files, alone.files_failed, alone.files_pending, alone.files_too_large) == (1, 1, 0, 0)
    assert alone.set_aside == everything.set_aside.total() == 1
    assert referred.count == everything.referred == 1
    assert (alone.behind, behind) == (1, 0)


async def test_messages_of_a_room_are_counted_on_for_a_while(scribe: Scribe) -> None:
    now = 0.0
    statuses = RoomStatuses((BOT,), lambda: now)

    async def messages() -> int:
        await follow_to_the_end(scribe)
        async with scribe.db.connection() as connection:
            return (await statuses.of(connection, ROOM)).messages

    first = await scribe.message("een")
    await scribe.message("twee")
    assert await messages() == 2
    await scribe.message("drie")
    await scribe.message("elders", room=OTHER)
    assert await messages() == 3
    async with scribe.db.tx() as tx:
        await tx.execute("DELETE FROM message WHERE event_id = $1", first)
    now = LOOKED_SECONDS
    assert await messages() == 2
