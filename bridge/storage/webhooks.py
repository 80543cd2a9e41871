"""The table `webhook`: the URLs by which other programs post into a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook that is to be kept."""

    id: str
    room_id: str
    user_id: str  # the bot that posts
    name: str
    token_sha256: bytes
    signing_key: bytes | None  # sealed
    created_by: str


@dataclass(frozen=True, slots=True)
class KeptWebhook:
    """A webhook; `room_id` is the room that it was made for, which may have been upgraded since."""

    id: str
    room_id: str
    user_id: str
    name: str
    token_sha256: bytes
    signing_key: bytes | None
    created_by: str
    created_at: datetime
    used_at: datetime | None
    uses: int


class Place(NamedTuple):
    """Where a webhook posts now."""

    room_id: str
    bot: Literal["in", "out", "moving"]  # moving: the room was upgraded, and its bot is not in the new one yet


_COLUMNS = "id, room_id, user_id, name, token_sha256, signing_key, created_by, created_at, used_at, uses"

# A room and those that it replaces. Either room has to name the other: only who makes the new one can write that, so
# that nobody takes over a webhook by naming a room that is none of theirs.
_LINE = """
WITH RECURSIVE line (room_id) AS (
    SELECT $1::text
    UNION
    SELECT o.room_id FROM line l JOIN room n ON n.room_id = l.room_id
    JOIN room o ON o.room_id = n.predecessor AND o.successor = n.room_id
)
"""
_LOCK = "SELECT pg_advisory_xact_lock(x'504B0003'::int, hashtext($1))"
_OTHERS = f"""
{_LINE} SELECT count(*)::int, coalesce(bool_or(lower(w.name) = lower($2)), false)
FROM webhook w JOIN line l ON l.room_id = w.room_id WHERE w.id <> $3
"""  # noqa: S608 (constants)
_PUT = """
INSERT INTO webhook (id, room_id, user_id, name, token_sha256, signing_key, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET token_sha256 = excluded.token_sha256, signing_key = excluded.signing_key
RETURNING created_at
"""
_OF_ROOM = f"""
{_LINE} SELECT {_COLUMNS} FROM webhook w JOIN line USING (room_id) ORDER BY w.created_at, w.id
"""  # noqa: S608 (constants)
_GET = f"SELECT {_COLUMNS} FROM webhook WHERE id = $1"  # noqa: S608 (constants)
_REMOVE = f"""
{_LINE} DELETE FROM webhook w USING line l WHERE w.id = $2 AND w.room_id = l.room_id
"""  # noqa: S608 (constants)
_PLACE = """
WITH RECURSIVE line (room_id, step) AS (
    SELECT $1::text, 0
    UNION ALL
    SELECT n.room_id, l.step + 1 FROM line l JOIN room o ON o.room_id = l.room_id
    JOIN room n ON n.room_id = o.successor AND n.predecessor = o.room_id WHERE l.step < 100
)
SELECT l.room_id, CASE WHEN r.successor IS NOT NULL THEN 'moving' WHEN b.membership = 'join' THEN 'in'
                       WHEN l.step > 0 AND coalesce(b.membership, 'invite') = 'invite' THEN 'moving' ELSE 'out' END
FROM line l LEFT JOIN bot_room b ON b.room_id = l.room_id AND b.user_id = $2 LEFT JOIN room r ON r.room_id = l.room_id
ORDER BY l.step DESC LIMIT 1
"""
_USE = "UPDATE webhook SET used_at = now(), uses = uses + 1 WHERE id = $1 RETURNING 1"


async def put(tx: Connection, new: NewWebhook, most: int) -> datetime | Literal["taken", "full"]:
    """Keep a webhook; the same id again gives it another secret and key.

    Returns:
        when it was made; 'taken' when another of the room has this name, 'full' when the room has `most` already.
    """
    await tx.execute(_LOCK, new.room_id)
    count, taken = await tx.fetchrow(_OTHERS, new.room_id, new.name, new.id) or (0, False)
    if taken:
        return "taken"
    if count >= most:
        return "full"
    made_at: datetime = await tx.fetchval(
        _PUT, new.id, new.room_id, new.user_id, new.name, new.token_sha256, new.signing_key, new.created_by
    )
    return made_at


async def of_room(db: Connection, room_id: str) -> list[KeptWebhook]:
    """Those of a room and of the rooms that it replaces, oldest first."""
    return [KeptWebhook(*row) for row in await db.fetch(_OF_ROOM, room_id)]


async def get(db: Connection, webhook_id: str) -> KeptWebhook | None:
    """The webhook with this id."""
    row = await db.fetchrow(_GET, webhook_id)
    return None if row is None else KeptWebhook(*row)


async def remove(tx: Connection, webhook_id: str, room_id: str) -> bool:
    """Remove a webhook of a room; False when the room has none of this id."""
    return str(await tx.execute(_REMOVE, room_id, webhook_id)) != "DELETE 0"


async def place(db: Connection, webhook: KeptWebhook) -> Place:
    """Where it posts now: in its room, or in the last of those that replaced it."""
    row = await db.fetchrow(_PLACE, webhook.room_id, webhook.user_id)
    if row is None:
        raise RuntimeError("a query for one row gave none")
    return Place(*row)


async def note_use(tx: Connection, webhook_id: str) -> bool:
    """Something was posted; False when the webhook has been removed since."""
    return await tx.fetchval(_USE, webhook_id) is not None
