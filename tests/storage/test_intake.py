"""Transactions become rows of the inbox: each event once, whatever is repeated or breaks."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive.intake import CONFLICT, Intake, Sorter, store
from bridge.background import running
from bridge.matrix.transaction import arrivals
from bridge.storage import consumers, inbox
from bridge.storage import intake as storage
from bridge.storage.db import Db, open_db
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.inbox import Arrival


def event(event_id: str, body: str = "hallo", **more: Any) -> dict[str, Any]:
    base = {"event_id": event_id, "room_id": "!r", "type": "m.room.message", "sender": "@a:x", "origin_server_ts": 1}
    return {**base, "content": {"body": body}, **more}


def transaction(*events: dict[str, Any]) -> bytes:
    return json.dumps({"events": events}).encode()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url) as db:
        yield db


@asynccontextmanager
async def working(db: Db, read: Any = arrivals) -> AsyncIterator[Intake]:
    intake = Intake(db, read)
    sorter = Sorter(db, intake, read, attempts=2)
    async with running({"intake": intake.run, "sorter": sorter.run}):
        yield intake


async def keys(db: Db) -> list[str]:
    async with db.connection() as connection:
        return [row.key for row in await inbox.after(connection, 0, 10_000)]


async def waiting(db: Db) -> int:
    async with db.connection() as connection:
        return len(await storage.peek(connection, 10_000, 10**9))


async def settled(db: Db) -> None:
    async def empty() -> bool:
        return await waiting(db) == 0

    await until(empty)


async def test_every_event_is_stored_once_in_order_of_arrival(db: Db) -> None:
    async with working(db) as intake:
        await asyncio.gather(*(intake.put(transaction(event(f"${n}"), event(f"${n + 100}"))) for n in range(50)))
        await intake.put(transaction(event("$3"), event("$new")))
        await settled(db)
    stored = await keys(db)
    assert len(stored) == len(set(stored)) == 101
    assert stored.index("$3") < stored.index("$103") < stored.index("$new")


async def test_what_comes_when_all_is_quiet_goes_straight_into_the_inbox(db: Db) -> None:
    straight: list[str] = []
    sent: list[str] = []
    intake = Intake(db, arrivals, arrived=lambda rows: straight.extend(row.key for row in rows))
    async with db.connection() as connection:
        await storage.put(connection, [transaction(event("$waits"))])
    async with running({"intake": intake.run, "sorter": Sorter(db, intake, arrivals, attempts=2).run}):

        async def went_straight() -> bool:
            sent.append(f"${len(sent):03}")
            await intake.put(transaction(event(sent[-1])))
            return len(straight) > 2

        await until(went_straight)
        await intake.put(transaction(event(straight[0], "iets anders"), event("$new")))
        await settled(db)
    assert await keys(db) == ["$waits", *sent, "$new"]
    async with db.connection() as connection:
        assert [one.key for one in await consumers.list_set_aside(connection)] == [straight[0]]


async def test_what_waits_is_sorted_by_the_next_start(db: Db) -> None:
    intake = Intake(db, arrivals)
    async with running({"intake": intake.run}):
        await intake.put(transaction(event("$a")))
    assert (await keys(db), await waiting(db)) == ([], 1)
    async with working(db):
        await settled(db)
    assert await keys(db) == ["$a"]


async def test_two_sorters_at_once_do_nothing_twice(db: Db) -> None:
    async with working(db) as intake, working(db):
        for n in range(100):
            await intake.put(transaction(event(f"${n}"), event("$same")))
        await settled(db)
    assert sorted(await keys(db)) == sorted({*(f"${n}" for n in range(100)), "$same"})


async def test_a_transaction_that_cannot_be_sorted_is_set_aside_and_the_rest_goes_on(db: Db) -> None:
    def read(body: bytes) -> list[Arrival]:
        if b"poison" in body:
            raise ValueError("poison")
        return arrivals(body)

    async with working(db, read) as intake:
        await asyncio.gather(*(intake.put(transaction(event(name))) for name in ("$a", "$poison", "$b")))
        await settled(db)
    assert sorted(await keys(db)) == ["$a", "$b"]
    async with db.connection() as connection:
        (aside,) = await consumers.list_set_aside(connection)
    assert (aside.consumer, aside.reason, aside.attempts) == ("intake", "ValueError", 2)


@pytest.mark.parametrize(
    ("again", "conflict"),
    [
        (event("$a"), False),
        (event("$a", unsigned={"age": 5}, age=5, user_id="@a:x"), False),
        (event("$a", content={}, unsigned={"redacted_because": {"type": "m.room.redaction"}}), False),
        (event("$a", "iets anders"), True),
        (event("$a", sender="@b:x"), True),
        (event("$a", type="m.sticker"), True),
    ],
)
async def test_the_same_event_id_with_other_content_is_set_aside(db: Db, again: dict[str, Any], conflict: bool) -> None:
    for one in (event("$a"), again, again):
        async with db.tx() as tx:
            await store(tx, arrivals(transaction(one)))
    async with db.connection() as connection:
        (row,) = await inbox.after(connection, 0, 10)
        aside = await consumers.list_set_aside(connection)
    assert json.loads(row.raw)["content"] == {"body": "hallo"}
    assert [(one.consumer, one.reason, one.key) for one in aside] == ([("inbox", CONFLICT, "$a")] if conflict else [])


async def test_what_was_erased_does_not_come_back_as_a_conflict(db: Db) -> None:
    async with db.tx() as tx:
        await store(tx, arrivals(transaction(event("$a"))))
        await inbox.erase(tx, "event", "$a", b"{}")
        await store(tx, arrivals(transaction(event("$a"))))
    async with db.connection() as connection:
        assert await consumers.list_set_aside(connection) == []
        assert [row.raw for row in await inbox.after(connection, 0, 10)] == [b"{}"]


async def test_numbers_grow_in_the_order_of_commits(db: Db) -> None:
    """A consumer that has seen a number never finds a smaller one later."""
    seen: list[int] = []
    done = asyncio.Event()

    async def write(name: str) -> None:
        for n in range(30):
            async with db.tx() as tx:
                await inbox.append(tx, arrivals(transaction(event(f"${name}{n}"))))

    async def follow() -> None:
        while not done.is_set() or len(seen) < 120:
            async with db.connection() as connection:
                seen.extend(row.seq for row in await inbox.after(connection, seen[-1] if seen else 0, 7))
            await asyncio.sleep(0)

    async with asyncio.timeout(30):
        following = asyncio.create_task(follow())
        await asyncio.gather(*(write(name) for name in "abcd"))
        done.set()
        await following
    assert len(set(seen)) == 120


async def test_little_is_in_memory_at_once(db: Db) -> None:
    """Twenty transactions of the largest kind are 128 MB."""
    async with db.connection() as connection:
        await storage.put(connection, [b"x" * 400, b"y" * 400, b"z" * 400, b"w" * 400])
        assert [body[:1] for body in (await storage.peek(connection, 10, 800)).values()] == [b"x", b"y"]
        assert [body[:1] for body in (await storage.peek(connection, 10, 801)).values()] == [b"x", b"y", b"z"]
        assert [body[:1] for body in (await storage.peek(connection, 1, 10**6)).values()] == [b"x"]


async def test_what_an_older_program_has_taken_is_sorted_too(db: Db) -> None:
    async with db.connection() as connection:
        await connection.execute("INSERT INTO intake (body) VALUES ($1)", transaction(event("$old")))
    async with working(db) as intake:
        await intake.put(transaction(event("$new")))
        await settled(db)
    assert await keys(db) == ["$old", "$new"]
