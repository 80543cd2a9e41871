"""The table `ask`: what people asked of bots; what is answered stays for a while, so that it is not answered again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection

Kind = Literal["message", "edit", "press", "join", "left"]


class NewAsk(NamedTuple):
    """What is asked, in the order of `_ADD`; one row for each bot that is concerned."""

    cause: str  # an event id, mostly
    seq: int  # of the inbox: what the archive must hold before it is answered
    user_id: str  # the bot
    room_id: str
    sender: str
    kind: Kind
    payload: str  # JSON
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class DueAsk:
    """What is to be answered."""

    id: int
    cause: str
    seq: int
    user_id: str
    room_id: str
    sender: str
    kind: Kind
    payload: str  # JSON
    asked_at: datetime
    attempts: int


_ADD = """
INSERT INTO ask (cause, seq, user_id, room_id, sender, kind, payload, asked_at)
SELECT cause, seq, user_id, room_id, sender, kind, payload::json, asked_at
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
WITH ORDINALITY AS n (cause, seq, user_id, room_id, sender, kind, payload, asked_at, number) ORDER BY number
ON CONFLICT (cause, user_id) DO NOTHING
"""
_DUE = """
SELECT id, cause, seq, user_id, room_id, sender, kind, payload::text, asked_at, attempts
FROM ask WHERE state = 'due' AND user_id = ANY($1::text[]) AND NOT room_id = ANY($2::text[]) ORDER BY id LIMIT $3
"""
_DONE = "UPDATE ask SET state = 'done', done_at = now(), payload = '{}', reason = $2 WHERE id = $1 AND state = 'due'"
_AGAIN = "UPDATE ask SET attempts = attempts + 1, reason = $2 WHERE id = $1 AND state = 'due'"
_FAIL = """
UPDATE ask SET state = 'failed', attempts = attempts + 1, reason = $2, done_at = now(), payload = '{}'
WHERE id = $1 AND state = 'due'
"""
_DELETE_OLD = "DELETE FROM ask WHERE state <> 'due' AND done_at < $1"
_COUNTS = "SELECT state, count(*) FROM ask WHERE state IN ('due', 'failed') GROUP BY state"


async def add(tx: Connection, asks: Sequence[NewAsk]) -> None:
    """Note what is asked; what is known already changes nothing."""
    if asks:
        await tx.execute(_ADD, *zip(*asks, strict=True))


async def due(db: Connection, user_ids: Collection[str], without_rooms: Collection[str], limit: int) -> list[DueAsk]:
    """What these bots are to answer, oldest first."""
    return [DueAsk(*row) for row in await db.fetch(_DUE, list(user_ids), list(without_rooms), limit)]


async def done(tx: Connection, ask_id: int, reason: str | None = None) -> bool:
    """It is answered, or needs no answer for this reason; False when that was so before."""
    return bool(await tx.execute(_DONE, ask_id, reason) == "UPDATE 1")


async def again(db: Connection, ask_id: int, reason: str) -> None:
    """Answering it failed, and is tried again."""
    await db.execute(_AGAIN, ask_id, reason)


async def fail(db: Connection, ask_id: int, reason: str) -> None:
    """Answering it is given up."""
    await db.execute(_FAIL, ask_id, reason)


async def delete_old(tx: Connection, before: datetime) -> None:
    """Forget what was answered or given up before this time."""
    await tx.execute(_DELETE_OLD, before)


async def counts(db: Connection) -> dict[str, int]:
    """How many are 'due', and how many were given up ('failed')."""
    return {"due": 0, "failed": 0} | {row[0]: row[1] for row in await db.fetch(_COUNTS)}
