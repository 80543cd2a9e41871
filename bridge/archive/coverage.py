"""What the archive holds, what it does not, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.archive.export import instant
from bridge.storage import coverage, indexing, intake, trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from bridge.storage.coverage import ConsumerRow, Count, RoomRow
    from bridge.storage.db import Connection
    from bridge.storage.indexing import Status
    from bridge.storage.trouble import Trouble, Troubles

DERIVED = "search"  # this consumer keeps nothing that is not in the archive
HELD_STATES = ("stored", "erased")  # erased: as the retention of removed messages demands
READ_STATES = ("done", "no_text", "due")
TEXT_STATES = (*READ_STATES, "locked", "failed", "too_large", "no_ocr")
STATES = ("stored", "pending", "too_large", "failed", "erased")


@dataclass(slots=True)
class Room:
    """One room. Counters are by (consumer or state, reason) or by reason."""

    row: RoomRow
    unread: Counter[str] = field(default_factory=Counter)
    attachments: Counter[tuple[str, str]] = field(default_factory=Counter)
    texts: Counter[tuple[str, str]] = field(default_factory=Counter)  # of the attachments that are stored
    set_aside: Counter[tuple[str, str]] = field(default_factory=Counter)
    referred: int = 0  # events that others refer to; of a room without its beginning they may well be older

    def problems(self) -> Iterator[str]:
        """What is not held, in words."""
        if not self.row.has_beginning:
            before = f"history before {self.row.first_at:%Y-%m-%d %H:%M} UTC not held"
            if self.row.backfilled_at is not None:
                yield f"{before}, and the homeserver gave none of it"
            else:
                why = f" ({self.row.backfill_reason})" if self.row.backfill_reason else ""
                yield f"{before}: postkamer backfill{why}"
        if self.referred:
            yield f"{self.referred} events are referred to that are not held: postkamer backfill"
        for reason, count in sorted(self.unread.items()):
            yield f"{count} encrypted not read: {reason}"
        for (state, reason), count in sorted(self.attachments.items()):
            if state not in HELD_STATES:
                yield f"{count} attachments {state.replace('_', ' ')}" + (f": {reason}" if reason else "")
        for (consumer, reason), count in sorted(self.set_aside.items()):
            yield f"{count} set aside by {consumer}: {reason}"

    def as_json(self) -> dict[str, Any]:
        """The object of `coverage --json`; docs/commands.md describes it."""
        row = self.row
        return {
            "room_id": row.room_id,
            "name": row.name,
            "events": row.events,
            "messages": row.messages,
            "from": instant(row.first_at),
            "to": instant(row.last_at),
            "history": {
                "complete": row.has_beginning,
                "backfilled_at": instant(row.backfilled_at) if row.backfilled_at else None,
                "checked_at": instant(row.checked_at) if row.checked_at else None,
                "referred_not_held": self.referred,
                "reason": row.backfill_reason,
            },
            "encryption": {
                "enabled": row.encrypted,
                "bot": row.has_bot,
                "events": row.encrypted_events,
                "read": row.read_events,
                "unread": self.unread.total(),
                "reasons": dict(sorted(self.unread.items())),
            },
            "attachments": _attachments(self.attachments),
            "texts": _texts(self.texts),
            "set_aside": _set_aside(self.set_aside),
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """All of it."""

    rooms: list[Room]
    not_read: list[tuple[str, str | None]]  # rooms of which a backfill could read nothing, and why
    checked_at: datetime | None  # when a backfill of all rooms last began that was completed
    unsorted: int  # transactions that came in, but are not in the inbox yet
    consumers: list[ConsumerRow]
    set_aside: Counter[tuple[str, str]]  # (consumer, reason) → rows, also those of no room
    index: Status
    bots: Troubles

    @property
    def conflicts(self) -> int:
        """How often a known event id came with another content."""
        return sum(count for (consumer, _), count in self.set_aside.items() if consumer == "inbox")

    @property
    def complete(self) -> bool:
        """Whether all is held, as far as we can know: a homeserver may have sent us less than it has."""
        behind = any(consumer.behind for consumer in self.consumers if consumer.name != DERIVED)
        lacks = self.unsorted or self.not_read or self.set_aside or behind
        return not lacks and not any(True for room in self.rooms for _ in room.problems())

    def totals(self) -> dict[str, Any]:
        """The sums over all rooms."""
        rows = [room.row for room in self.rooms]
        return {
            "rooms": len(rows),
            "events": sum(row.events for row in rows),
            "messages": sum(row.messages for row in rows),
            "rooms_without_beginning": sum(not row.has_beginning for row in rows) + len(self.not_read),
            "referred_not_held": sum(room.referred for room in self.rooms),
            "encrypted_rooms": sum(row.encrypted for row in rows),
            "encrypted_rooms_without_bot": sum(row.encrypted and not row.has_bot for row in rows),
            "encrypted": sum(row.encrypted_events for row in rows),
            "read": sum(row.read_events for row in rows),
            "unread": sum(room.unread.total() for room in self.rooms),
            "attachments": _attachments(sum((room.attachments for room in self.rooms), Counter())),
            "texts": _texts(sum((room.texts for room in self.rooms), Counter())),
            "set_aside": self.set_aside.total(),
        }

    def as_json(self) -> dict[str, Any]:
        """What `coverage --json` prints; docs/commands.md describes it."""
        return {
            "complete": self.complete,
            "checked_at": instant(self.checked_at) if self.checked_at else None,
            "totals": self.totals(),
            "rooms": [room.as_json() for room in self.rooms],
            "rooms_not_read": [{"room_id": room_id, "reason": reason} for room_id, reason in self.not_read],
            "unsorted": self.unsorted,
            "consumers": [
                {"name": row.name, "position": row.position, "head": row.head, "behind": row.behind}
                for row in self.consumers
            ],
            "set_aside": _set_aside(self.set_aside),
            "conflicts": self.conflicts,
            "search": {
                "ready": self.index.ready,
                "documents": self.index.documents,
                "behind": self.index.behind,
                "attachments_unreadable": self.index.unreadable,
                "attachments_unread": self.index.unread,
            },
            "bots": {
                "unanswered": _troubles(self.bots.unanswered),
                "unsent": _troubles(self.bots.unsent),
                "jobs": _troubles(self.bots.jobs),
                "left_over": _troubles(self.bots.left_over),
            },
        }


async def measure(tx: Connection, bots: Sequence[str]) -> Coverage:
    """Count.

    Args:
        tx: in a snapshot, so that the numbers fit together.
        bots: the Matrix ids of our bot users.
    """
    rooms = {row.room_id: Room(row) for row in await coverage.rooms(tx, bots)}
    for room, count in _of_rooms(rooms, await coverage.unread(tx, bots)):
        room.unread[count.reason or ""] += count.count
    for room, count in _of_rooms(rooms, await coverage.attachments(tx)):
        room.attachments[count.what, count.reason or ""] += count.count
    for room, count in _of_rooms(rooms, await coverage.texts(tx)):
        room.texts[count.what, count.reason or ""] += count.count
    for room, count in _of_rooms(rooms, await coverage.referred(tx)):
        room.referred = count.count if room.row.has_beginning else 0
    aside: Counter[tuple[str, str]] = Counter()
    counts = await coverage.set_aside(tx)
    for count in counts:
        aside[count.what, count.reason or ""] += count.count
    for room, count in _of_rooms(rooms, counts):
        room.set_aside[count.what, count.reason or ""] += count.count
    return Coverage(
        list(rooms.values()),
        await coverage.rooms_not_read(tx),
        await coverage.checked_at(tx),
        await intake.count(tx),
        await coverage.consumers(tx),
        aside,
        await indexing.status(tx),
        await trouble.troubles(tx, bots),
    )


def _of_rooms(rooms: dict[str, Room], counts: Iterable[Count]) -> Iterator[tuple[Room, Count]]:
    for count in counts:
        if count.room_id in rooms:
            yield rooms[count.room_id], count


def _attachments(counts: Counter[tuple[str, str]]) -> dict[str, Any]:
    return _by_state(counts, STATES, HELD_STATES)


def _texts(counts: Counter[tuple[str, str]]) -> dict[str, Any]:
    return _by_state(counts, TEXT_STATES, READ_STATES)


def _by_state(counts: Counter[tuple[str, str]], states: Sequence[str], good: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(states, 0)
    reasons: Counter[str] = Counter()
    for (state, reason), count in counts.items():
        found[state] += count
        if state not in good and reason:
            reasons[reason] += count
    return {**found, "reasons": dict(sorted(reasons.items()))}


def _set_aside(counts: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"consumer": consumer, "reason": reason, "count": count} for (consumer, reason), count in sorted(counts.items())
    ]


def _troubles(found: Sequence[Trouble]) -> list[dict[str, Any]]:
    return [{"who": one.who, "count": one.count, "newest": instant(one.newest), "reason": one.reason} for one in found]
