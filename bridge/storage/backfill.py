"""The table `backfill`: how far the older history of each room has been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection

Order = tuple[int, int]  # (ord, sub): a place in a room


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one room is."""

    room_id: str
    before_seq: int  # the place of the oldest event seen up to now
    before_sub: int
    next_token: str | None  # None: at the newest event
    seen: int
    added: int
    started_at: datetime
    finished_at: datetime | None
    reason: str | None  # why it stopped


_COLUMNS = "room_id, before_seq, before_sub, next_token, seen, added, started_at, finished_at, reason"
_GET = f"SELECT {_COLUMNS} FROM backfill WHERE room_id = $1"  # noqa: S608 (constants)
_START = """
INSERT INTO backfill (room_id, before_seq, before_sub) VALUES ($1, 0, 0)
ON CONFLICT (room_id) DO UPDATE SET before_seq = 0, before_sub = 0, next_token = NULL, seen = 0, added = 0,
    started_at = now(), finished_at = NULL, reason = NULL
"""
_SAVE = """
UPDATE backfill SET before_seq = $2, before_sub = $3, next_token = $4, seen = seen + $5, added = added + $6,
    finished_at = CASE WHEN $4::text IS NULL THEN now() END, reason = NULL
WHERE room_id = $1
"""
_STOP = "UPDATE backfill SET reason = $2 WHERE room_id = $1"
_LOCK = "SELECT pg_advisory_xact_lock(x'504B0001'::int)"  # that of the trigger on the table
_PLACES = """
SELECT key, coalesce(before_seq, seq), coalesce(before_sub, 0) FROM inbox
WHERE kind = 'event' AND key = ANY($2::text[]) AND room_id = $1
"""
_ARRIVED = """
SELECT seq, key FROM inbox WHERE seq > $2 AND room_id = $1 AND kind = 'event' AND before_seq IS NULL ORDER BY seq
"""


async def get(db: Connection, room_id: str) -> Progress | None:
    """How far a room is; None when it was never begun."""
    row = await db.fetchrow(_GET, room_id)
    return Progress(*row) if row else None


async def start(db: Connection, room_id: str) -> None:
    """Begin a room at its newest event, whatever was read of it before."""
    await db.execute(_START, room_id)


async def save(tx: Connection, room_id: str, place: Order, next_token: str | None, *, seen: int, added: int) -> None:
    """Note a page, in the transaction that appends its events; without a next token the room is finished."""
    await tx.execute(_SAVE, room_id, *place, next_token, seen, added)


async def stop(db: Connection, room_id: str, reason: str) -> None:
    """Note why a room could not be read further."""
    await db.execute(_STOP, room_id, reason)


async def lock_inbox(tx: Connection) -> None:
    """Let nobody else append to the inbox until this transaction ends."""
    await tx.execute(_LOCK)


async def places(tx: Connection, room_id: str, event_ids: Sequence[str]) -> dict[str, Order]:
    """Where the events stand that we hold already."""
    return {row[0]: (row[1], row[2]) for row in await tx.fetch(_PLACES, room_id, list(event_ids))}


async def arrived_since(tx: Connection, room_id: str, seq: int) -> dict[str, int]:
    """The events of a room that came live behind a row of the inbox: event id → seq, in order."""
    return {row[1]: row[0] for row in await tx.fetch(_ARRIVED, room_id, seq)}
