"""The tables `consumer` and `set_aside`: how far each consumer is, and what it could not handle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a consumer is."""

    name: str
    position: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SetAside:
    """Something that could not be handled, and why."""

    id: int
    consumer: str
    seq: int
    key: str | None
    room_id: str | None
    attempts: int
    reason: str
    first_at: datetime
    last_at: datetime


_REGISTER = "INSERT INTO consumer (name, position) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING"
_POSITION = "SELECT position FROM consumer WHERE name = $1"
_LOCK = "SELECT position FROM consumer WHERE name = $1 FOR UPDATE"
_ADVANCE = "UPDATE consumer SET position = $3, updated_at = now() WHERE name = $1 AND position = $2"
_ADVANCE_AT_ONCE = """
UPDATE consumer SET position = $3, updated_at = now() WHERE name IN (
    SELECT name FROM consumer WHERE name = ANY($1::text[]) AND position = $2 FOR UPDATE SKIP LOCKED
)
"""
_REWIND = "UPDATE consumer SET position = 0, updated_at = now() WHERE name = $1"
_ALL = "SELECT name, position, updated_at FROM consumer ORDER BY name"

_SET_ASIDE = """
INSERT INTO set_aside (consumer, seq, digest, room_id, attempts, reason, raw) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (consumer, seq, digest) DO UPDATE
SET attempts = set_aside.attempts + excluded.attempts, reason = excluded.reason, last_at = now()
"""
_LIST = """
SELECT s.id, s.consumer, s.seq, i.key, s.room_id, s.attempts, s.reason, s.first_at, s.last_at
FROM set_aside s LEFT JOIN inbox i ON i.seq = s.seq WHERE s.id > $1 ORDER BY s.id LIMIT $2
"""
_COUNT = "SELECT consumer, reason, count(*) FROM set_aside GROUP BY consumer, reason ORDER BY consumer, reason"
_SEQS = "SELECT seq FROM set_aside WHERE consumer = $1 AND seq > $2 AND raw IS NULL ORDER BY seq LIMIT $3"
_DROP = "DELETE FROM set_aside WHERE consumer = $1 AND seq = $2"
_DROP_ALL = "DELETE FROM set_aside WHERE consumer = $1"


async def register(db: Connection, name: str) -> int:
    """The position of a consumer; a new one starts before the first row.

    Returns:
        the `seq` of the last inbox row that it has handled, 0 for none.
    """
    await db.execute(_REGISTER, name)
    return int(await db.fetchval(_POSITION, name))


async def position(db: Connection, name: str) -> int:
    """The same without waiting for anybody; 0 when there is no such consumer."""
    return int(await db.fetchval(_POSITION, name) or 0)


async def advance(tx: Connection, name: str, old: int, new: int) -> bool:
    """Move a consumer on; False when somebody else has moved it since `old` was read, so that the caller rolls back."""
    return bool(await tx.execute(_ADVANCE, name, old, new) == "UPDATE 1")


async def advance_at_once(tx: Connection, names: Sequence[str], old: int, new: int) -> bool:
    """Move several on without waiting for anybody; False as above, and when somebody has one locked."""
    return bool(await tx.execute(_ADVANCE_AT_ONCE, names, old, new) == f"UPDATE {len(names)}")


async def lock(tx: Connection, name: str) -> int:
    """Keep a consumer from handling anything until the end of the transaction.

    Returns:
        its position, 0 when there is no such consumer.
    """
    return int(await tx.fetchval(_LOCK, name) or 0)


async def rewind(tx: Connection, name: str) -> None:
    """Let a consumer start again before the first row, without anything set aside."""
    await tx.execute(_REGISTER, name)
    await tx.execute(_REWIND, name)
    await tx.execute(_DROP_ALL, name)


async def progress(db: Connection) -> list[Progress]:
    """All consumers."""
    return [Progress(*row) for row in await db.fetch(_ALL)]


async def set_aside(
    tx: Connection,
    consumer: str,
    seq: int,
    reason: str,
    *,
    room_id: str | None = None,
    attempts: int = 1,
    digest: bytes = b"",
    raw: bytes | None = None,
) -> None:
    """Put something aside; again for the same row only counts and renews the reason."""
    await tx.execute(_SET_ASIDE, consumer, seq, digest, room_id, attempts, reason, raw)


async def list_set_aside(db: Connection, *, after_id: int = 0, limit: int = 1000) -> list[SetAside]:
    """What is set aside, oldest first."""
    return [SetAside(*row) for row in await db.fetch(_LIST, after_id, limit)]


async def count_set_aside(db: Connection) -> list[tuple[str, str, int]]:
    """(consumer, reason, how many)."""
    return [(row[0], row[1], row[2]) for row in await db.fetch(_COUNT)]


async def seqs_set_aside(db: Connection, consumer: str, *, after_seq: int, limit: int) -> Sequence[int]:
    """The inbox rows that a consumer can be asked to try again."""
    return [row[0] for row in await db.fetch(_SEQS, consumer, after_seq, limit)]


async def drop_set_aside(tx: Connection, consumer: str, seq: int) -> None:
    """Forget that a row was set aside, because it has been handled now."""
    await tx.execute(_DROP, consumer, seq)
