"""Times of the clock, in the words of `moment_words`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time
from typing import Final

_LAST_HOUR: Final = 23
_LAST_MINUTE: Final = 59
_NOON: Final = 12
EARLY: Final = 6  # o'clock: until then it is night, and who speaks of an hour means the afternoon
_HALF: Final = 30

_DIGITS: Final = re.compile(
    r"(?:at )?(\d{1,2}):(\d{2})(?: uur)?|at (\d{1,2})\.(\d{2})|(\d{1,2})\.(\d{2}) uur|(?:at )?(\d{1,2})u(\d{2})"
)
_ENGLISH: Final = re.compile(r"(?:at )?(\d{1,2})(?:[:.](\d{2}))?([ap])m")
_WHOLE: Final = re.compile(r"(?:at )?(\d{1,2}) (?:uur|oclock)|at (\d{1,2})")
_SPOKEN: Final = re.compile(
    r"(?:at )?(?:"
    r"(?:(?P<minutes>\d{1,2})(?: minute)?|(?:1 )?(?P<quarter>quarter)) (?P<side>to|past|over) "
    r"(?P<half>half )?(?P<hour>\d{1,2})"
    r"|half (?P<half_past>past )?(?P<half_hour>\d{1,2})"
    r")(?: uur)?"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the day.

    Attributes:
        start: the hour at which it begins.
        usual: the hour that is meant when none is said; None: one has to be said.
        hours: what an hour that is said in it is on a clock of 24.
    """

    start: int
    usual: int | None
    hours: dict[int, int] = field(repr=False)


def _same(*ranges: range) -> dict[int, int]:
    return {hour: hour for some in ranges for hour in some}


_NIGHT: Final = Part(0, None, {**_same(range(EARLY + 1), range(22, 24)), 10: 22, 11: 23, 12: 0})
PARTS: Final = {
    "@morning": Part(6, 9, _same(range(4, 13))),
    "@afternoon": Part(12, 14, {**_same(range(12, 19)), **{hour: hour + _NOON for hour in range(1, 7)}}),
    "@evening": Part(18, 19, {**_same(range(17, 24)), **{hour: hour + _NOON for hour in range(5, 12)}}),
    "@night": _NIGHT,  # of the day that is named
    "@nightof": _NIGHT,  # that begins on the day that is named
}


@dataclass(frozen=True, slots=True)
class Clock:
    """A time; `spoken`: without saying in which half of the day."""

    hour: int
    minute: int
    spoken: bool = False

    def at(self, part: str | None) -> time | None:
        """The time on a clock of 24; None when that part of the day does not have it."""
        if part is not None:
            hour = PARTS[part].hours.get(self.hour)
            return None if hour is None else time(hour, self.minute)
        late = self.spoken and 1 <= self.hour <= EARLY
        return time(self.hour + _NOON if late else self.hour, self.minute)


def read_clock(words: str) -> Clock | None:
    """A time: "14:30", "at 9", "2 uur", "quarter to 3"; None for all else."""
    if words in {"noon", "at noon"}:
        return Clock(_NOON, 0)
    if found := _DIGITS.fullmatch(words):
        hour, minute = (int(group) for group in found.groups() if group)
        return _made(hour, minute)
    if found := _ENGLISH.fullmatch(words):
        hour = int(found[1])
        return _made(hour % _NOON + _NOON * (found[3] == "p"), int(found[2] or 0)) if 1 <= hour <= _NOON else None
    if found := _WHOLE.fullmatch(words):
        return _made(int(found[1] or found[2]), 0, spoken=True)
    found = _SPOKEN.fullmatch(words)
    return _read_spoken(found) if found else None


def _made(hour: int, minute: int, *, spoken: bool = False) -> Clock | None:
    return Clock(hour, minute, spoken) if hour <= _LAST_HOUR and minute <= _LAST_MINUTE else None


def _read_spoken(found: re.Match[str]) -> Clock | None:
    """Half drie, kwart voor drie, vijf over half vier, half past two."""
    named = int(found["half_hour"] or found["hour"])
    if found["half_hour"]:
        minutes = _HALF if found["half_past"] else -_HALF
    else:
        away = 15 if found["quarter"] else int(found["minutes"])
        if not 1 <= away < _HALF:
            return None
        minutes = (away if found["side"] != "to" else -away) - (_HALF if found["half"] else 0)
    if not 1 <= named <= _NOON:
        return None
    hour, minute = divmod(named * 60 + minutes, 60)
    return Clock(hour or _NOON, minute, spoken=True)
