"""The table `intake`: transactions as they came, until they are sorted into the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.storage.db import Connection

_PUT = "INSERT INTO intake (body) SELECT unnest($1::bytea[])"
_PEEK = """
SELECT id, body FROM (
    SELECT id, body, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS before
    FROM (SELECT id, body FROM intake ORDER BY id LIMIT $1) AS oldest
) AS summed WHERE before < $2 ORDER BY id
"""
_COUNT = "SELECT count(*) FROM intake"
_DROP = "DELETE FROM intake WHERE id = ANY($1::bigint[])"


class GoneError(Exception):
    """A body is not there any more."""


async def put(db: Connection, bodies: Sequence[bytes]) -> None:
    """Store bodies, in this order, all or none."""
    await db.execute(_PUT, bodies)


async def peek(db: Connection, limit: int, size: int) -> dict[int, bytes]:
    """The oldest bodies by number: at most `limit`, and no further one once `size` bytes are reached."""
    return {row[0]: row[1] for row in await db.fetch(_PEEK, limit, size)}


async def drop(tx: Connection, ids: Sequence[int]) -> None:
    """Remove bodies.

    Raises:
        GoneError: another process has removed one of them; roll back.
    """
    if await tx.execute(_DROP, list(ids)) != f"DELETE {len(ids)}":
        raise GoneError


async def count(db: Connection) -> int:
    """How many bodies wait to be sorted."""
    return int(await db.fetchval(_COUNT))
