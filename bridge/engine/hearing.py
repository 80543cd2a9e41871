"""What a batch of the inbox asks of bots, once all that is needed to understand it has been looked up."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bridge.archive.events import UnusableError, object_of, read_event, read_payload, text_of, unlocked
from bridge.engine.addressing import concerned, said
from bridge.storage import asking, bot_rooms, inbox
from bridge.storage.asks import NewAsk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bridge.archive.events import Event
    from bridge.engine.addressing import Said
    from bridge.engine.users import BotUser
    from bridge.storage.asks import Kind
    from bridge.storage.bot_rooms import BotRoom
    from bridge.storage.db import Connection
    from bridge.storage.inbox import InboxRow

EDITABLE: Final = timedelta(minutes=1)
_REACTION: Final = "m.reaction"
_QUESTIONS: Final = frozenset({"m.room.message", _REACTION, "m.room.encrypted"})


class _Heard(NamedTuple):
    """An event, the row that the archive must have before it is answered, and the bots that were there."""

    event: Event
    seq: int
    there: Sequence[BotUser]


class Hearing:
    """One batch.

    Args:
        ours: all our own users; nobody answers them.
        oldest: what was sent or came in before this time is not answered.
    """

    def __init__(self, tx: Connection, users: Sequence[BotUser], ours: frozenset[str], oldest: datetime) -> None:
        self._tx = tx
        self._users = users
        self._ours = ours
        self._oldest = oldest
        self._rooms: dict[tuple[str, str], BotRoom] = {}
        self._heard: list[_Heard] = []
        self._locked: dict[str, _Heard] = {}  # encrypted, by event id
        self._payloads: dict[str, InboxRow] = {}  # what was inside
        self._asks: list[NewAsk] = []
        self._maybe: list[NewAsk] = []  # only when the room is a direct chat

    async def load(self, rows: Sequence[InboxRow]) -> None:
        """Where our bots are before these rows."""
        for room in await bot_rooms.in_rooms(self._tx, {str(row.room_id) for row in rows}):
            self.moved(room)

    def membership(self, room_id: str, user_id: str) -> BotRoom | None:
        """Of one of our bots, as far as the rows were read."""
        return self._rooms.get((room_id, user_id))

    def moved(self, room: BotRoom) -> None:
        """A bot has another membership from here on."""
        self._rooms[room.room_id, room.user_id] = room

    def there(self, room_id: str, seq: int) -> list[BotUser]:
        """The bots that were in a room when this row came in."""
        return [
            user
            for user in self._users
            if (held := self._rooms.get((room_id, user.user_id))) and held.membership == "join" and held.seq < seq
        ]

    def add(self, row: InboxRow) -> None:
        """A row that may hold a question."""
        if row.received_at < self._oldest or not self.there(str(row.room_id), row.seq):
            return
        if row.kind == "decrypted":
            self._payloads[row.key] = row
        elif row.type in _QUESTIONS and (event := event_of(row)) is not None:
            self._hear(event)

    def ask(self, cause: str, event: Event, user_id: str, kind: Kind) -> None:
        """Something that is no message. An empty room is to be left however old it is."""
        if kind == "left" or self._is_new(event):
            self._asks.append(_ask(_Heard(event, event.seq, ()), cause, user_id, kind, {}))

    async def asks(self) -> list[NewAsk]:
        """All that is asked, in the order in which it was said."""
        await self._unlock()
        messages = [(heard, what) for heard in self._heard if (what := said(heard.event)) is not None]
        reactions = [heard for heard in self._heard if heard.event.type == _REACTION]
        targets = [heard.event.relation.target_id for heard in reactions]
        others = await self._look_up([what.edits or what.replied for _, what in messages] + targets)
        edited = [others[what.edits].relation.reply_to for _, what in messages if what.edits in others]
        others |= await self._look_up(edited)
        for heard, what in messages:
            self._message(heard, what, others)
        for heard in reactions:
            self._reaction(heard, others.get(heard.event.relation.target_id or ""))
        small = await self._small({one.room_id for one in self._maybe})
        found = self._asks + [one for one in self._maybe if one.room_id in small]
        return sorted(found, key=lambda one: one.seq)

    def _hear(self, event: Event) -> None:
        there = self.there(event.room_id, event.seq)
        if not there or not self._is_new(event) or event.sender in self._ours or event.state_key is not None:
            return
        heard = _Heard(event, event.seq, there)
        if event.encrypted:
            self._locked[event.event_id] = heard
        else:
            self._heard.append(heard)

    async def _unlock(self) -> None:
        """Bring encrypted events and what was inside them together, wherever they stand in the inbox."""
        if alone := [key for key in self._payloads if key not in self._locked]:
            for row in await inbox.by_key(self._tx, "event", alone):
                if row.before_seq is None and row.erased_at is None and (event := event_of(row)) and event.encrypted:
                    self._hear(event)
        payloads = self._payloads
        if unread := [key for key in self._locked if key not in payloads]:
            payloads |= {row.key: row for row in await inbox.by_key(self._tx, "decrypted", unread)}
        for key, heard in self._locked.items():
            inside = payloads.get(key)
            if inside is not None and inside.erased_at is None and (read := _opened(heard.event, inside)) is not None:
                self._heard.append(heard._replace(event=read, seq=max(inside.seq, heard.seq)))

    async def _look_up(self, event_ids: Iterable[str | None]) -> dict[str, Event]:
        """The envelopes of other events, by id."""
        wanted = sorted({one for one in event_ids if one is not None})
        found = [event_of(row) for row in await inbox.by_key(self._tx, "event", wanted)] if wanted else []
        return {event.event_id: event for event in found if event is not None}

    async def _small(self, room_ids: set[str]) -> set[str]:
        """Those of the rooms that may be direct chats."""
        if not room_ids:
            return set()
        direct = {room.room_id for room in self._rooms.values() if room.direct and room.membership == "join"}
        return direct | await asking.small_rooms(self._tx, room_ids)

    def _message(self, heard: _Heard, what: Said, others: Mapping[str, Event]) -> None:
        first: Event | None = None
        thread, target, replied = what.thread, what.target, what.replied
        if what.edits is not None:
            first = others.get(what.edits)
            if first is None or not _may_replace(heard.event, first):
                return
            thread, target, replied = _relations(first)
        other = others.get(replied or "")
        for one in concerned(what, heard.there, replied_to=other.sender if other else None):
            payload = {"text": one.text, "addressed": one.addressed}
            payload |= {"thread": thread, "target": target, "replied": replied}
            kind: Kind = "message"
            if first is not None:
                kind, payload = "edit", payload | {"edits": first.event_id}
            where = self._maybe if one.maybe else self._asks
            where.append(_ask(heard, heard.event.event_id, one.user_id, kind, payload))

    def _reaction(self, heard: _Heard, target: Event | None) -> None:
        event = heard.event
        key = text_of(object_of(event.content.get("m.relates_to")).get("key"))
        if key is None or target is None or event.relation.rel_type != "m.annotation":
            return
        if target.room_id == event.room_id and any(user.user_id == target.sender for user in heard.there):
            payload = {"key": key, "on": target.event_id}
            self._asks.append(_ask(heard, event.event_id, target.sender, "press", payload))

    def _is_new(self, event: Event) -> bool:
        return min(event.sent_at, event.received_at) >= self._oldest


def event_of(row: InboxRow) -> Event | None:
    """The event of a row; None when it is none, or none that can be used."""
    try:
        return read_event(row) if row.kind == "event" else None
    except UnusableError:
        return None


def _opened(event: Event, row: InboxRow) -> Event | None:
    try:
        read = unlocked(event, read_payload(row))
    except UnusableError:
        return None
    return read if read.decrypted else None


def _may_replace(event: Event, first: Event) -> bool:
    """An edit counts for a minute, by the one who wrote the message."""
    same = (event.sender, event.room_id) == (first.sender, first.room_id) and first.sub == 0
    return same and event.sent_at - first.sent_at <= EDITABLE


def _relations(event: Event) -> tuple[str | None, str | None, str | None]:
    """Thread, target and last message of an edited message: an edit cannot change them."""
    relation = event.relation
    threaded = relation.rel_type == "m.thread"
    target = None if threaded and relation.falling_back else relation.reply_to
    return (relation.target_id if threaded else None), target, relation.reply_to


def _ask(heard: _Heard, cause: str, user_id: str, kind: Kind, payload: Mapping[str, Any]) -> NewAsk:
    event, text = heard.event, json.dumps(payload, ensure_ascii=False)
    return NewAsk(cause, heard.seq, user_id, event.room_id, event.sender, kind, text, event.sent_at)
