"""Helpers of the tests on what bots send: bot users at work without the rest of the program, and people who read."""

from __future__ import annotations

import warnings
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
from mautrix.errors import DecryptionError
from mautrix.types import EncryptedEvent, ToDeviceEvent

from bridge.background import running
from bridge.matrix.crypto import Bots
from bridge.monitor.health import Health
from bridge.storage.db import open_db
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.config.schema import BotUser
    from bridge.demo.person import Person
    from bridge.engine.courier import Courier
    from tests.real.server import Installation


@dataclass(frozen=True, slots=True)
class AtWork:
    """Bot users at work."""

    bots: Bots
    health: Health

    async def courier(self, user_id: str) -> Courier:
        """Of a user, once it is ready."""

        def ready() -> bool:
            return user_id in self.health.parts and self.health.parts[user_id].ok

        await until(ready)
        return self.bots.courier(user_id)


@asynccontextmanager
async def at_work(installation: Installation, *, users: Sequence[BotUser] | None = None) -> AsyncIterator[AtWork]:
    """The first bot user of the config, or these."""
    config = installation.config
    async with open_db(installation.database_url, size=4) as db, aiohttp.ClientSession() as session:
        health = Health(frozenset())
        bots = Bots(config, db, session, health, users=config.bots.users[:1] if users is None else users)
        async with running({"bots": bots.run}):
            yield AtWork(bots, health)


class Ear:
    """The device of a person that takes keys and reads."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self._since: dict[str, str] = {}

    @classmethod
    async def of(cls, person: Person) -> Ear:
        """A device that others can send keys to."""
        await person._crypto()
        return cls(person)

    async def content(self, room_id: str, event_id: str) -> dict[str, Any] | None:
        """What an encrypted event says, None when this device has not been sent its key."""
        machine = await self.person._crypto()
        answer = await self.person.request("GET", "v3/sync", query=self._since)
        self._since = {"since": answer["next_batch"]}
        for message in answer.get("to_device", {}).get("events", []):
            if message["type"] == "m.room.encrypted":
                with suppress(DecryptionError):
                    await machine.handle_to_device_event(ToDeviceEvent.deserialize(message))
        event = await self.person.request("GET", f"v3/rooms/{room_id}/event/{event_id}")
        assert event["type"] == "m.room.encrypted", event
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # mautrix reads fields that it tells others not to read
            try:
                opened = await machine.decrypt_megolm_event(EncryptedEvent.deserialize(event))
            except DecryptionError:
                return None
        content: dict[str, Any] = opened.content.serialize()
        return content

    async def body(self, room_id: str, event_id: str) -> str | None:
        """The text of an encrypted message, None when this device cannot read it."""
        content = await self.content(room_id, event_id)
        return None if content is None else str(content["body"])
