"""A real PostgreSQL for the tests: one server a run, and a fresh copy of a migrated database for each test."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from bridge.storage.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEMPLATE = "template_postkamer"


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def ask(url: str, query: str) -> object:
    """The answer of a database to a question with one answer."""
    connection = await asyncpg.connect(url)
    try:
        answer: object = await connection.fetchval(query)
        return answer
    finally:
        await connection.close()


class Databases:
    """Makes databases on a server, and drops them again."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = itertools.count(1)

    async def make_template(self) -> None:
        """The migrated database that the others are copies of."""
        await self.execute(f"CREATE DATABASE {TEMPLATE}")
        await migrate(with_database(self.url, TEMPLATE))

    @asynccontextmanager
    async def fresh(self, *, migrated: bool = True) -> AsyncIterator[str]:
        """The URL of a new database; whoever is still connected to it at the end is thrown out."""
        name = f"test_{next(self._numbers)}"
        # Copying the files takes less time than copying through the WAL, as fsync is off.
        source = f"TEMPLATE {TEMPLATE} STRATEGY FILE_COPY" if migrated else ""
        await self.execute(f"CREATE DATABASE {name} {source}")
        try:
            yield with_database(self.url, name)
        finally:
            await self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def execute(self, statement: str) -> None:
        """One statement outside any transaction."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
