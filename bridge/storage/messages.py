"""Reading messages and what belongs to them; the one place that says which of it counts and which of it is hidden.

The recorder stores what came. Whether an edit, a reaction or a vote counts depends on events that may come later, so it
is decided here, when it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection
    from bridge.storage.readable import Place


@dataclass(frozen=True, slots=True)
class Revision:
    """A later text of a message (`m.replace`)."""

    event_id: str
    target_id: str
    sender: str
    sent_at: datetime
    msgtype: str | None
    body: str
    formatted_body: str | None
    detail: str | None  # JSON, as in table `message`
    ord: int
    sub: int

    @property
    def place(self) -> Place:
        """Where it stands in its room."""
        return (self.ord, self.sub)


@dataclass(frozen=True, slots=True)
class Reaction:
    """A reaction that was not withdrawn."""

    event_id: str
    target_id: str
    sender: str
    key: str
    sent_at: datetime
    ord: int
    sub: int

    @property
    def place(self) -> Place:
        """Where it stands in its room."""
        return (self.ord, self.sub)


@dataclass(frozen=True, slots=True)
class Redaction:
    """Who removed an event; `reason` is None too when the redaction itself was removed."""

    event_id: str
    target_id: str
    sender: str
    reason: str | None
    sent_at: datetime
    received_at: datetime
    ord: int
    sub: int

    @property
    def place(self) -> Place:
        """Where it stands in its room."""
        return (self.ord, self.sub)


@dataclass(frozen=True, slots=True)
class Vote:
    """What a person last chose in a poll before it ended; no answers: a spoiled vote."""

    event_id: str
    target_id: str
    sender: str
    answers: tuple[str, ...]
    sent_at: datetime


# What nobody may be shown, as a condition on `event e`: it was removed, or it is an edit of what was removed. (The edit
# of a stranger is no edit of it, and stands for itself.)
HIDDEN = """(
EXISTS (SELECT FROM redaction r WHERE r.target_id = e.event_id AND r.room_id = e.room_id)
OR e.rel_type = 'm.replace'
   AND EXISTS (SELECT FROM redaction r WHERE r.target_id = e.target_id AND r.room_id = e.room_id)
   AND NOT EXISTS (SELECT FROM event t WHERE t.event_id = e.target_id AND t.sender <> e.sender)
)"""

_HIDDEN = f"SELECT e.event_id FROM event e WHERE e.event_id = ANY($1::text[]) AND {HIDDEN}"  # noqa: S608 (constants)

# Client-Server API v1.16, "Validity of replacement events".
_REVISIONS = f"""
SELECT v.event_id, v.target_id, v.sender, v.sent_at, v.msgtype, v.body, v.formatted_body, v.detail, v.ord, v.sub
FROM revision v
JOIN event e ON e.event_id = v.event_id
JOIN message m ON m.event_id = v.target_id AND m.room_id = v.room_id AND m.sender = v.sender AND m.type = v.type
JOIN event t ON t.event_id = v.target_id AND t.rel_type IS DISTINCT FROM 'm.replace'
WHERE v.target_id = ANY($1::text[]) AND v.body IS NOT NULL AND ($2 OR NOT {HIDDEN})
ORDER BY v.target_id, v.sent_at, v.event_id
"""  # noqa: S608

_REACTIONS = f"""
SELECT x.event_id, x.target_id, x.sender, x.key, x.sent_at, e.ord, e.sub
FROM reaction x
JOIN event e ON e.event_id = x.event_id
JOIN event t ON t.event_id = x.target_id AND t.room_id = x.room_id
WHERE x.target_id = ANY($1::text[]) AND NOT {HIDDEN}
ORDER BY x.target_id, x.sent_at, x.event_id
"""  # noqa: S608

_REDACTIONS = """
SELECT x.event_id, x.target_id, x.sender,
       CASE WHEN EXISTS (SELECT FROM redaction r WHERE r.target_id = x.event_id AND r.room_id = x.room_id)
            THEN NULL ELSE x.reason END,
       x.sent_at, x.received_at, e.ord, e.sub
FROM redaction x
JOIN event e ON e.event_id = x.event_id
JOIN event t ON t.event_id = x.target_id AND t.room_id = x.room_id
WHERE x.target_id = ANY($1::text[])
ORDER BY x.target_id, x.sent_at, x.event_id
"""

# MSC3381: the last vote of each person counts; what follows the end of the poll, as its creator said it, does not.
_VOTES = f"""
SELECT DISTINCT ON (x.target_id, x.sender) x.event_id, x.target_id, x.sender, x.answers, x.sent_at
FROM poll_vote x
JOIN event e ON e.event_id = x.event_id
JOIN message m ON m.event_id = x.target_id AND m.room_id = x.room_id AND m.type = 'm.poll.start'
WHERE x.target_id = ANY($1::text[]) AND NOT {HIDDEN} AND NOT EXISTS (
    SELECT FROM poll_end p
    WHERE p.target_id = x.target_id AND p.room_id = x.room_id AND p.sender = m.sender AND p.sent_at < x.sent_at
    AND NOT EXISTS (SELECT FROM redaction r WHERE r.target_id = p.event_id AND r.room_id = p.room_id)
)
ORDER BY x.target_id, x.sender, x.sent_at DESC, x.event_id DESC
"""  # noqa: S608


async def hidden(db: Connection, event_ids: Sequence[str]) -> set[str]:
    """Which of these events nobody may be shown."""
    return {row[0] for row in await db.fetch(_HIDDEN, list(event_ids))}


async def revisions_of(db: Connection, event_ids: Sequence[str], *, removed: bool = False) -> list[Revision]:
    """The valid edits of these messages, by message, oldest first; the last one is the text that stands.

    Args:
        removed: also those that nobody else may be shown (auditors).
    """
    return [Revision(*row) for row in await db.fetch(_REVISIONS, list(event_ids), removed)]


async def reactions_of(db: Connection, event_ids: Sequence[str]) -> list[Reaction]:
    """The reactions to these events that were not withdrawn, by event, oldest first."""
    return [Reaction(*row) for row in await db.fetch(_REACTIONS, list(event_ids))]


async def redactions_of(db: Connection, event_ids: Sequence[str]) -> list[Redaction]:
    """The redactions of these events, by event, oldest first.

    That their senders were allowed to is what the homeserver checks before it sends them.
    """
    return [Redaction(*row) for row in await db.fetch(_REDACTIONS, list(event_ids))]


async def votes_of(db: Connection, event_ids: Sequence[str]) -> list[Vote]:
    """The votes that count in these polls: one a person at the most."""
    rows = await db.fetch(_VOTES, list(event_ids))
    return [Vote(row[0], row[1], row[2], tuple(row[3]), row[4]) for row in rows]
