"""What the homeserver has and we lack: its rooms, read backwards into the same inbox.

That is the history from before us, and what it forgot to send (Synapse loses what waits in its memory when it ends:
element-hq/synapse#11637). A room that was read to its beginning is later read only down to what was held then.

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

    from bridge.storage.backfill import Order, Progress
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
    """What became of one room. `reason` is None when all that the homeserver has of it is held now."""

    room_id: str
    seen: int
    added: int
    reason: str | None = None


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


def is_known(events: Sequence[Arrival], held: Mapping[str, Order], until: int | None) -> bool:
    """Whether an earlier reading has found all events of a page, so that it has found what is older too.

    Args:
        until: the place before which it has found everything; None: there was none.
    """
    # An empty page proves nothing: the homeserver leaves out what clients are not to see.
    return until is not None and bool(events) and all(held.get(event.key, (until, 0)) < (until, 0) for event in events)


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
        """Read every room; when that was possible, it is noted as a check of the whole archive."""
        async with self._db.connection() as connection:
            began_at = await backfill.clock(connection)
        complete = True
        async for room_id in self._history.rooms():
            result = await self.room(room_id)
            complete = complete and result.reason is None
            yield result
        if complete:
            async with self._db.connection() as connection:
                await backfill.all_checked(connection, began_at)

    async def room(self, room_id: str, *, again: bool = False) -> RoomResult:
        """Read what we lack of one room; what an earlier run has left unread is read first.

        Args:
            again: read to its beginning, even when an earlier run has done that.
        """
        seen = added = 0
        try:
            if await self._begin(room_id, whole=again):
                seen, added = await self._read(room_id)
                # That went on from a place of then: what came since is newer.
                await self._start(room_id, whole=False)
            more_seen, more_added = await self._read(room_id)
        except SourceError as error:
            async with self._db.connection() as connection:
                await backfill.stop(connection, room_id, str(error))
            found = await self._progress(room_id)
            return RoomResult(room_id, seen + found.seen, added + found.added, str(error))
        return RoomResult(room_id, seen + more_seen, added + more_added)

    async def _begin(self, room_id: str, *, whole: bool) -> bool:
        """Begin a reading; True when there is one that was interrupted, which goes on."""
        async with self._db.connection() as connection:
            progress = await backfill.get(connection, room_id)
        interrupted = progress is not None and progress.reading and progress.next_token is not None
        if progress is not None and interrupted and (not whole or progress.until_seq is None):
            return True
        await self._start(room_id, whole=whole)
        return False

    async def _start(self, room_id: str, *, whole: bool) -> None:
        async with self._db.connection() as connection:
            await backfill.start(connection, room_id, whole=whole)

    async def _progress(self, room_id: str) -> Progress:
        async with self._db.connection() as connection:
            progress = await backfill.get(connection, room_id)
        assert progress is not None  # noqa: S101 (it was begun, and nothing removes it)
        return progress

    async def _read(self, room_id: str) -> tuple[int, int]:
        """Read to the end of the reading; returns how many events it has seen and added."""
        try:
            return await self._read_on(room_id)
        except StaleTokenError:
            log.warning("the homeserver refuses the place where we stopped, reading the room anew", room_id=room_id)
            await self._start(room_id, whole=(await self._progress(room_id)).until_seq is None)
            return await self._read_on(room_id)

    async def _read_on(self, room_id: str) -> tuple[int, int]:
        unsettled = 0
        while True:
            progress = await self._progress(room_id)
            if not progress.reading:
                return progress.seen, progress.added
            async with self._db.connection() as connection:
                head = await inbox.head(connection)
            page = await self._history.page(room_id, progress.next_token)
            async with self._db.tx() as tx:
                await backfill.lock_inbox(tx)
                if progress.head_seq is not None:
                    anchor = (progress.before_seq, progress.before_sub)
                else:
                    arrived = await self._arrived(tx, room_id, head, page)
                    if arrived and unsettled < SETTLE_ATTEMPTS:
                        unsettled += 1
                        continue
                    anchor = (arrived[0] if arrived else await backfill.new_place(tx), 0)
                await self._append(tx, progress, page, anchor)
            progress = await self._progress(room_id)
            self._on_page(room_id, progress.seen, progress.added)

    async def _arrived(self, tx: Connection, room_id: str, head: int, page: Page) -> list[int]:
        """What came live since we asked for the newest page and is not in it: newer than the page.

        Then the page is asked for again, so that the newest event of the page is the newest of the room.
        """
        on_page = {event.key for event in page.events}
        arrived = await backfill.arrived_since(tx, room_id, head)
        return [seq for key, seq in arrived.items() if key not in on_page]

    async def _append(self, tx: Connection, progress: Progress, page: Page, anchor: Order) -> None:
        room_id, head = progress.room_id, anchor[0]
        held = await backfill.places(tx, room_id, [event.key for event in page.events])
        new, anchor = place(page.events, held, anchor)
        added = len(new) - len(await inbox.append(tx, new)) if new else 0
        await backfill.save(tx, room_id, anchor, page.next_token, head=head, seen=len(page.events), added=added)
        if page.next_token is None or is_known(page.events, held, progress.until_seq):
            await backfill.finish(tx, room_id)
