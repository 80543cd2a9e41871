"""`!archief status`, `bijlagen`, `terug`, `export`, `privacy` and `inzage`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from bots.archive import pages
from bridge.botapi import Bot, ExportWish, Here, Past, Rest, Room, Words, button, command, say, slow_job

if TYPE_CHECKING:
    from bridge.botapi import Ask, Cursor, Messages, Reply

FILES, MESSAGES = 10, 20  # on a page
NEXT, BACK, PRIVATE = "➡️", "⬅️", "📬"


@dataclass(frozen=True, slots=True)
class _Place:
    """The room that is asked about, and whether the answer is for all in the room that is asked in."""

    room_id: str
    name: str
    shared: bool


class ArchiveBot(Bot):
    """In a shared room it shows what everybody there may see; all else goes to the direct chat with the asker."""

    name = "archive"
    words = Words(nl="archief", en="archive")

    async def greeting(self, ask: Ask) -> Reply | None:
        """How to read back, and what is kept of oneself."""
        return None if ask.room.direct else say("greeting")

    @command("status", "status")
    async def status(self, ask: Ask, room: Here) -> Reply:
        """What the archive has of a room, and what it has not."""
        where = _place(ask, room)
        return _sent(ask, where, pages.status(where.name, await ask.archive.status(where.room_id)), encrypted=False)

    @command("bijlagen", "files", "bestanden", "attachments")
    async def files(self, ask: Ask, room: Here, name: Rest | None = None) -> Reply:
        """The files of a room, newest first."""
        return await self._files(ask, _place(ask, room), name, [])

    @button
    async def turn(self, ask: Ask, room_id: str, room: str, name: str | None, before: list[Cursor]) -> Reply:
        """Another page of files, in the place of this one. `before`: where each page before it ended."""
        where = _Place(room_id, room, shared=room_id == ask.room.room_id and not ask.room.direct)
        return (await self._files(ask, where, name, before)).in_place()

    @button
    async def all_files(self, ask: Ask, room_id: str, room: str, name: str | None) -> Reply:
        """The files that the asker may see, but not everybody in the room."""
        return await self._files(ask, _Place(room_id, room, shared=False), name, [])

    @command("terug", "back")
    async def back(self, ask: Ask, since: Past, room: Here) -> Reply:
        """What was said since then, as far as the asker may read it."""
        where = replace(_place(ask, room), shared=False)
        found = await ask.archive.messages(where.room_id, since, limit=MESSAGES)
        return self._said(ask, where, pages.begin("back.top", where.name, since, found, ask), found, since)

    @button
    async def further(self, ask: Ask, room_id: str, room: str, since: str, after: Cursor) -> Reply:
        """The next messages."""
        where, start = _Place(room_id, room, shared=False), datetime.fromisoformat(since)
        found = await ask.archive.messages(room_id, start, after=after, limit=MESSAGES)
        return self._said(ask, where, pages.further(room, found, ask), found, start)

    @command("export", "export", allow="manager")
    async def export(
        self, ask: Ask, fmt: Literal["html", "jsonl"] = "html", since: Past | None = None, *, room: Here
    ) -> Reply:
        """All of a room that the asker may read, as a file. It is made in a job: a large room takes minutes."""
        await ask.archive.may_export(room.room_id)
        self.at(
            ask,
            ask.now,
            self.make_export,
            key=ask.cause,
            room_id=room.room_id,
            room=room.name,
            fmt=fmt,
            since=since.isoformat() if since else None,
            language=ask.language,
        )
        return say("export.begun")  # without the name: it may be asked for in another room

    @slow_job
    async def make_export(
        self, ask: Ask, room_id: str, room: str, *, fmt: Literal["html", "jsonl"], since: str | None, language: str
    ) -> Reply:
        """Make the file, with the rights that the asker has now."""
        start = datetime.fromisoformat(since) if since else None
        made = await ask.archive.export(ExportWish(room_id, fmt, language, ask.timezone, ask.cause, start))
        reply = pages.exported(room_id, room, fmt, start, made).in_private().in_language(language)
        return reply.ring(ask.sender.user_id)  # who waits for it may be elsewhere by now

    @command("privacy", "privacy", allow="guest")
    async def privacy(self, ask: Ask) -> Reply:
        """What is kept of the asker, why, for how long, and who may look."""
        reply = pages.footprint(await ask.archive.footprint())
        return reply if ask.room.direct else reply.in_private()

    @command("inzage", "inspect", allow="auditor")
    async def inspect(self, ask: Ask, room: Room, since: Past, purpose: Rest) -> Reply:
        """All that was said in a room, with what was removed; it is written down."""
        where = _Place(room.room_id, room.name, shared=False)
        found = await ask.archive.look_into(where.room_id, since, purpose, limit=MESSAGES)
        reply = pages.begin("inspect.top", where.name, since, found, ask, purpose=purpose)
        return self._said(ask, where, reply, found, since, purpose=purpose)

    @button
    async def look_on(self, ask: Ask, room_id: str, room: str, since: str, after: Cursor, *, purpose: str) -> Reply:
        """The next messages; they are written down too."""
        where, start = _Place(room_id, room, shared=False), datetime.fromisoformat(since)
        found = await ask.archive.look_into(room_id, start, purpose, after=after, limit=MESSAGES)
        return self._said(ask, where, pages.further(room, found, ask), found, start, purpose=purpose)

    async def _files(self, ask: Ask, where: _Place, name: str | None, before: list[Cursor]) -> Reply:
        after = before[-1] if before else None
        found = await ask.archive.files(where.room_id, everyone=where.shared, name=name, after=after, limit=FILES)
        reply = pages.files(where.name, name, found, page=len(before) + 1)
        args: dict[str, Any] = {"room_id": where.room_id, "room": where.name, "name": name}
        if before:
            reply = reply.button(BACK, self.turn, before=before[:-1], **args)
        if found.next is not None:
            reply = reply.button(NEXT, self.turn, before=[*before, found.next], **args)
        if where.shared and found.more_in_private:
            reply = reply.and_say("files.more", button=PRIVATE).button(PRIVATE, self.all_files, **args)
        return _sent(ask, where, reply, encrypted=found.encrypted)

    def _said(self, ask: Ask, where: _Place, reply: Reply, found: Messages, since: datetime, **more: str) -> Reply:
        if found.next is not None:
            handler = self.look_on if more else self.further
            args: dict[str, Any] = {
                "room_id": where.room_id,
                "room": where.name,
                "since": since.isoformat(),
                "after": found.next,
            }
            reply = reply.and_say("back.more", button=NEXT).button(NEXT, handler, **{**args, **more})
        return _sent(ask, where, reply, encrypted=found.encrypted)


def _place(ask: Ask, room: Room) -> _Place:
    return _Place(room.room_id, room.name, shared=room.room_id == ask.room.room_id and not ask.room.direct)


def _sent(ask: Ask, where: _Place, reply: Reply, *, encrypted: bool) -> Reply:
    """Where an answer goes. What came from an encrypted room only goes into encrypted ones."""
    reply = replace(reply, sealed=encrypted)
    return reply if where.shared or ask.room.direct else reply.in_private(sealed=encrypted)
