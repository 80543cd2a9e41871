"""The table `invite`: rooms that a bot of ours has been asked into and has not joined yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class Invite:
    """An invitation that is to be followed now."""

    room_id: str
    user_id: str
    seq: int
    attempts: int


_ADD = """
INSERT INTO invite (room_id, user_id, seq) SELECT $1, $2, $3
WHERE NOT EXISTS (SELECT FROM membership m WHERE m.room_id = $1 AND m.user_id = $2 AND m.ord > $3)
ON CONFLICT (room_id, user_id) DO UPDATE SET seq = excluded.seq, attempts = 0, next_at = now(), reason = NULL
WHERE invite.seq < excluded.seq
"""
_DROP = "DELETE FROM invite WHERE room_id = $1 AND user_id = $2 AND seq <= $3"
_DUE = """
SELECT room_id, user_id, seq, attempts FROM invite
WHERE user_id = $1 AND next_at <= now() AND NOT room_id = ANY($3::text[]) ORDER BY seq LIMIT $2
"""
_LATER = """
UPDATE invite SET attempts = attempts + 1, next_at = now() + make_interval(secs => $4), reason = $5
WHERE room_id = $1 AND user_id = $2 AND seq = $3
"""
_PAUSE = "SELECT extract(epoch FROM min(next_at) - now())::float8 FROM invite WHERE user_id = $1 AND next_at > now()"
_CLEAR = "DELETE FROM invite"


async def add(tx: Connection, room_id: str, user_id: str, seq: int) -> None:
    """A bot was invited by the event at `seq` of the inbox.

    When the inbox is followed again from its start, old invitations that the recorder knows to be over are left out.
    """
    await tx.execute(_ADD, room_id, user_id, seq)


async def drop(tx: Connection, room_id: str, user_id: str, seq: int) -> None:
    """The invitations up to `seq` are over: the bot has joined, or they were withdrawn."""
    await tx.execute(_DROP, room_id, user_id, seq)


async def due(db: Connection, user_id: str, limit: int, *, without: Collection[str] = ()) -> list[Invite]:
    """The invitations to follow now, oldest first, but none to the rooms `without`."""
    return [Invite(*row) for row in await db.fetch(_DUE, user_id, limit, list(without))]


async def later(db: Connection, invite: Invite, seconds: float, reason: str) -> None:
    """Joining failed; it is tried again after `seconds`."""
    await db.execute(_LATER, invite.room_id, invite.user_id, invite.seq, seconds, reason)


async def seconds_to_next(db: Connection, user_id: str) -> float | None:
    """How long until the next invitation is to be followed, of those that are not due now; None when there is none."""
    seconds = await db.fetchval(_PAUSE, user_id)
    return None if seconds is None else float(seconds)


async def clear(tx: Connection) -> None:
    """Forget all, before the inbox is followed again from its start."""
    await tx.execute(_CLEAR)
