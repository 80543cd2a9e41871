"""Writing what the recorder finds in events: one statement a table, however many rows.

The rows of an event are new, since `events.put` has forgotten older ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection


class MessageRow(NamedTuple):
    """A message, with its first text."""

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


class RevisionRow(NamedTuple):
    """An edit, valid or not."""

    event_id: str
    target_id: str
    room_id: str
    ord: int
    sub: int
    sender: str
    sent_at: datetime
    type: str
    msgtype: str | None
    body: str | None
    formatted_body: str | None
    detail: str | None  # JSON


class ReactionRow(NamedTuple):
    """A reaction."""

    event_id: str
    target_id: str
    room_id: str
    sender: str
    key: str
    sent_at: datetime


class RedactionRow(NamedTuple):
    """A redaction."""

    event_id: str
    target_id: str
    room_id: str
    sender: str
    reason: str | None
    sent_at: datetime
    received_at: datetime


class VoteRow(NamedTuple):
    """A vote in a poll."""

    event_id: str
    target_id: str
    room_id: str
    sender: str
    answers: str  # JSON, a list of strings
    sent_at: datetime


class PollEndRow(NamedTuple):
    """The end of a poll."""

    event_id: str
    target_id: str
    room_id: str
    sender: str
    sent_at: datetime


class AttachmentRow(NamedTuple):
    """A file that an event names."""

    event_id: str
    n: int
    room_id: str
    media_id: str
    kind: str
    name: str
    mimetype: str | None
    declared_size: int | None


_MESSAGES = """
INSERT INTO message (event_id, room_id, ord, sub, sender, sent_at, type, msgtype, body, formatted_body, reply_to,
                     thread_id, detail)
SELECT event_id, room_id, ord, sub, sender, sent_at, type, msgtype, body, formatted_body, reply_to, thread_id,
       detail::json
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::timestamptz[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
AS n (event_id, room_id, ord, sub, sender, sent_at, type, msgtype, body, formatted_body, reply_to, thread_id, detail)
"""
_REVISIONS = """
INSERT INTO revision (event_id, target_id, room_id, ord, sub, sender, sent_at, type, msgtype, body, formatted_body,
                      detail)
SELECT event_id, target_id, room_id, ord, sub, sender, sent_at, type, msgtype, body, formatted_body, detail::json
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::timestamptz[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::text[])
AS n (event_id, target_id, room_id, ord, sub, sender, sent_at, type, msgtype, body, formatted_body, detail)
"""
_REACTIONS = """
INSERT INTO reaction (event_id, target_id, room_id, sender, key, sent_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
"""
_REDACTIONS = """
INSERT INTO redaction (event_id, target_id, room_id, sender, reason, sent_at, received_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
"""
_VOTES = """
INSERT INTO poll_vote (event_id, target_id, room_id, sender, answers, sent_at)
SELECT event_id, target_id, room_id, sender, ARRAY(SELECT json_array_elements_text(answers::json)), sent_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
AS n (event_id, target_id, room_id, sender, answers, sent_at)
"""
_POLL_ENDS = """
INSERT INTO poll_end (event_id, target_id, room_id, sender, sent_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
"""
_ATTACHMENTS = """
INSERT INTO attachment (event_id, n, room_id, media_id, kind, name, mimetype, declared_size)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
"""

# `event` stands first: TRUNCATE takes its locks in this order, and waits there for a reader without stopping it later.
_CLEAR = """
TRUNCATE event, message, revision, reaction, redaction, poll_vote, poll_end, attachment, room_state, room, membership,
         history_visibility, receipt
"""
_PATIENCE = "SET LOCAL lock_timeout = '30s'"


async def add_messages(tx: Connection, rows: Sequence[MessageRow]) -> None:
    """Store messages."""
    await _add(tx, _MESSAGES, rows)


async def add_revisions(tx: Connection, rows: Sequence[RevisionRow]) -> None:
    """Store edits."""
    await _add(tx, _REVISIONS, rows)


async def add_reactions(tx: Connection, rows: Sequence[ReactionRow]) -> None:
    """Store reactions."""
    await _add(tx, _REACTIONS, rows)


async def add_redactions(tx: Connection, rows: Sequence[RedactionRow]) -> None:
    """Store redactions."""
    await _add(tx, _REDACTIONS, rows)


async def add_votes(tx: Connection, rows: Sequence[VoteRow]) -> None:
    """Store votes."""
    await _add(tx, _VOTES, rows)


async def add_poll_ends(tx: Connection, rows: Sequence[PollEndRow]) -> None:
    """Store ends of polls."""
    await _add(tx, _POLL_ENDS, rows)


async def add_attachments(tx: Connection, rows: Sequence[AttachmentRow]) -> None:
    """Store what files events name."""
    await _add(tx, _ATTACHMENTS, rows)


async def clear(tx: Connection) -> None:
    """Empty all tables of the recorder.

    TRUNCATE, because deleting ten million rows takes minutes and leaves as much to clean up. It waits for those that
    read the archive at this moment, such as an export.

    Raises:
        PostkamerError: they did not end within 30 s.
    """
    await tx.execute(_PATIENCE)
    try:
        await tx.execute(_CLEAR)
    except asyncpg.LockNotAvailableError as error:
        raise PostkamerError(
            "the archive is being read, so it cannot be emptied now", "try again when exports have ended"
        ) from error


async def _add(tx: Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        await tx.execute(statement, *zip(*rows, strict=True))
