"""The table `direct_chat`: the direct chats that bots have made with people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class DirectChat:
    """A direct chat, or one that is being made (`room_id` is None)."""

    token: str  # stands in its m.room.create
    room_id: str | None


_GET = "SELECT token, room_id FROM direct_chat WHERE user_id = $1 AND person = $2 AND encrypted = $3"
_BEGIN = """
INSERT INTO direct_chat (user_id, person, encrypted, token) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, person, encrypted) DO UPDATE SET token = excluded.token, room_id = NULL
"""
_MADE = "UPDATE direct_chat SET room_id = $3 WHERE user_id = $1 AND token = $2"
# Rooms with nobody but the bot and the person (joined, or asked to join), into which nobody else can come; the newest
# first.
_FIND = """
SELECT b.room_id FROM bot_room b
JOIN membership p ON p.room_id = b.room_id AND p.user_id = $2 AND p.to_ord IS NULL
LEFT JOIN room r ON r.room_id = b.room_id
WHERE b.user_id = $1 AND b.membership = 'join' AND p.membership IN ('join', 'invite')
  AND (r.encryption IS NOT NULL OR NOT $3)
  AND coalesce(r.join_rule, 'invite') = 'invite' AND coalesce(r.history_visibility, 'shared') <> 'world_readable'
  AND NOT EXISTS (
    SELECT FROM membership o WHERE o.room_id = b.room_id AND o.to_ord IS NULL AND o.membership IN ('join', 'invite')
        AND o.user_id <> ALL(ARRAY[$1, $2])
)
ORDER BY p.membership = 'join' DESC, b.seq DESC LIMIT 5
"""


async def get(db: Connection, user_id: str, person: str, *, encrypted: bool) -> DirectChat | None:
    """The one that a bot has made, or was making, with a person."""
    row = await db.fetchrow(_GET, user_id, person, encrypted)
    return None if row is None else DirectChat(*row)


async def begin(db: Connection, user_id: str, person: str, token: str, *, encrypted: bool) -> None:
    """A new one is going to be made."""
    await db.execute(_BEGIN, user_id, person, encrypted, token)


async def made(db: Connection, user_id: str, token: str, room_id: str) -> None:
    """It was made."""
    await db.execute(_MADE, user_id, token, room_id)


async def find(db: Connection, user_id: str, person: str, *, sealed: bool) -> list[str]:
    """Rooms that look like direct chats of the two by what the archive knows; encrypted ones only when `sealed`."""
    return [row[0] for row in await db.fetch(_FIND, user_id, person, sealed)]
