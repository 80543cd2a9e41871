"""What a search shows: messages by their numbers, what their rooms are called, and what could not be searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.storage.messages import HIDDEN
from bridge.storage.readable import WITHIN
from bridge.storage.reading import NAME, MessageRow

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from bridge.storage.db import Connection
    from bridge.storage.readable import Readable


class FoundRow(NamedTuple):
    """A message by its number.

    Attributes:
        seq: of its event.
        detail: JSON: location, poll, voice.
        edited: there is something that may be an edit of it.
        has_files: it has files, or may have got some by an edit.
    """

    seq: int
    detail: str | None
    edited: bool
    has_files: bool
    message: MessageRow


class FoundRoom(NamedTuple):
    """A room; its name is None when it has none that the reader knows."""

    name: str | None
    encrypted: bool  # encryption is switched on


class Indexed(NamedTuple):
    """What a search has to know first.

    Attributes:
        ready: the index can be searched.
        position: the last row of the inbox that it holds.
        head: the last row of the inbox.
        percent: of another index that is being made; None: none is.
        chats: the rooms in which one of our bots talks with one person.
    """

    ready: bool
    position: int
    head: int
    percent: int | None
    chats: frozenset[str]


class Unread(NamedTuple):
    """What may be read, but is not in the index.

    Attributes:
        no_bot: encrypted rooms without one of our bots.
        no_bot_events: messages in them that nobody could decrypt; at most `MOST`.
        no_key: other messages whose key has not come; at most `MOST`.
        files_waiting: files that are still to be fetched or read.
        files_unreadable: files whose text could not be read.
    """

    no_bot: int
    no_bot_events: int
    no_key: int
    files_waiting: int
    files_unreadable: int


MOST: Final = 1_000

_BY_SEQ = f"""
WITH p AS (
    SELECT m.event_id, m.room_id, m.ord, m.sub, m.sender, m.sent_at, m.type, m.msgtype, m.body, m.reply_to,
        m.thread_id, m.detail, e.seq, e.encrypted, {HIDDEN} AS removed,
        EXISTS (SELECT FROM revision v WHERE v.target_id = m.event_id) AS edited
    FROM event e JOIN message m ON m.event_id = e.event_id WHERE e.seq = ANY($1::bigint[])
)
SELECT p.seq, p.detail::text, p.edited, p.edited OR a.event_id IS NOT NULL, p.event_id, p.room_id, p.ord, p.sub,
    p.sender, {NAME}, p.sent_at, p.type, p.msgtype, p.body, p.reply_to, p.thread_id, a.kind, a.name, p.encrypted,
    p.removed
FROM p LEFT JOIN attachment a ON a.event_id = p.event_id AND a.n = 0
WHERE $2 OR NOT p.removed
"""  # noqa: S608 (constants)

# Somebody who may not read a room to its end knows the name that it had when they could; a chat without a name is
# called by the others that were in it then.
_ROOMS = """
SELECT k.room_id, r.encryption IS NOT NULL, CASE WHEN NOT EXISTS (
    SELECT FROM room_state s WHERE s.room_id = k.room_id AND s.state_key = ''
      AND s.type IN ('m.room.name', 'm.room.canonical_alias') AND (s.ord, s.sub) >= (k.end_ord, k.end_sub)
) THEN coalesce(r.name, r.canonical_alias, (
    SELECT string_agg(o.name, ', ') FROM (
        SELECT coalesce(m.display_name, m.user_id) AS name FROM membership m
        WHERE m.room_id = k.room_id AND m.membership = 'join' AND m.user_id <> $4 AND m.user_id <> ALL($5::text[])
          AND (m.ord, m.sub) < (k.end_ord, k.end_sub)
          AND (m.to_ord IS NULL OR (m.to_ord, m.to_sub) >= (k.end_ord, k.end_sub))
        ORDER BY 1 LIMIT 3
    ) o
)) END
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS k (room_id, end_ord, end_sub)
JOIN room r ON r.room_id = k.room_id
"""
_STANDING = """
SELECT s.ready, coalesce((SELECT position FROM consumer WHERE name = 'search'), 0),
    (SELECT coalesce(max(seq), 0) FROM inbox), CASE WHEN s.until > 0 THEN least(100 * s.built / s.until, 100) END,
    ARRAY(SELECT room_id FROM bot_room WHERE direct UNION SELECT room_id FROM direct_chat WHERE room_id IS NOT NULL)
FROM index_state s
"""

_WITHOUT_BOT = """
SELECT r.room_id FROM room r
WHERE r.room_id = ANY($1::text[]) AND r.encryption IS NOT NULL AND NOT EXISTS (
    SELECT FROM membership b
    WHERE b.room_id = r.room_id AND b.user_id = ANY($2::text[]) AND b.membership = 'join' AND b.to_ord IS NULL)
"""
_NOT_DECRYPTED = f"""
SELECT count(*) FROM (
    SELECT FROM undecrypted u JOIN event m ON m.event_id = u.event_id {WITHIN}
    WHERE u.room_id = ANY($6::text[]) AND NOT m.decrypted
      AND NOT EXISTS (SELECT FROM redaction x WHERE x.target_id = m.event_id AND x.room_id = m.room_id)
    LIMIT $7
) AS found
"""  # noqa: S608
_FILES = f"""
SELECT count(*) FILTER (WHERE f.state IN ('failed', 'too_large')
                           OR x.state IN ('locked', 'failed', 'too_large', 'no_ocr')),
    count(*) FILTER (WHERE coalesce(f.state, 'pending') = 'pending' OR x.state = 'due')
FROM attachment a JOIN event m ON m.event_id = a.event_id {WITHIN}
LEFT JOIN media f ON f.media_id = a.media_id LEFT JOIN extracted x ON x.sha256 = f.sha256 AND f.state = 'stored'
WHERE a.room_id = ANY($1::text[]) AND a.kind = 'file'
  AND NOT EXISTS (SELECT FROM redaction r WHERE r.target_id = m.event_id AND r.room_id = m.room_id)
"""  # noqa: S608
# Names that somebody had at a time of which the asker may read, and the rooms that both are in.
_NAMES = f"""
SELECT DISTINCT ON (m.user_id, m.display_name) m.user_id, m.display_name, m.from_at
FROM membership m {WITHIN} WHERE m.user_id = ANY($6::text[]) AND m.display_name IS NOT NULL
ORDER BY m.user_id, m.display_name, m.from_at DESC
"""  # noqa: S608
_TOGETHER = """
SELECT o.user_id, o.room_id FROM membership mine JOIN membership o ON o.room_id = mine.room_id
WHERE mine.user_id = $1 AND mine.membership = 'join' AND mine.to_ord IS NULL
  AND o.user_id = ANY($2::text[]) AND o.membership = 'join' AND o.to_ord IS NULL
  AND NOT EXISTS (SELECT FROM room r WHERE r.room_id = o.room_id AND r.type = 'm.space')
"""
_BEGINNING = "SELECT left(text, $2) FROM extracted WHERE sha256 = $1"
_PLAN_ONCE = "SET LOCAL plan_cache_mode = force_generic_plan"


async def plan_once(tx: Connection) -> None:
    """Plan the statements of this transaction once for each connection: some take longer to plan than to answer."""
    await tx.execute(_PLAN_ONCE)


async def by_seq(db: Connection, readable: Readable, seqs: Collection[int]) -> list[FoundRow]:
    """Those of these messages that may be read, in no order; what was removed only for who may read that."""
    rows = await db.fetch(_BY_SEQ, list(seqs), readable.removed)
    found = [FoundRow(row[0], row[1], row[2], row[3], MessageRow(*row[4:])) for row in rows]
    return [one for one in found if readable.may_read(one.message.room_id, (one.message.ord, one.message.sub))]


async def rooms(
    db: Connection, readable: Readable, user_id: str, bots: Collection[str], room_ids: Collection[str]
) -> dict[str, FoundRoom]:
    """These rooms by id, as somebody knows them.

    Args:
        bots: our own users, after whom no room is called.
    """
    ends = [(room_id, readable.spans(room_id)[-1].end) for room_id in room_ids if readable.spans(room_id)]
    columns = ([one[0] for one in ends], [one[1][0] for one in ends], [one[1][1] for one in ends])
    rows = await db.fetch(_ROOMS, *columns, user_id, list(bots))
    return {room_id: FoundRoom(name, encrypted=encrypted) for room_id, encrypted, name in rows}


async def indexed(db: Connection) -> Indexed:
    """What a search has to know first."""
    row = await db.fetchrow(_STANDING)
    return (
        Indexed(False, 0, 0, None, frozenset())
        if row is None
        else Indexed(row[0], row[1], row[2], row[3], frozenset(row[4]))
    )


async def unread(db: Connection, readable: Readable, bots: Collection[str]) -> Unread:
    """What of all that somebody may read is not in the index."""
    spans = readable.all_columns()
    without = {row[0] for row in await db.fetch(_WITHOUT_BOT, spans.room_ids, list(bots))}
    others = set(spans.room_ids) - without
    no_bot = await db.fetchval(_NOT_DECRYPTED, *spans, list(without), MOST) if without else 0
    no_key = await db.fetchval(_NOT_DECRYPTED, *spans, list(others), MOST)
    unreadable, waiting = (await db.fetch(_FILES, *spans))[0]
    return Unread(len(without), no_bot, no_key, waiting, unreadable)


async def names_of(db: Connection, readable: Readable, user_ids: Collection[str]) -> dict[str, list[str]]:
    """By person the names that they had where somebody may read, the last one first."""
    found: dict[str, list[tuple[datetime, str]]] = {}
    for user_id, name, at in await db.fetch(_NAMES, *readable.all_columns(), list(user_ids)):
        found.setdefault(user_id, []).append((at, name))
    return {user_id: [name for _, name in sorted(names, reverse=True)] for user_id, names in found.items()}


async def together(db: Connection, user_id: str, user_ids: Collection[str]) -> dict[str, list[str]]:
    """By person the rooms that somebody is in with them."""
    found: dict[str, list[str]] = {}
    for other, room_id in await db.fetch(_TOGETHER, user_id, list(user_ids)):
        found.setdefault(other, []).append(room_id)
    return found


async def beginning(db: Connection, sha256: str, most: int) -> str:
    """The first characters of the text of a file's content; '' when there is none."""
    return str(await db.fetchval(_BEGINNING, sha256, most) or "")
