"""The table `audit`: who looked into what, and what for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bridge.storage.db import Connection

SEARCH_AS: Final = "search as"  # by IT, with the rights of the person in `detail`
EXPORT: Final = "export"  # of the rooms in `detail`; null: of all

_APPEND = "INSERT INTO audit (who, what, purpose, detail) VALUES ($1, $2, $3, $4::json)"
# A page after the first one belongs to the same look.
_COUNT = """
SELECT count(*) FROM audit a
WHERE a.what = $1 AND a.detail ->> 'after' IS NULL AND a.detail ->> 'room_id' IN (
    SELECT m.room_id FROM membership m WHERE m.user_id = $2 AND m.membership = 'join')
"""
_SEARCHES = """
SELECT count(*) FILTER (WHERE what = $1 AND detail ->> 'after' IS NULL),
    count(*) FILTER (WHERE what = $2 AND detail ->> 'as' = $3)
FROM audit WHERE at >= $4
"""


async def append(tx: Connection, who: str, what: str, purpose: str | None, detail: Mapping[str, Any]) -> None:
    """Write down what somebody is about to do.

    Args:
        detail: JSON; `room_id` where it is about one room.
    """
    await tx.execute(_APPEND, who, what, purpose, json.dumps(detail))


async def count_about(db: Connection, what: str, user_id: str) -> int:
    """How often this was done to rooms that a person is or was in."""
    return int(await db.fetchval(_COUNT, what, user_id))


async def count_searches(db: Connection, what: str, user_id: str, since: datetime) -> tuple[int, int]:
    """How often everything was searched, and how often with the rights of this person, since then.

    Args:
        what: the name of a search over everything.
    """
    (row,) = await db.fetch(_SEARCHES, what, SEARCH_AS, user_id, since)
    return row[0], row[1]
