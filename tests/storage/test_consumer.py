"""The loop that follows the inbox: once each, past what fails, and again when asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bridge.archive.consumer import Follower, Rejected, rebuild, retry
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
