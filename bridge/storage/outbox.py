"""The table `outbox`: what bots send, until it is certainly sent, and after that as long as its buttons live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection

MESSAGE, REACTION, REDACTION = "m.room.message", "m.reaction", "m.room.redaction"
RELATED: Final = "what it belongs to could not be sent"


class NewPost(NamedTuple):
    """What is to be sent, in the order of `_ADD`.

    Attributes:
        txn_id: made from the cause, so that the same cause sends once.
        room_id: None: the direct chat with `person`.
        sealed: only into an encrypted room.
        content: JSON of the event's content; `m.relates_to` gets its `event_id`, or a redaction its target, from `on`.
        file: JSON of a file to upload first: path, name, mimetype.
        action: JSON of what buttons and answers to it do.
        on: the txn_id of the post that it reacts to, replaces or removes.
    """

    txn_id: str
    cause: str
    user_id: str
    room_id: str | None
    person: str | None
    sealed: bool
    type: str
    content: str
    file: str | None = None
    action: str | None = None
    on: str | None = None


@dataclass(frozen=True, slots=True)
class DuePost:
    """What is to be sent next in its room (`lane`)."""

    id: int
    txn_id: str
    cause: str
    user_id: str
    room_id: str | None
    person: str | None
    sealed: bool
    type: str
    content: str  # JSON
    file: str | None  # JSON
    attempts: int
    lane: str  # what is sent one after the other: a room, or somebody's direct chat
    on_id: int | None  # the post that this one reacts to or replaces ...
    on_state: str | None
    on_event: str | None
    on_room: str | None
    encrypted: bool | None  # whether the room is; None: the archive may not know the newest of it


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of ours to which somebody reacted or replied, or that is to be replaced.

    Attributes:
        action: JSON of what its buttons do now, after replacements; None: nothing.
        buttons: the keys of the reactions that stand under it.
    """

    id: int
    txn_id: str
    user_id: str
    room_id: str | None
    person: str | None
    sealed: bool
    event_id: str | None
    is_file: bool
    action: str | None
    buttons: Sequence[str]


_ADD = """
INSERT INTO outbox (txn_id, cause, user_id, room_id, person, sealed, type, content, file, action, relates_to)
SELECT n.txn_id, n.cause, n.user_id, n.room_id, n.person, n.sealed, n.type, n.content::json, n.file::json,
       n.action::json, o.id
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[])
WITH ORDINALITY AS n (txn_id, cause, user_id, room_id, person, sealed, type, content, file, action, on_txn, number)
LEFT JOIN outbox o ON o.txn_id = n.on_txn
WHERE n.on_txn IS NULL OR o.id IS NOT NULL
ORDER BY n.number
ON CONFLICT (txn_id) DO NOTHING
"""
# What relates to a post that is sent goes where that went. A room is encrypted for good by m.room.encryption, also when
# that was removed; that it is not is known only while all that has come in is recorded.
_DUE = """
WITH recorder AS (
    SELECT (SELECT position FROM consumer WHERE name = 'recorder') >= (SELECT max(seq) FROM inbox) AS is_done
)
SELECT next.*, CASE
    WHEN EXISTS (SELECT FROM room_state s WHERE s.room_id = lane AND s.type = 'm.room.encryption' AND s.state_key = '')
        THEN true
    WHEN recorder.is_done AND EXISTS (SELECT FROM room r WHERE r.room_id = lane) THEN false
END FROM recorder, (
    SELECT p.id, p.txn_id, p.cause, p.user_id, p.room_id, p.person, p.sealed, p.type, p.content::text, p.file::text,
           p.attempts,
           coalesce(p.room_id, o.room_id, CASE WHEN p.sealed THEN 'sealed ' ELSE 'plain ' END || p.person) AS lane,
           o.id AS on_id, o.state, o.event_id, o.room_id AS on_room
    FROM outbox p LEFT JOIN outbox o ON o.id = p.relates_to WHERE p.user_id = $1 AND p.state = 'due'
) AS next WHERE NOT lane = ANY($2::text[]) ORDER BY id LIMIT $3
"""
# The key of a button is needed as long as the message lives; all other content is not ours to keep.
_SENT = """
UPDATE outbox SET state = 'sent', event_id = $2, room_id = $3, sent_at = now(), reason = NULL,
                  file = CASE WHEN file IS NOT NULL THEN '{}'::json END,
                  content = CASE WHEN type = 'm.reaction' THEN content ELSE '{}' END
WHERE id = $1 AND state = 'due'
"""
_AGAIN = "UPDATE outbox SET attempts = attempts + 1, reason = $2 WHERE id = $1 AND state = 'due'"
_FAIL = """
UPDATE outbox SET state = 'failed', attempts = attempts + 1, reason = CASE WHEN id = $1 THEN $2 ELSE $3 END,
                  content = '{}', file = NULL
WHERE (id = $1 OR relates_to = $1) AND state = 'due'
"""
# `action` is that of the newest replacement that has not failed.
_POSTED = """
SELECT r.id, r.txn_id, r.user_id, r.room_id, r.person, r.sealed, r.event_id, r.file IS NOT NULL, (
    SELECT n.action::text FROM outbox n
    WHERE (n.id = r.id OR n.relates_to = r.id AND n.type = 'm.room.message') AND n.state <> 'failed'
    ORDER BY n.id DESC LIMIT 1
) AS action, ARRAY(
    SELECT b.content->'m.relates_to'->>'key' FROM outbox b
    WHERE b.relates_to = r.id AND b.type = 'm.reaction' AND b.state <> 'failed'
) AS buttons
FROM outbox r
"""
_BY_EVENT = f"""{_POSTED}
WHERE r.id = (
    SELECT coalesce(f.relates_to, f.id) FROM outbox f
    WHERE f.event_id = $1 AND f.room_id = $2 AND f.type = 'm.room.message' LIMIT 1
)
"""  # noqa: S608 (constants)
_BY_CAUSE = f"""{_POSTED}
WHERE r.cause = $1 AND r.user_id = $2 AND r.type = 'm.room.message' AND r.relates_to IS NULL AND r.state <> 'failed'
  AND NOT EXISTS (
    SELECT FROM outbox d WHERE d.relates_to = r.id AND d.type = 'm.room.redaction' AND d.state <> 'failed'
)
ORDER BY r.id
"""
_LAST = f"""{_POSTED}
WHERE r.id = (
    SELECT coalesce(l.relates_to, l.id) FROM outbox l
    WHERE l.room_id = $1 AND l.user_id = $2 AND l.action IS NOT NULL AND l.state = 'sent' ORDER BY l.id DESC LIMIT 1
)
"""  # noqa: S608
_UNSENT = "SELECT EXISTS (SELECT FROM outbox WHERE state = 'due' AND user_id = $1)"
_DELETE_OLD = "DELETE FROM outbox WHERE state <> 'due' AND coalesce(sent_at, created_at) < $1"
_FILES_DUE = "SELECT file ->> 'path' FROM outbox WHERE state = 'due' AND file IS NOT NULL"
_COUNTS = "SELECT state, count(*) FROM outbox WHERE state IN ('due', 'failed') GROUP BY state"


async def add(tx: Connection, posts: Sequence[NewPost]) -> None:
    """Note what is to be sent; a `txn_id` that is known changes nothing.

    Posts that are `on` another one come after all others.
    """
    for some in ([post for post in posts if post.on is None], [post for post in posts if post.on is not None]):
        if some:
            await tx.execute(_ADD, *zip(*some, strict=True))


async def due(db: Connection, user_id: str, without_lanes: Collection[str], limit: int) -> list[DuePost]:
    """What a bot is to send, oldest first."""
    return [DuePost(*row) for row in await db.fetch(_DUE, user_id, list(without_lanes), limit)]


async def sent(tx: Connection, post_id: int, event_id: str, room_id: str) -> None:
    """The homeserver has it."""
    await tx.execute(_SENT, post_id, event_id, room_id)


async def again(db: Connection, post_id: int, reason: str) -> None:
    """It could not be sent, and is tried again."""
    await db.execute(_AGAIN, post_id, reason)


async def fail(db: Connection, post_id: int, reason: str) -> None:
    """It can never be sent, and so cannot what reacts to it or replaces it."""
    await db.execute(_FAIL, post_id, reason, RELATED)


async def by_event(db: Connection, event_id: str, room_id: str) -> Posted | None:
    """A message of ours by its event id, or by that of one that replaced it."""
    return next((Posted(*row) for row in await db.fetch(_BY_EVENT, event_id, room_id)), None)


async def by_cause(db: Connection, cause: str, user_id: str) -> list[Posted]:
    """The messages with which a bot answered something, in order, without those that it has removed."""
    return [Posted(*row) for row in await db.fetch(_BY_CAUSE, cause, user_id)]


async def last_question(db: Connection, room_id: str, user_id: str) -> Posted | None:
    """The newest message of a bot in a room that has, or had, an action."""
    return next((Posted(*row) for row in await db.fetch(_LAST, room_id, user_id)), None)


async def has_unsent(db: Connection, user_id: str) -> bool:
    """Whether a bot has still to send something (the event id of a message may not be known yet)."""
    return bool(await db.fetchval(_UNSENT, user_id))


async def delete_old(tx: Connection, before: datetime) -> None:
    """Forget what was sent or failed before this time; its buttons die with it."""
    await tx.execute(_DELETE_OLD, before)


async def files_due(db: Connection) -> set[str]:
    """The paths of files that are still to be sent."""
    return {row[0] for row in await db.fetch(_FILES_DUE)}


async def counts(db: Connection) -> dict[str, int]:
    """How many are 'due', and how many can never be sent ('failed')."""
    return {"due": 0, "failed": 0} | {row[0]: row[1] for row in await db.fetch(_COUNTS)}
