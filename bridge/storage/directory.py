"""Finding people and rooms by what staff call them, among those that a person knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.storage.db import Connection


class Found(NamedTuple):
    """A person or a room; one without a name is called by its id."""

    id: str
    name: str


def folded(expression: str) -> str:
    """A text of SQL without accents, in small letters."""
    accents = rf"regexp_replace(normalize(lower({expression}), NFKD), '[\u0300-\u036f]', '', 'g')"
    return f"CASE WHEN octet_length({expression}) = length({expression}) THEN lower({expression}) ELSE {accents} END"


# How well a folded name fits the folded text `t.text`: it is the name, a beginning of one of its words, a part of it.
_FIT = """CASE
    WHEN n.folded = t.text THEN 1
    WHEN strpos(' ' || n.folded, ' ' || t.text) > 0 THEN 2
    WHEN strpos(n.folded, t.text) > 0 THEN 3
END"""

_PEOPLE = f"""
WITH t AS (SELECT $2::text AS id, {folded("ltrim($2, '@')")} AS text),
known AS MATERIALIZED (
    SELECT o.user_id, o.display_name, count(*) AS rooms
    FROM membership mine JOIN membership o ON o.room_id = mine.room_id
    WHERE mine.user_id = $1 AND mine.membership = 'join' AND mine.to_ord IS NULL
      AND o.membership = 'join' AND o.to_ord IS NULL AND o.user_id <> ALL($3::text[])
    GROUP BY o.user_id, o.display_name
), n AS (
    SELECT user_id, coalesce(display_name, user_id) AS name, rooms,
        {folded("coalesce(display_name, substring(user_id FROM '^@([^:]*)'))")} AS folded
    FROM known
), fitting AS (
    SELECT n.user_id, n.name, n.rooms, CASE
        WHEN n.user_id = t.id THEN 0
        WHEN lower(substring(n.user_id FROM '^@([^:]*)')) = lower(ltrim(t.id, '@')) THEN 1
        ELSE {_FIT}
    END AS fit
    FROM n, t
), people AS (
    SELECT user_id, (array_agg(name ORDER BY fit, name))[1] AS name, min(fit) AS fit, sum(rooms) AS rooms
    FROM fitting WHERE fit IS NOT NULL GROUP BY user_id
)
SELECT user_id, name FROM people
WHERE fit <= CASE WHEN (SELECT min(fit) FROM people) <= 1 THEN 1 ELSE 3 END
ORDER BY fit, rooms DESC, name, user_id LIMIT $4
"""  # noqa: S608 (constants)

# Of a room that somebody has left they know the name as long as it was not changed since.
_ROOMS = f"""
WITH t AS (SELECT $2::text AS id, {folded("ltrim($2, '#')")} AS text),
mine AS (
    SELECT m.room_id, m.membership = 'join' AS inside FROM membership m
    WHERE m.user_id = $1 AND m.to_ord IS NULL AND (m.membership = 'join' OR $5 AND $2 <> '' AND EXISTS (
        SELECT FROM membership w WHERE w.room_id = m.room_id AND w.user_id = m.user_id AND w.membership = 'join'
    ) AND NOT EXISTS (
        SELECT FROM room_state s WHERE s.room_id = m.room_id AND s.type = 'm.room.name' AND s.state_key = ''
        AND (s.ord, s.sub) > (m.ord, m.sub)
    ))
), n AS (
    SELECT r.room_id, r.canonical_alias, r.alt_aliases, r.successor, coalesce(mine.inside, false) AS inside, c.name,
        {folded("c.name")} AS folded
    FROM room r LEFT JOIN mine ON mine.room_id = r.room_id
    CROSS JOIN LATERAL (SELECT coalesce(r.name, r.canonical_alias, (
        SELECT string_agg(o.name, ', ') FROM (
            SELECT coalesce(m.display_name, m.user_id) AS name FROM membership m
            WHERE m.room_id = r.room_id AND m.membership = 'join' AND m.to_ord IS NULL AND m.user_id <> $1
              AND m.user_id <> ALL($3::text[])
            ORDER BY 1 LIMIT 3
        ) o
    ), r.room_id) AS name) c
    WHERE (mine.room_id IS NOT NULL OR $6 AND $2 <> '') AND r.type IS DISTINCT FROM 'm.space'
      AND NOT EXISTS (SELECT FROM bot_room b WHERE b.room_id = r.room_id AND b.direct)
      AND NOT EXISTS (SELECT FROM direct_chat d WHERE d.room_id = r.room_id)
), fitting AS (
    SELECT n.room_id, n.name, n.inside, n.successor, CASE
        WHEN n.room_id = t.id OR n.canonical_alias = t.id OR t.id = ANY(n.alt_aliases) THEN 0
        WHEN n.successor IS NULL THEN {_FIT}
    END AS fit
    FROM n, t
)
SELECT f.room_id, f.name FROM fitting f
LEFT JOIN LATERAL (
    SELECT m.sent_at FROM message m WHERE m.room_id = f.room_id ORDER BY m.sent_at DESC LIMIT 1
) last ON true
WHERE f.fit <= CASE WHEN (SELECT min(fit) FROM fitting) <= 1 THEN 1 ELSE 3 END
ORDER BY f.fit, f.inside DESC, last.sent_at DESC NULLS LAST, f.name, f.room_id LIMIT $4
"""  # noqa: S608


async def people(db: Connection, user_id: str, text: str, bots: Collection[str], limit: int) -> list[Found]:
    """People who share a room with somebody: those with this Matrix id or name, else those with it as a part.

    Args:
        bots: who is left out.
    """
    return [Found(*row) for row in await db.fetch(_PEOPLE, user_id, text, list(bots), limit)]


async def rooms(
    db: Connection, user_id: str, text: str, bots: Collection[str], limit: int, *, left: bool, everywhere: bool
) -> list[Found]:
    """Rooms of somebody: those with this id, address or name, else those with it as a part; with '' those that they
    are in, the most lively first. No spaces, no direct chats with bots, and old ones of upgrades only by id or address.

    Args:
        left: also rooms that they have left.
        everywhere: also all others, for auditors.
    """
    rows = await db.fetch(_ROOMS, user_id, text, list(bots), limit, left, everywhere)
    return [Found(*row) for row in rows]
