"""The consumer of the inbox that keeps the archive.

The archive is a function of the set of rows in the inbox: their order, batches and repeats make no difference. Each
event is recorded from its own row and, if it was encrypted, from the row with what was inside; everything that depends
on other events is made from all rows that are there, or decided when it is read (`storage.messages`). That is also why
an erased event is simply recorded again from what stayed of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.archive.consumer import Rejected
from bridge.archive.events import REDACTION, UnusableError, read_event, read_payload, unlocked
from bridge.archive.pruning import pruned
from bridge.archive.recorder.receipts import receipts_of
from bridge.archive.recorder.rooms import ROOM_TYPES, rooms_of
from bridge.archive.recorder.rows import Rows
from bridge.storage import events, inbox, members, receipts, recording, rooms, visibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.archive.events import Event, Payload
    from bridge.storage.db import Connection
    from bridge.storage.inbox import InboxRow
    from bridge.storage.receipts import ReceiptRow


# What decides what others may see: nobody can make it unreadable with what he adds to it.
_DECIDING = frozenset({"m.room.create", "m.room.history_visibility", "m.room.member", REDACTION})


class Recorder:
    """See `bridge.archive.consumer.Consumer`."""

    name = "recorder"

    def __init__(self, batch: int = 500) -> None:
        self.batch = batch

    def concerns(self, row: InboxRow) -> bool:
        """Who asks about a room asks for it as it is now."""
        return row.kind == "event"

    async def apply(self, tx: Connection, rows: Sequence[InboxRow]) -> Sequence[Rejected]:
        """Record a batch, in a number of statements that does not depend on its size."""
        reading = _Reading()
        for row in rows:
            reading.add(row)
        await _complete(tx, reading)
        await _record(tx, reading.events.values())
        await receipts.put(tx, list(reading.receipts.values()))
        return reading.rejected

    async def clear(self, tx: Connection) -> None:
        """Empty the archive."""
        await recording.clear(tx)


class _Reading:
    """What a batch of rows says."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.payloads: dict[str, Payload] = {}
        self.receipts: dict[tuple[str, str, str], ReceiptRow] = {}
        self.rejected: list[Rejected] = []
        self._readers: dict[str, Callable[[InboxRow], None]] = {
            "event": self.add_event,
            "decrypted": self.add_payload,
            "ephemeral": self._add_receipts,
        }

    def add(self, row: InboxRow) -> None:
        try:
            self._readers[row.kind](row)
        except UnusableError as error:
            self.rejected.append(Rejected(row.seq, error.reason))

    def add_event(self, row: InboxRow) -> None:
        try:
            self.events[row.key] = read_event(row)
        except UnusableError:
            if row.type not in _DECIDING:
                raise
            self.events[row.key] = read_event(row._replace(raw=pruned(row)))

    def add_payload(self, row: InboxRow) -> None:
        self.payloads[row.key] = read_payload(row)

    def _add_receipts(self, row: InboxRow) -> None:
        for receipt in receipts_of(row):
            held = self.receipts.get(receipt[:3])
            if held is None or receipt.place > held.place:
                self.receipts[receipt[:3]] = receipt


async def _complete(tx: Connection, reading: _Reading) -> None:
    """Bring encrypted events and what was inside them together, wherever they stand in the inbox."""
    other = _Reading()  # what is refused here is refused where it stands itself
    locked = [key for key, event in reading.events.items() if event.encrypted and key not in reading.payloads]
    if locked:
        for row in await inbox.by_key(tx, "decrypted", locked):
            other.add(row)
    alone = [key for key in reading.payloads if key not in reading.events]
    if alone:
        for row in await inbox.by_key(tx, "event", alone):
            other.add(row)
    reading.events |= other.events
    for event_id, payload in (reading.payloads | other.payloads).items():
        if event_id in reading.events:
            reading.events[event_id] = unlocked(reading.events[event_id], payload)


async def _record(tx: Connection, found: Iterable[Event]) -> None:
    rows = Rows()
    for event in found:
        rows.add(event)
    await events.put(tx, rows.events)
    await recording.add_messages(tx, rows.messages)
    await recording.add_revisions(tx, rows.revisions)
    await recording.add_reactions(tx, rows.reactions)
    await recording.add_redactions(tx, rows.redactions)
    await recording.add_votes(tx, rows.votes)
    await recording.add_poll_ends(tx, rows.poll_ends)
    await recording.add_attachments(tx, rows.attachments)
    await rooms.put_state(tx, list(rows.state.values()))
    await members.put(tx, rows.memberships)
    await visibility.put(tx, rows.visibilities)
    await _derive(tx, rows)


async def _derive(tx: Connection, rows: Rows) -> None:
    """Make again what is made of several events: rooms, and the intervals of memberships and settings."""
    touched = {key[0] for key in rows.state if key[1] in ROOM_TYPES}
    pairs = {(row.room_id, row.user_id) for row in rows.memberships}
    if rows.redactions:
        for state in await events.removed_state(tx, [(row.target_id, row.room_id) for row in rows.redactions]):
            if state.type in ROOM_TYPES:
                touched.add(state.room_id)
            elif state.type == "m.room.member":
                pairs.add((state.room_id, state.state_key))
    if touched:
        await rooms.put_rooms(tx, list(rooms_of(await rooms.state_of(tx, touched, ROOM_TYPES))))
    await members.join_up(tx, pairs)
    await visibility.join_up(tx, {row.room_id for row in rows.visibilities})
