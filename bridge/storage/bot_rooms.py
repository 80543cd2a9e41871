"""The table `bot_room`: the rooms in which a bot of ours is, was, or was asked to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class BotRoom:
    """A bot in a room."""

    room_id: str
    user_id: str
    membership: str
    seq: int  # of the inbox: since when it is so
    direct: bool  # it was invited to a direct chat


_IN_ROOMS = "SELECT room_id, user_id, membership, seq, direct FROM bot_room WHERE room_id = ANY($1::text[])"
_PUT = """
INSERT INTO bot_room AS b (room_id, user_id, membership, seq, direct) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (room_id, user_id) DO UPDATE
SET membership = excluded.membership, seq = excluded.seq, direct = excluded.direct WHERE b.seq <= excluded.seq
"""
_JOINED = "SELECT EXISTS (SELECT FROM bot_room WHERE room_id = $1 AND user_id = $2 AND membership = 'join')"
_DIRECT = "SELECT direct FROM bot_room WHERE room_id = $1 AND user_id = $2"
_CLEAR = "DELETE FROM bot_room"


async def in_rooms(db: Connection, room_ids: Collection[str]) -> list[BotRoom]:
    """The bots of these rooms."""
    return [BotRoom(*row) for row in await db.fetch(_IN_ROOMS, list(room_ids))]


async def put(tx: Connection, row: BotRoom) -> None:
    """A bot has another membership now; what is older than what we know changes nothing."""
    await tx.execute(_PUT, row.room_id, row.user_id, row.membership, row.seq, row.direct)


async def is_joined(db: Connection, room_id: str, user_id: str) -> bool:
    """Whether a bot is in a room."""
    return bool(await db.fetchval(_JOINED, room_id, user_id))


async def is_direct(db: Connection, room_id: str, user_id: str) -> bool:
    """Whether a bot was invited to the room as to a direct chat."""
    return bool(await db.fetchval(_DIRECT, room_id, user_id))


async def clear(tx: Connection) -> None:
    """Forget all, before the inbox is followed again from its start."""
    await tx.execute(_CLEAR)
