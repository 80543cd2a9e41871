"""People who send without pause through a homeserver: messages, edits, reactions, redactions, threads and files."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

if TYPE_CHECKING:
    import random

PAUSE_SECONDS = 0.05


@dataclass
class Person:
    """Somebody with an access token."""

    session: aiohttp.ClientSession
    url: str
    token: str
    names: str  # a prefix for transaction ids
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def call(self, method: str, path: str, body: Any = None, **kwargs: Any) -> dict[str, Any]:
        """One request; repeated while the homeserver does not answer, which the transaction id makes safe."""
        headers = {"Authorization": f"Bearer {self.token}"}
        while True:
            try:
                async with self.session.request(
                    method, self.url + path, json=body, headers=headers, **kwargs
                ) as response:
                    answer: dict[str, Any] = await response.json()
                    if response.status == 200:
                        return answer
                    if response.status < 500:
                        raise RuntimeError(f"{method} {path.partition('?')[0]}: {response.status} {answer}")
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(PAUSE_SECONDS)

    async def send(self, room: str, content: dict[str, Any], kind: str = "m.room.message") -> str:
        """Send an event; its id."""
        txn = f"{self.names}{next(self.numbers)}"
        path = f"/_matrix/client/v3/rooms/{quote(room)}/send/{kind}/{txn}"
        return str((await self.call("PUT", path, content))["event_id"])

    async def create_room(self, name: str, *invited: str) -> str:
        """A private room, to which others are invited by their Matrix ids; its id."""
        body = {"name": name, "preset": "private_chat", "invite": list(invited)}
        return str((await self.call("POST", "/_matrix/client/v3/createRoom", body))["room_id"])

    async def invite(self, room: str, user_id: str) -> None:
        """Invite somebody."""
        await self.call("POST", f"/_matrix/client/v3/rooms/{quote(room)}/invite", {"user_id": user_id})

    async def join(self, room: str) -> None:
        """Join a room to which one was invited."""
        await self.call("POST", f"/_matrix/client/v3/join/{quote(room)}", {})

    async def until_joined(self, room: str, user_id: str) -> None:
        """Wait until somebody is in a room."""
        path = f"/_matrix/client/v3/rooms/{quote(room)}/joined_members"
        while user_id not in (await self.call("GET", path))["joined"]:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(PAUSE_SECONDS)

    async def redact(self, room: str, event_id: str) -> str:
        """Remove an event; the redaction's id."""
        path = f"/_matrix/client/v3/rooms/{quote(room)}/redact/{quote(event_id)}/{self.names}{next(self.numbers)}"
        return str((await self.call("PUT", path, {"reason": "a mistake"}))["event_id"])

    async def upload(self, data: bytes) -> str:
        """Upload a file; its mxc URI."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/pdf"}
        async with self.session.post(f"{self.url}/_matrix/media/v3/upload", data=data, headers=headers) as response:
            return str((await response.json())["content_uri"])

    async def chat(self, room: str, choice: random.Random, stop: asyncio.Event) -> None:
        """Send until stopped."""
        mine: list[str] = []
        while not stop.is_set():
            action = choice.randrange(12) if mine else 0
            target = choice.choice(mine) if mine else ""
            if action == 1:
                new = {"msgtype": "m.text", "body": f"beter {len(mine)}"}
                relation = {"rel_type": "m.replace", "event_id": target}
                await self.send(room, {**new, "m.new_content": new, "m.relates_to": relation})
            elif action == 2:
                key = choice.choice(["👍", "✅", "👀", "🔴", "🟠"]) + str(next(self.numbers))
                relation = {"rel_type": "m.annotation", "event_id": target, "key": key}
                await self.send(room, {"m.relates_to": relation}, "m.reaction")
            elif action == 3:
                mine.remove(target)
                await self.redact(room, target)
            elif action == 4:
                uri = await self.upload(choice.randbytes(choice.randrange(100, 50_000)))
                body = {
                    "msgtype": "m.file",
                    "body": "tekening.pdf",
                    "url": uri,
                    "info": {"mimetype": "application/pdf"},
                }
                mine.append(await self.send(room, body))
            elif action == 5:
                relation = {"rel_type": "m.thread", "event_id": target}
                await self.send(room, {"msgtype": "m.text", "body": "in de draad", "m.relates_to": relation})
            else:
                mine.append(await self.send(room, {"msgtype": "m.text", "body": f"bericht {len(mine)} {self.names}"}))
            await asyncio.sleep(choice.uniform(0, PAUSE_SECONDS))

    async def history(self, room: str) -> list[dict[str, Any]]:
        """Every event of a room that the homeserver has."""
        events: list[dict[str, Any]] = []
        start = ""
        while True:
            path = f"/_matrix/client/v3/rooms/{quote(room)}/messages?dir=b&limit=500{start}"
            page = await self.call("GET", path)
            events += page["chunk"]
            if "end" not in page or not page["chunk"]:
                return events
            start = f"&from={page['end']}"
