"""Which process runs a role: a lock in the database, so that two never do the same work.

The lock lives as long as its connection. The same connection listens for news in the inbox.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import asyncpg
import structlog

from bridge.storage.db import UNAVAILABLE, connect
from bridge.storage.inbox import CHANNEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bridge.storage.db import Connection

log = structlog.get_logger(__name__)

Role = Literal["inbox", "recorder", "media", "bots", "indexer"]
ROLES: tuple[Role, ...] = ("inbox", "recorder", "media", "bots", "indexer")

# The two-number locks of PostgreSQL; the first number is ours.
_SPACE = 0x504B
_BACKFILL = 101  # no role of `run`, but only one at a time too
_ALIVE_SECONDS = 10.0
_TRY_SECONDS = 1.0
_TRY = "SELECT pg_try_advisory_lock($1, $2)"
_HOLDER = """
SELECT a.client_addr::text, a.backend_start FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.classid = $1::oid AND l.objid = $2::oid AND l.granted
"""


class Roles:
    """The locks of the roles that this process runs.

    Args:
        on_news: called with what the notification says when something was appended to the inbox, by whichever
            process, and with "" when something may have been.
        channel: of the notifications that `on_news` is called for.
    """

    def __init__(
        self, url: str, roles: Sequence[Role], on_news: Callable[[str], None], *, channel: str = CHANNEL
    ) -> None:
        self.lost = asyncio.Event()
        self.waiting_for: Role | None = None
        self._url = url
        self._roles = roles
        self._on_news = on_news
        self._channel = channel
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def acquire(self) -> None:
        """Wait until all roles are ours. While another process has one, or the database is away, say so and wait."""
        while True:
            try:
                connection = await connect(self._url, command_timeout=_ALIVE_SECONDS)
            except (*UNAVAILABLE, asyncpg.PostgresError) as error:
                log.warning("waiting for the database", error=type(error).__name__)
                await asyncio.sleep(_TRY_SECONDS)
                continue
            try:
                await self._lock(connection)
                await connection.add_listener(self._channel, lambda *args: self._on_news(str(args[-1])))
            except BaseException as error:
                connection.terminate()
                if isinstance(error, (*UNAVAILABLE, asyncpg.PostgresError, asyncpg.InterfaceError)):
                    continue
                raise
            self.lost.clear()
            connection.add_termination_listener(lambda _: self.lost.set())
            self._connection = connection
            self._on_news("")
            return

    async def _lock(self, connection: Connection) -> None:
        told: Role | None = None
        for role in self._roles:
            number = ROLES.index(role) + 1
            while not await connection.fetchval(_TRY, _SPACE, number):
                self.waiting_for = role
                if told != role:
                    told = role
                    holder = await connection.fetchrow(_HOLDER, _SPACE, number)
                    since = holder["backend_start"].isoformat(timespec="seconds") if holder else "?"
                    log.warning("another Postkamer runs this role on this database; waiting", role=role, since=since)
                await asyncio.sleep(_TRY_SECONDS)
        self.waiting_for = None

    async def watch(self) -> None:
        """Return when the locks are lost, because the connection was."""
        while not self.lost.is_set() and self._connection is not None:
            try:
                async with asyncio.timeout(_ALIVE_SECONDS):
                    await self.lost.wait()
            except TimeoutError:
                try:
                    await self._connection.execute("SELECT 1")
                except (*UNAVAILABLE, asyncpg.PostgresError, asyncpg.InterfaceError):
                    return

    def release(self) -> None:
        """Give up the locks at once."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


@asynccontextmanager
async def claim_role(url: str, role: Role | Literal["backfill"]) -> AsyncIterator[bool]:
    """Have a role for as long as the block lasts, without waiting for it.

    Yields:
        False when another process has it at this moment.
    """
    number = _BACKFILL if role == "backfill" else ROLES.index(role) + 1
    connection = await connect(url, command_timeout=_ALIVE_SECONDS)
    try:
        yield bool(await connection.fetchval(_TRY, _SPACE, number))
    finally:
        connection.terminate()
