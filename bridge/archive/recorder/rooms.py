"""What a room is, from its current state (Client-Server API v1.16, "Room Events" and "Spaces")."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from bridge.archive.events import object_of, reference, text_of
from bridge.archive.pruning import pruned_content
from bridge.storage.rooms import RoomRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.storage.rooms import CurrentState

_CHILD, _PARENT = "m.space.child", "m.space.parent"

# The state that says what a room is.
ROOM_TYPES = frozenset(
    {
        "m.room.create",
        "m.room.name",
        "m.room.topic",
        "m.room.canonical_alias",
        "m.room.avatar",
        "m.room.encryption",
        "m.room.history_visibility",
        "m.room.join_rules",
        "m.room.tombstone",
        _PARENT,
        _CHILD,
    }
)


def rooms_of(state: Iterable[CurrentState]) -> Iterator[RoomRow]:
    """The rooms that this state makes.

    Args:
        state: all the state of `ROOM_TYPES` of some rooms, in the order of rooms.
    """
    for room_id, of_room in groupby(state, key=lambda one: one.room_id):
        yield _room(room_id, list(of_room))


def _room(room_id: str, state: list[CurrentState]) -> RoomRow:
    contents = {(one.type, one.state_key): _content(one) for one in state}
    creators = [one.sender for one in state if one.type == "m.room.create" and not one.state_key]

    def of(kind: str) -> dict[str, Any]:
        return contents.get((kind, ""), {})

    def linked(kind: str) -> str:
        """A link without `via` is no link any more."""
        found = [
            key for (one, key), content in contents.items() if one == kind and isinstance(content.get("via"), list)
        ]
        return json.dumps(sorted(found), ensure_ascii=False)

    create, alias = of("m.room.create"), of("m.room.canonical_alias")
    listed = alias.get("alt_aliases")
    aliases = [one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, str)]
    return RoomRow(
        room_id,
        text_of(create.get("type")),
        (text_of(create.get("room_version")) or "1") if creators else None,
        text_of(create.get("creator")) or (creators[0] if creators else None),
        text_of(of("m.room.name").get("name")),
        text_of(of("m.room.topic").get("topic")),
        text_of(alias.get("alias")),
        json.dumps(aliases, ensure_ascii=False),
        text_of(of("m.room.avatar").get("url")),
        text_of(of("m.room.encryption").get("algorithm")),
        text_of(of("m.room.history_visibility").get("history_visibility")),
        text_of(of("m.room.join_rules").get("join_rule")),
        reference(object_of(create.get("predecessor")).get("room_id")),
        reference(of("m.room.tombstone").get("replacement_room")),
        linked(_PARENT),
        linked(_CHILD),
    )


def _content(state: CurrentState) -> dict[str, Any]:
    content = object_of(json.loads(state.content))
    return pruned_content(state.type, content, state=True) if state.removed else content
