"""How often somebody may do something: a number a minute, of which a few may come at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TIDY_AT = 10_000  # keys


class Pace:
    """The generic cell rate algorithm (ITU-T I.371), which keeps one time for each key.

    Args:
        per_minute: in the long run.
        burst: how many may come at once after a pause.
        clock: in seconds.
    """

    def __init__(self, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 60 / per_minute
        self._slack = (burst - 1) * self._interval
        self._clock = clock
        self._free_at: dict[str, float] = {}  # when all that a key has taken is made up for

    def take(self, key: str) -> float:
        """0 when it may be done now, and then it counts; otherwise the seconds until it may."""
        now = self._clock()
        free_at = max(self._free_at.get(key, now), now)
        wait = free_at - self._slack - now
        if wait > 0:
            return wait
        if len(self._free_at) >= _TIDY_AT:
            self._free_at = {one: at for one, at in self._free_at.items() if at > now}
        self._free_at[key] = free_at + self._interval
        return 0.0
