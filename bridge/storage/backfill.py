"""The tables `backfill` and `checked`: how far each room was read from the homeserver, and when all were."""

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
    """How far one room is.

    A reading goes from the newest event to the beginning of the room, or down to what an earlier one has found to be
    held: `until_seq`.
    """

    room_id: str
    before_seq: int  # the place of the oldest event seen up to now
    before_sub: int
    next_token: str | None  # None: at the newest event
    seen: int
    added: int
    started_at: datetime
    reading: bool  # a reading was begun that is not complete
    head_seq: int | None  # what this reading found stands before this place; None: it has found nothing yet
    until_seq: int | None  # None: it goes to the beginning
    checked_seq: int | None  # all that the homeserver had before this place is held; None: no reading was complete
    reason: str | None  # why it stopped


_COLUMNS = (
    "room_id, before_seq, before_sub, next_token, seen, added, started_at, reading, head_seq, until_seq, checked_seq, "
    "reason"
)
_GET = f"SELECT {_COLUMNS} FROM backfill WHERE room_id = $1"  # noqa: S608 (constants)
_START = """
INSERT INTO backfill AS b (room_id, before_seq, before_sub) VALUES ($1, 0, 0)
ON CONFLICT (room_id) DO UPDATE SET before_seq = 0, before_sub = 0, next_token = NULL, seen = 0, added = 0,
    started_at = now(), reading = true, head_seq = NULL, until_seq = CASE WHEN NOT $2 THEN b.checked_seq END,
    reason = NULL
"""
_SAVE = """
UPDATE backfill SET before_seq = $2, before_sub = $3, next_token = $4, head_seq = coalesce(head_seq, $5),
    seen = seen + $6, added = added + $7, reason = NULL
WHERE room_id = $1
"""
_FINISH = """
UPDATE backfill SET reading = false, next_token = NULL, checked_seq = head_seq, checked_at = started_at,
    finished_at = now()
WHERE room_id = $1
"""
_ALL = """
INSERT INTO checked (at) VALUES ($1)
ON CONFLICT (one) DO UPDATE SET at = excluded.at
"""
_NEW_PLACE = "SELECT nextval(pg_get_serial_sequence('inbox', 'seq'))"
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


async def start(db: Connection, room_id: str, *, whole: bool) -> None:
    """Begin a room at its newest event; unless it is `whole`, down to what was found to be held before."""
    await db.execute(_START, room_id, whole)


async def save(
    tx: Connection, room_id: str, place: Order, next_token: str | None, *, head: int, seen: int, added: int
) -> None:
    """Note a page, in the transaction that appends its events.

    Args:
        head: the place before which the events of the page stand; that of the first page is kept.
    """
    await tx.execute(_SAVE, room_id, *place, next_token, head, seen, added)


async def finish(tx: Connection, room_id: str) -> None:
    """Note that the reading is complete, in the transaction of its last page."""
    await tx.execute(_FINISH, room_id)


async def all_checked(db: Connection, began_at: datetime) -> None:
    """Note that every room was read, each as it was at that time or later."""
    await db.execute(_ALL, began_at)


async def clock(db: Connection) -> datetime:
    """The time of the database, in which all times of these tables are."""
    found: datetime = await db.fetchval("SELECT now()")
    return found


async def new_place(tx: Connection) -> int:
    """A number that no row of the inbox will have, between those that are there and those to come.

    Were it the number of the next row, holes before that row would get places that are taken.

    Args:
        tx: with `lock_inbox`.
    """
    return int(await tx.fetchval(_NEW_PLACE))


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
