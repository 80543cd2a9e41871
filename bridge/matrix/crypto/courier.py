"""What a bot sends and asks, in its name and that of its device. Implements `bridge.engine.courier.Courier`.

Source: Matrix Client-Server API v1.16, "Sending events to a room", "Redactions", "Room membership".
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mautrix.api import Path

from bridge.engine.courier import AwayError, RefusedError
from bridge.matrix.crypto import direct, uploads

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

    from bridge.engine.courier import RoomNow
    from bridge.matrix.crypto.calls import Calls
    from bridge.matrix.crypto.outbound import Outbound
    from bridge.matrix.crypto.rooms import Rooms

REDACTION = "m.room.redaction"
# The homeserver has to understand these.
IN_THE_CLEAR = ("m.reaction", REDACTION)
PATIENCE: Final = 30.0  # seconds for a device to become ready, which after a start takes a moment


@dataclass(frozen=True, slots=True)
class Tools:
    """What is there as long as the device of a bot can be used."""

    calls: Calls
    rooms: Rooms
    outbound: Outbound


class BotCourier:
    """One bot user; what it is asked for waits until its device can be used.

    Args:
        patience: seconds that it waits at the most.
    """

    def __init__(self, user_id: str, *, patience: float = PATIENCE) -> None:
        self.user_id = user_id
        self._patience = patience
        self._tools: Tools | None = None
        self._ready = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether its device can be used."""
        return self._tools is not None

    def open(self, tools: Tools) -> None:
        """Its device can be used now."""
        self._tools = tools
        self._ready.set()

    def close(self) -> None:
        """Its device cannot be used any more."""
        self._tools = None
        self._ready.clear()

    async def _now(self) -> Tools:
        if self._tools is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._ready.wait()
        if self._tools is None:
            raise AwayError("the bot's device is not ready")
        return self._tools

    async def send(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any],
        txn_id: str,
        *,
        encrypted: bool | None = None,
    ) -> str:
        tools, room = await self._now(), Path.v3.rooms[room_id]
        if event_type == REDACTION:
            body = {name: value for name, value in content.items() if name != "redacts"}
            path = room.redact[content["redacts"]][txn_id]
            return str((await tools.calls.put(path, body))["event_id"])
        if encrypted is None and event_type not in IN_THE_CLEAR:
            encrypted = await tools.rooms.is_encrypted(room_id)
        if encrypted and event_type not in IN_THE_CLEAR:
            content, event_type = await tools.outbound.seal(room_id, event_type, content), "m.room.encrypted"
        return str((await tools.calls.put(room.send[event_type][txn_id], content))["event_id"])

    async def room(self, room_id: str) -> RoomNow:
        return await (await self._now()).rooms.now(room_id)

    async def create_direct(self, person: str, *, encrypted: bool, token: str) -> str:
        return await direct.create((await self._now()).calls, self.user_id, person, encrypted=encrypted, token=token)

    async def find_direct(self, token: str) -> str | None:
        return await direct.find((await self._now()).calls, token)

    async def upload(self, path: pathlib.Path, name: str, mimetype: str, *, encrypted: bool) -> dict[str, Any]:
        return await uploads.upload((await self._now()).calls, path, name, mimetype, encrypted=encrypted)

    async def join(self, room_id: str) -> None:
        await (await self._now()).calls.post(Path.v3.rooms[room_id].join, {})

    async def leave(self, room_id: str) -> None:
        calls, room = (await self._now()).calls, Path.v3.rooms[room_id]
        for path in (room.leave, room.forget):
            try:
                await calls.post(path, {})
            except RefusedError:
                continue  # it is not in there
