"""The table `history_visibility`: what a room's setting of history was, from where to where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.storage.db import Connection

# Client-Server API v1.16, "Room History Visibility".
Visibility: TypeAlias = Literal["world_readable", "shared", "invited", "joined"]
VISIBILITIES: Final[tuple[Visibility, ...]] = get_args(Visibility)


class VisibilityRow(NamedTuple):
    """A setting of history; it holds up to the next one."""

    room_id: str
    ord: int
    sub: int
    event_id: str
    visibility: Visibility


_PUT = """
INSERT INTO history_visibility (room_id, ord, sub, event_id, visibility)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[])
ON CONFLICT (room_id, ord, sub, event_id) DO UPDATE SET visibility = excluded.visibility
"""

_JOIN_UP = """
UPDATE history_visibility v
SET to_ord = n.to_ord, to_sub = n.to_sub
FROM (
    SELECT room_id, ord, sub, event_id, lead(ord) OVER w AS to_ord, lead(sub) OVER w AS to_sub
    FROM history_visibility WHERE room_id = ANY($1::text[])
    WINDOW w AS (PARTITION BY room_id ORDER BY ord, sub, event_id)
) n
WHERE v.room_id = n.room_id AND v.ord = n.ord AND v.sub = n.sub AND v.event_id = n.event_id
  AND (v.to_ord, v.to_sub) IS DISTINCT FROM (n.to_ord, n.to_sub)
"""


async def put(tx: Connection, rows: Sequence[VisibilityRow]) -> None:
    """Store settings, each event once among `rows`; `join_up` must follow."""
    if rows:
        await tx.execute(_PUT, *zip(*rows, strict=True))


async def join_up(tx: Connection, room_ids: Collection[str]) -> None:
    """Make intervals of the settings of each room."""
    if room_ids:
        await tx.execute(_JOIN_UP, list(room_ids))
