"""The archive as bots get it: each method shows to the asker what is theirs, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from bridge.botapi.errors import DeniedError
from bridge.botapi.ports import ExportWish
from bridge.search.service import SEARCH
from bridge.storage import audit
from tests.storage.desk import LONG_AGO, START, archive_of, asker, file, ids
from tests.storage.post import ROOM, archive, edit, event, redaction, rows
from tests.storage.stories import PEOPLE, told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from bridge.botapi.ports import Archive
    from bridge.storage.db import Db

ZONE = ZoneInfo("Europe/Amsterdam")
LATER = "begin, history joined, anna join, een, bas join, twee"
LEFT = "begin, history joined, anna join, bas join, een, bas leave, twee"


ASKED: dict[str, Callable[[Archive], Awaitable[object]]] = {
    "status": lambda port: port.status(ROOM),
    "files": lambda port: port.files(ROOM, everyone=False),
    "files for everyone": lambda port: port.files(ROOM, everyone=True),
    "messages": lambda port: port.messages(ROOM, LONG_AGO),
    "look_into": lambda port: port.look_into(ROOM, LONG_AGO, "why not"),
    "may_export": lambda port: port.may_export(ROOM),
    "export": lambda port: port.export(ExportWish(ROOM, "jsonl", "nl", ZONE, "$ask")),
}


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("who", ["cora", "gast", "vreemde"])
async def test_who_was_never_in_the_room_gets_nothing(db: Db, tmp_path: Path, name: str, who: str) -> None:
    await archive(db, *told(LATER))
    with pytest.raises(DeniedError):
        await ASKED[name](archive_of(db, asker(who, "manager"), tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ASKED)
async def test_a_room_that_is_not_there_looks_the_same(db: Db, tmp_path: Path, name: str) -> None:
    with pytest.raises(DeniedError):
        await ASKED[name](archive_of(db, asker("anna", "manager"), tmp_path))


@pytest.mark.parametrize("name", ["status", "files for everyone"])
async def test_who_has_left_gets_nothing_of_now(db: Db, name: str) -> None:
    await archive(db, *told(LEFT))
    with pytest.raises(DeniedError):
        await ASKED[name](archive_of(db, "bas"))


@pytest.mark.parametrize("name", ["files", "messages", "export"])
async def test_who_has_left_gets_nothing_when_the_company_says_so(db: Db, tmp_path: Path, name: str) -> None:
    await archive(db, *told(LEFT))
    with pytest.raises(DeniedError):
        await ASKED[name](archive_of(db, asker("bas", "manager"), tmp_path, left="nothing"))


async def test_who_joined_later_is_told_what_is_not_shown(db: Db) -> None:
    await archive(db, *told(LATER))
    found = await archive_of(db, "bas").messages(ROOM, LONG_AGO)
    assert ids(found.found) == ["twee"]
    assert found.withheld == ((START + timedelta(minutes=3), START + timedelta(minutes=5)),)
    found = await archive_of(db, "bas").messages(ROOM, START + timedelta(minutes=4))
    assert found.withheld == ((None, START + timedelta(minutes=5)),)
    everything = await archive_of(db, "bas", later="all").messages(ROOM, LONG_AGO)
    assert (ids(everything.found), everything.withheld) == (["een", "twee"], ())
    recent = await archive_of(db, "bas").messages(ROOM, START + timedelta(minutes=6))
    assert (ids(recent.found), recent.withheld) == (["twee"], ())


async def test_who_has_left_sees_what_stood_there_then(db: Db) -> None:
    await archive(db, *told(LEFT), edit("later", "een", "anders", minute=20))
    bas = await archive_of(db, "bas").messages(ROOM, START + timedelta(minutes=4))
    assert [(one.text, one.edited) for one in bas.found] == [("een", False)]
    assert bas.withheld == ((START + timedelta(minutes=7), None),)
    anna = await archive_of(db, "anna").messages(ROOM, LONG_AGO)
    assert [(one.text, one.edited) for one in anna.found] == [("anders", True), ("twee", False)]


async def test_who_came_back_is_told_of_the_time_between(db: Db) -> None:
    await archive(db, *told(f"{LEFT}, bas join again, drie"))
    found = await archive_of(db, "bas").messages(ROOM, START + timedelta(minutes=4))
    assert ids(found.found) == ["een", "drie"]
    assert found.withheld == ((START + timedelta(minutes=7), START + timedelta(minutes=8)),)


async def test_what_was_removed_is_for_auditors_alone(db: Db) -> None:
    await archive(db, *told(LATER), edit("een 2", "een", "een, anders"), redaction("weg", "een", minute=20))
    assert ids((await archive_of(db, "anna").messages(ROOM, LONG_AGO)).found) == ["twee"]
    found = await archive_of(db, "anna").look_into(ROOM, LONG_AGO, "klacht 14")
    assert [(one.text, one.removed) for one in found.found] == [("een, anders", True), ("twee", False)]


async def test_looking_in_is_written_down_before_it_is_answered(db: Db) -> None:
    await archive(db, *told("begin, history joined, bas join, een, twee"))
    first = await archive_of(db, "anna").look_into(ROOM, START, " klacht 14 ", limit=1)
    assert ids(first.found) == ["een"]
    assert first.next is not None
    await archive_of(db, "anna").look_into(ROOM, START, "klacht 14", after=first.next)
    with pytest.raises(DeniedError):
        await archive_of(db, "anna").look_into("!nowhere", START, "klacht 14")
    with pytest.raises(DeniedError):
        await archive_of(db, "anna").look_into(ROOM, START, "  ")
    with pytest.raises(DeniedError):
        await archive_of(db, asker("bas", "auditor")).look_into(ROOM, START, "zomaar")
    written = await rows(db, "SELECT who, what, purpose, detail::text FROM audit ORDER BY id")
    assert [row[:3] for row in written] == [(PEOPLE["anna"], "look into a room", "klacht 14")] * 3
    details = [json.loads(row[3]) for row in written]
    assert [one["room_id"] for one in details] == [ROOM, ROOM, "!nowhere"]
    assert [one["after"] for one in details] == [None, first.next, None]
    assert (await archive_of(db, "bas").footprint()).looked_into == 1
    assert (await archive_of(db, "cora").footprint()).looked_into == 0


async def test_in_a_room_files_are_those_that_everybody_may_see(db: Db) -> None:
    await archive(db, *told(LATER), file("oud", "oud.txt", minute=3), file("nieuw", "nieuw.txt", minute=30))
    await archive(db, event("$encrypted", "m.room.encrypted", {}, minute=31))
    rows_of = "UPDATE event SET ord = (SELECT ord FROM event WHERE event_id = 'een') WHERE event_id = 'oud'"
    async with db.tx() as tx:
        await tx.execute(rows_of)
    anna = archive_of(db, "anna")
    alone, shared = await anna.files(ROOM, everyone=False), await anna.files(ROOM, everyone=True)
    assert (ids(alone.found), alone.more_in_private) == (["nieuw", "oud"], False)
    assert (ids(shared.found), shared.more_in_private) == (["nieuw"], True)
    bas = await archive_of(db, "bas").files(ROOM, everyone=True)
    assert (ids(bas.found), bas.more_in_private) == (["nieuw"], False)


async def test_pages_of_files_newest_first(db: Db) -> None:
    some = [file(f"${n}", f"Lijst {n}.txt", minute=10 + n) for n in range(5)]
    await archive(db, *told("begin, anna join"), *some, redaction("weg", "$3", minute=30))
    port = archive_of(db, "anna")
    first = await port.files(ROOM, everyone=True, limit=3)
    assert ids(first.found) == ["$4", "$2", "$1"]
    assert first.next is not None
    last = await port.files(ROOM, everyone=True, after=first.next, limit=3)
    assert (ids(last.found), last.next) == (["$0"], None)
    named = await port.files(ROOM, everyone=True, name="lijst 2")
    assert [(one.event_id, one.name, one.size, one.held) for one in named.found] == [("$2", "Lijst 2.txt", 1234, False)]
    assert (await port.files(ROOM, everyone=True, name="%")).found == []


async def test_what_came_encrypted_is_said_to_be(db: Db) -> None:
    await archive(db, *told("begin, anna join, een"))
    assert not (await archive_of(db, "anna").messages(ROOM, LONG_AGO)).encrypted
    await archive(db, event("$2", "m.room.encrypted", {}, minute=30))
    found = await archive_of(db, "anna").messages(ROOM, LONG_AGO)
    assert found.encrypted
    assert [one.kind for one in found.found] == ["text", "unread"]
    await archive(db, event("$3", "m.room.encryption", {"algorithm": "x"}, state_key="", minute=31))
    later = await archive_of(db, "anna").files(ROOM, everyone=True)
    assert (later.found, later.encrypted) == ([], True)


async def test_an_archive_that_began_later_says_since_when(db: Db) -> None:
    await archive(db, *told("history shared, anna join, een"))
    found = await archive_of(db, "anna").messages(ROOM, LONG_AGO)
    assert found.held_from == START + timedelta(minutes=1)
    assert (await archive_of(db, "anna").messages(ROOM, START + timedelta(minutes=2))).held_from is None


async def test_status_counts_one_room_and_says_what_is_missing(db: Db) -> None:
    await archive(db, *told(LATER), *told("een elders, twee elders", "!elders"))
    status = await archive_of(db, "bas").status(ROOM)
    assert (status.messages, status.files, status.complete, status.missing) == (2, 0, True, ())
    assert (status.first_at, status.last_at) == (START + timedelta(minutes=1), START + timedelta(minutes=6))
    await archive(db, file("f", "a.txt", minute=30), event("$e", "m.room.encrypted", {}, minute=31))
    status = await archive_of(db, "bas").status(ROOM)
    assert (status.files, status.complete) == (1, False)
    assert status.missing == (("unread_no_bot", 1), ("files_pending", 1))


async def test_searches_over_everything_are_counted_for_everybody(db: Db) -> None:
    """By auditors and by IT; not the pages after the first, and not those of long ago."""
    bas = PEOPLE["bas"]
    async with db.tx() as tx:
        for after in (None, "2"):
            await audit.append(tx, PEOPLE["anna"], SEARCH, "klacht", {"line": "a", "after": after})
        for person in (bas, PEOPLE["cora"]):
            await audit.append(tx, "root@server", audit.SEARCH_AS, None, {"as": person, "line": "a"})
        await audit.append(tx, PEOPLE["anna"], SEARCH, "lang geleden", {"line": "b", "after": None})
        await tx.execute("UPDATE audit SET at = now() - interval '366 days' WHERE purpose = 'lang geleden'")
    for who, by_it in (("bas", 1), ("anna", 0)):
        found = await archive_of(db, who).footprint()
        assert (found.searched, found.searched_as) == (1, by_it)


async def test_what_is_kept_of_a_person(db: Db) -> None:
    bas = PEOPLE["bas"]
    await archive(
        db,
        *told(LATER),
        event(
            "n", "m.room.member", {"membership": "join", "displayname": "Bas B"}, state_key=bas, sender=bas, minute=9
        ),
        file("f", "a.txt", sender=bas, minute=10),
        event("$m", "m.room.message", {"msgtype": "m.text", "body": "weg"}, sender=bas, minute=11),
        redaction("r", "$m", sender=bas, minute=12),
        edit("$e", "f", "b.txt", sender=bas, minute=13),
    )
    found = await archive_of(db, "bas").footprint()
    assert (found.rooms, found.messages, found.edits, found.reactions, found.files) == (1, 2, 1, 0, 1)
    assert (found.names, found.removed_waiting, found.file_bytes) == (("Bas B",), 1, 0)
    assert (found.since, found.retention_days, found.auditors) == (START + timedelta(minutes=9), 30, 1)
    nobody = await archive_of(db, "cora").footprint()
    assert (nobody.since, nobody.messages, nobody.rooms, nobody.names) == (None, 0, 0, ())
