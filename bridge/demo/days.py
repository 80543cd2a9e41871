"""When the two weeks of the demo company were."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bridge.demo.script import DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLOSING_HOUR = 18
_SATURDAY = 5
_DAY_SECONDS = 86_400


def working_days(now: datetime) -> list[float]:
    """The last working days that are over, oldest first: the second (since 1970) at which each begins, local time.

    Args:
        now: local time, without a zone.
    """
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if now.hour < _CLOSING_HOUR:
        day -= timedelta(days=1)
    found: list[float] = []
    while len(found) < DAYS:
        if day.weekday() < _SATURDAY:
            found.append(day.timestamp())
        day -= timedelta(days=1)
    return found[::-1]


def moment(days: Sequence[float], second: int) -> int:
    """Milliseconds since 1970 of a second of the script (see `Step.second`)."""
    day, rest = divmod(second, _DAY_SECONDS)
    return int((days[day] + rest) * 1000)
