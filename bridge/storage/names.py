"""What names in a search stand for, among the people and rooms of which somebody may read something."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.storage.directory import Found, folded
from bridge.storage.messages import HIDDEN
from bridge.storage.readable import LAST

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bridge.storage.db import Connection
    from bridge.storage.readable import Readable


class Fits(NamedTuple):
    """What a name stands for.

    Attributes:
        found: the fitting ones, best first; all of them fit equally well.
        well: by their id, by their whole name, or by the beginning of a word of it.
    """

    found: Sequence[Found]
    well: bool


class RoomFits(NamedTuple):
    """The same of a room.

    Attributes:
        rooms: ids of all that are meant: a space with its rooms, a room with those that it replaces.
    """

    found: Sequence[Found]
    well: bool
    rooms: Sequence[str]


class ThreadFit(NamedTuple):
    """A thread: the event id of its first message, and the number of that (`event.seq`), None when it is not held."""

    root: str
    seq: int | None


_A_PART: Final = 3  # of the numbers of how well a name fits
_SPANS = """
spans AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        AS s (room_id, start_ord, start_sub, end_ord, end_sub)
)"""

# MATERIALIZED and OFFSET 0: what a name is folded to is reckoned once, not for each comparison.
# Names count that somebody had at a time of which the asker may read; `person_name` has all that there ever were.
_PEOPLE = f"""
WITH {_SPANS}, asked AS MATERIALIZED (
    SELECT t.text, lower(ltrim(t.text, '@')) AS login, {folded("ltrim(t.text, '@')")} AS folded
    FROM unnest($7::text[]) AS t (text)
), likely AS MATERIALIZED (
    SELECT DISTINCT p.user_id FROM person_name p, asked a
    WHERE a.folded <> '' AND (p.user_id = a.text OR strpos(p.folded, a.folded) > 0 OR strpos(p.login, a.login) > 0)
), seen AS (
    SELECT l.user_id, o.display_name, o.at FROM likely l CROSS JOIN LATERAL (
        SELECT m.display_name, max(m.from_at) AS at FROM membership m
        WHERE m.user_id = l.user_id AND ($6 OR m.room_id = ANY($1::text[]) AND EXISTS (
            SELECT FROM spans s WHERE s.room_id = m.room_id AND (m.ord, m.sub) < (s.end_ord, s.end_sub)
                AND (m.to_ord IS NULL OR (m.to_ord, m.to_sub) > (s.start_ord, s.start_sub))
        ))
        GROUP BY 1 OFFSET 0
    ) o
), n AS MATERIALIZED (
    SELECT user_id, lower(substring(user_id FROM '^@([^:]*)')) AS login,
        {folded("coalesce(display_name, '')")} AS folded,
        first_value(coalesce(display_name, user_id)) OVER (
            PARTITION BY user_id ORDER BY display_name IS NULL, at DESC
        ) AS latest
    FROM seen
), fitting AS (
    SELECT a.text, n.user_id, n.latest AS name, min(CASE
        WHEN n.user_id = a.text THEN 0
        WHEN n.login = a.login OR n.folded = a.folded THEN 1
        WHEN strpos(' ' || n.folded, ' ' || a.folded) > 0 THEN 2
        WHEN strpos(n.folded, a.folded) > 0 OR strpos(n.login, a.login) > 0 THEN 3
    END) AS fit
    FROM n, asked a WHERE a.folded <> '' GROUP BY 1, 2, 3
)
SELECT f.text, f.user_id, f.name, f.fit
FROM (SELECT *, rank() OVER (PARTITION BY text ORDER BY fit) FROM fitting WHERE fit IS NOT NULL) f WHERE f.rank = 1
ORDER BY f.text, f.name, f.user_id
"""  # noqa: S608 (constants)

# Of a room that somebody may not read to its end they know the name that it had when they could.
_ROOMS = f"""
WITH {_SPANS}, mine AS (
    SELECT DISTINCT ON (s.room_id) s.room_id, s.end_ord, s.end_sub FROM spans s WHERE NOT $6
    ORDER BY s.room_id, s.end_ord DESC, s.end_sub DESC
), known AS (
    SELECT r.room_id, m.end_ord, m.end_sub,
        CASE WHEN h.hidden THEN r.room_id ELSE coalesce(r.name, r.canonical_alias) END AS name,
        CASE WHEN NOT h.hidden THEN r.canonical_alias END AS canonical_alias,
        CASE WHEN NOT h.hidden THEN r.alt_aliases END AS alt_aliases
    FROM room r LEFT JOIN mine m ON m.room_id = r.room_id
    CROSS JOIN LATERAL (SELECT NOT $6 AND EXISTS (
        SELECT FROM room_state s WHERE s.room_id = r.room_id AND s.state_key = ''
        AND s.type IN ('m.room.name', 'm.room.canonical_alias') AND (s.ord, s.sub) >= (m.end_ord, m.end_sub)
    ) AS hidden OFFSET 0) h
    WHERE $6 OR m.room_id IS NOT NULL
), n AS MATERIALIZED (
    SELECT k.room_id, k.canonical_alias, k.alt_aliases, c.name, {folded("c.name")} AS folded,
        lower(substring(k.canonical_alias FROM '^#([^:]*)')) AS short
    FROM known k CROSS JOIN LATERAL (SELECT coalesce(k.name, (
        SELECT string_agg(o.name, ', ') FROM (
            SELECT coalesce(m.display_name, m.user_id) AS name FROM membership m
            WHERE m.room_id = k.room_id AND m.membership = 'join' AND m.user_id <> $7 AND m.user_id <> ALL($8::text[])
                AND (k.end_ord IS NULL OR (m.ord, m.sub) < (k.end_ord, k.end_sub))
                AND (m.to_ord IS NULL OR (m.to_ord, m.to_sub) >= (k.end_ord, k.end_sub))
            ORDER BY 1 LIMIT 3
        ) o
    ), k.room_id) AS name OFFSET 0) c
), asked AS MATERIALIZED (
    SELECT t.text, lower(ltrim(t.text, '#')) AS short, {folded("ltrim(t.text, '#')")} AS folded
    FROM unnest($9::text[]) AS t (text)
), fitting AS (
    SELECT a.text, n.room_id, n.name, CASE
        WHEN n.room_id = a.text OR n.canonical_alias = a.text OR a.text = ANY(n.alt_aliases) THEN 0
        WHEN n.short = a.short OR n.folded = a.folded THEN 1
        WHEN strpos(' ' || n.folded, ' ' || a.folded) > 0 THEN 2
        WHEN strpos(n.folded, a.folded) > 0 THEN 3
    END AS fit
    FROM n, asked a WHERE a.folded <> ''
)
SELECT f.text, f.room_id, f.name, f.fit
FROM (SELECT *, rank() OVER (PARTITION BY text ORDER BY fit) FROM fitting WHERE fit IS NOT NULL) f WHERE f.rank = 1
ORDER BY f.text, f.name, f.room_id
"""  # noqa: S608

_WITH_ROOMS = """
WITH RECURSIVE inside (room_id) AS (
    SELECT unnest($1::text[])
    UNION
    SELECT o.room_id FROM inside i JOIN room r ON r.room_id = i.room_id
    CROSS JOIN LATERAL unnest(r.predecessor || CASE WHEN r.type = 'm.space' THEN r.children END) AS o (room_id)
    WHERE o.room_id IS NOT NULL
)
SELECT room_id FROM inside ORDER BY room_id
"""

_THREAD = """
SELECT e.room_id, e.ord, e.sub, t.root, r.seq
FROM event e LEFT JOIN message m ON m.event_id = e.event_id
CROSS JOIN LATERAL (SELECT coalesce(m.thread_id, e.event_id) AS root) t
LEFT JOIN event r ON r.event_id = t.root
WHERE e.event_id = $1
"""

_READ = """($6 OR EXISTS (
        SELECT FROM spans s WHERE s.room_id = m.room_id
        AND (m.ord, m.sub) >= (s.start_ord, s.start_sub) AND (m.ord, m.sub) < (s.end_ord, s.end_sub)
    ))"""
_THREADS_OF = f"""
WITH {_SPANS}, own AS (
    SELECT m.event_id, m.thread_id FROM message m WHERE m.sender = ANY($7::text[]) AND {_READ}
), roots AS (
    SELECT o.thread_id AS root FROM own o WHERE o.thread_id IS NOT NULL
    UNION
    SELECT o.event_id FROM own o WHERE o.thread_id IS NULL AND EXISTS (
        SELECT FROM message m WHERE m.thread_id = o.event_id AND {_READ}
    )
)
SELECT roots.root, e.seq FROM roots LEFT JOIN event e ON e.event_id = roots.root ORDER BY 1
"""  # noqa: S608

_REACTED = f"""
WITH {_SPANS}
SELECT t.seq, array_agg(DISTINCT x.key)
FROM reaction x JOIN event e ON e.event_id = x.event_id
JOIN spans s ON s.room_id = e.room_id
    AND (e.ord, e.sub) >= (s.start_ord, s.start_sub) AND (e.ord, e.sub) < (s.end_ord, s.end_sub)
JOIN event t ON t.event_id = x.target_id AND t.room_id = x.room_id
WHERE x.room_id = ANY($1::text[]) AND NOT {HIDDEN}
GROUP BY 1
"""  # noqa: S608

# A chat of two, or of one with a bot: no name, and never more people, as far as somebody knows the room. Of a room that
# they may not read to its end they know whether it ever had a name until then.
_CHATS = f"""
WITH {_SPANS}, mine AS (
    SELECT DISTINCT ON (s.room_id) s.room_id, s.end_ord, s.end_sub FROM spans s WHERE NOT $6
    ORDER BY s.room_id, s.end_ord DESC, s.end_sub DESC
), known AS (
    SELECT r.room_id, r.name, r.canonical_alias, m.end_ord, m.end_sub, coalesce(m.end_ord = {LAST[0]}, true) AS whole
    FROM room r LEFT JOIN mine m ON m.room_id = r.room_id
    WHERE r.type IS NULL AND ($6 OR m.room_id IS NOT NULL)
)
SELECT k.room_id, p.people FROM known k CROSS JOIN LATERAL (
    SELECT array_agg(o.user_id) AS people FROM (
        SELECT DISTINCT m.user_id FROM membership m
        WHERE m.room_id = k.room_id AND m.membership IN ('join', 'invite') AND m.user_id <> ALL($7::text[])
            AND ($6 OR EXISTS (
                SELECT FROM spans s WHERE s.room_id = m.room_id AND (m.ord, m.sub) < (s.end_ord, s.end_sub)
                AND (m.to_ord IS NULL OR (m.to_ord, m.to_sub) > (s.start_ord, s.start_sub))
            ))
        LIMIT 3
    ) o
) p
WHERE (NOT k.whole OR k.name IS NULL AND k.canonical_alias IS NULL) AND cardinality(p.people) <= 2
    AND (k.whole OR NOT EXISTS (
        SELECT FROM event e
        WHERE e.room_id = k.room_id AND e.type IN ('m.room.name', 'm.room.canonical_alias') AND e.state_key = ''
            AND (e.ord, e.sub) < (k.end_ord, k.end_sub)
    ))
"""  # noqa: S608


async def people(db: Connection, readable: Readable, texts: Iterable[str]) -> dict[str, Fits]:
    """By text who has it as Matrix id, first half of that, name, or part of a name, now or in the past."""
    rows = await db.fetch(_PEOPLE, *readable.all_columns(), readable.everything, list(texts))
    by_text: dict[str, list[Found]] = defaultdict(list)
    well = {}
    for text, user_id, name, fit in rows:
        by_text[text].append(Found(user_id, name))
        well[text] = fit < _A_PART
    return {text: Fits(found, well[text]) for text, found in by_text.items()}


async def rooms(
    db: Connection, readable: Readable, user_id: str, bots: Collection[str], texts: Iterable[str]
) -> dict[str, RoomFits]:
    """By text the rooms and spaces that have it as id, alias, name, or part of a name.

    Args:
        user_id: who asks: a room without a name is called by the others.
        bots: who is not named either.
    """
    rows = await db.fetch(_ROOMS, *readable.all_columns(), readable.everything, user_id, list(bots), list(texts))
    by_text: dict[str, list[Found]] = defaultdict(list)
    well = {}
    for text, room_id, name, fit in rows:
        by_text[text].append(Found(room_id, name))
        well[text] = fit < _A_PART
    return {
        text: RoomFits(found, well[text], [row[0] for row in await db.fetch(_WITH_ROOMS, [room.id for room in found])])
        for text, found in by_text.items()
    }


async def thread(db: Connection, readable: Readable, event_id: str) -> ThreadFit | None:
    """The thread that a message begins or is in; None when the message may not be read."""
    row = await db.fetchrow(_THREAD, event_id)
    if row is None or not readable.may_read(row[0], (row[1], row[2])):
        return None
    return ThreadFit(row[3], row[4])


async def threads_of(db: Connection, readable: Readable, user_ids: Sequence[str]) -> Sequence[ThreadFit]:
    """The threads in which one of these has written something that may be read."""
    rows = await db.fetch(_THREADS_OF, *readable.all_columns(), readable.everything, list(user_ids))
    return [ThreadFit(*row) for row in rows]


async def reacted(db: Connection, readable: Readable) -> dict[int, Sequence[str]]:
    """By message (`event.seq`) the keys of the reactions to it that may be read."""
    return {row[0]: row[1] for row in await db.fetch(_REACTED, *readable.all_columns())}


async def chats(db: Connection, readable: Readable, bots: Collection[str]) -> Mapping[str, frozenset[str]]:
    """By room the people of each chat of at most two of which something may be read."""
    rows = await db.fetch(_CHATS, *readable.all_columns(), readable.everything, list(bots))
    return {room_id: frozenset(user_ids) for room_id, user_ids in rows}
