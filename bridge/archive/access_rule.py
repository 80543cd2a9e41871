"""The access rule on plain facts: which parts of one room one person may read.

It is a table in docs/access.md, whose lines are the numbers in the comments here. Its base is the Client-Server API
v1.16, "Room History Visibility": whether somebody may see an event depends on the state of the room at that event, for
changes of their own membership and for the setting of history on the state before or after it. So the extent of such a
state has the event that ends it too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.archive.spans import common, union
from bridge.storage.access import Joining, Stay
from bridge.storage.readable import FIRST, LAST, WHOLE, Span, after

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.archive.spans import Spans
    from bridge.config.schema import Access as Settings
    from bridge.storage.access import Era
    from bridge.storage.visibility import Visibility

_NEWCOMER = Stay("join", LAST, LAST, datetime.max.replace(tzinfo=UTC))


def as_client(stays: Sequence[Stay], eras: Sequence[Era], *, staff: bool) -> Spans:
    """What the history of a room is to somebody, up to the end of their last stay in it.

    Args:
        stays: their memberships of the room, in order.
        eras: its settings of history, in order; of what came before the first one nothing is known.
        staff: may look into what all the world may read.
    """
    joined = [stay for stay in stays if stay.membership == "join"]
    if not joined:
        return union(_extents(eras, "world_readable")) if staff else ()  # 1, 11, 12, 21
    invited = [_extent(stay) for stay in stays if stay.membership == "invite"]
    seen = union(
        (
            *_extents(eras, "world_readable"),  # 1
            *map(_extent, joined),  # 2
            *_extents(eras, "shared"),  # 3
            *common(_extents(eras, "invited"), invited),  # 4
        )
    )
    return common(seen, [Span(FIRST, _extent(joined[-1]).end)])  # 13, 15


def readable(stays: Sequence[Stay], eras: Sequence[Era], settings: Settings, *, staff: bool) -> Spans:
    """The same by the company's policy, but for what `to_widen` asks for."""
    if not is_joined(stays):
        left = any(stay.membership == "join" for stay in stays)
        return () if left and settings.after_leaving == "nothing" else as_client(stays, eras, staff=staff)  # 14
    if staff and settings.later_joiners.policy == "all":
        return (WHOLE,)  # 19
    return as_client(stays, eras, staff=staff)


def to_widen(room_id: str, stays: Sequence[Stay], spans: Spans, settings: Settings, *, staff: bool) -> list[Joining]:
    """The joinings before which the policy lets somebody read some time more than `spans` (18)."""
    if not staff or settings.later_joiners.policy != "window" or not is_joined(stays):
        return []
    return [
        Joining(room_id, stay.start, stay.since)
        for before, stay in zip((None, *stays), stays, strict=False)
        if stay.membership == "join" and (before is None or before.membership != "join")
        if (ahead := Span(FIRST, stay.start)) not in common(spans, [ahead])
    ]


def by_everybody(readers: Iterable[Spans]) -> Spans:
    """What each of them may read; nothing when there is nobody."""
    first, *others = list(readers) or [()]
    for one in others:
        first = common(first, one)
    return first


def who_come_later(members: Iterable[Sequence[Stay]], eras: Sequence[Era]) -> list[Spans]:
    """What those may read who are not in the room and can come to see what is sent there now (30 to 32).

    Args:
        members: the memberships of each who is in the room or invited to it.
        eras: see `as_client`.
    """
    # A setting that is not known was never changed in what the archive holds, so to a newcomer it is all or nothing.
    setting: Visibility = eras[-1].visibility if eras else "invited"
    if setting == "world_readable":
        return [as_client([], eras, staff=True)]
    if setting == "shared":
        return [as_client([_NEWCOMER], eras, staff=False)]
    if setting == "invited":
        invited = [stays for stays in members if stays[-1].membership == "invite"]
        return [as_client([*stays, _NEWCOMER], eras, staff=False) for stays in invited]
    return []


def is_joined(stays: Sequence[Stay]) -> bool:
    """Whether somebody is in the room now."""
    return bool(stays) and stays[-1].membership == "join"


def _extent(part: Stay | Era) -> Span:
    """From the event that began it to, and with, the event that ended it."""
    return Span(part.start, after(part.end))


def _extents(eras: Iterable[Era], visibility: Visibility) -> list[Span]:
    return [_extent(era) for era in eras if era.visibility == visibility]
