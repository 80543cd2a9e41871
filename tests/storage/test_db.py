"""The connection pool while the server goes away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bridge.background import running
from bridge.storage.db import UNAVAILABLE, Db, open_db

if TYPE_CHECKING:
    from bridge.storage.db import Connection


async def end_backend(url: str, pid: int) -> None:
    """End a connection from the server's side, as when the server dies."""
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await connection.close()


class Stubborn:
    """A part that goes on when the database is away, as all of ours do."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self.backend: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.seen: list[Exception] = []

    async def run(self) -> None:
        """Be in a transaction, whatever happens."""
        while True:
            try:
                async with self.db.tx() as tx:
                    await self._work(tx)
            except UNAVAILABLE as error:
                self.seen.append(error)

    async def _work(self, tx: Connection) -> None:
        if not self.backend.done():
            self.backend.set_result(await tx.fetchval("SELECT pg_backend_pid()"))
        await asyncio.Event().wait()


async def test_a_part_in_a_transaction_ends_when_the_server_died_under_it(database_url: str) -> None:
    async with open_db(database_url, size=2) as db, asyncio.timeout(10):
        part = Stubborn(db)
        async with running({"part": part.run}):
            await end_backend(database_url, await part.backend)
        assert part.seen == []


async def die_in_a_transaction(db: Db, url: str, seconds: float | None) -> None:
    async with asyncio.timeout(seconds), db.tx() as tx:
        await end_backend(url, await tx.fetchval("SELECT pg_backend_pid()"))
        await (tx.execute("SELECT 1") if seconds is None else asyncio.Event().wait())


async def test_a_connection_that_died_in_a_transaction_is_an_absence(database_url: str) -> None:
    async with open_db(database_url, size=2) as db:
        with pytest.raises(UNAVAILABLE):
            await die_in_a_transaction(db, database_url, None)


async def test_a_timeout_in_a_transaction_is_a_timeout_when_the_server_died(database_url: str) -> None:
    async with open_db(database_url, size=2) as db:
        with pytest.raises(TimeoutError):
            await die_in_a_transaction(db, database_url, 1)
