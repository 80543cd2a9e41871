"""mautrix's tables: a PostgreSQL schema of their own, and what we ask of them beside mautrix's own store.

Connections of this pool see both schemas, so that a room key and what it makes readable are one transaction.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from bridge.storage.db import CLOSE_TIMEOUT, COMMAND_TIMEOUT, CONNECT_TIMEOUT, SCHEMA, UNAVAILABLE, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.db import Connection, Pool

CRYPTO_SCHEMA = "mautrix"

_CREATE = f"CREATE SCHEMA IF NOT EXISTS {CRYPTO_SCHEMA}"
_HELD = """
SELECT room_id, sender_key, coalesce(forwarding_chains, '') <> '' FROM crypto_megolm_inbound_session
WHERE session_id = $1 AND account_id = $2 AND session IS NOT NULL
"""
_WITHHELD = """
INSERT INTO crypto_megolm_inbound_session (session_id, sender_key, room_id, withheld_code, account_id)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (session_id, account_id) DO NOTHING
"""
_LOCK_DEVICES = "LOCK TABLE crypto_tracked_user IN SHARE ROW EXCLUSIVE MODE"


@dataclass(frozen=True, slots=True)
class HeldSession:
    """A room key that we have."""

    room_id: str
    sender_key: str
    forwarded: bool


async def held_session(db: Connection, account_id: str, session_id: str) -> HeldSession | None:
    """The room key of a session, whichever room it says it is of."""
    row = await db.fetchrow(_HELD, session_id, account_id)
    return HeldSession(*row) if row else None


async def put_withheld(
    tx: Connection, account_id: str, session_id: str, *, sender_key: str, room_id: str, code: str
) -> None:
    """Remember that a room key is withheld from us; a key that we have stays."""
    await tx.execute(_WITHHELD, session_id, sender_key, room_id, code, account_id)


async def lock_devices(tx: Connection) -> None:
    """Let nobody else write what we know of others' devices before this transaction ends."""
    await tx.execute(_LOCK_DEVICES)


@asynccontextmanager
async def open_crypto_pool(url: str, *, size: int) -> AsyncIterator[Pool]:
    """A pool for mautrix's `Database`, whose schema exists.

    Args:
        url: as for `storage.db.open_db`.
        size: connections at the most.
    """
    connection = await connect(url)
    try:
        await connection.execute(_CREATE)
    finally:
        await connection.close()
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        max_inactive_connection_lifetime=60,
        server_settings={
            "search_path": f"{CRYPTO_SCHEMA},{SCHEMA}",
            "application_name": "postkamer crypto",
            "timezone": "UTC",
            "jit": "off",
        },
    )
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await pool.close()
        except UNAVAILABLE:
            pool.terminate()
