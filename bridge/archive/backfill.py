"""History from before us: the rooms of the homeserver, read backwards into the same inbox.

The order in a room: an event of the history stands directly before the next newer event that we hold. It gets that
one's place and a number counted backwards (see `InboxRow.order`), so what comes live meanwhile stays behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from bridge.storage import backfill, inbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from bridge.storage.backfill import Order
    from bridge.storage.db import Connection, Db
    from bridge.storage.inbox import Arrival

log = structlog.get_logger(__name__)

SETTLE_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Page:
    """Events of a room, newest first."""

    events: Sequence[Arrival]
    next_token: str | None  # None: there is nothing older


class SourceError(Exception):
    """A room cannot be read (further); the text says why, for IT."""


class StaleTokenError(SourceError):
    """The homeserver does not take this token (any more)."""


class History(Protocol):
    """Where older history comes from."""

    def rooms(self) -> AsyncIterator[str]:
        """The ids of all rooms."""

    async def page(self, room_id: str, token: str | None) -> Page:
        """What is older than a token of an earlier page; without one: the newest events.

        Raises:
            StaleTokenError: begin again without a token.
            SourceError: anything else that concerns this room.
        """


@dataclass(frozen=True, slots=True)
class RoomResult:
    """What became of one room. `reason` is None when all its history is held now."""

    room_id: str
    seen: int
    added: int
    reason: str | None = None
    skipped: bool = False  # it was finished by an earlier run


def place(events: Sequence[Arrival], held: Mapping[str, Order], anchor: Order) -> tuple[list[Arrival], Order]:
    """Give the events of a page that we do not hold their places.

    Args:
        events: newest first.
        held: the places of those that we hold.
        anchor: the place of the next newer event.

    Returns:
        the events to append, and the anchor for the next page.
    """
    new: dict[str, Arrival] = {}
    for event in events:
        if event.key in held:
            # An event that came late stands further back in the room than its number says: never go forward.
            anchor = min(anchor, held[event.key])
        elif event.key not in new:
            anchor = (anchor[0], anchor[1] - 1)
            new[event.key] = event._replace(before_seq=anchor[0], before_sub=anchor[1])
    return list(new.values()), anchor


class Backfill:
    """Reads rooms.

    Args:
        on_page: called after each page with the room, and how many of its events were seen and added by now.
    """

    def __init__(self, db: Db, history: History, on_page: Callable[[str, int, int], None]) -> None:
        self._db = db
        self._history = history
        self._on_page = on_page

    async def all_rooms(self) -> AsyncIterator[RoomResult]:
        """Read every room that an earlier run has not finished."""
        async for room_id in self._history.rooms():
            yield await self.room(room_id)

    async def room(self, room_id: str, *, again: bool = False) -> RoomResult:
        """Read one room to its beginning, going on where an earlier run stopped.

        Args:
            again: begin at the newest event, even when an earlier run has finished it.
        """
        async with self._db.connection() as connection:
            progress = await backfill.get(connection, room_id)
            if progress is not None and progress.finished_at is not None and not again:
                return RoomResult(room_id, progress.seen, progress.added, skipped=True)
            if progress is None or progress.finished_at is not None or progress.next_token is None:
                await backfill.start(connection, room_id)
        try:
            await self._read(room_id)
        except StaleTokenError:
            log.warning("the homeserver refuses the place where we stopped, reading the room anew", room_id=room_id)
            async with self._db.connection() as connection:
                await backfill.start(connection, room_id)
            try:
                await self._read(room_id)
            except SourceError as error:
                return await self._stopped(room_id, str(error))
        except SourceError as error:
            return await self._stopped(room_id, str(error))
        seen, added, _ = await self._counts(room_id)
        return RoomResult(room_id, seen, added)

    async def _stopped(self, room_id: str, reason: str) -> RoomResult:
        async with self._db.connection() as connection:
            await backfill.stop(connection, room_id, reason)
        seen, added, _ = await self._counts(room_id)
        return RoomResult(room_id, seen, added, reason)

    async def _counts(self, room_id: str) -> tuple[int, int, str | None]:
        async with self._db.connection() as connection:
            progress = await backfill.get(connection, room_id)
        return (progress.seen, progress.added, progress.next_token) if progress else (0, 0, None)

    async def _read(self, room_id: str) -> None:
        unsettled = 0
        while True:
            async with self._db.connection() as connection:
                progress = await backfill.get(connection, room_id)
                head = await inbox.head(connection)
            if progress is None or progress.finished_at is not None:
                return
            page = await self._history.page(room_id, progress.next_token)
            async with self._db.tx() as tx:
                await backfill.lock_inbox(tx)
                if progress.next_token is not None:
                    anchor = (progress.before_seq, progress.before_sub)
                else:
                    arrived = await self._arrived(tx, room_id, head, page)
                    if arrived and unsettled < SETTLE_ATTEMPTS:
                        unsettled += 1
                        continue
                    anchor = (arrived[0] if arrived else await inbox.head(tx) + 1, 0)
                await self._append(tx, room_id, page, anchor)
            seen, added, _ = await self._counts(room_id)
            self._on_page(room_id, seen, added)

    async def _arrived(self, tx: Connection, room_id: str, head: int, page: Page) -> list[int]:
        """What came live since we asked for the newest page and is not in it: newer than the page.

        Then the page is asked for again, so that the newest event of the page is the newest of the room.
        """
        on_page = {event.key for event in page.events}
        arrived = await backfill.arrived_since(tx, room_id, head)
        return [seq for key, seq in arrived.items() if key not in on_page]

    async def _append(self, tx: Connection, room_id: str, page: Page, anchor: Order) -> None:
        held = await backfill.places(tx, room_id, [event.key for event in page.events])
        new, anchor = place(page.events, held, anchor)
        if new:
            known = await inbox.append(tx, new)
            added = len(new) - len(known)
        else:
            added = 0
        await backfill.save(tx, room_id, anchor, page.next_token, seen=len(page.events), added=added)
