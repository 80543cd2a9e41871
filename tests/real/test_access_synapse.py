"""What the access rule gives, beside what a real Synapse shows to the same people."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from bridge.app import application
from bridge.archive.access import Access
from bridge.config.schema import Access as Settings
from bridge.storage.db import open_db
from tests.real.client import logged_in
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.storage.db import Db
    from tests.real.client import Client
    from tests.real.server import Installation

ROOMS, ACTIONS = 8, 45
SETTINGS = ("world_readable", "shared", "invited", "joined")
_EVENTS = "SELECT event_id, ord, sub FROM event WHERE room_id = $1 AND type = 'm.room.message'"
_STAY = "SELECT membership FROM membership WHERE room_id = $1 AND user_id = $2 ORDER BY ord"


class Room:
    """A room of an owner who is always in it, and others who come and go."""

    def __init__(self, room_id: str, owner: Client, others: Sequence[Client], chance: random.Random) -> None:
        self.id = room_id
        self.owner = owner
        self.chance = chance
        self.is_public = False
        self.state = dict.fromkeys(others, "leave")
        self.sent: list[str] = []

    async def call(self, who: Client, action: str, **body: Any) -> None:
        await who.call("POST", f"/rooms/{quote(self.id)}/{action}", body)

    async def setting(self, value: str) -> None:
        path = f"/rooms/{quote(self.id)}/state/m.room.history_visibility/"
        answer = await self.owner.call("PUT", path, {"history_visibility": value})
        if self.chance.random() < 0.2:
            await self.owner.redact(self.id, answer["event_id"], "vergissing")

    async def say(self, who: Client) -> None:
        self.sent.append(await who.say(self.id, f"{len(self.sent)}"))

    async def change(self, who: Client) -> None:
        """Something that may happen to somebody in their state."""
        target = {"user_id": who.user_id}
        moves = {
            "leave": ["invite"] * 8 + ["ban"] + ["join"] * 8 * self.is_public,
            "invite": ["join"] * 8 + ["leave", "ban"],
            "join": ["leave"] * 6 + ["kick"] * 3 + ["ban"],
            "ban": ["unban"],
        }
        move = self.chance.choice(moves[self.state[who]])
        if move in ("join", "leave"):
            await self.call(who, move)
        else:
            await self.call(self.owner, move, **target)
        self.state[who] = {"kick": "leave", "unban": "leave"}.get(move, move)

    async def act(self) -> None:
        """One thing, at random."""
        among = [self.owner, *(one for one, state in self.state.items() if state == "join")]
        match self.chance.randrange(10):
            case 0 | 1:
                await self.setting(self.chance.choice(SETTINGS))
            case 2 | 3 | 4 | 5:
                await self.change(self.chance.choice(list(self.state)))
            case _:
                await self.say(self.chance.choice(among))


async def lived(owner: Client, others: Sequence[Client], chance: random.Random) -> Room:
    """A room in which much has happened."""
    preset = chance.choice(("private_chat", "public_chat"))
    room = Room(await owner.create_room("Hal", preset=preset), owner, others, chance)
    room.is_public = preset == "public_chat"
    for _ in range(ACTIONS):
        await room.act()
    await room.say(owner)
    return room


async def holds(db: Db, room: Room) -> bool:
    """Whether the archive has all messages of a room."""
    async with db.connection() as connection:
        return set(room.sent) <= {row[0] for row in await connection.fetch(_EVENTS, room.id)}


async def shown(who: Client, room_id: str) -> set[str]:
    """The messages that Synapse shows, read backwards as clients do."""
    found: set[str] = set()
    query = {"dir": "b", "limit": "100"}
    while True:
        page = await who.call("GET", f"/rooms/{quote(room_id)}/messages", None, **query)
        found |= {one["event_id"] for one in page["chunk"] if one["type"] == "m.room.message"}
        if "end" not in page:
            return found
        query["from"] = page["end"]


async def given(db: Db, who: Client, room_id: str) -> set[str]:
    """The messages that the access rule gives."""
    rule = Access(Settings(), lambda _: {"staff"}, ())
    async with db.connection() as connection:
        readable = await rule.for_room(connection, who.user_id, room_id)
        found = await connection.fetch(_EVENTS, room_id)
    return {event_id for event_id, *place in found if readable.may_read(room_id, (place[0], place[1]))}


async def is_comparable(db: Db, who: Client, room: Room) -> bool:
    """Whether it is no known difference (see docs/access.md): in the room, or left it and nothing since."""
    async with db.connection() as connection:
        stays = [row[0] for row in await connection.fetch(_STAY, room.id, who.user_id)]
    return stays[-1:] == ["join"] or stays[-2:] == ["join", "leave"]


async def test_what_synapse_shows(installation: Installation) -> None:
    chance = random.Random(20260302)
    compared = []
    async with (
        logged_in(installation.synapse, "anna", "bas", "cora", "dirk", "eva") as (anna, *others),
        application(installation.config, roles=("inbox", "recorder")),
        open_db(installation.database_url, size=2) as db,
    ):
        for room in [await lived(anna, others, chance) for _ in range(ROOMS)]:
            await until(partial(holds, db, room))
            for who in (anna, *others):
                if await is_comparable(db, who, room):
                    assert await given(db, who, room.id) == await shown(who, room.id)
                    compared.append(room.state.get(who, "owner"))
    assert compared.count("join") > ROOMS
    assert compared.count("leave") > ROOMS


async def test_known_differences(installation: Installation) -> None:
    """What the table in docs/access.md says of Synapse."""
    async with logged_in(installation.synapse, "anna", "bas", "cora", "dirk") as (anna, bas, cora, dirk):
        room = Room(await anna.create_room("Hal", bas), anna, (bas, cora, dirk), random.Random(1))
        await room.call(anna, "invite", user_id=cora.user_id)
        await room.say(anna)
        await room.call(cora, "leave")
        await room.call(bas, "leave")
        await room.say(anna)
        early, late = room.sent
        assert {one["event_id"] for one in await bas.messages(room.id)} >= {early, late}  # forwards
        assert await shown(bas, room.id) == {early}
        assert await shown(cora, room.id) == {early}  # she declined

        await room.call(anna, "invite", user_id=bas.user_id)
        await refused(bas, room)
        await room.call(bas, "leave")
        assert await shown(bas, room.id) == {early, late}
        await room.call(anna, "ban", user_id=bas.user_id)
        await refused(bas, room)

        await room.setting("world_readable")
        await room.say(anna)
        assert await shown(dirk, room.id) == {room.sent[-1]}
        assert await shown(bas, room.id) == {early, room.sent[-1]}
        await room.setting("shared")
        await refused(dirk, room)


async def refused(who: Client, room: Room) -> None:
    """Synapse shows nothing of a room."""
    with pytest.raises(AssertionError, match="M_FORBIDDEN"):
        await shown(who, room.id)
