"""How many commands one person may give."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bridge.engine.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

_TOLD_AGAIN: Final = 60.0  # seconds: who goes on in spite of being told is not answered at all


class Limits:
    """Per person.

    Args:
        per_minute: in the long run, and as many at once after a pause.
        clock: in seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = Pace(per_minute, per_minute, clock)
        self._clock = clock
        self._told: dict[str, float] = {}

    def take(self, person: str) -> float:
        """0 when a command may be given now, and then it counts; otherwise the seconds until one may."""
        return self._pace.take(person)

    def tell(self, person: str) -> bool:
        """Whether a person who gives too many is to be told so: once a minute."""
        now = self._clock()
        self._told = {one: at for one, at in self._told.items() if at + _TOLD_AGAIN > now}
        if person in self._told:
            return False
        self._told[person] = now
        return True
