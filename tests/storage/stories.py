"""Short stories of a room, as text: what happened in it, in order.

`begin, anna join, history joined, een, bas leave again, a day passes, remove een`: the creation of the room, a change
of membership, a setting of history, a message of Anna's, time, a redaction. The id of an event is its own text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.archive.access import Access
from bridge.config.checks import LaterJoiners
from bridge.config.schema import Access as Settings
from tests.storage.post import ROOM, event, member, message, redaction, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.storage.db import Db
    from bridge.storage.readable import Place, Readable

    Places = Mapping[str, tuple[str, Place]]

STAFF = ("anna", "bas", "cora", "postkamer")
GUEST, STRANGER, AUDITOR = "gast", "vreemde", "anna"
PEOPLE = {name: f"@{name}:example.com" for name in STAFF} | {
    GUEST: "@gast:partner.example",
    STRANGER: "@vreemde:elsewhere.example",
}
DAY = 24 * 60


def roles_of(user_id: str) -> set[str]:
    """As a config would say it."""
    if user_id == PEOPLE[GUEST]:
        return {"guest"}
    roles = {"staff"} if user_id.endswith(":example.com") else set()
    return roles | {"auditor"} if user_id == PEOPLE[AUDITOR] else roles


def access(later: str = "as_client", left: Any = "seen") -> Access:
    """The rule by a company's settings."""
    settings = Settings(later_joiners=LaterJoiners.parse(later), after_leaving=left)
    return Access(settings, roles_of, {PEOPLE["postkamer"]})


def told(story: str, room: str = ROOM) -> Iterator[dict[str, Any]]:
    """The events of a story, a minute apart."""
    minute = 0
    for text in story.split(", "):
        minute += 1
        if text == "a day passes":
            minute += DAY
        else:
            yield _event(text, {"room_id": room, "minute": minute})


def _event(text: str, outer: dict[str, Any]) -> dict[str, Any]:
    first, *rest = text.split()
    if first == "begin":
        return event(text, "m.room.create", {}, state_key="", **outer)
    if first == "history":
        return event(text, "m.room.history_visibility", {"history_visibility": rest[0]}, state_key="", **outer)
    if first == "name":
        return event(text, "m.room.name", {"name": rest[0]}, state_key="", **outer)
    if first == "remove":
        return redaction(text, " ".join(rest), **outer)
    if first in PEOPLE:
        return member(text, PEOPLE[first], rest[0], **outer)
    return message(text, text, **outer)


async def places(db: Db) -> Places:
    """Of each event its room and its place there."""
    found = await rows(db, "SELECT event_id, room_id, ord, sub FROM event")
    return {event_id: (room_id, (order, sub)) for event_id, room_id, order, sub in found}


def seen(where: Places, readable: Readable) -> set[str]:
    """The events that may be read."""
    return {event_id for event_id, (room_id, place) in where.items() if readable.may_read(room_id, place)}
