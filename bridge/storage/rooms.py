"""The tables `room_state` and `room`: what rooms are now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from bridge.storage.db import Connection


class StateRow(NamedTuple):
    """A state event."""

    room_id: str
    type: str
    state_key: str
    event_id: str
    sender: str
    ord: int
    sub: int
    sent_at: datetime
    content: str  # JSON

    @property
    def place(self) -> tuple[int, int, str]:
        """Where it stands in its room; the id only decides between equal ones."""
        return self.ord, self.sub, self.event_id


@dataclass(frozen=True, slots=True)
class CurrentState:
    """A state event that holds now."""

    room_id: str
    type: str
    state_key: str
    sender: str
    content: str  # JSON
    removed: bool  # redacted: only what redactions leave may be shown


class RoomRow(NamedTuple):
    """A room; lists are JSON."""

    room_id: str
    type: str | None
    version: str | None
    creator: str | None
    name: str | None
    topic: str | None
    canonical_alias: str | None
    alt_aliases: str
    avatar_url: str | None
    encryption: str | None
    history_visibility: str | None
    join_rule: str | None
    predecessor: str | None
    successor: str | None
    parents: str
    children: str


_PUT_STATE = """
INSERT INTO room_state AS s (room_id, type, state_key, event_id, sender, ord, sub, sent_at, content)
SELECT room_id, type, state_key, event_id, sender, ord, sub, sent_at, content::json
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::timestamptz[],
            $9::text[])
AS n (room_id, type, state_key, event_id, sender, ord, sub, sent_at, content)
ON CONFLICT (room_id, type, state_key) DO UPDATE
SET event_id = excluded.event_id, sender = excluded.sender, ord = excluded.ord, sub = excluded.sub,
    sent_at = excluded.sent_at, content = excluded.content
WHERE (excluded.ord, excluded.sub, excluded.event_id COLLATE "C") >= (s.ord, s.sub, s.event_id)
"""

_STATE = """
SELECT s.room_id, s.type, s.state_key, s.sender, s.content::text,
       EXISTS (SELECT FROM redaction r WHERE r.target_id = s.event_id AND r.room_id = s.room_id)
FROM room_state s WHERE s.room_id = ANY($1::text[]) AND s.type = ANY($2::text[])
ORDER BY s.room_id, s.type, s.state_key
"""

_PUT_ROOMS = """
INSERT INTO room (room_id, type, version, creator, name, topic, canonical_alias, alt_aliases, avatar_url, encryption,
                  history_visibility, join_rule, predecessor, successor, parents, children)
SELECT room_id, type, version, creator, name, topic, canonical_alias,
       ARRAY(SELECT json_array_elements_text(alt_aliases::json)), avatar_url, encryption, history_visibility, join_rule,
       predecessor, successor, ARRAY(SELECT json_array_elements_text(parents::json)),
       ARRAY(SELECT json_array_elements_text(children::json))
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
AS n (room_id, type, version, creator, name, topic, canonical_alias, alt_aliases, avatar_url, encryption,
      history_visibility, join_rule, predecessor, successor, parents, children)
ON CONFLICT (room_id) DO UPDATE
SET type = excluded.type, version = excluded.version, creator = excluded.creator, name = excluded.name,
    topic = excluded.topic, canonical_alias = excluded.canonical_alias, alt_aliases = excluded.alt_aliases,
    avatar_url = excluded.avatar_url, encryption = excluded.encryption,
    history_visibility = excluded.history_visibility, join_rule = excluded.join_rule,
    predecessor = excluded.predecessor, successor = excluded.successor, parents = excluded.parents,
    children = excluded.children
"""


async def put_state(tx: Connection, rows: Sequence[StateRow]) -> None:
    """Store state, each (room, type, state key) once among `rows`; what stands earlier in the room changes nothing."""
    if rows:
        await tx.execute(_PUT_STATE, *zip(*rows, strict=True))


async def state_of(tx: Connection, room_ids: Collection[str], types: Collection[str]) -> list[CurrentState]:
    """The current state of these types, in the order of rooms, types and state keys."""
    return [CurrentState(*row) for row in await tx.fetch(_STATE, list(room_ids), list(types))]


async def put_rooms(tx: Connection, rows: Sequence[RoomRow]) -> None:
    """Store what rooms are now."""
    if rows:
        await tx.execute(_PUT_ROOMS, *zip(*rows, strict=True))
