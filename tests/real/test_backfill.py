"""History that Synapse has from before us, read into the inbox, recorded and exported."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bridge.archive.backfill import Backfill, SourceError
from bridge.archive.consumer import Follower
from bridge.archive.export import Selection, batches
from bridge.archive.export_output import NoFiles
from bridge.archive.recorder import Recorder
from bridge.errors import PostkamerError
from bridge.matrix import admin
from bridge.matrix.admin import AdminHistory
from bridge.storage import inbox
from bridge.storage.db import Db, open_db
from bridge.storage.export import snapshot
from bridge.storage.roles import claim_role
from tests.real.client import Client, logged_in
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.archive.backfill import Page
    from tests.real.server import Homeserver, Installation


@pytest.fixture
async def people(synapse: Homeserver) -> AsyncIterator[tuple[Client, Client, Client]]:
    async with logged_in(synapse, "anna", "bas") as (anna, bas), logged_in(synapse, "it", admin=True) as (chief,):
        yield anna, bas, chief


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as db:
        yield db


@asynccontextmanager
async def history(synapse: Homeserver, token: str) -> AsyncIterator[AdminHistory]:
    async with aiohttp.ClientSession() as session:
        yield AdminHistory(session, synapse.url, token)


def ignore(*_: object) -> None:
    """Nobody looks at the progress."""


async def exported(db: Db, room_id: str) -> list[dict[str, Any]]:
    follower = Follower(db, Recorder())
    while await follower.step():
        pass
    async with snapshot(db) as tx:
        found = [batch.lines async for batch in batches(tx, Selection((room_id,)), NoFiles())]
    return [json.loads(line) for line in b"".join(found).splitlines()]


async def order_in_archive(db: Db, room_id: str) -> list[str]:
    async with db.connection() as connection:
        rows = await inbox.after(connection, 0, 10_000)
    return [row.key for row in sorted((row for row in rows if row.room_id == room_id), key=lambda row: row.order)]


async def mixed_room(anna: Client, bas: Client) -> tuple[str, dict[str, str]]:
    """A room with something of everything."""
    room = await anna.create_room("Productie", bas, topic="Hal 2")
    ids = {"first": await anna.say(room, "De frees staat stil")}
    await anna.edit(room, ids["first"], "De frees in hal 2 staat stil")
    await anna.edit(room, ids["first"], "De frees in hal 2 draait weer")
    await bas.react(room, ids["first"], "👀")
    ids["reply"] = await bas.say(room, "Ik kijk", {"m.in_reply_to": {"event_id": ids["first"]}})
    thread = {"rel_type": "m.thread", "event_id": ids["first"], "is_falling_back": True}
    ids["thread"] = await bas.say(room, "Lager vervangen", thread | {"m.in_reply_to": {"event_id": ids["reply"]}})
    ids["removed"] = await anna.say(room, "GEHEIM wachtwoord")
    await anna.edit(room, ids["removed"], "GEHEIM wachtwoord 2")
    ids["redaction"] = await anna.redact(room, ids["removed"], "per ongeluk")
    withdrawn = await bas.react(room, ids["reply"], "✅")
    await bas.redact(room, withdrawn, "toch niet")
    await bas.edit(room, ids["first"], "van een ander")
    await anna.send(room, "m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"})
    await anna.send(room, "org.example.machine", {"state": "ok"})
    await bas.call("POST", f"/rooms/{room}/leave", {})
    return room, ids


async def test_the_export_equals_what_the_homeserver_has(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db
) -> None:
    anna, bas, chief = people
    room, ids = await mixed_room(anna, bas)
    async with history(synapse, chief.token) as source:
        result = await Backfill(db, source, ignore).room(room)
    there = await anna.messages(room)
    assert (result.seen, result.added, result.reason) == (len(there), len(there), None)
    assert await order_in_archive(db, room) == [event["event_id"] for event in there]

    lines = await exported(db, room)
    by_id = {line["event_id"]: line for line in lines}
    own = [event["event_id"] for event in there if event["event_id"] in by_id]
    assert [line["event_id"] for line in lines] == own
    nested_edits = [edit["event_id"] for line in lines for edit in line["edits"]]
    reactions = sum(len(line["reactions"]) for line in lines)
    redactions = sum(line["redacted"] is not None for line in lines)
    # GEHEIM's edit is hidden by the redaction of its message, which stands in both lines.
    assert len(there) == len(lines) + len(nested_edits) + reactions + redactions - 1
    for event in there:
        if line := by_id.get(event["event_id"]):
            assert (line["sender"], line["type"]) == (event["sender"], event["type"])
            if "state_key" in event:
                assert (line["state_key"], line["content"]) == (event["state_key"], event["content"])
    first = by_id[ids["first"]]
    assert first["body"] == "De frees staat stil"
    texts = [edit["body"] for edit in first["edits"]]
    assert texts == [
        "De frees in hal 2 staat stil",
        "De frees in hal 2 draait weer",
    ]
    assert [reaction["key"] for reaction in first["reactions"]] == ["👀"]
    assert by_id[ids["reply"]]["reply_to"] == ids["first"]
    assert (by_id[ids["thread"]]["thread"], by_id[ids["thread"]]["reply_to"]) == (ids["first"], None)
    assert by_id[ids["removed"]]["redacted"]["reason"] == "per ongeluk"
    assert "GEHEIM" not in json.dumps(lines)


async def test_what_the_server_bundles_is_not_kept_twice(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db
) -> None:
    anna, bas, chief = people
    room, ids = await mixed_room(anna, bas)
    async with history(synapse, chief.token) as source:
        await Backfill(db, source, ignore).room(room)
    async with db.connection() as connection:
        (row,) = await inbox.by_key(connection, "event", [ids["first"]])
    assert json.loads(row.raw)["content"]["body"] == "De frees staat stil"
    assert b"m.relations" not in row.raw
    assert b"draait weer" not in row.raw


async def test_holes_are_filled_in_order(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "EVENTS_A_PAGE", 3)
    anna, bas, chief = people
    room, _ = await mixed_room(anna, bas)
    there = await anna.messages(room)
    live = [there[7], there[8], there[14], there[-2]]
    async with db.tx() as tx:
        for event in live:
            raw = json.dumps(event).encode()
            await inbox.append(tx, [inbox.Arrival("event", event["event_id"], room, event["type"], raw)])
    async with history(synapse, chief.token) as source:
        result = await Backfill(db, source, ignore).room(room)
        assert result.added == len(there) - len(live)
        await anna.say(room, "daarna")
        again = await Backfill(db, source, ignore).room(room, again=True)
    assert (again.seen, again.added) == (len(there) + 1, 1)
    assert await order_in_archive(db, room) == [event["event_id"] for event in await anna.messages(room)]


async def test_what_the_homeserver_forgot_to_send_is_found_by_the_next_check(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Synapse loses what waits in its memory when it ends; here the events that are not appended."""
    monkeypatch.setattr(admin, "EVENTS_A_PAGE", 3)
    anna, bas, chief = people
    room, _ = await mixed_room(anna, bas)
    async with history(synapse, chief.token) as source:
        await Backfill(db, source, ignore).room(room)
        before = await anna.messages(room)
        sent = [await anna.say(room, f"later {number}") for number in range(12)]
        for event in (await anna.messages(room))[len(before) :]:
            if event["event_id"] not in (sent[3], sent[4], sent[11]):
                raw = json.dumps(event).encode()
                async with db.tx() as tx:
                    await inbox.append(tx, [inbox.Arrival("event", event["event_id"], room, event["type"], raw)])
        check = await Backfill(db, source, ignore).room(room)
        assert (check.added, check.reason) == (3, None)
        assert check.seen < len(before)  # not the whole room again
        idle = await Backfill(db, source, ignore).room(room)
    assert (idle.seen, idle.added) == (3, 0)
    assert await order_in_archive(db, room) == [event["event_id"] for event in await anna.messages(room)]


class Arriving(AdminHistory):
    """While a page is asked for, an event comes live."""

    def __init__(self, *args: Any, db: Db, sender: Client) -> None:
        super().__init__(*args)
        self._db = db
        self._sender = sender
        self.pages = 0

    async def page(self, room_id: str, token: str | None) -> Page:
        page = await super().page(room_id, token)
        self.pages += 1
        event_id = await self._sender.say(room_id, f"live {self.pages}")
        raw = json.dumps({"event_id": event_id, "type": "m.room.message", "room_id": room_id}).encode()
        async with self._db.tx() as tx:
            await inbox.append(tx, [inbox.Arrival("event", event_id, room_id, "m.room.message", raw)])
        return page


async def test_what_comes_live_meanwhile_stays_behind_the_history(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "EVENTS_A_PAGE", 4)
    anna, bas, chief = people
    room, _ = await mixed_room(anna, bas)
    async with aiohttp.ClientSession() as session:
        source = Arriving(session, synapse.url, chief.token, db=db, sender=anna)
        await Backfill(db, source, ignore).room(room)
    assert source.pages > 5
    assert await order_in_archive(db, room) == [event["event_id"] for event in await anna.messages(room)]


class Failing(AdminHistory):
    """Gives so many pages."""

    left = 2

    async def page(self, room_id: str, token: str | None) -> Page:
        self.left -= 1
        if self.left < 0:
            raise SourceError("no answer from the homeserver")
        return await super().page(room_id, token)


async def test_goes_on_where_it_stopped(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "EVENTS_A_PAGE", 4)
    anna, bas, chief = people
    room, _ = await mixed_room(anna, bas)
    pages: list[int] = []
    async with aiohttp.ClientSession() as session:
        stopped = await Backfill(db, Failing(session, synapse.url, chief.token), ignore).room(room)
        assert (stopped.seen, stopped.reason) == (8, "no answer from the homeserver")
        source = AdminHistory(session, synapse.url, chief.token)
        done = await Backfill(db, source, lambda _room, seen, _added: pages.append(seen)).room(room)
        again = await Backfill(db, source, ignore).room(room)
        assert (again.seen, again.added) == (4, 0)
    there = [event["event_id"] for event in await anna.messages(room)]
    assert pages[0] == 12
    # Then the newest page, as it went on from a place of before.
    assert (done.seen, done.added, done.reason) == (len(there) + 4, len(there), None)
    assert await order_in_archive(db, room) == there


async def test_a_token_that_the_server_forgot_begins_the_room_anew(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db
) -> None:
    anna, bas, chief = people
    room, _ = await mixed_room(anna, bas)
    async with db.connection() as connection:
        values = "($1, 5, -3, 'nonsense', 3, 3, 9)"
        columns = "(room_id, before_seq, before_sub, next_token, seen, added, head_seq)"
        await connection.execute(f"INSERT INTO backfill {columns} VALUES {values}", room)  # noqa: S608 (constants)
    async with history(synapse, chief.token) as source:
        result = await Backfill(db, source, ignore).room(room)
    assert result.reason is None
    assert await order_in_archive(db, room) == [event["event_id"] for event in await anna.messages(room)]


async def test_an_empty_room_is_read_too(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "ROOMS_A_PAGE", 1)
    anna, bas, chief = people
    rooms = [await anna.create_room(f"Oud {number}", bas) for number in range(3)]
    for one in (anna, bas):
        await one.call("POST", f"/rooms/{rooms[0]}/leave", {})
    async with history(synapse, chief.token) as source:
        listed = [room async for room in source.rooms()]
        await Backfill(db, source, ignore).room(rooms[0])
    assert set(rooms) <= set(listed)
    assert len(set(listed)) == len(listed)
    memberships = [
        line["content"]["membership"] for line in await exported(db, rooms[0]) if line["type"][7:] == "member"
    ]
    assert memberships.count("leave") == 2


@pytest.mark.parametrize(("wrong", "message"), [(True, "does not know this admin token"), (False, "a server admin")])
async def test_a_token_that_is_no_admins(
    synapse: Homeserver, people: tuple[Client, Client, Client], db: Db, wrong: bool, message: str
) -> None:
    anna, _, _ = people
    async with history(synapse, "wrong" if wrong else anna.token) as source:
        with pytest.raises(PostkamerError, match=message):
            _ = [result async for result in Backfill(db, source, ignore).all_rooms()]


async def command(installation: Installation, token: str, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; from bridge.cli import main; sys.exit(main())",
        "backfill", "-c", str(installation.path), *words,
        env={**os.environ, "POSTKAMER_ADMIN_TOKEN": token},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_killed_and_started_again(
    installation: Installation, people: tuple[Client, Client, Client], db: Db
) -> None:
    anna, bas, chief = people
    rooms = [await anna.create_room(f"Project {number}", bas) for number in range(8)]

    async def some_are_held() -> bool:
        async with db.connection() as connection:
            return await inbox.head(connection) > 0

    killed = await command(installation, chief.token)
    await until(some_are_held)
    killed.send_signal(signal.SIGKILL)
    assert await killed.wait() == -signal.SIGKILL
    again = await command(installation, chief.token)
    out, errors = await again.communicate()
    assert (again.returncode, errors) == (0, b"")
    assert b"rooms checked" in out
    for room in rooms:
        assert await order_in_archive(db, room) == [event["event_id"] for event in await anna.messages(room)]


async def test_the_command_refuses(installation: Installation, people: tuple[Client, Client, Client]) -> None:
    _, _, chief = people
    for token, room, message in (
        (chief.token, "!unknown:example.com", b"the homeserver has no room !unknown:example.com"),
        ("syt_of_nobody", "!unknown:example.com", b"the homeserver does not know this admin token"),
    ):
        process = await command(installation, token, "--room", room)
        out, errors = await process.communicate()
        assert (process.returncode, out) == (1, b"")
        assert message in errors
        assert token.encode() not in errors


async def test_one_backfill_at_a_time(installation: Installation, people: tuple[Client, Client, Client]) -> None:
    _, _, chief = people
    async with claim_role(installation.database_url, "backfill") as ours:
        assert ours
        process = await command(installation, chief.token)
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"another backfill is running" in errors
