"""The ports of bots, in memory. Fill their fields with what a test needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bridge.botapi.errors import DeniedError, UserError
from bridge.botapi.ports import Exported, Files, Footprint, Messages, Named, RoomStatus, TooLarge, Webhook
from bridge.botapi.words import plain_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.botapi.ask import NewSetting
    from bridge.botapi.ports import Cursor, ExportWish, FoundFile, FoundMessage

_NOTHING = RoomStatus(messages=0, files=0, first_at=None, last_at=None, complete=True, missing=(), behind=0)
_FOOTPRINT = Footprint(
    since=None,
    rooms=0,
    messages=0,
    edits=0,
    reactions=0,
    files=0,
    file_bytes=0,
    receipts=0,
    names=(),
    removed_waiting=0,
    retention_days=7,
    auditors=0,
    looked_into=0,
    searched=0,
    searched_as=0,
)


@dataclass(slots=True)
class FakeArchive:
    """Rooms that are in `denied` are not for the asker; a cursor is the number of what was shown already.

    Attributes:
        hidden: event ids of files that not everyone in the room may see.
        purposes: what was given to `look_into`.
        largest: more messages than these are too many for an export.
        packed: what exports say.
    """

    statuses: dict[str, RoomStatus] = field(default_factory=dict)
    found_files: list[FoundFile] = field(default_factory=list)
    found_messages: list[FoundMessage] = field(default_factory=list)
    print: Footprint = _FOOTPRINT
    encrypted: bool = False
    withheld: tuple[tuple[datetime | None, datetime | None], ...] = ()
    held_from: datetime | None = None
    denied: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    purposes: list[str] = field(default_factory=list)
    largest: int | None = None
    packed: bool = False

    async def status(self, room_id: str) -> RoomStatus:
        """What `statuses` has of the room."""
        self._check(room_id)
        return self.statuses.get(room_id, _NOTHING)

    async def files(
        self, room_id: str, *, everyone: bool, name: str | None = None, after: Cursor | None = None, limit: int = 10
    ) -> Files:
        """Those of `found_files`, newest first."""
        self._check(room_id)
        wanted = (name or "").lower()
        own = [file for file in self.found_files if file.room_id == room_id and wanted in file.name.lower()]
        some = [file for file in own if not (everyone and file.event_id in self.hidden)]
        some.sort(key=lambda file: file.sent_at, reverse=True)
        start = int(after or 0)
        following = str(start + limit) if len(some) > start + limit else None
        return Files(some[start : start + limit], following, self.encrypted, more_in_private=len(some) < len(own))

    async def messages(
        self, room_id: str, since: datetime, *, after: Cursor | None = None, limit: int = 30
    ) -> Messages:
        """Those of `found_messages` that are not removed, oldest first."""
        return self._page(room_id, since, int(after or 0), limit, removed=False)

    async def look_into(
        self, room_id: str, since: datetime, purpose: str, *, after: Cursor | None = None, limit: int = 30
    ) -> Messages:
        """All of `found_messages`."""
        self.purposes.append(purpose)
        return self._page(room_id, since, int(after or 0), limit, removed=True)

    async def may_export(self, room_id: str) -> None:
        """As the port says."""
        self._check(room_id)

    async def export(self, wish: ExportWish) -> Exported | TooLarge:
        """A file that is not there, of the messages since then; a byte each."""
        self._check(wish.room_id)
        count = sum(wish.since is None or one.sent_at >= wish.since for one in self.found_messages)
        if self.largest is not None and count > self.largest:
            return TooLarge(self.largest)
        mimetype = "text/html" if wish.fmt == "html" else "application/jsonl"
        path = Path("/nowhere") / f"export.{wish.fmt}"
        return Exported(path, path.name, mimetype, count, self.encrypted, self.packed)

    async def footprint(self) -> Footprint:
        """What `print` says."""
        return self.print

    def _check(self, room_id: str) -> None:
        if room_id in self.denied:
            raise DeniedError("in a test")

    def _page(self, room_id: str, since: datetime, start: int, limit: int, *, removed: bool) -> Messages:
        self._check(room_id)
        some = [
            one
            for one in self.found_messages
            if one.room_id == room_id and one.sent_at >= since and (removed or not one.removed)
        ]
        some.sort(key=lambda one: one.sent_at)
        more = len(some) > start + limit
        following = str(start + limit) if more else None
        return Messages(some[start : start + limit], following, self.encrypted, self.withheld, self.held_from)


@dataclass(slots=True)
class FakeDirectory:
    """People and rooms by id."""

    by_user: dict[str, str] = field(default_factory=dict)
    by_room: dict[str, str] = field(default_factory=dict)

    async def people(self, text: str) -> Sequence[Named]:
        """As the port says."""
        return _named(self.by_user, text)

    async def rooms(self, text: str) -> Sequence[Named]:
        """As the port says."""
        return _named(self.by_room, text)


@dataclass(slots=True)
class FakeWebhooks:
    """Webhooks of one room; `most` may be made, and none when `address` is None."""

    address: str | None = "https://postkamer.example/webhook"
    most: int = 20
    made: dict[str, Webhook] = field(default_factory=dict)

    async def create(self, name: str, *, signed: bool, cause: str) -> tuple[Webhook, str, str | None]:
        """As the port says; the secret is `secret`."""
        if self.address is None:
            raise UserError("webhooks.off")
        if cause not in self.made:
            if len(self.made) >= self.most:
                raise UserError("webhooks.full", most=self.most)
            if any(made.name == name for made in self.made.values()):
                raise UserError("webhooks.taken", name=name)
            number = f"hook{len(self.made) + 1}"
            self.made[cause] = Webhook(
                number, name, "@anna:example.org", datetime(2026, 1, 1, tzinfo=UTC), None, 0, signed
            )
        made = self.made[cause]
        return made, f"{self.address}/{made.id}/secret", "key" if signed else None

    async def all(self) -> Sequence[Webhook]:
        """In the order in which they were made."""
        return list(self.made.values())

    async def remove(self, webhook_id: str) -> bool:
        """As the port says."""
        causes = [cause for cause, made in self.made.items() if made.id == webhook_id]
        for cause in causes:
            del self.made[cause]
        return bool(causes)


@dataclass(slots=True)
class MemorySettings:
    """Settings by (bot, scope, subject, name)."""

    values: dict[tuple[str, str, str, str], object] = field(default_factory=dict)

    async def get(self, bot: str, scope: Literal["room", "person"], subject: str) -> dict[str, object]:
        """As the port says."""
        wanted = (bot, scope, subject)
        return {key[3]: value for key, value in self.values.items() if key[:3] == wanted}

    def keep(self, new: NewSetting) -> None:
        """What the program does with an effect."""
        self.values[new.bot, new.scope, new.subject, new.name] = new.value


def _named(names: dict[str, str], text: str) -> list[Named]:
    wanted = plain_word(text)
    exact = [Named(id_, name) for id_, name in names.items() if wanted in {plain_word(id_), plain_word(name)}]
    return exact or [Named(id_, name) for id_, name in names.items() if wanted in plain_word(name)]
