"""What a room is at this moment, by the homeserver.

Source: Matrix Client-Server API v1.16, "Getting events for a room", "m.room.encryption" and "Room history visibility".
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from mautrix.api import Path

from bridge.engine.courier import RefusedError, RoomNow
from bridge.matrix.crypto.calls import NotThereError

if TYPE_CHECKING:
    from bridge.matrix.crypto.calls import Calls

MAX_KNOWN = 10_000
MESSAGES, AGE = 100, timedelta(weeks=1)  # what the specification recommends
_MAX_AGE = timedelta(days=365)
_JOINED_ONLY = "joined"


@dataclass(frozen=True, slots=True)
class Encryption:
    """How messages of a room are encrypted, and when a key is too old."""

    algorithm: str
    messages: int
    age: timedelta


class Rooms:
    """Asks about rooms in the name of one bot. All methods raise AwayError, LimitedError or RefusedError."""

    def __init__(self, calls: Calls, user_id: str) -> None:
        self._calls = calls
        self._user_id = user_id
        self._encrypted: set[str] = set()

    async def is_encrypted(self, room_id: str) -> bool:
        """Whether only encrypted messages may be sent.

        Encryption is never switched off: once seen, it is not asked for again. It may be switched on at any moment, so
        any other room is asked for anew.
        """
        return room_id in self._encrypted or await self.encryption(room_id) is not None

    async def encryption(self, room_id: str) -> Encryption | None:
        """How a room is encrypted, None when it is not."""
        try:
            content = await self._state(room_id, "m.room.encryption")
        except NotThereError:
            return None
        if len(self._encrypted) >= MAX_KNOWN:
            self._encrypted.clear()
        self._encrypted.add(room_id)
        milliseconds = _positive(content.get("rotation_period_ms"))
        age = AGE if milliseconds is None else min(timedelta(milliseconds=min(milliseconds, 10**12)), _MAX_AGE)
        messages = _positive(content.get("rotation_period_msgs")) or MESSAGES
        return Encryption(str(content.get("algorithm")), messages, age)

    async def now(self, room_id: str) -> RoomNow:
        """A room that the bot is in; RefusedError when it is not."""
        encrypted, (joined, invited) = await asyncio.gather(self.is_encrypted(room_id), self._members(room_id))
        return RoomNow(encrypted, joined, invited)

    async def readers(self, room_id: str) -> frozenset[str]:
        """Who is to be able to decrypt what is said now; RefusedError when the bot is not in the room.

        Somebody who is invited will see it on joining, unless the room shows what was said only to members of then.
        """
        joined, invited = await self._members(room_id)
        if not invited:
            return joined
        try:
            visibility = (await self._state(room_id, "m.room.history_visibility")).get("history_visibility")
        except NotThereError:
            visibility = None
        return joined if visibility == _JOINED_ONLY else joined | invited

    async def _members(self, room_id: str) -> tuple[frozenset[str], frozenset[str]]:
        path = Path.v3.rooms[room_id]
        joined, invited = await asyncio.gather(
            self._calls.get(path.joined_members), self._calls.get(path.members, membership="invite")
        )
        members = frozenset(joined.get("joined") or {})
        if self._user_id not in members:
            raise RefusedError("the bot is not in the room")
        return members, frozenset(str(event.get("state_key")) for event in invited.get("chunk") or ())

    async def _state(self, room_id: str, event_type: str) -> dict[str, Any]:
        return await self._calls.get(Path.v3.rooms[room_id].state[event_type])


def _positive(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None
