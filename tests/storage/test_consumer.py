"""The loop that follows the inbox: once each, past what fails, and again when asked."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from bridge.archive.consumer import Follower, Rejected, rebuild, retry
from bridge.archive.intake import Intake, Sorter
from bridge.background import running
from bridge.matrix.transaction import arrivals
from bridge.storage import consumers, inbox
from bridge.storage.db import Db, open_db
from bridge.storage.inbox import Arrival, InboxRow
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.storage.db import Connection


class Noting:
    """Writes the keys that it handles into a table."""

    name = "noting"
    batch = 4

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.refusing: set[str] = set()
        self.calls = 0

    def concerns(self, row: InboxRow) -> bool:
        return row.type == "hurry"

    async def apply(self, tx: Connection, rows: Sequence[InboxRow]) -> Sequence[Rejected]:
        self.calls += 1
        for row in rows:
            if row.key in self.failing:
                raise RuntimeError("this text may quote a message")
            if row.key not in self.refusing:
                await tx.execute("INSERT INTO noted VALUES ($1)", row.key)
        return [Rejected(row.seq, "refused") for row in rows if row.key in self.refusing]

    async def clear(self, tx: Connection) -> None:
        await tx.execute("DELETE FROM noted")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url) as db:
        async with db.connection() as connection:
            await connection.execute("CREATE TABLE noted (key text PRIMARY KEY)")
        yield db


async def append(db: Db, *keys: str) -> None:
    async with db.tx() as tx:
        await inbox.append(tx, [Arrival("event", key, "!r", "t", b"{}") for key in keys])


async def noted(db: Db) -> list[str]:
    async with db.connection() as connection:
        return [row[0] for row in await connection.fetch("SELECT key FROM noted ORDER BY key")]


async def follow_to_the_end(follower: Follower) -> None:
    while await follower.step():
        pass


async def test_each_row_is_handled_once(db: Db) -> None:
    keys = [f"${n:02}" for n in range(10)]
    await append(db, *keys)
    await follow_to_the_end(Follower(db, Noting()))
    await follow_to_the_end(Follower(db, Noting()))
    assert await noted(db) == keys


async def test_a_new_row_wakes_it(db: Db) -> None:
    follower = Follower(db, Noting())
    running = asyncio.create_task(follower.run())
    await append(db, "$a")
    follower.wake()

    async def handled() -> bool:
        return await noted(db) == ["$a"]

    await until(handled, seconds=4)  # sooner than it would look by itself
    running.cancel()


async def test_what_is_offered_is_handled_once_and_in_order_whatever_else_came(db: Db) -> None:
    follower = Follower(db, Noting())
    running = asyncio.create_task(follower.run())

    async def offer(key: str, kind: str) -> None:
        async with db.connection() as connection:
            rows = await inbox.append_rows(connection, [Arrival("event", key, "!r", kind, b"{}")])
        follower.offer(rows)
        follower.wake(rows[-1].seq)

    expected = [f"${n:02}" for n in range(12)]
    for number, key in enumerate(expected):
        if number % 3 == 1:
            await append(db, key)  # by somebody who offers nothing, and before what is offered next
        else:
            await offer(key, "hurry" if number % 3 else "t")
    await until(lambda: follower.position >= 12)
    running.cancel()
    assert await noted(db) == expected
    async with db.connection() as connection:
        assert await consumers.count_set_aside(connection) == []


async def test_what_goes_straight_into_the_inbox_is_handled_with_it_and_what_fails_is_set_aside(db: Db) -> None:
    noting = Noting()
    noting.failing, noting.refusing = {"$05"}, {"$08"}
    follower = Follower(db, noting, attempts=1)
    together: list[bool] = []

    def arrived(rows: Sequence[InboxRow]) -> None:
        together.append(bool(rows) and follower.position == rows[-1].seq)
        if rows:
            follower.offer(rows)

    intake = Intake(db, arrivals, followers=lambda: [follower], arrived=arrived)
    sorter = Sorter(db, intake, arrivals, attempts=1, then=follower.wake)
    names = [f"${n:02}" for n in range(12)]
    async with running({"intake": intake.run, "sorter": sorter.run, "follower": follower.run}):
        for number, name in enumerate(names, 1):
            await intake.put(json.dumps({"events": [{"event_id": name, "room_id": "!r", "type": "hurry"}]}).encode())
            await until(lambda number=number: follower.position >= number and follower.waits)  # type: ignore[misc]
    assert await noted(db) == [name for name in names if name not in ("$05", "$08")]
    assert any(together), "at least one was handled in the transaction that appended it"
    async with db.connection() as connection:
        aside = await consumers.list_set_aside(connection)
    assert [(one.key, one.reason) for one in aside] == [("$05", "RuntimeError"), ("$08", "refused")]


async def test_nobody_waits_for_a_consumer_that_is_locked(db: Db) -> None:
    follower = Follower(db, Noting())
    intake = Intake(db, arrivals, followers=lambda: [follower])
    sorter = Sorter(db, intake, arrivals, attempts=1, then=follower.wake)

    async def put(name: str) -> None:
        await intake.put(json.dumps({"events": [{"event_id": name, "room_id": "!r", "type": "hurry"}]}).encode())

    async with running({"intake": intake.run, "sorter": sorter.run, "follower": follower.run}):
        await put("$a")
        await until(lambda: follower.position == 1 and follower.waits)
        async with db.tx() as tx:
            await consumers.lock(tx, "noting")
            await put("$b")

            async def is_in() -> bool:
                async with db.connection() as connection:
                    return await inbox.head(connection) >= 2

            await until(is_in)
        await until(lambda: follower.position >= 2)
    assert await noted(db) == ["$a", "$b"]


async def test_what_is_known_is_not_appended_as_rows(db: Db) -> None:
    new, known = Arrival("event", "$b", "!r", "t", b"{}"), Arrival("event", "$a", "!r", "t", b"{}")
    await append(db, "$a")
    async with db.connection() as connection:
        with pytest.raises(inbox.KnownError):
            await inbox.append_rows(connection, [new, known])
        assert [row.key for row in await inbox.after(connection, 0, 10)] == ["$a"]
        assert [row.key for row in await inbox.append_rows(connection, [new])] == ["$b"]


async def test_what_fails_is_set_aside_and_the_rest_goes_on(db: Db) -> None:
    noting = Noting()
    noting.failing, noting.refusing = {"$2"}, {"$3"}
    await append(db, *(f"${n}" for n in range(6)))
    await follow_to_the_end(Follower(db, noting, attempts=3))
    assert await noted(db) == ["$0", "$1", "$4", "$5"]
    async with db.connection() as connection:
        aside = await consumers.list_set_aside(connection)
    assert [(one.key, one.room_id, one.attempts, one.reason) for one in aside] == [
        ("$2", "!r", 3, "RuntimeError"),
        ("$3", "!r", 1, "refused"),
    ]


async def test_retry_handles_what_can_be_handled_now(db: Db) -> None:
    noting = Noting()
    noting.failing, noting.refusing = {"$2"}, {"$3"}
    await append(db, *(f"${n}" for n in range(5)))
    await follow_to_the_end(Follower(db, noting, attempts=1))
    noting.failing.clear()
    assert await retry(db, noting) == (1, 1)
    assert await noted(db) == ["$0", "$1", "$2", "$4"]
    async with db.connection() as connection:
        assert await consumers.count_set_aside(connection) == [("noting", "refused", 1)]


async def test_a_rebuild_starts_from_the_first_row(db: Db) -> None:
    noting = Noting()
    noting.refusing = {"$2"}
    await append(db, *(f"${n}" for n in range(6)))
    await follow_to_the_end(Follower(db, noting))
    noting.refusing.clear()
    await rebuild(db, noting)
    assert await noted(db) == []
    await follow_to_the_end(Follower(db, noting))
    assert len(await noted(db)) == 6
    async with db.connection() as connection:
        assert await consumers.count_set_aside(connection) == []


async def test_two_followers_of_one_name_handle_nothing_twice(db: Db) -> None:
    await append(db, *(f"${n:02}" for n in range(40)))
    followers = [Follower(db, Noting()) for _ in range(3)]
    await asyncio.gather(*(follow_to_the_end(follower) for follower in followers))
    await follow_to_the_end(followers[0])
    assert len(await noted(db)) == 40
    async with db.connection() as connection:
        assert await consumers.count_set_aside(connection) == []
