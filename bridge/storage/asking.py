"""What a question needs to be answered: facts of its room and its sender, in one trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class Facts:
    """A room as the archive knows it.

    Attributes:
        name: its name or address.
        others: names of up to 3 people who are in it or asked to be, without the one who asks and our own users.
        people: the Matrix ids of up to 3 of all who are in it or asked to be, bots too.
        sender_name: the display name, when there is one.
        closed: nobody can come in or look in without being asked.
        power_levels, create: JSON of the state events' content.
        greeted: the bot was in the room that this one replaces.
        invited_by: who asked the bot into the room.
        recorded: the row of the inbox up to which all this is known.
        language: JSON of what the sender has set.
    """

    name: str | None
    others: tuple[str, ...]
    people: tuple[str, ...]
    sender_name: str | None
    encrypted: bool
    closed: bool
    version: str | None
    creator: str | None
    power_levels: str | None
    create: str | None
    greeted: bool
    invited_by: str | None
    recorded: int
    language: str | None


_FACTS = """
SELECT coalesce(r.name, r.canonical_alias), ARRAY(
    SELECT coalesce(m.display_name, m.user_id) FROM membership m
    WHERE m.room_id = q.room_id AND m.to_ord IS NULL AND m.membership IN ('join', 'invite')
        AND m.user_id <> ALL($4::text[]) AND m.user_id <> $2
    ORDER BY m.ord, m.user_id LIMIT 3
), ARRAY(
    SELECT m.user_id FROM membership m
    WHERE m.room_id = q.room_id AND m.to_ord IS NULL AND m.membership IN ('join', 'invite') LIMIT 3
), (
    SELECT m.display_name FROM membership m WHERE m.room_id = q.room_id AND m.user_id = $2 AND m.to_ord IS NULL
), r.encryption IS NOT NULL,
coalesce(r.join_rule, 'invite') = 'invite' AND coalesce(r.history_visibility, 'shared') <> 'world_readable',
r.version, (
    SELECT s.sender FROM room_state s WHERE s.room_id = q.room_id AND s.type = 'm.room.create' AND s.state_key = ''
), (
    SELECT s.content::text FROM room_state s
    WHERE s.room_id = q.room_id AND s.type = 'm.room.power_levels' AND s.state_key = ''
), (
    SELECT s.content::text FROM room_state s
    WHERE s.room_id = q.room_id AND s.type = 'm.room.create' AND s.state_key = ''
), EXISTS (
    SELECT FROM membership m WHERE m.user_id = $3 AND m.membership = 'join' AND m.room_id = r.predecessor
), (
    SELECT m.sender FROM membership m
    WHERE m.room_id = q.room_id AND m.user_id = $3 AND m.membership = 'invite' ORDER BY m.ord DESC, m.sub DESC LIMIT 1
), coalesce((SELECT c.position FROM consumer c WHERE c.name = 'recorder'), 0), (
    SELECT s.value::text FROM setting s
    WHERE s.bot = $5 AND s.scope = 'person' AND s.subject = $2 AND s.name = 'language'
)
FROM (SELECT $1::text AS room_id) q LEFT JOIN room r ON r.room_id = q.room_id
"""
_SMALL = """
SELECT q.room_id FROM unnest($1::text[]) AS q (room_id) WHERE (
    SELECT count(*) FROM (
        SELECT FROM membership m
        WHERE m.room_id = q.room_id AND m.to_ord IS NULL AND m.membership IN ('join', 'invite') LIMIT 3
    ) AS present
) <= 2
"""
_THREAD = "SELECT thread_id FROM message WHERE event_id = $1 AND room_id = $2"


async def facts(db: Connection, room_id: str, sender: str, bot: str, *, ours: Collection[str], core: str) -> Facts:
    """What is known of a room in which a person asks a bot.

    Args:
        ours: all our own users.
        core: the name of the bot that keeps the language.
    """
    (row,) = await db.fetch(_FACTS, room_id, sender, bot, list(ours), core)
    name, others, people, *rest = row
    return Facts(name, tuple(others), tuple(people), *rest)


async def small_rooms(db: Connection, room_ids: Collection[str]) -> set[str]:
    """Those of the rooms in which at most two are (or are asked to be), as far as is recorded."""
    return {row[0] for row in await db.fetch(_SMALL, list(room_ids))}


async def thread_of(db: Connection, event_id: str, room_id: str) -> str | None:
    """The root of the thread that a message stands in."""
    found: str | None = await db.fetchval(_THREAD, event_id, room_id)
    return found
