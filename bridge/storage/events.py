"""The table `event`: every event that the recorder could read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection


class EventRow(NamedTuple):
    """An event; a tuple, so that a batch turns into columns at once."""

    event_id: str
    seq: int
    ord: int
    sub: int
    room_id: str
    sender: str
    type: str
    state_key: str | None
    sent_at: datetime
    rel_type: str | None
    target_id: str | None
    encrypted: bool
    decrypted: bool


class StateTarget(NamedTuple):
    """A state event that a redaction removed."""

    room_id: str
    type: str
    state_key: str


_ADD = """
INSERT INTO event (event_id, seq, ord, sub, room_id, sender, type, state_key, sent_at, rel_type, target_id, encrypted,
                   decrypted)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::bool[], $13::bool[])
ON CONFLICT (event_id) DO NOTHING RETURNING event_id
"""

_FORGET = """
WITH message AS (DELETE FROM message WHERE event_id = ANY($1::text[])),
     revision AS (DELETE FROM revision WHERE event_id = ANY($1::text[])),
     reaction AS (DELETE FROM reaction WHERE event_id = ANY($1::text[])),
     redaction AS (DELETE FROM redaction WHERE event_id = ANY($1::text[])),
     poll_vote AS (DELETE FROM poll_vote WHERE event_id = ANY($1::text[])),
     poll_end AS (DELETE FROM poll_end WHERE event_id = ANY($1::text[])),
     attachment AS (DELETE FROM attachment WHERE event_id = ANY($1::text[]))
DELETE FROM event WHERE event_id = ANY($1::text[])
"""

_REMOVED_STATE = """
SELECT DISTINCT e.room_id, e.type, e.state_key
FROM unnest($1::text[], $2::text[]) AS r (target_id, room_id)
JOIN event e ON e.event_id = r.target_id AND e.room_id = r.room_id
WHERE e.state_key IS NOT NULL
"""


async def put(tx: Connection, rows: Sequence[EventRow]) -> None:
    """Store events, each id once among `rows`. Of those that were stored before, everything is forgotten first."""
    new = {row[0] for row in await tx.fetch(_ADD, *zip(*rows, strict=True))} if rows else set()
    if len(new) == len(rows):
        return
    again = [row for row in rows if row.event_id not in new]
    await tx.execute(_FORGET, [row.event_id for row in again])
    await tx.fetch(_ADD, *zip(*again, strict=True))


async def removed_state(tx: Connection, redactions: Collection[tuple[str, str]]) -> list[StateTarget]:
    """What state is removed by redactions, each given as (id of the target, room)."""
    targets, rooms = zip(*redactions, strict=True)
    return [StateTarget(*row) for row in await tx.fetch(_REMOVED_STATE, targets, rooms)]
