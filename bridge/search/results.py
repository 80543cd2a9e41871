"""What a search is asked, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from bridge.archive.reading import Kind
    from bridge.search.excerpt import Parts
    from bridge.search.query import Note, Problem


class BusyError(Exception):
    """It took too long, or too many search at this moment."""


@dataclass(frozen=True, slots=True)
class Seeker:
    """Who searches, and in what.

    Attributes:
        user_id: whose `me` it is.
        timezone: in which days and times are meant.
        room_id: only what everybody in this room may read; None: what the person may read.
        purpose: an auditor searches everything, for this.
    """

    user_id: str
    timezone: ZoneInfo
    room_id: str | None = None
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class HitFile:
    """A file of a message."""

    name: Parts  # with what was found
    size: int | None  # bytes
    mimetype: str | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found.

    Attributes:
        room_name: as the seeker knows it; None: it has no name that they know.
        sender_name: as it was then.
        excerpt: of the message, or of the text of the file in which it was found.
        file: in which it was found, else the first one of the message.
        in_file: the excerpt is of the text of that file.
        encrypted: it was sent encrypted, or its room is.
        removed: only auditors find these.
    """

    event_id: str
    room_id: str
    room_name: str | None
    sender: str
    sender_name: str | None
    sent_at: datetime
    kind: Kind
    excerpt: Parts
    link: str
    file: HitFile | None
    in_file: bool
    encrypted: bool
    edited: bool
    removed: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of what has come in can be found.

    Attributes:
        ready: there is an index.
        behind: rows of the inbox that are not in it (an upper bound), of those that were there when it was asked.
        percent: of an index that is being made while there is none.
    """

    ready: bool
    behind: int
    percent: int | None


@dataclass(frozen=True, slots=True)
class Results:
    """A page of what was found.

    Attributes:
        total: of all messages that were found; None: more than `MOST_COUNTED`, and than the page.
        next: where the next page begins; None: there is none.
        asks_nothing: the line has nothing in it to look for.
    """

    hits: Sequence[Hit]
    total: int | None
    next: str | None
    problems: Sequence[Problem]
    notes: Sequence[Note]
    standing: Standing
    asks_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """Another line that finds something: `got`, a word of the line that was asked, is `word` in it."""

    line: str
    got: str
    word: str
