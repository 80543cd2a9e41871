"""The table `intake`: transactions as they came, until they are sorted into the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.storage.db import Connection

_PEEK = "SELECT id, body FROM intake ORDER BY id LIMIT $1"
_COUNT = "SELECT count(*) FROM intake"
_DROP = "DELETE FROM intake WHERE id = ANY($1::bigint[])"


class GoneError(Exception):
    """A body is not there any more."""


async def put(db: Connection, bodies: Sequence[bytes]) -> None:
    """Store bodies, in this order, all or none."""
    await db.copy_records_to_table("intake", records=[(body,) for body in bodies], columns=["body"])


async def peek(db: Connection, limit: int) -> dict[int, bytes]:
    """The oldest bodies by number."""
    return {row[0]: row[1] for row in await db.fetch(_PEEK, limit)}


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
