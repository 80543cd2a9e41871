"""The tables `saved_search`, `search_alert` and `search_alerted`: lines that people keep, and what these found."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.storage.db import Connection


class AlertRow(NamedTuple):
    """A line of which somebody is told what it finds."""

    id: int
    user_id: str
    line: str
    timezone: str


class NewMessage(NamedTuple):
    """A message that came in, or that could be read at last."""

    seq: int  # of its event
    event_id: str
    room_id: str
    sender: str


class Listener(NamedTuple):
    """Somebody in a room who has an alert, of messages that came after a row of the inbox."""

    room_id: str
    alert: AlertRow
    since: int


class Watched(NamedTuple):
    """How far the alerts are.

    Attributes:
        position: the last row of the inbox that was looked at.
        indexed: the last one that the index holds.
        any: whether there is any alert.
    """

    position: int
    indexed: int
    any: bool


class NewAlerted(NamedTuple):
    """That an alert found a message, in the order of `_FOUND`."""

    user_id: str
    event_id: str
    seq: int
    alert_id: int


_SAVED = "SELECT name, line FROM saved_search WHERE user_id = $1 ORDER BY key"
_COUNT_SAVED = "SELECT count(*) FROM saved_search WHERE user_id = $1 AND key <> $2"
_SAVE = """
INSERT INTO saved_search (user_id, key, name, line) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, key) DO UPDATE SET name = excluded.name, line = excluded.line
"""
_FORGET = "DELETE FROM saved_search WHERE user_id = $1 AND key = $2 RETURNING key"

_ALERTS = "SELECT id, user_id, line, timezone FROM search_alert WHERE user_id = $1 ORDER BY id"
_COUNT_ALERTS = "SELECT count(*) FROM search_alert WHERE user_id = $1 AND cause <> $2"
_ADD_ALERT = """
INSERT INTO search_alert (cause, user_id, line, timezone, since)
VALUES ($1, $2, $3, $4, (SELECT coalesce(max(seq), 0) FROM inbox))
ON CONFLICT (cause) DO UPDATE SET line = excluded.line WHERE search_alert.user_id = excluded.user_id
RETURNING id, user_id, line, timezone
"""
_STOP = "DELETE FROM search_alert WHERE user_id = $1 AND id = ANY($2::bigint[]) RETURNING id"

# Who is in one of these rooms and has an alert, by room.
_LISTENERS = """
SELECT m.room_id, a.id, a.user_id, a.line, a.timezone, a.since
FROM search_alert a JOIN membership m ON m.user_id = a.user_id AND m.room_id = ANY($1::text[])
WHERE m.membership = 'join' AND m.to_ord IS NULL ORDER BY m.room_id, a.id
"""
_WATCHED = """
SELECT w.position, coalesce((SELECT position FROM consumer WHERE name = 'search'), 0), EXISTS (SELECT FROM search_alert)
FROM search_watch w
"""
_MOVE = "UPDATE search_watch SET position = $1"
# New messages, those that could be decrypted just now, and those whose documents were made again for another reason
# (what is in a file was read). What was sent long ago is nothing new, nor is an edit.
_NEW = """
WITH moved (event_id) AS (
    SELECT key FROM inbox
    WHERE seq > $1 AND seq <= $2 AND kind IN ('event', 'decrypted') AND before_seq IS NULL
    UNION SELECT unnest($3::text[])
)
SELECT e.seq, e.event_id, e.room_id, e.sender
FROM moved JOIN event e ON e.event_id = moved.event_id JOIN message m ON m.event_id = e.event_id
WHERE e.sub = 0 AND e.rel_type IS DISTINCT FROM 'm.replace' AND NOT (e.encrypted AND NOT e.decrypted)
  AND e.sent_at > now() - interval '7 days' AND e.sender <> ALL($4::text[])
ORDER BY e.seq
"""
_AGAIN = "SELECT event_id FROM search_again ORDER BY event_id LIMIT $1"
_DONE_AGAIN = "DELETE FROM search_again WHERE event_id = ANY($1::text[])"
_FOUND = """
INSERT INTO search_alerted (user_id, event_id, seq, alert_id)
SELECT n.user_id, n.event_id, n.seq, n.alert_id
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS n (user_id, event_id, seq, alert_id)
JOIN search_alert a ON a.id = n.alert_id
ON CONFLICT (user_id, event_id) DO NOTHING
"""
_UNTOLD = """
SELECT DISTINCT f.user_id FROM search_alerted f WHERE f.told_by IS NULL AND NOT EXISTS (
    SELECT FROM job j WHERE (j.bot, j.action, j.key) = ($1, $2, f.user_id) AND j.next_at < 'infinity')
"""
_PLAN = """
INSERT INTO job (bot, action, key, args, person, due_at, next_at)
SELECT $1, $2, n.user_id, '{}', n.user_id, p.at, p.at
FROM unnest($3::text[]) AS n (user_id) CROSS JOIN LATERAL (
    SELECT greatest(now(), max(f.told_at) + make_interval(secs => $4)) AS at
    FROM search_alerted f WHERE f.user_id = n.user_id
) p
ON CONFLICT (bot, action, key) DO UPDATE
    SET due_at = excluded.due_at, next_at = excluded.next_at, attempts = 0, reason = NULL
    WHERE job.next_at = 'infinity'
"""
_DROP = "DELETE FROM search_alerted WHERE told_by IS NULL AND user_id = ANY($1::text[])"
_TELL = "UPDATE search_alerted SET told_by = $2, told_at = now() WHERE user_id = $1 AND told_by IS NULL"
_TOLD = """
SELECT f.seq, a.id, a.user_id, a.line, a.timezone FROM search_alerted f JOIN search_alert a ON a.id = f.alert_id
WHERE f.user_id = $1 AND f.told_by = $2 ORDER BY a.id, f.seq
"""
_FORGET_TOLD = "DELETE FROM search_alerted WHERE told_at < now() - interval '14 days'"


async def saved(db: Connection, user_id: str) -> list[tuple[str, str]]:
    """(name, line) of what somebody has saved, by name."""
    return [(row[0], row[1]) for row in await db.fetch(_SAVED, user_id)]


async def count_saved(db: Connection, user_id: str, *, without: str) -> int:
    """How many somebody has saved under other names than this one (folded)."""
    return int(await db.fetchval(_COUNT_SAVED, user_id, without))


async def save(db: Connection, user_id: str, key: str, name: str, line: str) -> None:
    """Keep a line.

    Args:
        key: the name, folded: what is saved under it is replaced.
    """
    await db.execute(_SAVE, user_id, key, name, line)


async def forget(db: Connection, user_id: str, key: str) -> bool:
    """Drop one; False when there is none."""
    return await db.fetchval(_FORGET, user_id, key) is not None


async def alerts(db: Connection, user_id: str) -> list[AlertRow]:
    """Those of somebody, oldest first."""
    return [AlertRow(*row) for row in await db.fetch(_ALERTS, user_id)]


async def count_alerts(db: Connection, user_id: str, *, without: str) -> int:
    """How many somebody has that were made by other causes than this one."""
    return int(await db.fetchval(_COUNT_ALERTS, user_id, without))


async def add_alert(db: Connection, cause: str, user_id: str, line: str, timezone: str) -> AlertRow:
    """Make one, of messages that come from now on; the same cause changes the line of the same one."""
    (row,) = await db.fetch(_ADD_ALERT, cause, user_id, line, timezone)
    return AlertRow(*row)


async def stop(db: Connection, user_id: str, alert_ids: Sequence[int]) -> int:
    """Delete some of somebody, with what they found; gives how many there were."""
    return len(await db.fetch(_STOP, user_id, list(alert_ids)))


async def watched(db: Connection) -> Watched:
    """How far the alerts are."""
    row = await db.fetchrow(_WATCHED)
    return Watched(0, 0, any=False) if row is None else Watched(*row)


async def move(tx: Connection, position: int) -> None:
    """All that the inbox has up to here has been looked at."""
    await tx.execute(_MOVE, position)


async def again(db: Connection, limit: int) -> list[str]:
    """Messages whose documents were made again."""
    return [row[0] for row in await db.fetch(_AGAIN, limit)]


async def done_again(tx: Connection, event_ids: Sequence[str]) -> None:
    """They have been looked at."""
    await tx.execute(_DONE_AGAIN, list(event_ids))


async def new_messages(
    db: Connection, after: int, until: int, event_ids: Sequence[str], bots: Collection[str]
) -> list[NewMessage]:
    """Messages that came in behind a row of the inbox, up to and with another one, and these.

    Args:
        bots: whose messages do not count.
    """
    return [NewMessage(*row) for row in await db.fetch(_NEW, after, until, list(event_ids), list(bots))]


async def listeners(db: Connection, room_ids: Collection[str]) -> list[Listener]:
    """Who is in these rooms and has alerts."""
    return [Listener(row[0], AlertRow(*row[1:5]), row[5]) for row in await db.fetch(_LISTENERS, list(room_ids))]


async def found(tx: Connection, rows: Sequence[NewAlerted]) -> None:
    """Keep what alerts have found; what somebody was told of already is left out."""
    if rows:
        await tx.execute(_FOUND, *zip(*rows, strict=True))


async def untold(db: Connection, bot: str, action: str) -> list[str]:
    """Who has to be told of something, and has no job for that."""
    return [row[0] for row in await db.fetch(_UNTOLD, bot, action)]


async def plan(tx: Connection, bot: str, action: str, user_ids: Sequence[str], pause: float) -> None:
    """Have these people told: now, or when `pause` seconds have passed since they were told last."""
    await tx.execute(_PLAN, bot, action, list(user_ids), pause)


async def drop(tx: Connection, user_ids: Sequence[str]) -> None:
    """These people are not told any more."""
    await tx.execute(_DROP, list(user_ids))


async def tell(tx: Connection, user_id: str, cause: str) -> list[tuple[int, AlertRow]]:
    """What somebody is told now, as (number of the event, alert); the same cause gives the same again."""
    await tx.execute(_TELL, user_id, cause)
    return [(row[0], AlertRow(*row[1:])) for row in await tx.fetch(_TOLD, user_id, cause)]


async def forget_told(db: Connection) -> None:
    """Delete what people were told of long ago."""
    await db.execute(_FORGET_TOLD)
