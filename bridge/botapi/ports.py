"""What the program offers to bots. Each has a real implementation in `bridge/` and one for tests in `testing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

MessageKind: TypeAlias = Literal[
    "text", "file", "image", "video", "audio", "voice", "sticker", "location", "poll", "unread"
]
Cursor = str  # where a page ended; of no meaning to a bot


@dataclass(frozen=True, slots=True)
class RoomStatus:
    """What the archive holds of a room, and what it does not."""

    messages: int
    files: int
    first_at: datetime | None
    last_at: datetime | None
    complete: bool  # the room's beginning is held, and nothing is known to be missing
    missing: tuple[tuple[str, int], ...]  # (what, how many): see `MISSING`
    behind: int  # events that have come in and are not recorded yet


MISSING = (
    "before_us",  # history from before Postkamer, which was not backfilled; the count is 1
    "unread_no_bot",  # encrypted, from a time without a bot in the room
    "unread_no_key",  # encrypted, and the key has not come (yet)
    "files_pending",
    "files_failed",
    "files_too_large",
    "not_held",  # events that others refer to
    "set_aside",
)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """An attachment."""

    event_id: str
    room_id: str
    name: str
    size: int | None  # bytes
    mimetype: str | None
    sender: str
    sender_name: str
    sent_at: datetime
    held: bool  # whether the archive has its content


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message as it stands now."""

    event_id: str
    room_id: str
    sender: str
    sender_name: str
    sent_at: datetime
    text: str  # what the last edit says; of a file its name
    kind: MessageKind
    edited: bool
    in_thread: bool
    removed: bool  # only auditors get these


@dataclass(frozen=True, slots=True)
class Messages:
    """A page of messages, oldest first.

    Attributes:
        encrypted: the room is encrypted: answers with these must be sealed.
        withheld: periods that the asker may not read, as (from, until); None: without an end.
        held_from: the archive has nothing of the room from before; None when it has all since `since`.
    """

    found: Sequence[FoundMessage]
    next: Cursor | None
    encrypted: bool
    withheld: tuple[tuple[datetime | None, datetime | None], ...] = ()
    held_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """A page of files, newest first.

    Attributes:
        encrypted: the room is encrypted: answers with these must be sealed.
        more_in_private: the asker may see more of this room than everyone in it.
    """

    found: Sequence[FoundFile]
    next: Cursor | None
    encrypted: bool
    more_in_private: bool = False


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What is to be exported.

    Attributes:
        language: of a page, 'nl' or 'en'.
        timezone: of the times on it.
        cause: of the ask; the same again (after a crash) takes the place of the file.
        since: only what was sent then or later.
    """

    room_id: str
    fmt: Literal["html", "jsonl"]
    language: str
    timezone: ZoneInfo
    cause: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """A file made for the asker.

    Attributes:
        packed: it is a ZIP file with the export in it, which was too large for the homeserver.
    """

    path: Path
    name: str
    mimetype: str
    messages: int
    encrypted: bool
    packed: bool = False


@dataclass(frozen=True, slots=True)
class TooLarge:
    """There is no file: the homeserver takes none of more than `most` bytes."""

    most: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """What is kept of a person."""

    since: datetime | None
    rooms: int
    messages: int
    edits: int
    reactions: int
    files: int
    file_bytes: int
    receipts: int
    names: tuple[str, ...]  # display names over time
    removed_waiting: int  # removed messages whose content is not erased yet
    retention_days: int  # after which the content of a removed message is erased
    auditors: int  # how many people may look into everything
    looked_into: int  # how often auditors have looked into rooms that the person is in
    searched: int  # how often auditors have searched everything in the last 365 days
    searched_as: int  # how often IT has searched with the rights of the person in the last 365 days


class Archive(Protocol):
    """The archive, as the asker may see it: every method asks the access rule.

    Raises (all of them): DeniedError for a room that is not there, or not for the asker.
    """

    async def status(self, room_id: str) -> RoomStatus:
        """Counts; for who is in the room."""

    async def files(
        self, room_id: str, *, everyone: bool, name: str | None = None, after: Cursor | None = None, limit: int = 10
    ) -> Files:
        """Files of a room, without stickers.

        Args:
            everyone: only those that each member of the room may see.
            name: a part of the file's name.
        """

    async def messages(
        self, room_id: str, since: datetime, *, after: Cursor | None = None, limit: int = 30
    ) -> Messages:
        """What was said in a room since then."""

    async def look_into(
        self, room_id: str, since: datetime, purpose: str, *, after: Cursor | None = None, limit: int = 30
    ) -> Messages:
        """The same for an auditor, with what was removed; written to the audit log with its purpose."""

    async def may_export(self, room_id: str) -> None:
        """Only says whether `export` would be denied now; making one may take minutes."""

    async def export(self, wish: ExportWish) -> Exported | TooLarge:
        """All that the asker may read of a room, in a file; for who manages the room or is a manager of the company."""

    async def footprint(self) -> Footprint:
        """What is kept of the asker."""


@dataclass(frozen=True, slots=True)
class Named:
    """A person or a room that a name may mean."""

    id: str
    name: str


class Directory(Protocol):
    """Finds people and rooms by what staff call them, among those that the asker can see."""

    async def people(self, text: str) -> Sequence[Named]:
        """People whose Matrix id or name this is, else those whose name has it as a part; best first."""

    async def rooms(self, text: str) -> Sequence[Named]:
        """Rooms of the asker with this id, address or name, else those whose name has it as a part; best first."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An incoming webhook of a room."""

    id: str
    name: str
    created_by: str
    created_at: datetime
    used_at: datetime | None
    uses: int
    signed: bool


class Webhooks(Protocol):
    """The incoming webhooks of the room that was asked in."""

    async def create(self, name: str, *, signed: bool, cause: str) -> tuple[Webhook, str, str | None]:
        """Make one: (it, its URL with the secret, the signing key). URL and key are shown only now.

        Args:
            name: what stands in front of its messages, and what it is removed by.
            cause: of the ask; the same again (after a crash) gives the same webhook, with another secret.

        Raises:
            UserError: 'webhooks.off', 'webhooks.full' (most), 'webhooks.taken' (name): there are none here, the room
                has too many, or one of that name.
        """

    async def all(self) -> Sequence[Webhook]:
        """Those of this room, oldest first."""

    async def remove(self, webhook_id: str) -> bool:
        """Remove one; False when the room has none of this id."""


class SettingsStore(Protocol):
    """Values that people have set; what was not set has the default of its dataclass."""

    async def get(self, bot: str, scope: Literal["room", "person"], subject: str) -> dict[str, object]:
        """By name, as JSON values."""
