"""Replays chat from a file on the homeserver of the demo: rooms and users are made on the way.

A line of the file is a JSON object: `room`, `topic` (becomes a thread), `sender`, `ts` (seconds since 1970), `body`.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from bridge.demo.progress import whole_lines
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bridge.demo.owner import Owner
    from bridge.demo.progress import Progress

_WAITING = 4  # messages of a room that are read ahead
_GZIP = b"\x1f\x8b"
_STAFF = "demo-host"  # makes the rooms
_DIGEST = 8


class Message(msgspec.Struct, frozen=True):
    """A line."""

    room: str
    sender: str
    ts: float
    body: str
    topic: str = ""


@dataclass
class _Lane:
    """A room: what is sent to it goes one after the other."""

    room: str
    waiting: asyncio.Queue[tuple[int, Message] | None] = field(default_factory=lambda: asyncio.Queue(_WAITING))
    room_id: str = ""
    members: set[str] = field(default_factory=set)
    sent_before: dict[tuple[str, int], str] = field(default_factory=dict)
    last: str = ""


class Lines:
    """Which lines are done: all up to one, and a few beyond it. Kept as a file of numbers."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._all_to = 0
        self._beyond: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number <= self._all_to or number in self._beyond

    def note(self, number: int) -> None:
        """Take a number from the file."""
        self._beyond.add(number)
        while self._all_to + 1 in self._beyond:
            self._all_to += 1
            self._beyond.remove(self._all_to)

    def done(self, number: int) -> None:
        """A line is done; kept when this process is killed the next moment."""
        self.note(number)
        self._file.write(f"{number}\n")
        self._file.flush()


@contextmanager
def open_lines(path: Path) -> Iterator[Lines]:
    """What a file says is done; made when it is not there."""
    with path.open("a", encoding="ascii") as file:
        lines = Lines(file)
        for line in whole_lines(path):
            lines.note(int(line))
        yield lines


class Replay:
    """One file.

    Args:
        progress: of the threads of this file alone.
        lines: of this file.
        on_line: called after each line with its number.
    """

    def __init__(self, owner: Owner, progress: Progress, lines: Lines, on_line: Callable[[int], None]) -> None:
        self._owner = owner
        self._progress = progress
        self._lines = lines
        self._on_line = on_line
        self._lanes: dict[str, _Lane] = {}
        self._users: set[str] = set()

    async def run(self, path: Path) -> list[str]:
        """Send what has not been sent.

        Returns:
            the id of the last event of each room to which something was sent.

        Raises:
            PostkamerError: a line is not as it should be, or the homeserver refuses.
        """
        await self._owner.register(_STAFF)
        try:
            async with asyncio.TaskGroup() as group:
                for number, message in messages(path):
                    if number not in self._lines:
                        await self._lane(message.room, group).waiting.put((number, message))
                for lane in self._lanes.values():
                    await lane.waiting.put(None)
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return [lane.last for lane in self._lanes.values() if lane.last]

    def _lane(self, room: str, group: asyncio.TaskGroup) -> _Lane:
        if room not in self._lanes:
            self._lanes[room] = _Lane(room)
            group.create_task(self._work(self._lanes[room]))
        return self._lanes[room]

    async def _work(self, lane: _Lane) -> None:
        alias = f"replay-{_slug(lane.room)}-{hashlib.sha256(lane.room.encode()).hexdigest()[:_DIGEST]}"
        body = {"name": lane.room, "preset": "public_chat", "visibility": "private"}
        lane.room_id = await self._owner.room(alias, _STAFF, body)
        lane.members = await self._owner.members(_STAFF, lane.room_id)
        lane.sent_before = await self._owner.recent(_STAFF, lane.room_id)
        while (item := await lane.waiting.get()) is not None:
            await self._send(lane, *item)

    async def _send(self, lane: _Lane, number: int, message: Message) -> None:
        who = _localpart(message.sender)
        # Of use to find it again when we are killed before we note that it was sent: no two lines share a time.
        ts = int(message.ts) * 1000 + number % 1000
        await self._arrive(lane, who, message.sender, ts)
        thread = f"{lane.room}\n{message.topic}" if message.topic else ""
        root = self._progress.get(thread) if thread else None
        content: dict[str, Any] = {"msgtype": "m.text", "body": message.body}
        if root:
            fallback = {"is_falling_back": True, "m.in_reply_to": {"event_id": root}}
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": root, **fallback}
        event_id = lane.sent_before.get((self._owner.user_id(who), ts)) or await self._owner.send(
            who, lane.room_id, "m.room.message", content, txn_id=f"replay-{number}", ts=ts
        )
        if thread and not root:
            self._progress.done(thread, event_id)
        self._lines.done(number)
        lane.last = event_id
        self._on_line(number)

    async def _arrive(self, lane: _Lane, who: str, name: str, ts: int) -> None:
        """Make the user, and let them into the room, when that has not been done."""
        user_id = self._owner.user_id(who)
        if user_id in lane.members:
            return
        if who not in self._users:
            await self._owner.register(who)
            await self._owner.set_name(who, name)
            self._users.add(who)
        await self._owner.set_member(who, lane.room_id, who, "join", ts=ts)
        lane.members.add(user_id)


def messages(path: Path) -> Iterator[tuple[int, Message]]:
    """(line number from 1, message) of a file, gzip or plain.

    Raises:
        PostkamerError: it cannot be read, or a line is not as it should be.
    """
    decode = msgspec.json.Decoder(Message).decode
    try:
        with path.open("rb") as probe:
            packed = probe.read(2) == _GZIP
        with gzip.open(path) if packed else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield number, decode(line)
    except (OSError, EOFError) as error:
        raise PostkamerError(f"{path} cannot be read: {error}", "give a file of JSON lines, plain or gzip") from error
    except msgspec.MsgspecError as error:
        raise PostkamerError(
            f"{path}, line {number}: {error}", "a line is an object with room, sender, ts, body and perhaps topic"
        ) from error


def _localpart(sender: str) -> str:
    """A user of their own, apart from the company's: names of people may be the same."""
    return f"chat-{_slug(sender)}-{hashlib.sha256(sender.encode()).hexdigest()[:_DIGEST]}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
