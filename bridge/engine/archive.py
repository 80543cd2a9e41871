"""The archive that a bot gets with a question: every method asks the access rule for who asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Final

from bridge.archive import reading
from bridge.archive.access import AuditRefusedError
from bridge.archive.access_rule import is_joined
from bridge.botapi.errors import DeniedError
from bridge.botapi.ports import Files, Footprint, FoundFile, FoundMessage, Messages
from bridge.engine.exporting import make
from bridge.search.service import SEARCH
from bridge.storage import access as memberships
from bridge.storage import audit, export, footprint
from bridge.storage import reading as rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from bridge.archive.access import Access
    from bridge.archive.reading import Message
    from bridge.botapi.ports import Cursor, Exported, ExportWish, RoomStatus, TooLarge
    from bridge.engine.ports import Asker
    from bridge.engine.room_status import RoomStatuses
    from bridge.storage.db import Connection, Db
    from bridge.storage.readable import Readable
    from bridge.storage.reading import FileKey, FileRow, MessageKey

LOOK: Final = "look into a room"  # in the audit log
YEAR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class ArchiveDesk:
    """Makes the archive of an asker.

    Attributes:
        bots: our own users.
        outbox: where files for people are made; who sends one deletes it.
        retention: how long what was removed is kept.
        auditors: how many there are.
        statuses: makes the status of rooms.
        upload_limit: asks the homeserver how many bytes a file may have; None: it does not say.
    """

    db: Db
    access: Access
    bots: Sequence[str]
    outbox: Path
    retention: timedelta
    auditors: int
    statuses: RoomStatuses
    upload_limit: Callable[[], Awaitable[int | None]]

    def __call__(self, asker: Asker) -> AskersArchive:
        """See `engine.ports.ArchiveFor`."""
        return AskersArchive(self, asker)


class AskersArchive:
    """The port `botapi.ports.Archive`, bound to who asks."""

    def __init__(self, desk: ArchiveDesk, asker: Asker) -> None:
        self._desk = desk
        self._asker = asker

    async def status(self, room_id: str) -> RoomStatus:
        async with export.snapshot(self._desk.db) as db:
            await self._readable(db, room_id)
            if not await self._is_inside(db, room_id):
                raise DeniedError("is not in the room")
            return await self._desk.statuses.of(db, room_id)

    async def files(
        self, room_id: str, *, everyone: bool, name: str | None = None, after: Cursor | None = None, limit: int = 10
    ) -> Files:
        async with export.snapshot(self._desk.db) as db:
            own = shown = await self._readable(db, room_id)
            if everyone:
                if not await self._is_inside(db, room_id):
                    raise DeniedError("is not in the room")
                shown = await self._desk.access.for_everyone_in(db, room_id)
            key = _file_key(after) if after else None
            found = await rows.files(db, shown, room_id, key, name=name, limit=limit + 1)
            encrypted = await rows.is_encrypted(db, room_id) or any(row.encrypted for row in found)
        return Files(
            [_file(row) for row in found[:limit]],
            _cursor(*found[limit - 1].key) if len(found) > limit else None,
            encrypted,
            more_in_private=own.spans(room_id) != shown.spans(room_id),
        )

    async def messages(
        self, room_id: str, since: datetime, *, after: Cursor | None = None, limit: int = 30
    ) -> Messages:
        async with export.snapshot(self._desk.db) as db:
            return await self._messages(db, await self._readable(db, room_id), room_id, since, after=after, limit=limit)

    async def look_into(
        self, room_id: str, since: datetime, purpose: str, *, after: Cursor | None = None, limit: int = 30
    ) -> Messages:
        asker = self._asker
        try:
            readable = self._desk.access.for_auditor(asker.user_id, purpose)
        except AuditRefusedError as error:
            raise DeniedError(f"auditor: {error.reason}") from error
        detail = {"room_id": room_id, "since": since.astimezone(UTC).isoformat(), "after": after}
        async with self._desk.db.tx() as tx:
            await audit.append(tx, asker.user_id, LOOK, purpose.strip(), detail)
        async with export.snapshot(self._desk.db) as db:
            if not await export.has_room(db, room_id):
                raise DeniedError("no such room")
            return await self._messages(db, readable, room_id, since, after=after, limit=limit)

    async def may_export(self, room_id: str) -> None:
        async with export.snapshot(self._desk.db) as db:
            await self._exportable(db, room_id)

    async def export(self, wish: ExportWish) -> Exported | TooLarge:
        most = await self._desk.upload_limit()
        async with export.snapshot(self._desk.db) as db:
            readable = await self._exportable(db, wish.room_id)
            since = wish.since.astimezone(UTC).isoformat() if wish.since else None
            detail = {"rooms": [wish.room_id], "format": wish.fmt, "from": since, "cause": wish.cause}
            async with self._desk.db.tx() as tx:
                await audit.append(tx, self._asker.user_id, audit.EXPORT, None, detail)
            return await make(db, self._desk.outbox, wish, readable, most)

    async def footprint(self) -> Footprint:
        user_id = self._asker.user_id
        async with export.snapshot(self._desk.db) as db:
            counts = await footprint.counts(db, user_id)
            names = await footprint.names(db, user_id)
            looked_into = await audit.count_about(db, LOOK, user_id)
            searched, searched_as = await audit.count_searches(db, SEARCH, user_id, datetime.now(UTC) - YEAR)
        return Footprint(
            since=counts.since,
            rooms=counts.rooms,
            messages=counts.messages,
            edits=counts.edits,
            reactions=counts.reactions,
            files=counts.files,
            file_bytes=counts.file_bytes,
            receipts=counts.receipts,
            names=names,
            removed_waiting=counts.removed_waiting,
            retention_days=ceil(self._desk.retention / timedelta(days=1)),
            auditors=self._desk.auditors,
            looked_into=looked_into,
            searched=searched,
            searched_as=searched_as,
        )

    async def _readable(self, db: Connection, room_id: str) -> Readable:
        found = await self._desk.access.for_room(db, self._asker.user_id, room_id)
        if not found.spans(room_id):
            raise DeniedError("nothing of the room is for the asker")
        return found

    async def _exportable(self, db: Connection, room_id: str) -> Readable:
        if not self._manages(room_id):
            raise DeniedError("does not manage the room")
        return await self._readable(db, room_id)

    async def _is_inside(self, db: Connection, room_id: str) -> bool:
        stays = await memberships.stays_of(db, self._asker.user_id, room_id)
        return is_joined(stays.get(room_id, ()))

    def _manages(self, room_id: str) -> bool:
        """A power level says nothing about other rooms than the one that is asked in."""
        asker = self._asker
        return "manager" in (asker.roles if room_id == asker.room_id else asker.company_roles)

    async def _messages(
        self, db: Connection, readable: Readable, room_id: str, since: datetime, *, after: Cursor | None, limit: int
    ) -> Messages:
        page = await reading.page(db, readable, room_id, _message_key(after) if after else rows.start_at(since), limit)
        begun = await rows.held_from(db, room_id)
        encrypted = await rows.is_encrypted(db, room_id) or any(one.row.encrypted for one in page.messages)
        return Messages(
            [_message(one) for one in page.messages],
            _cursor(*page.next) if page.next else None,
            encrypted,
            tuple(await reading.withheld(db, readable, room_id, since)),
            begun if begun is not None and begun > since else None,
        )


def _message(one: Message) -> FoundMessage:
    row = one.row
    return FoundMessage(
        event_id=row.event_id,
        room_id=row.room_id,
        sender=row.sender,
        sender_name=row.sender_name or row.sender,
        sent_at=row.sent_at,
        text=one.text,
        kind=one.kind,
        edited=one.edited,
        in_thread=row.thread_id is not None,
        removed=row.removed,
    )


def _file(row: FileRow) -> FoundFile:
    return FoundFile(
        event_id=row.event_id,
        room_id=row.room_id,
        name=row.name,
        size=row.size,
        mimetype=row.mimetype,
        sender=row.sender,
        sender_name=row.sender_name or row.sender,
        sent_at=row.sent_at,
        held=row.held,
    )


def _cursor(sent_at: datetime, *rest: str | int) -> Cursor:
    return json.dumps([sent_at.isoformat(), *rest])


def _message_key(cursor: Cursor) -> MessageKey:
    sent_at, order, sub, event_id = json.loads(cursor)
    return (datetime.fromisoformat(sent_at), order, sub, event_id)


def _file_key(cursor: Cursor) -> FileKey:
    sent_at, named_by, n = json.loads(cursor)
    return (datetime.fromisoformat(sent_at), named_by, n)
