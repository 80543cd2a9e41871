"""Who is who: people by a name, among those of whom the seeker may read something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.links import permalink
from bridge.storage import finding, names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.search.resolve import Asker
    from bridge.storage.db import Connection

_MOST_ROOMS: Final = 5


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody that the seeker knows.

    Attributes:
        names: that they have or had, the last one first.
        rooms: (id, name) of rooms that both are in now, the first ones by name; `room_count`: of all of them.
    """

    user_id: str
    names: Sequence[str]
    rooms: Sequence[tuple[str, str]]
    room_count: int


async def who_is(db: Connection, asker: Asker, text: str, limit: int) -> list[Known]:
    """People with this id or name, else those who have it as a part of their name; our own users are nobody."""
    readable, bots = asker.readable, asker.bots
    link = permalink(text)
    wanted = link.id if link is not None else text.strip()
    fits = (await names.people(db, readable, [wanted])).get(wanted)
    ids = [one.id for one in fits.found if one.id not in bots][:limit] if fits is not None else []
    called = await finding.names_of(db, readable, ids)
    together = await finding.together(db, asker.user_id, ids)
    all_rooms = {room_id for rooms in together.values() for room_id in rooms}
    chats = (await finding.indexed(db)).chats
    known = await finding.rooms(db, readable, asker.user_id, bots, all_rooms - chats)
    found = []
    for one in ids:
        shared = [(room, name) for room in together.get(one, ()) if room in known and (name := known[room].name)]
        shared.sort(key=lambda room: room[1].casefold())
        found.append(Known(one, called.get(one, ()), shared[:_MOST_ROOMS], len(shared)))
    return found
