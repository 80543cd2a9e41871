"""What bots could not do, from the tables `ask`, `outbox` and `job`: for IT, who decides how to go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.storage.outbox import RELATED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection

NOT_OURS: Final = "the bot user is not in the config any more"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Of one bot.

    Attributes:
        who: the Matrix id of the bot user; of a job BOT.ACTION.
        newest: when the newest of them was asked for or planned.
        reason: of the newest.
    """

    who: str
    count: int
    newest: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class Troubles:
    """All of it.

    Attributes:
        unanswered: questions that were given up.
        unsent: messages that can never be sent.
        jobs: that were given up.
        left_over: what bot users that are not in the config any more have still to answer and to send.
    """

    unanswered: Sequence[Trouble] = ()
    unsent: Sequence[Trouble] = ()
    jobs: Sequence[Trouble] = ()
    left_over: Sequence[Trouble] = ()


_UNANSWERED = """
SELECT user_id, count(*), max(asked_at), (array_agg(reason ORDER BY id DESC))[1]
FROM ask WHERE state = 'failed' AND reason IS DISTINCT FROM $1 GROUP BY user_id ORDER BY user_id
"""
# What belongs to a message that failed would count it again.
_UNSENT = """
SELECT user_id, count(*), max(created_at), (array_agg(reason ORDER BY id DESC))[1]
FROM outbox WHERE state = 'failed' AND reason IS DISTINCT FROM $1 AND reason IS DISTINCT FROM $2
GROUP BY user_id ORDER BY user_id
"""
_JOBS = """
SELECT bot || '.' || action AS what, count(*), max(due_at), (array_agg(reason ORDER BY due_at DESC, id DESC))[1]
FROM job WHERE next_at = 'infinity' GROUP BY what ORDER BY what
"""
_LEFT_OVER = """
SELECT user_id, count(*), max(at), NULL FROM (
    SELECT user_id, created_at AS at FROM outbox WHERE state = 'due' AND type = 'm.room.message'
    UNION ALL SELECT user_id, asked_at FROM ask WHERE state = 'due'
) d WHERE NOT user_id = ANY($1::text[]) GROUP BY user_id ORDER BY user_id
"""
_END_POSTS = """
UPDATE outbox SET state = 'failed', reason = $3, content = '{}', file = NULL
WHERE state = 'due' AND NOT user_id = ANY($1::text[]) AND created_at < $2
"""
_END_ASKS = """
UPDATE ask SET state = 'failed', reason = $3, done_at = now(), payload = '{}'
WHERE state = 'due' AND NOT user_id = ANY($1::text[]) AND asked_at < $2
"""
_JOBS_AGAIN = """
WITH again AS (
    UPDATE job SET attempts = 0, next_at = now() WHERE next_at = 'infinity' AND bot = ANY($1::text[]) RETURNING id
) SELECT count(*) FROM again
"""


async def troubles(db: Connection, users: Sequence[str]) -> Troubles:
    """What failed and is not forgotten yet.

    Args:
        users: the bot users of the config.
    """
    return Troubles(
        [Trouble(*row) for row in await db.fetch(_UNANSWERED, NOT_OURS)],
        [Trouble(*row) for row in await db.fetch(_UNSENT, RELATED, NOT_OURS)],
        [Trouble(*row) for row in await db.fetch(_JOBS)],
        await left_over(db, users),
    )


async def left_over(db: Connection, users: Sequence[str]) -> list[Trouble]:
    """What is still to be done by bot users that are none of these."""
    return [Trouble(*row) for row in await db.fetch(_LEFT_OVER, list(users))]


async def end_left_over(tx: Connection, users: Sequence[str], before: datetime) -> None:
    """Give up what bot users that are none of these had to do, when it is older than this."""
    for statement in (_END_POSTS, _END_ASKS):
        await tx.execute(statement, list(users), before, NOT_OURS)


async def do_jobs_again(db: Connection, bots: Sequence[str]) -> int:
    """Have the jobs of these bots done that were given up; how many these are."""
    return int(await db.fetchval(_JOBS_AGAIN, list(bots)))
