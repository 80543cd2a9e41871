"""Helpers of the tests on encrypted rooms: people, and what the archive holds of what they wrote."""

from __future__ import annotations

import itertools
import json
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.app import application
from bridge.demo.person import Person
from bridge.storage import bot_device, inbox
from bridge.storage.db import open_db
from tests.real.server import BOT
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.bot_device import BotDevice
    from bridge.storage.db import Db
    from tests.real.server import Installation

PASSWORD = "correct horse"
_REASON = "SELECT reason, due FROM undecrypted WHERE event_id = $1"


@dataclass(frozen=True, slots=True)
class Held:
    """What the database of an installation holds."""

    db: Db

    async def payload(self, event_id: str) -> dict[str, Any] | None:
        """What an encrypted event says, None while it has not been read."""
        async with self.db.connection() as connection:
            rows = await inbox.by_key(connection, "decrypted", [event_id])
        if not rows:
            return None
        found: dict[str, Any] = json.loads(rows[0].raw)
        return found

    async def body(self, event_id: str) -> str | None:
        """The text of an encrypted message, None while it has not been read."""
        payload = await self.payload(event_id)
        return None if payload is None else payload["content"]["body"]

    async def reason(self, event_id: str) -> str | None:
        """Why an event has been tried in vain; None when it has not."""
        async with self.db.connection() as connection:
            row = await connection.fetchrow(_REASON, event_id)
        return None if row is None or row["due"] else row["reason"]

    async def device(self, bot: str) -> BotDevice:
        """The bot's device."""
        async with self.db.connection() as connection:
            device = await bot_device.get(connection, bot)
        assert device is not None
        return device

    async def read(self, *event_ids: str) -> list[dict[str, Any]]:
        """Wait until events have been read."""

        async def all_read() -> bool:
            return all([await self.payload(event_id) is not None for event_id in event_ids])

        await until(all_read)
        return [payload for event_id in event_ids if (payload := await self.payload(event_id)) is not None]

    async def given_up(self, event_id: str) -> str:
        """Wait until an event has been tried in vain, and say why."""

        async def tried() -> bool:
            return await self.reason(event_id) is not None

        await until(tried)
        return await self.reason(event_id) or ""


@dataclass(frozen=True, slots=True)
class Scene:
    """An installation, and people who use its homeserver."""

    installation: Installation
    held: Held
    bot: str
    _up: AsyncExitStack
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def person(self) -> Person:
        """Somebody new."""
        name = f"p{next(self._numbers)}{secrets.token_hex(4)}"
        synapse = self.installation.synapse
        await synapse.register(name, PASSWORD)
        return await self._up.enter_async_context(Person.login(synapse.url, synapse.user_id(name), PASSWORD))

    async def joined(self, person: Person, room_id: str) -> None:
        """Wait until the bot is in a room of `person`."""

        async def is_in() -> bool:
            return self.bot in await person.members(room_id)

        await until(is_in)

    async def room_with_bot(self, person: Person) -> str:
        """A new encrypted room in which the bot is."""
        room_id = await person.create_room("Directie", invite=[self.bot], encrypted=True)
        await self.joined(person, room_id)
        return room_id


@asynccontextmanager
async def scene(installation: Installation) -> AsyncIterator[Scene]:
    """People and what is held of them; Postkamer itself is started by the test."""
    async with open_db(installation.database_url, size=4) as db, AsyncExitStack() as up:
        yield Scene(installation, Held(db), installation.synapse.user_id(BOT), up)


def running(installation: Installation) -> Any:
    """Postkamer with all its roles, as a context."""
    return application(installation.config)


def text(body: str) -> dict[str, Any]:
    """The content of a message."""
    return {"msgtype": "m.text", "body": body}
