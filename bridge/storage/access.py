"""What the access rule decides by: who was in which room from where to where, and what rooms showed of their history.

Each function is one query. The rule itself is in `bridge.archive.access`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from bridge.storage.readable import FIRST, LAST, Span, after

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime, timedelta

    from bridge.storage.db import Connection
    from bridge.storage.readable import Place
    from bridge.storage.visibility import Visibility


class Stay(NamedTuple):
    """A membership, from the event that made it up to the next one of this person in this room."""

    membership: str
    start: Place
    end: Place  # of the next one; LAST: it holds now
    since: datetime  # as the event says


class Era(NamedTuple):
    """A room's setting of history, from the event that made it up to the next one."""

    visibility: Visibility
    start: Place
    end: Place  # of the next one; LAST: it holds now


class Joining(NamedTuple):
    """Somebody's joining."""

    room_id: str
    place: Place
    since: datetime


_STAYS = """
SELECT room_id, membership, ord, sub, to_ord, to_sub, from_at FROM membership
WHERE user_id = $1 AND ($2::text IS NULL OR room_id = $2)
ORDER BY room_id, ord, sub, event_id
"""

_MEMBERS = """
SELECT m.user_id, m.membership, m.ord, m.sub, m.to_ord, m.to_sub, m.from_at FROM membership m
WHERE m.room_id = $1 AND EXISTS (
    SELECT FROM membership n
    WHERE n.room_id = m.room_id AND n.user_id = m.user_id AND n.to_ord IS NULL AND n.membership IN ('join', 'invite')
)
ORDER BY m.user_id, m.ord, m.sub, m.event_id
"""

_ERAS = """
SELECT room_id, visibility, ord, sub, to_ord, to_sub, event_id FROM history_visibility WHERE room_id = ANY($1::text[])
UNION
SELECT room_id, visibility, ord, sub, to_ord, to_sub, event_id FROM history_visibility
WHERE $2 AND visibility = 'world_readable'
ORDER BY room_id, ord, sub, event_id
"""

# Backwards from the joining to the first event that is too old. The joining was not before the event that it follows,
# whatever it says itself.
_WINDOWS = """
SELECT t.n, o.ord, o.sub
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[]) WITH ORDINALITY
     AS t (room_id, ord, sub, since, n)
CROSS JOIN LATERAL (
    SELECT e.sent_at FROM event e WHERE e.room_id = t.room_id AND (e.ord, e.sub) < (t.ord, t.sub)
    ORDER BY e.ord DESC, e.sub DESC LIMIT 1
) p
LEFT JOIN LATERAL (
    SELECT e.ord, e.sub FROM event e
    WHERE e.room_id = t.room_id AND (e.ord, e.sub) < (t.ord, t.sub)
      AND e.sent_at < greatest(t.since, p.sent_at) - $5::interval
    ORDER BY e.ord DESC, e.sub DESC LIMIT 1
) o ON true
"""


async def stays_of(db: Connection, user_id: str, room_id: str | None = None) -> dict[str, list[Stay]]:
    """The memberships of a person by room, in order; of one room when it is given."""
    found: dict[str, list[Stay]] = defaultdict(list)
    for room, membership, order, sub, to_ord, to_sub, since in await db.fetch(_STAYS, user_id, room_id):
        found[room].append(Stay(membership, (order, sub), _end(to_ord, to_sub), since))
    return found


async def members_of(db: Connection, room_id: str) -> dict[str, list[Stay]]:
    """By person all memberships, in order, of those who are now in a room or invited to it."""
    found: dict[str, list[Stay]] = defaultdict(list)
    for user_id, membership, order, sub, to_ord, to_sub, since in await db.fetch(_MEMBERS, room_id):
        found[user_id].append(Stay(membership, (order, sub), _end(to_ord, to_sub), since))
    return found


async def eras_of(
    db: Connection, room_ids: Collection[str], *, and_world_readable: bool = False
) -> dict[str, list[Era]]:
    """The settings of history of these rooms, in order; on demand also the `world_readable` ones of all others."""
    found: dict[str, list[Era]] = defaultdict(list)
    for room, visibility, order, sub, to_ord, to_sub, _ in await db.fetch(_ERAS, list(room_ids), and_world_readable):
        found[room].append(Era(visibility, (order, sub), _end(to_ord, to_sub)))
    return found


async def windows_before(db: Connection, joinings: Sequence[Joining], length: timedelta) -> list[Span]:
    """For each joining the part of the room directly before it in which everything was sent at most `length` earlier.

    An event with a false time can only make it shorter, as long as it is not the one directly before the joining.
    """
    spans = [Span(one.place, one.place) for one in joinings]
    columns = zip(*((one.room_id, *one.place, one.since) for one in joinings), strict=True)
    for n, *place in await db.fetch(_WINDOWS, *columns, length):
        start = FIRST if place[0] is None else after((place[0], place[1]))
        spans[n - 1] = Span(start, joinings[n - 1].place)
    return spans


def _end(to_ord: int | None, to_sub: int | None) -> Place:
    return LAST if to_ord is None or to_sub is None else (to_ord, to_sub)
