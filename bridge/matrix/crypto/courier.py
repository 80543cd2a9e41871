"""What a bot sends and asks, in its name and that of its device. Implements `bridge.engine.courier.Courier`.

Source: Matrix Client-Server API v1.16, "Sending events to a room", "Redactions", "Room membership".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True, slots=True)
class Tools:
    """What is there as long as the device of a bot can be used."""

    calls: Calls
    rooms: Rooms
    outbound: Outbound


class BotCourier:
    """One bot user; `tools` are set while its device can be used."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.tools: Tools | None = None

    @property
    def _now(self) -> Tools:
        if self.tools is None:
            raise AwayError("the bot's device is not ready")
        return self.tools

    async def send(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any],
        txn_id: str,
        *,
        encrypted: bool | None = None,
    ) -> str:
        tools, room = self._now, Path.v3.rooms[room_id]
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
        return await self._now.rooms.now(room_id)

    async def create_direct(self, person: str, *, encrypted: bool, token: str) -> str:
        return await direct.create(self._now.calls, self.user_id, person, encrypted=encrypted, token=token)

    async def find_direct(self, token: str) -> str | None:
        return await direct.find(self._now.calls, token)

    async def upload(self, path: pathlib.Path, name: str, mimetype: str, *, encrypted: bool) -> dict[str, Any]:
        return await uploads.upload(self._now.calls, path, name, mimetype, encrypted=encrypted)

    async def join(self, room_id: str) -> None:
        await self._now.calls.post(Path.v3.rooms[room_id].join, {})

    async def leave(self, room_id: str) -> None:
        calls, room = self._now.calls, Path.v3.rooms[room_id]
        for path in (room.leave, room.forget):
            try:
                await calls.post(path, {})
            except RefusedError:
                continue  # it is not in there
