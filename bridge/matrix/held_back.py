"""Getting what the homeserver holds back without knowing it.

A Synapse that has just sent all that we missed looks for more, finds nothing, and goes over to sending at once. What
comes between these two steps is written down, and lies there until the next outage (its appservice/scheduler.py:
`_TransactionController.send` and `on_recovered`). Nothing tells us. So after each outage, when all is quiet, one
transaction is not taken. The homeserver then does what it does after any outage: it sends what it has written down,
oldest first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

QUIET_SECONDS: Final = 5.0


class HeldBack:
    """Says which transaction is not to be taken.

    Args:
        clock: seconds, that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._wanted = True  # we were away before we started

    def outage(self) -> None:
        """The homeserver has seen us fail."""
        self._wanted = True

    def refuse(self) -> bool:
        """A transaction has come: whether it is the one."""
        now, before = self._clock(), self._last
        self._last = now
        if not self._wanted or now - before < QUIET_SECONDS:
            return False
        self._wanted = False
        return True
