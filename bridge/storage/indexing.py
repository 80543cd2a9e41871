"""What the search index asks of the archive, and the tables `index_due` and `index_state`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.storage.messages import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection

CHANNEL = "postkamer_index"  # triggers of the tables notify it, see the migration


class Changed(NamedTuple):
    """An event whose documents may be other ones than before."""

    seq: int
    event_id: str


class MessageRow(NamedTuple):
    """A message with its first text."""

    seq: int
    event_id: str
    room_id: str
    ord: int
    sub: int
    sender: str
    sent_at: datetime
    type: str
    msgtype: str | None
    body: str | None
    formatted_body: str | None
    reply_to: str | None
    thread_id: str | None
    detail: str | None  # JSON
    removed: bool


class FileRow(NamedTuple):
    """A file of a message as it stands now."""

    message_id: str
    named_by: str  # the event: the message, or the edit that stands
    media_id: str
    kind: str
    name: str
    mimetype: str | None
    size: int | None  # bytes; of what we hold, else what the sender said
    sha256: str | None  # of what we hold
    has_text: bool  # it was taken out of it, see `extracted`


class Follows(NamedTuple):
    """Where the indexer stands, and what it may read."""

    recorder: int  # the recorder's position
    rebuild: bool  # another index is wanted
    building: bool  # one is being made


class Status(NamedTuple):
    """What there is to say about the index.

    Attributes:
        ready: it can be searched.
        behind: rows of the inbox that are still to come (an upper bound).
        built, until: another one is made, and holds what the inbox has up to there; None: none is.
        unreadable: contents of files whose text could not be read.
        unread: contents of files whose text is still to be read.
        alive: the indexer has said something within half a minute.
    """

    ready: bool
    documents: int
    behind: int
    built: int | None
    until: int | None
    unreadable: int
    unread: int
    alive: bool

    @property
    def detail(self) -> str:
        """For health."""
        if self.built is not None and self.until is not None:
            return f"{'another' if self.ready else 'the'} index is made: {self.built} of {self.until} rows"
        return f"{self.documents} documents, {self.behind} behind" if self.ready else "no index yet"


# What a row of the inbox changes: the event itself; what it edits, reacts to or removes; and what that edits or reacts
# to.
_NEAR = """
SELECT e.seq, e.event_id FROM event e WHERE e.event_id IN (
    SELECT event_id FROM touched
    UNION ALL SELECT target_id FROM touched
    UNION ALL SELECT t.target_id FROM touched JOIN event t ON t.event_id = touched.target_id
) ORDER BY e.seq
"""
_RELATED = "CASE WHEN e.rel_type IN ('m.thread', 'm.reference') THEN NULL ELSE e.target_id END AS target_id"
_TOUCHED = f"""
WITH touched AS (
    SELECT e.event_id, {_RELATED} FROM event e WHERE e.seq > $1 AND e.seq <= $2
    UNION ALL
    SELECT e.event_id, {_RELATED} FROM inbox i JOIN event e ON e.event_id = i.key
    WHERE i.seq > $1 AND i.seq <= $2 AND i.kind = 'decrypted'
) {_NEAR}
"""  # noqa: S608 (constants)
_TOUCHED_BY_ID = f"""
WITH touched AS (SELECT e.event_id, {_RELATED} FROM event e WHERE e.event_id = ANY($1::text[])) {_NEAR}
"""  # noqa: S608
_END = "SELECT max(seq) FROM (SELECT seq FROM inbox WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3) AS next"
_KEY = "SELECT key FROM inbox WHERE seq <= $1 ORDER BY seq DESC LIMIT 1"

_PAGE = """
SELECT e.seq, e.event_id FROM event e JOIN message m ON m.event_id = e.event_id
WHERE e.seq > $1 AND e.seq <= $2 ORDER BY e.seq LIMIT $3
"""
_MESSAGES = f"""
SELECT e.seq, m.event_id, m.room_id, m.ord, m.sub, m.sender, m.sent_at, m.type, m.msgtype, m.body, m.formatted_body,
    m.reply_to, m.thread_id, m.detail::text, {HIDDEN}
FROM message m JOIN event e ON e.event_id = m.event_id WHERE m.event_id = ANY($1::text[]) ORDER BY e.seq
"""  # noqa: S608
# An edit repeats the file of its message, so only another one counts.
_FILES = """
SELECT p.message_id, a.event_id, a.media_id, a.kind, a.name, coalesce(a.mimetype, f.mimetype),
    coalesce(f.size, a.declared_size), CASE WHEN f.state = 'stored' THEN f.sha256 END, x.text <> '' IS TRUE
FROM unnest($1::text[], $2::text[]) AS p (message_id, named_by)
JOIN attachment a ON a.event_id = p.named_by
LEFT JOIN media f ON f.media_id = a.media_id
LEFT JOIN extracted x ON x.sha256 = f.sha256 AND f.state = 'stored'
WHERE p.named_by = p.message_id
   OR NOT EXISTS (SELECT FROM attachment o WHERE o.event_id = p.message_id AND o.media_id = a.media_id)
ORDER BY p.message_id, p.named_by <> p.message_id, a.n
"""
_TEXT = "SELECT text FROM extracted WHERE sha256 = $1"

_FOLLOWS = """
SELECT coalesce((SELECT position FROM consumer WHERE name = 'recorder'), 0),
    rebuild OR coalesce(now() - erased_at > interval '1 day', false), built IS NOT NULL
FROM index_state
"""
_DUE = "SELECT id, event_id FROM index_due ORDER BY id LIMIT $1"
_ADD_DUE = "INSERT INTO index_due (event_id) SELECT unnest($1::text[])"
_RETRY = """
WITH again AS (DELETE FROM set_aside WHERE consumer = 'search' RETURNING seq)
INSERT INTO index_due (event_id) SELECT i.key FROM again a JOIN inbox i ON i.seq = a.seq
"""
_DONE = "DELETE FROM index_due WHERE id = ANY($1::bigint[])"
_ASK = "UPDATE index_state SET rebuild = true"
_ERASED = "UPDATE index_state SET erased_at = coalesce(erased_at, now())"
_BEGIN = "UPDATE index_state SET rebuild = false, ready = $1, built = 0, until = $2, erased_at = NULL, alive_at = now()"
_TELL = "UPDATE index_state SET ready = $1, documents = $2, built = $3, until = $4, alive_at = now()"
_MOVE = """
INSERT INTO consumer (name, position) VALUES ('search', $1)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, updated_at = now()
"""
_STATUS = """
SELECT s.ready, s.documents,
    greatest((SELECT coalesce(max(seq), 0) FROM inbox)
             - coalesce((SELECT position FROM consumer WHERE name = 'search'), 0), 0),
    s.built, s.until,
    (SELECT count(*) FROM extracted WHERE state IN ('locked', 'failed', 'too_large', 'no_ocr')),
    (SELECT count(*) FROM extracted WHERE state = 'due'),
    coalesce(now() - s.alive_at < interval '30 s', false)
FROM index_state s
"""


async def follows(db: Connection) -> Follows:
    """How far the recorder is, and whether another index is asked for."""
    row = await db.fetchrow(_FOLLOWS)
    return Follows(0, rebuild=False, building=False) if row is None else Follows(*row)


async def end_of_batch(db: Connection, position: int, until: int, limit: int) -> int:
    """The last of the next rows of the inbox behind a position; `until` when there are none up to there."""
    found: int | None = await db.fetchval(_END, position, until, limit)
    return until if found is None else found


async def touched(db: Connection, position: int, until: int) -> list[Changed]:
    """What the rows of the inbox change that stand behind `position`, up to and with `until`."""
    return [Changed(*row) for row in await db.fetch(_TOUCHED, position, until)]


async def touched_by_id(db: Connection, event_ids: Iterable[str]) -> list[Changed]:
    """The same of these events."""
    return [Changed(*row) for row in await db.fetch(_TOUCHED_BY_ID, list(event_ids))]


async def key_at(db: Connection, position: int) -> str:
    """The key of the row of the inbox at a position, or of the last one before it; '' when there is none."""
    return str(await db.fetchval(_KEY, position) or "")


async def page(db: Connection, after_seq: int, until: int, limit: int) -> list[Changed]:
    """The next messages of the archive in the order of their arrival, up to and with `until`."""
    return [Changed(*row) for row in await db.fetch(_PAGE, after_seq, until, limit)]


async def messages(db: Connection, event_ids: Sequence[str]) -> list[MessageRow]:
    """Those of these events that are messages."""
    return [MessageRow(*row) for row in await db.fetch(_MESSAGES, list(event_ids))]


async def files(db: Connection, pairs: Sequence[tuple[str, str]]) -> list[FileRow]:
    """The files of messages, each at its number: those of the message, and behind them other ones of an edit.

    Args:
        pairs: (message, the message itself or an edit of it).
    """
    if not pairs:
        return []
    columns = zip(*pairs, strict=True)
    return [FileRow(*row) for row in await db.fetch(_FILES, *map(list, columns))]


async def text_of(db: Connection, sha256: str) -> str:
    """The text of a content."""
    return str(await db.fetchval(_TEXT, sha256) or "")


async def due(db: Connection, limit: int) -> list[tuple[int, str]]:
    """The next messages that changed by something else than the inbox: (id of the row, event id)."""
    return [(row[0], row[1]) for row in await db.fetch(_DUE, limit)]


async def add_due(tx: Connection, event_ids: Iterable[str]) -> None:
    """Have the documents of these events made again."""
    await tx.execute(_ADD_DUE, list(event_ids))


async def retry(db: Connection) -> int:
    """Have the documents made again that could not be made.

    Returns:
        how many messages.
    """
    return int((await db.execute(_RETRY)).rpartition(" ")[2])


async def erased(tx: Connection, event_ids: Sequence[str]) -> None:
    """The content of these events is gone for good.

    What is taken out of an index is not found any more, but its files keep words of it until they are written anew. So
    within a day another index is made from the archive.
    """
    if event_ids:
        await add_due(tx, event_ids)
        await tx.execute(_ERASED)


async def done(db: Connection, ids: Sequence[int]) -> None:
    """The index holds these rows of `due`."""
    await db.execute(_DONE, list(ids))


async def ask_for_another(db: Connection) -> None:
    """Have the indexer build another index beside the one in use."""
    await db.execute(_ASK)


async def begin(db: Connection, *, ready: bool, until: int) -> None:
    """Another index is made from now on."""
    await db.execute(_BEGIN, ready, until)


async def tell(db: Connection, *, ready: bool, documents: int, built: int | None, until: int | None) -> None:
    """Say how far the indexer is, see `Status`."""
    await db.execute(_TELL, ready, documents, built, until)


async def move(db: Connection, position: int) -> None:
    """The index holds what the inbox has up to here."""
    await db.execute(_MOVE, position)


async def status(db: Connection) -> Status:
    """What there is to say about the index."""
    row = await db.fetchrow(_STATUS)
    return (
        Status(*row)
        if row is not None
        else Status(ready=False, documents=0, behind=0, built=None, until=None, unreadable=0, unread=0, alive=False)
    )
