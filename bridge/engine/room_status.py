"""What `coverage` measured of one room, as a bot shows it to people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from bridge.botapi.ports import MISSING, RoomStatus
from bridge.storage.undecrypted import BEFORE_US, NO_BOT

if TYPE_CHECKING:
    from bridge.archive.coverage import Coverage, Room

_RECORDER: Final = "recorder"
_FILES: Final = {"pending": "files_pending", "failed": "files_failed", "too_large": "files_too_large"}
_EMPTY: Final = RoomStatus(
    messages=0, files=0, first_at=None, last_at=None, complete=False, missing=(("before_us", 1),), behind=0
)


def status_of(found: Coverage, room_id: str, *, files: int) -> RoomStatus:
    """The status of a room that was measured alone.

    Args:
        files: how many it has; stickers are none to people, though the archive counts them as attachments.
    """
    behind = found.unsorted + sum(consumer.behind for consumer in found.consumers if consumer.name == _RECORDER)
    room = next((one for one in found.rooms if one.row.room_id == room_id), None)
    if room is None:
        return _EMPTY
    missing = _missing(room)
    return RoomStatus(
        messages=room.row.messages,
        files=files,
        first_at=room.row.first_at,
        last_at=room.row.last_at,
        complete=not missing,
        missing=tuple((what, missing[what]) for what in MISSING if missing[what]),
        behind=behind,
    )


def _missing(room: Room) -> Counter[str]:
    missing: Counter[str] = Counter()
    missing["before_us"] = int(not room.row.has_beginning)
    missing["not_held"] = room.referred
    missing["set_aside"] = room.set_aside.total()
    for reason, count in room.unread.items():
        missing["unread_no_bot" if reason in {NO_BOT, BEFORE_US} else "unread_no_key"] += count
    for (state, _), count in room.attachments.items():
        if state in _FILES:
            missing[_FILES[state]] += count
    return +missing
