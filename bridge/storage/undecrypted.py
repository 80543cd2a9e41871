"""The table `undecrypted`: encrypted events of which we do not have the text, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from bridge.storage.db import Connection

NO_KEY = "no key yet"
BEFORE_US = "sent before the bot was in the room"
NO_BOT = "no bot in the room"  # this one is never stored: see `storage.coverage`
WITHHELD = "key withheld"
DAMAGED = "damaged"
REPLAY = "replay"
WRONG_ROOM = "encrypted for another room"
WRONG_SENDER = "the sender's device does not match the key"


@dataclass(frozen=True, slots=True)
class Encrypted:
    """An encrypted event that the inbox holds."""

    event_id: str
    seq: int
    room_id: str
    session_id: str
    reason: str | None = None  # why it cannot be tried at all


@dataclass(frozen=True, slots=True)
class Due:
    """An encrypted event that is to be tried now."""

    event_id: str
    seq: int
    room_id: str
    session_id: str
    raw: bytes
    erased: bool


# What has been read already stays read when the inbox is followed again from its start.
_ADD = """
INSERT INTO undecrypted (event_id, seq, room_id, session_id, due, reason)
SELECT n.event_id, n.seq, n.room_id, n.session_id, n.reason IS NULL, n.reason
FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[])
     AS n (event_id, seq, room_id, session_id, reason)
WHERE NOT EXISTS (SELECT FROM inbox i WHERE i.kind = 'decrypted' AND i.key = n.event_id)
ON CONFLICT (event_id) DO NOTHING
"""
_DUE = """
SELECT u.event_id, u.seq, u.room_id, u.session_id, i.raw, i.erased_at IS NOT NULL
FROM undecrypted u JOIN inbox i ON i.seq = u.seq WHERE u.due ORDER BY u.seq LIMIT $1
"""
# Locks the envelopes, so that a message is not erased while its text is being stored.
_KEPT = """
SELECT key FROM inbox WHERE kind = 'event' AND key = ANY($1::text[]) AND erased_at IS NULL ORDER BY seq FOR SHARE
"""
_REMOVE = "DELETE FROM undecrypted WHERE event_id = ANY($1::text[])"
_REFUSE = """
UPDATE undecrypted u SET due = false, reason = n.reason
FROM unnest($1::text[], $2::text[]) AS n (event_id, reason) WHERE u.event_id = n.event_id
"""
_WAKE = "UPDATE undecrypted SET due = true WHERE session_id = $1 AND NOT due"
_WITHHELD = """
UPDATE undecrypted SET reason = $3 WHERE room_id = $1 AND session_id = $2 AND NOT due AND reason = $4
"""
# A bot that is in the room should have been sent the key.
_MISSING = """
SELECT EXISTS (
    SELECT FROM undecrypted u JOIN bot_room b ON b.room_id = u.room_id AND b.membership = 'join' AND b.seq < u.seq
    WHERE u.since > now() - $1::interval AND NOT u.due AND u.reason = $2
)
"""
_CLEAR = "DELETE FROM undecrypted"


async def add(tx: Connection, events: Sequence[Encrypted]) -> None:
    """Take encrypted events; what we have read already, or know, changes nothing."""
    await tx.execute(
        _ADD,
        [e.event_id for e in events],
        [e.seq for e in events],
        [e.room_id for e in events],
        [e.session_id for e in events],
        [e.reason for e in events],
    )


async def due(db: Connection, limit: int) -> list[Due]:
    """What is to be tried now, oldest first."""
    return [Due(*row) for row in await db.fetch(_DUE, limit)]


async def not_erased(tx: Connection, event_ids: Sequence[str]) -> set[str]:
    """Those whose envelope has not been erased, and will not be before this transaction ends."""
    return {row[0] for row in await tx.fetch(_KEPT, list(event_ids))}


async def remove(tx: Connection, event_ids: Sequence[str]) -> None:
    """They have been read (or are no more)."""
    await tx.execute(_REMOVE, list(event_ids))


async def refuse(tx: Connection, reasons: Sequence[tuple[str, str]]) -> None:
    """(event id, why): they could not be read, and are not tried again before a key comes."""
    await tx.execute(_REFUSE, [event_id for event_id, _ in reasons], [reason for _, reason in reasons])


async def key_arrived(tx: Connection, session_id: str) -> None:
    """Try again what was encrypted in a session; in the transaction that stores its key."""
    await tx.execute(_WAKE, session_id)


async def is_missing(db: Connection, since: timedelta) -> bool:
    """Whether a key for something that came in this time is missing, in a room with one of our bots."""
    return bool(await db.fetchval(_MISSING, since, NO_KEY))


async def key_withheld(tx: Connection, room_id: str, session_id: str, code: str) -> None:
    """The sender's client will not give us the key of a session (`code` of m.room_key.withheld)."""
    await tx.execute(_WITHHELD, room_id, session_id, withheld(code), NO_KEY)


def withheld(code: str) -> str:
    """The reason for a code of m.room_key.withheld."""
    return f"{WITHHELD} ({code})"


async def clear(tx: Connection) -> None:
    """Forget all, before the inbox is followed again from its start."""
    await tx.execute(_CLEAR)
