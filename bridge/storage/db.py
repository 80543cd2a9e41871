"""The connection pool, and what every query is run on."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]

SCHEMA = "postkamer"
CONNECT_TIMEOUT = 10.0
COMMAND_TIMEOUT = 60.0
CLOSE_TIMEOUT = 5.0
_BEGIN_RELAXED = "BEGIN; SET LOCAL synchronous_commit = off"  # one trip


class DatabaseAwayError(Exception):
    """The connection was closed under us."""


# The database is away or full: the same statement may work later. Everything else is the statement's own fault.
UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,  # what asyncpg makes of a server that dies in the middle of a message
    DatabaseAwayError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.SerializationError,
    asyncpg.exceptions.DeadlockDetectedError,
)


class _PlainConnection(asyncpg.Connection):
    """Nothing here changes a session's settings, so there is nothing to reset: one trip less for each use."""

    def get_reset_query(self) -> str:
        """Nothing."""
        return ""


def _is_gone(connection: Connection) -> bool:
    """Whether a connection of the pool was closed under us."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back since
        return True


class Db:
    """The pool. Functions in `storage` take a `Connection`, so that the caller decides about the transaction."""

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self.url = url

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection; every statement on it commits by itself.

        Raises:
            asyncio.CancelledError: also when leaving a dead connection failed in another way, for otherwise who goes on
                after `UNAVAILABLE` would never end.
        """
        try:
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT) as connection:
                try:
                    yield connection
                except asyncpg.InterfaceError as error:
                    if _is_gone(connection):
                        raise DatabaseAwayError from error
                    raise
        except Exception as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from error
            raise

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Connection]:
        """A connection in a transaction that commits at the end of the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def relaxed_tx(self) -> AsyncIterator[Connection]:
        """The same, but it counts as committed before it is on disk: for what is simply done again if it is lost."""
        async with self.connection() as connection:
            await connection.execute(_BEGIN_RELAXED)
            try:
                yield connection
            except BaseException:
                await connection.execute("ROLLBACK")
                raise
            await connection.execute("COMMIT")

    async def ping(self) -> None:
        """One trip to the database.

        Raises:
            one of `UNAVAILABLE` when it is away.
        """
        async with self.connection() as connection:
            await connection.execute("SELECT 1")


async def connect(url: str, *, command_timeout: float | None = COMMAND_TIMEOUT) -> asyncpg.Connection[asyncpg.Record]:
    """A single connection outside the pool, with the same settings (for locks and notifications)."""
    return await asyncpg.connect(
        url,
        timeout=CONNECT_TIMEOUT,
        command_timeout=command_timeout,
        server_settings={"search_path": SCHEMA, "application_name": "postkamer", "timezone": "UTC"},
    )


@asynccontextmanager
async def open_db(url: str, *, size: int = 10) -> AsyncIterator[Db]:
    """The pool on a migrated database.

    Args:
        url: `postgresql://…`; also with `?host=/folder` for a Unix socket.
        size: connections at the most.
    """
    pool = await asyncpg.create_pool(
        url,
        connection_class=_PlainConnection,
        min_size=1,
        max_size=size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        max_inactive_connection_lifetime=60,
        server_settings={"search_path": SCHEMA, "application_name": "postkamer", "timezone": "UTC", "jit": "off"},
    )
    try:
        yield Db(pool, url)
    finally:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await pool.close()
        except UNAVAILABLE:
            pool.terminate()
