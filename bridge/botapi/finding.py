"""What the program offers to bots for searching: the port, and what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.botapi.ports import Cursor, MessageKind, Named
    from bridge.botapi.reply import Marked


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found.

    Attributes:
        room: what the asker knows the room by; None: nothing.
        sender_name: as it was then.
        excerpt: of the message, or of the text inside the file; what was found is marked.
        file: the name of the file in which it was found, else of the first one of the message; None: it has none.
        file_size: bytes; None: not known.
        in_file: the excerpt is of the text inside the file.
        encrypted: answers with it must be sealed.
        removed: only auditors find these.
    """

    event_id: str
    room_id: str
    room: str | None
    sender: str
    sender_name: str
    sent_at: datetime
    kind: MessageKind
    excerpt: Marked
    file: Marked | None = None
    file_size: int | None = None
    in_file: bool = False
    edited: bool = False
    encrypted: bool = False
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something in a line that was not understood, or only by a guess.

    Attributes:
        key: what it is, see `bridge.search.query.Problem`.
        start, end: where it stands in the line; characters.
        proposal: what could stand there; "" when there is nothing to propose.
    """

    key: str
    start: int
    end: int
    got: str
    proposal: str


@dataclass(frozen=True, slots=True)
class Remark:
    """How a line was understood, where that is not clear by itself.

    Attributes:
        key: what it is, see `bridge.search.query.Note`.
        got: the name, state or word that it is about.
        names: the first ones that the name stands for, when it stands for several; `count`: of all of them.
    """

    key: str
    got: str
    names: tuple[str, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was found, in the order that was asked for (newest first).

    Attributes:
        total: of all messages that were found; None: more than a thousand.
        encrypted: answers with these must be sealed.
        ready: there is an index; otherwise it is being made, `percent` of it are (None: not known).
        behind: how many events that have come in are not in the index yet, about.
        asks_nothing: there is nothing in the line to look for.
    """

    hits: Sequence[Hit]
    total: int | None
    next: Cursor | None
    encrypted: bool = False
    mistakes: Sequence[Mistake] = ()
    remarks: Sequence[Remark] = ()
    ready: bool = True
    percent: int | None = None
    behind: int = 0
    asks_nothing: bool = False


@dataclass(frozen=True, slots=True)
class NotSearched:
    """What the asker may read, but what is not in the index. None of it is counted beyond a thousand.

    Attributes:
        rooms_no_bot: encrypted rooms without one of our bots; `no_bot` are the messages in them.
        no_key: other encrypted messages whose key has not come (yet).
        files_waiting: files whose text is still to be read.
        files_unreadable: files whose text could not be read.
    """

    rooms_no_bot: int = 0
    no_bot: int = 0
    no_key: int = 0
    files_waiting: int = 0
    files_unreadable: int = 0


@dataclass(frozen=True, slots=True)
class OtherLine:
    """A line that does find something: `got` was misspelt, `word` is in its place."""

    line: str
    got: str
    word: str


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody that the asker knows.

    Attributes:
        names: that they have or had, the last one first.
        rooms: that both are in now, the first ones by name; `room_count`: of all of them.
    """

    user_id: str
    names: tuple[str, ...]
    rooms: tuple[Named, ...]
    room_count: int


@dataclass(frozen=True, slots=True)
class SavedLine:
    """A line that has a name."""

    name: str
    line: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A line of which somebody is told what new messages it finds."""

    id: int
    line: str


@dataclass(frozen=True, slots=True)
class Alerted:
    """What an alert has found."""

    alert: Alert
    hits: Sequence[Hit]


class Search(Protocol):
    """Searching, as the asker may: every method asks the access rule.

    Raises (those that look for something): BusyError when it takes too long; DeniedError for a room that the asker is
        not in, and for who is no auditor.
    """

    async def find(
        self,
        line: str,
        *,
        everyone: bool,
        purpose: str | None = None,
        after: Cursor | None = None,
        limit: int = 10,
    ) -> Found:
        """A page of what a line finds.

        Args:
            line: in the query language (docs/search.en.md).
            everyone: only what each member of the room may read that is asked in.
            purpose: of an auditor, who then searches everything; written to the audit log.
        """

    async def not_searched(self, *, everyone: bool) -> NotSearched:
        """What could not be searched; for an answer in which little was found."""

    async def proposals(self, line: str, *, everyone: bool) -> Sequence[OtherLine]:
        """Lines with other words, where words of this one seem misspelt; best first."""

    async def people(self, text: str) -> Sequence[KnownPerson]:
        """People by their id, name, or a part of it, among those of whom the asker may read something."""

    async def saved(self) -> Sequence[SavedLine]:
        """The lines that the asker has given a name, by name."""

    async def save(self, name: str, line: str) -> None:
        """Give a line a name; an older one of that name is replaced.

        Raises:
            UserError: 'saved.full' (most), 'saved.too_long' (most).
        """

    async def forget(self, name: str) -> bool:
        """Drop a line by its name; False when there is none."""

    async def alerts(self) -> Sequence[Alert]:
        """Those of the asker, oldest first."""

    async def alert(self, line: str, *, cause: str) -> Alert:
        """Tell the asker of new messages that a line finds.

        Args:
            cause: of the ask; the same again makes no second one.

        Raises:
            UserError: 'alerts.full' (most), 'alerts.nothing': the line looks for nothing.
        """

    async def stop(self, alert_ids: Sequence[int]) -> int:
        """Stop alerts of the asker; gives how many there were."""

    async def alerted(self, *, cause: str) -> Sequence[Alerted]:
        """What was found since the asker was told last, as far as they may read it now.

        Args:
            cause: of the ask; the same again gives the same.
        """
