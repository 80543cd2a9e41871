"""A client that waits for messages by /sync, and says when one has come."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bench.chatter import Person

_FILTER = {"presence": {"types": []}, "account_data": {"types": []}, "room": {"ephemeral": {"types": []}}}
_POLL_MILLISECONDS = 30_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A message, and when it had come (time.perf_counter)."""

    at: float
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Wanted:
    room: str
    sender: str
    matches: Callable[[dict[str, Any]], bool]
    coming: asyncio.Future[Seen]


class Watcher:
    """What comes in by somebody's /sync. Make one with `watching`."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._wanted: list[_Wanted] = []

    def message(self, room: str, sender: str, matches: Callable[[dict[str, Any]], bool]) -> asyncio.Future[Seen]:
        """The next message of somebody in a room whose content `matches`. Call this before what causes it."""
        coming = asyncio.get_running_loop().create_future()
        self._wanted.append(_Wanted(room, sender, matches, coming))
        return coming

    async def sync(self, since: str | None) -> str:
        """One request; where the next begins."""
        query = {"filter": json.dumps(_FILTER), "timeout": str(_POLL_MILLISECONDS if since else 0)}
        if since:
            query["since"] = since
        answer = await self._person.call("GET", f"/_matrix/client/v3/sync?{urlencode(query)}")
        now = time.perf_counter()
        for room, news in answer.get("rooms", {}).get("join", {}).items():
            for event in news["timeline"]["events"]:
                if event["type"] == "m.room.message":
                    self._found(room, event["sender"], Seen(now, event["content"]))
        return str(answer["next_batch"])

    def _found(self, room: str, sender: str, seen: Seen) -> None:
        for wanted in self._wanted:
            if (wanted.room, wanted.sender) == (room, sender) and wanted.matches(seen.content):
                self._wanted.remove(wanted)
                wanted.coming.set_result(seen)
                return

    async def run(self, since: str) -> None:
        """Take what comes, without end."""
        while True:
            since = await self.sync(since)


@asynccontextmanager
async def watching(person: Person) -> AsyncIterator[Watcher]:
    """A watcher that has seen what there is now."""
    watcher = Watcher(person)
    running = asyncio.create_task(watcher.run(await watcher.sync(None)))
    try:
        yield watcher
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
