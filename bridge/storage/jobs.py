"""The table `job`: what bots are to do at some time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection


class JobRow(NamedTuple):
    """What is to be done, in the order of `_PUT`."""

    bot: str
    action: str
    key: str
    args: str  # JSON
    schedule: str | None  # 'every SECONDS' or 'cron EXPRESSION'; None: once
    room_id: str | None
    person: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class DueJob:
    """What is to be done now."""

    id: int
    bot: str
    action: str
    key: str
    args: str  # JSON
    schedule: str | None
    room_id: str | None
    person: str | None
    due_at: datetime
    attempts: int


class Which(NamedTuple):
    """Jobs of these bots: those that are in `slow` (BOT.ACTION), or those that are not."""

    bots: Sequence[str]
    slow: Sequence[str]
    are_slow: bool


_FORGET = """
DELETE FROM job j USING unnest($1::text[], $2::text[], $3::text[]) AS n (bot, action, key)
WHERE (j.bot, j.action, j.key) = (n.bot, n.action, n.key)
"""
# A new row, with an id of its own: whoever is doing the old one at this moment sees that it was replaced.
_PUT = """
INSERT INTO job (bot, action, key, args, schedule, room_id, person, due_at, next_at)
SELECT bot, action, key, args::json, schedule, room_id, person, due_at, due_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
AS n (bot, action, key, args, schedule, room_id, person, due_at)
"""
_DUE = """
SELECT id, bot, action, key, args::text, schedule, room_id, person, due_at, attempts
FROM job WHERE next_at <= now() AND bot = ANY($1::text[]) AND ((bot || '.' || action) = ANY($2::text[])) = $3
    AND NOT id = ANY($4::bigint[])
ORDER BY next_at, id LIMIT $5
"""
_PAUSE = """
SELECT extract(epoch FROM min(next_at) - now())::float8 FROM job
WHERE bot = ANY($1::text[]) AND ((bot || '.' || action) = ANY($2::text[])) = $3
    AND next_at > now() AND next_at < 'infinity'
"""
_TAKE = "SELECT id FROM job WHERE id = $1 AND due_at = $2 FOR UPDATE SKIP LOCKED"
_DELETE = "DELETE FROM job WHERE id = $1"
_NEXT = "UPDATE job SET due_at = $2, next_at = $2, attempts = 0, reason = $3 WHERE id = $1"
_AGAIN = """
UPDATE job SET attempts = attempts + 1, next_at = now() + make_interval(secs => $3), reason = $4
WHERE id = $1 AND due_at = $2
"""
_GIVE_UP = """
UPDATE job SET attempts = attempts + 1, next_at = 'infinity', reason = $3 WHERE id = $1 AND due_at = $2 RETURNING id
"""
_COUNTS = """
SELECT CASE WHEN next_at = 'infinity' THEN 'failed' ELSE 'planned' END AS state, count(*) FROM job GROUP BY state
"""


async def put(tx: Connection, rows: Sequence[JobRow]) -> None:
    """Plan jobs, each (bot, action, key) once among `rows`; what was planned under the same three is replaced."""
    if rows:
        await forget(tx, [row[:3] for row in rows])
        await tx.execute(_PUT, *zip(*rows, strict=True))


async def forget(tx: Connection, names: Sequence[tuple[str, str, str]]) -> None:
    """Drop the jobs with these (bot, action, key)."""
    if names:
        await tx.execute(_FORGET, *zip(*names, strict=True))


async def due(db: Connection, which: Which, without: Collection[int], limit: int) -> list[DueJob]:
    """What is to be done now, the longest overdue first."""
    return [DueJob(*row) for row in await db.fetch(_DUE, *which, list(without), limit)]


async def seconds_to_next(db: Connection, which: Which) -> float | None:
    """How long until the next of those that are not due now; None when there is none."""
    found: float | None = await db.fetchval(_PAUSE, *which)
    return found


async def take(tx: Connection, job: DueJob) -> bool:
    """Hold a job to say that it was done; False when it was done, replaced or cancelled meanwhile."""
    return await tx.fetchval(_TAKE, job.id, job.due_at) is not None


async def delete(tx: Connection, job: DueJob) -> None:
    """It was done, and is not to be done again."""
    await tx.execute(_DELETE, job.id)


async def plan_next(tx: Connection, job: DueJob, due_at: datetime, reason: str | None = None) -> None:
    """It is over for this time, done or (with a `reason`) given up."""
    await tx.execute(_NEXT, job.id, due_at, reason)


async def again(db: Connection, job: DueJob, seconds: float, reason: str) -> None:
    """It failed, and is tried again after `seconds`."""
    await db.execute(_AGAIN, job.id, job.due_at, seconds, reason)


async def give_up(db: Connection, job: DueJob, reason: str) -> bool:
    """It is never tried again; the row stays, to be seen. False when it was replaced or cancelled meanwhile."""
    return await db.fetchval(_GIVE_UP, job.id, job.due_at, reason) is not None


async def counts(db: Connection) -> dict[str, int]:
    """How many are 'planned', and how many were given up ('failed')."""
    return {"planned": 0, "failed": 0} | {row[0]: row[1] for row in await db.fetch(_COUNTS)}
