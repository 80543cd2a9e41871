"""What the archive holds of a room, as a bot shows it to people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bridge.botapi.ports import MISSING, RoomStatus
from bridge.storage import coverage, room_status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.storage.db import Connection
    from bridge.storage.room_status import RoomFacts

LOOKED_SECONDS: Final = 600.0  # how long what takes long to count in a large room is remembered
_NONE: Final = (-LOOKED_SECONDS, -1, 0)
_MOST: Final = 1_000  # rooms


class RoomStatuses:
    """Makes the status of rooms.

    Args:
        bots: the Matrix ids of those that read encrypted rooms.
    """

    def __init__(self, bots: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._bots = bots
        self._clock = clock
        self._looked: dict[str, tuple[float, int]] = {}  # when, and how many it lacks
        self._counted: dict[str, tuple[float, int, int]] = {}  # when, up to which place, and how many messages

    async def of(self, db: Connection, room_id: str) -> RoomStatus:
        """The status of a room."""
        found, messages = await self._facts(db, room_id)
        counts = {
            "before_us": int(not found.has_beginning),
            "unread_no_bot": found.unread_no_bot,
            "unread_no_key": found.unread_no_key,
            "files_pending": found.files_pending,
            "files_failed": found.files_failed,
            "files_too_large": found.files_too_large,
            "not_held": await self._not_held(db, room_id) if found.has_beginning else 0,
            "set_aside": found.set_aside,
        }
        missing = tuple((what, counts[what]) for what in MISSING if counts[what])
        return RoomStatus(
            messages=messages,
            files=found.files,
            first_at=found.first_at,
            last_at=found.last_at,
            complete=not missing,
            missing=missing,
            behind=found.behind + found.unsorted,
        )

    async def _facts(self, db: Connection, room_id: str) -> tuple[RoomFacts, int]:
        """The counts, and how many messages there are: those that came since they were counted, and those."""
        at, place, before = self._counted.get(room_id, _NONE)
        if self._clock() - at >= LOOKED_SECONDS:
            _, place, before = _NONE
        found = await room_status.facts(db, self._bots, room_id, counted=place)
        if place < 0:
            if len(self._counted) >= _MOST:
                self._counted.clear()
            self._counted[room_id] = (self._clock(), found.newest, found.messages)
        return found, before + found.messages

    async def _not_held(self, db: Connection, room_id: str) -> int:
        """How many events others refer to that we do not hold; looking takes long where much was said."""
        at, count = self._looked.get(room_id, (-LOOKED_SECONDS, 0))
        if self._clock() - at >= LOOKED_SECONDS:
            if len(self._looked) >= _MOST:
                self._looked.clear()
            count = sum(one.count for one in await coverage.referred(db, room_id))
            self._looked[room_id] = (self._clock(), count)
        return count
