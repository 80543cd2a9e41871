"""A homeserver as bots see it, in memory: `FakeCourier` does as the real one in `tests/real/test_courier.py`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.engine.courier import RefusedError, RoomNow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(slots=True)
class FakeRoom:
    """A room of the fake homeserver."""

    joined: set[str] = field(default_factory=set)
    invited: set[str] = field(default_factory=set)
    encrypted: bool = False
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that a bot has sent."""

    event_id: str
    sender: str
    room_id: str
    type: str
    content: dict[str, Any]
    encrypted: bool


class FakeServer:
    """Rooms, and all that was sent into them.

    Attributes:
        trouble: called before each request with what it is and the room or person; raises what is to go wrong.
        after: the same, when the request was done but its answer is still to be given.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, FakeRoom] = {}
        self.sent: list[Sent] = []
        self.requests: list[tuple[str, str]] = []
        self.trouble: Callable[[str, str], None] = lambda *_: None
        self.after: Callable[[str, str], None] = lambda *_: None
        self.numbers = itertools.count(1)
        self.txns: dict[tuple[str, str], str] = {}

    def courier(self, user_id: str) -> FakeCourier:
        """That of a bot."""
        return FakeCourier(self, user_id)

    def room(self, room_id: str, *joined: str, encrypted: bool = False) -> FakeRoom:
        """A room, new or not, with these people in it."""
        room = self.rooms.setdefault(room_id, FakeRoom())
        room.joined |= set(joined)
        room.encrypted = room.encrypted or encrypted
        return room

    def bodies(self, room_id: str | None = None) -> list[str]:
        """The texts that were sent, in order."""
        return [
            one.content["body"] for one in self.sent if one.type == "m.room.message" and room_id in (None, one.room_id)
        ]


class FakeCourier:
    """See `bridge.engine.courier.Courier`."""

    def __init__(self, server: FakeServer, user_id: str) -> None:
        self.user_id = user_id
        self._server = server

    def _begin(self, what: str, where: str) -> None:
        self._server.requests.append((what, where))
        self._server.trouble(what, where)

    def _inside(self, room_id: str) -> FakeRoom:
        room = self._server.rooms.get(room_id)
        if room is None or self.user_id not in room.joined:
            raise RefusedError("403 M_FORBIDDEN")
        return room

    async def send(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any],
        txn_id: str,
        *,
        encrypted: bool | None = None,
    ) -> str:
        self._begin("send", room_id)
        room, key = self._inside(room_id), (self.user_id, txn_id)
        if key not in self._server.txns:
            event_id = f"$sent{next(self._server.numbers)}"
            self._server.txns[key] = event_id
            assert encrypted in (None, room.encrypted), "the archive is wrong about the room"
            sealed = room.encrypted and event_type not in ("m.reaction", "m.room.redaction")
            self._server.sent.append(Sent(event_id, self.user_id, room_id, event_type, dict(content), sealed))
        self._server.after("send", room_id)
        return self._server.txns[key]

    async def room(self, room_id: str) -> RoomNow:
        self._begin("room", room_id)
        room = self._inside(room_id)
        return RoomNow(room.encrypted, frozenset(room.joined), frozenset(room.invited))

    async def create_direct(self, person: str, *, encrypted: bool, token: str) -> str:
        self._begin("create_direct", person)
        room_id = f"!direct{next(self._server.numbers)}"
        self._server.rooms[room_id] = FakeRoom({self.user_id}, {person}, encrypted, token)
        self._server.after("create_direct", person)
        return room_id

    async def find_direct(self, token: str) -> str | None:
        self._begin("find_direct", token)
        return next(
            (name for name, room in self._server.rooms.items() if room.token == token and self.user_id in room.joined),
            None,
        )

    async def upload(self, path: Path, name: str, mimetype: str, *, encrypted: bool) -> dict[str, Any]:
        self._begin("upload", name)
        info = {"size": path.stat().st_size, "mimetype": mimetype}
        url = f"mxc://example.com/file{next(self._server.numbers)}"
        return {"info": info} | ({"file": {"url": url}} if encrypted else {"url": url})

    async def join(self, room_id: str) -> None:
        self._begin("join", room_id)
        room = self._server.rooms.get(room_id)
        if room is None:
            raise RefusedError("404 M_NOT_FOUND")
        room.joined.add(self.user_id)
        room.invited.discard(self.user_id)

    async def leave(self, room_id: str) -> None:
        self._begin("leave", room_id)
        room = self._server.rooms.get(room_id)
        if room is not None:
            room.joined.discard(self.user_id)
