"""A client of the homeserver that sends what it is told."""

from __future__ import annotations

import itertools
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.real.server import Homeserver


class Client:
    """Somebody who is logged in."""

    def __init__(self, session: aiohttp.ClientSession, user_id: str, token: str) -> None:
        self.user_id = user_id
        self.token = token
        self._session = session
        self._numbers = itertools.count(1)

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """An endpoint below `/_matrix/client/v3`."""
        url = f"/_matrix/client/v3{path}"
        async with self._session.request(
            method, url, json=body, params=query, headers={"Authorization": f"Bearer {self.token}"}
        ) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer

    async def create_room(self, name: str, *invited: Client, **more: Any) -> str:
        """A room that the others join too."""
        body = {"name": name, "preset": "private_chat", "invite": [one.user_id for one in invited], **more}
        room_id = str((await self.call("POST", "/createRoom", body))["room_id"])
        for one in invited:
            await one.call("POST", f"/join/{quote(room_id)}", {})
        return room_id

    async def send(self, room_id: str, event_type: str, content: dict[str, Any]) -> str:
        """An event; returns its id."""
        path = f"/rooms/{quote(room_id)}/send/{event_type}/{next(self._numbers)}"
        return str((await self.call("PUT", path, content))["event_id"])

    async def say(self, room_id: str, text: str, relates_to: dict[str, Any] | None = None) -> str:
        """A text."""
        content = {"msgtype": "m.text", "body": text} | ({"m.relates_to": relates_to} if relates_to else {})
        return await self.send(room_id, "m.room.message", content)

    async def edit(self, room_id: str, target: str, text: str) -> str:
        """A later text."""
        new = {"msgtype": "m.text", "body": text}
        relation = {"rel_type": "m.replace", "event_id": target}
        content = {**new, "body": f"* {text}", "m.new_content": new, "m.relates_to": relation}
        return await self.send(room_id, "m.room.message", content)

    async def react(self, room_id: str, target: str, key: str) -> str:
        """A reaction."""
        relation = {"rel_type": "m.annotation", "event_id": target, "key": key}
        return await self.send(room_id, "m.reaction", {"m.relates_to": relation})

    async def redact(self, room_id: str, target: str, reason: str) -> str:
        """The removal of an event."""
        path = f"/rooms/{quote(room_id)}/redact/{quote(target)}/{next(self._numbers)}"
        return str((await self.call("PUT", path, {"reason": reason}))["event_id"])

    async def messages(self, room_id: str) -> list[dict[str, Any]]:
        """Every event of a room that this user may see, oldest first."""
        events: list[dict[str, Any]] = []
        query = {"dir": "f", "limit": "1000"}
        while True:
            page = await self.call("GET", f"/rooms/{quote(room_id)}/messages", None, **query)
            events += page["chunk"]
            if "end" not in page or not page["chunk"]:
                return events
            query["from"] = page["end"]


@asynccontextmanager
async def logged_in(synapse: Homeserver, *names: str, admin: bool = False) -> AsyncIterator[list[Client]]:
    """New users, whose names begin like these."""
    async with aiohttp.ClientSession(synapse.url) as session:
        clients = []
        for name in names:
            localpart = f"{name}-{secrets.token_hex(4)}"
            token = await synapse.register(localpart, "secret", admin=admin)
            clients.append(Client(session, synapse.user_id(localpart), token))
        yield clients
