"""What people typed, with what was wrong in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.botapi import Mistake

_AROUND: Final = 40  # characters that are shown before and behind a mistake


def corrected(line: str, mistakes: Sequence[Mistake]) -> str | None:
    """The line with all that is proposed; None when there is nothing to propose."""
    made, start = line, len(line) + 1
    for one in sorted(mistakes, key=lambda mistake: mistake.start, reverse=True):
        if one.proposal and one.end <= start:
            made = made[: one.start] + one.proposal + made[one.end :]
            start = one.start
    return made if made != line else None


def marked(line: str, mistake: Mistake) -> str:
    """The line, or the part around the mistake, with a mark under its place."""
    start, end = min(mistake.start, len(line)), min(max(mistake.end, mistake.start + 1), len(line) + 1)
    first, last = max(0, start - _AROUND), min(len(line), end + _AROUND)
    before, behind = "…" if first else "", "…" if last < len(line) else ""
    shown = "".join(char if char.isprintable() else " " for char in line[first:last])
    under = " " * (len(before) + start - first) + "^" * max(1, min(end, last + 1) - start)
    return f"{before}{shown}{behind}\n{under}"
