"""The table `membership`: who was in which room from when to when, and by what name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection


class MembershipRow(NamedTuple):
    """A change of somebody's membership; it holds up to the next one."""

    room_id: str
    user_id: str
    ord: int
    sub: int
    event_id: str
    membership: str
    sender: str
    display_name: str | None
    avatar_url: str | None
    reason: str | None
    from_at: datetime


_PUT = """
INSERT INTO membership (room_id, user_id, ord, sub, event_id, membership, sender, display_name, avatar_url, reason,
                        from_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::text[], $11::timestamptz[])
ON CONFLICT (room_id, user_id, ord, sub, event_id) DO UPDATE
SET membership = excluded.membership, display_name = excluded.display_name, avatar_url = excluded.avatar_url,
    reason = excluded.reason
"""

# Each interval ends where the next one begins; of a redacted event only the membership itself stays.
_JOIN_UP = """
UPDATE membership m
SET to_at = n.to_at, to_ord = n.to_ord, to_sub = n.to_sub,
    display_name = CASE WHEN n.removed THEN NULL ELSE m.display_name END,
    avatar_url = CASE WHEN n.removed THEN NULL ELSE m.avatar_url END,
    reason = CASE WHEN n.removed THEN NULL ELSE m.reason END
FROM (
    SELECT o.room_id, o.user_id, o.ord, o.sub, o.event_id,
           lead(o.from_at) OVER w AS to_at, lead(o.ord) OVER w AS to_ord, lead(o.sub) OVER w AS to_sub,
           EXISTS (SELECT FROM redaction r WHERE r.target_id = o.event_id AND r.room_id = o.room_id) AS removed
    FROM unnest($1::text[], $2::text[]) AS t (room_id, user_id) JOIN membership o USING (room_id, user_id)
    WINDOW w AS (PARTITION BY o.room_id, o.user_id ORDER BY o.ord, o.sub, o.event_id)
) n
WHERE m.room_id = n.room_id AND m.user_id = n.user_id AND m.ord = n.ord AND m.sub = n.sub AND m.event_id = n.event_id
  AND ((m.to_at, m.to_ord, m.to_sub) IS DISTINCT FROM (n.to_at, n.to_ord, n.to_sub)
       OR n.removed AND (m.display_name IS NOT NULL OR m.avatar_url IS NOT NULL OR m.reason IS NOT NULL))
"""
_KNOWN = "SELECT EXISTS (SELECT FROM membership WHERE user_id = $1)"


async def put(tx: Connection, rows: Sequence[MembershipRow]) -> None:
    """Store changes of membership, each event once among `rows`; `join_up` must follow."""
    if rows:
        await tx.execute(_PUT, *zip(*rows, strict=True))


async def join_up(tx: Connection, pairs: Collection[tuple[str, str]]) -> None:
    """Make intervals of the changes of each (room, user), each pair once."""
    if pairs:
        await tx.execute(_JOIN_UP, *zip(*pairs, strict=True))


async def is_known(db: Connection, user_id: str) -> bool:
    """Whether somebody is, was or was asked to be in any room."""
    return bool(await db.fetchval(_KNOWN, user_id))
