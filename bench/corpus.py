"""The messages that searches are measured on, and the people who search."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench import made_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SERVER = "search.test"
THIRTY, LATER, ONE = (f"@{name}:{SERVER}" for name in ("thirty", "later", "one"))
SEEKERS = {
    THIRTY: "who sees 30 rooms",
    LATER: "who sees 30 rooms, 10 of them since joining half-way",
    ONE: "who sees 1 room",
}
_SEEN, _SINCE = 30, 10
_APART, _LONGEST = 300, 300_000_000  # seconds: between messages that are made up, and of all of them at the most
_SHARE_OF_ONE = 200  # the one room has about this part of all messages


@dataclass(frozen=True)
class Corpus:
    """Chat, as often as it is asked for.

    Attributes:
        path: JSON lines; None: made up.
        count: messages; None: all of the file.
    """

    path: Path | None
    count: int | None

    @property
    def name(self) -> str:
        """What it is."""
        return f"{self.size:,} messages, {'real' if self.path else 'made up'}, {len(self.rooms)} rooms"

    def said(self) -> Iterator[dict[str, Any]]:
        """`room`, `sender` (both short), `ts` (seconds), `body`; oldest first."""
        if self.path is not None:
            return itertools.islice(made_up.read(self.path), self.count)
        seconds = min(_APART, _LONGEST // self.count) if self.count else _APART
        return itertools.islice(made_up.company(seconds=seconds), self.count)

    @cached_property
    def rooms(self) -> Sequence[str]:
        """The one with most messages first."""
        return [room for room, _ in self._sizes.most_common()]

    @cached_property
    def size(self) -> int:
        """How many messages there are."""
        return self._sizes.total()

    @cached_property
    def _sizes(self) -> Counter[str]:
        return Counter(one["room"] for one in self.said())

    def rooms_of(self, seeker: str) -> Sequence[str]:
        """Large and small ones; of `ONE` a small one."""
        if seeker == ONE:
            wanted = self.size / _SHARE_OF_ONE
            return [min(self.rooms, key=lambda room: abs(self._sizes[room] - wanted))]
        step = max(1, len(self.rooms) // _SEEN)
        rooms = self.rooms[::step][:_SEEN]
        since = self.rooms_since(seeker)
        return [*(room for n, room in enumerate(rooms) if n % 3 or n >= 3 * len(since)), *since]

    def rooms_since(self, seeker: str) -> Sequence[str]:
        """Those of them which the seeker joined half-way, with nothing to read of the time before; nobody else's."""
        step = max(1, len(self.rooms) // _SEEN)
        return self.rooms[1 :: 3 * step][:_SINCE] if seeker == LATER else ()
