"""What is to be read: the reader, and the table that it fills."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive.consumer import Follower, rebuild
from bridge.archive.reader import Reader
from bridge.storage import bot_rooms, inbox, undecrypted
from bridge.storage.bot_rooms import BotRoom
from bridge.storage.db import open_db
from bridge.storage.inbox import Arrival
from bridge.storage.undecrypted import DAMAGED, NO_KEY, Due

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.db import Db

ANNA = "@anna:example.com"
ROOM = "!room"
_ROWS = "SELECT event_id, session_id, due, reason FROM undecrypted ORDER BY seq"


class Desk:
    """An inbox and the reader behind it."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self.reader = Reader()
        self._follower = Follower(db, self.reader)
        self._numbers = itertools.count(1)

    async def post(self, kind: str, content: Any, *, room: str | None = ROOM, **more: Any) -> str:
        event_id = f"$e{next(self._numbers)}"
        event = {"event_id": event_id, "type": kind, "room_id": room, "sender": ANNA, "content": content, **more}
        async with self.db.tx() as tx:
            await inbox.append(tx, [Arrival("event", event_id, room, kind, json.dumps(event).encode())])
        return event_id

    async def sealed(self, session: str = "s1", **more: Any) -> str:
        content = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": session}
        return await self.post("m.room.encrypted", content, **more)

    async def follow(self) -> None:
        while await self._follower.step():
            pass

    async def rows(self) -> list[tuple[Any, ...]]:
        await self.follow()
        async with self.db.connection() as connection:
            return [tuple(row) for row in await connection.fetch(_ROWS)]

    async def due(self) -> list[Due]:
        async with self.db.connection() as connection:
            return await undecrypted.due(connection, 1000)


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    async with open_db(database_url, size=2) as db:
        yield Desk(db)


async def test_encrypted_events_are_noted(desk: Desk) -> None:
    first, second = await desk.sealed(), await desk.sealed("s2")
    await desk.post("m.room.message", {"body": "niet versleuteld"})

    assert await desk.rows() == [(first, "s1", True, None), (second, "s2", True, None)]
    assert [row.event_id for row in await desk.due()] == [first, second]


@pytest.mark.parametrize(
    "content", [None, {}, [], "x", {"session_id": 4}, {"session_id": ""}, {"session_id": "s" * 300}]
)
async def test_what_names_no_session_is_damaged(desk: Desk, content: Any) -> None:
    event = await desk.post("m.room.encrypted", content)

    assert await desk.rows() == [(event, "", False, DAMAGED)]


async def test_odd_session_ids_are_stored(desk: Desk) -> None:
    event, broken = await desk.sealed("\x00"), await desk.sealed("\ud800")

    assert await desk.rows() == [
        (event, "\N{REPLACEMENT CHARACTER}", True, None),
        (broken, "", False, DAMAGED),
    ]


async def test_an_event_removed_before_it_reached_us(desk: Desk) -> None:
    await desk.post("m.room.encrypted", {}, unsigned={"redacted_because": {"type": "m.room.redaction"}})

    assert await desk.rows() == []


async def test_rebuilt_from_the_inbox(desk: Desk) -> None:
    read, unread = await desk.sealed(), await desk.sealed()
    await desk.follow()
    async with desk.db.tx() as tx:
        await inbox.append(tx, [Arrival("decrypted", read, ROOM, "m.room.message", b"{}")])
        await undecrypted.remove(tx, [read])
        await undecrypted.refuse(tx, [(unread, NO_KEY)])

    await rebuild(desk.db, desk.reader)

    assert await desk.rows() == [(unread, "s1", True, None)]


async def test_a_key_wakes_its_session_alone(desk: Desk) -> None:
    mine, other = await desk.sealed("s1"), await desk.sealed("s2")
    await desk.follow()
    async with desk.db.tx() as tx:
        await undecrypted.refuse(tx, [(mine, NO_KEY), (other, NO_KEY)])
    assert await desk.due() == []

    async with desk.db.tx() as tx:
        await undecrypted.key_arrived(tx, "s1")

    assert [row.event_id for row in await desk.due()] == [mine]


async def test_a_key_is_missing_where_a_bot_was_when_it_was_said(desk: Desk) -> None:
    async def missing(**ago: float) -> bool:
        async with desk.db.connection() as connection:
            return await undecrypted.is_missing(connection, timedelta(**ago))

    early = await desk.sealed()
    await desk.follow()
    (row,) = await desk.due()
    async with desk.db.tx() as tx:
        await bot_rooms.put(tx, BotRoom(ROOM, "@bot:example.com", "join", row.seq + 1, direct=False))
        await undecrypted.refuse(tx, [(early, NO_KEY)])
    assert not await missing(minutes=1)  # it was not there yet
    await desk.post("m.room.topic", {})
    late = await desk.sealed()
    await desk.follow()
    assert not await missing(minutes=1)  # it is still to be tried
    async with desk.db.tx() as tx:
        await undecrypted.refuse(tx, [(late, NO_KEY)])
    assert await missing(minutes=1)
    assert not await missing(minutes=0)
    async with desk.db.tx() as tx:
        await undecrypted.key_arrived(tx, "s1")
    assert not await missing(minutes=1)


async def test_twenty_thousand_that_nobody_can_read_cost_nothing(desk: Desk) -> None:
    async with desk.db.tx() as tx:
        await inbox.append(tx, [Arrival("event", f"$x{n}", ROOM, "m.room.encrypted", b"{}") for n in range(20_000)])
        rows = [undecrypted.Encrypted(f"$x{n}", n + 1, ROOM, f"old{n // 50}", NO_KEY) for n in range(20_000)]
        await undecrypted.add(tx, rows)
    async with desk.db.connection() as connection:
        await connection.execute("ANALYZE")
        assert await undecrypted.due(connection, 100) == []
        for query, index, args in (
            (undecrypted._DUE, "undecrypted_due", [100]),
            (undecrypted._WAKE, "undecrypted_session", ["old7"]),
        ):
            plan = await connection.fetch(f"EXPLAIN {query}", *args)
            assert index in str(plan), "found by an index, not by looking at all of them"
