"""Dates, times and lengths of time in the words of both languages.

The text is first brought down to a few English words (`moment_words`). What is left must fit known forms as a whole: a
text that is only understood in part is not understood.

Hours that are spoken ("om twee uur", "half drie", "at 3") from 1 to 6 are in the afternoon; 2:00 is in the night.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from bridge.botapi.moment_clock import EARLY, PARTS, read_clock
from bridge.botapi.moment_days import placed, read_day, read_distance, read_length
from bridge.botapi.moment_words import reduced

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from bridge.botapi.moment_clock import Clock
    from bridge.botapi.moment_days import Day

_WORKDAY: Final = time(9)
_SHORT: Final = 2  # letters: "zo" alone may be any word


def duration(text: str) -> timedelta | None:
    """A length of time above zero: "3 dagen", "anderhalf uur", "1 hour and 30 minutes"; None for all else.

    A month is none: it has no length.
    """
    return read_length(reduced(text))


def day(text: str, now: datetime, zone: ZoneInfo) -> date | None:
    """A day, from today on when it names no year or week; None when it is none.

    Args:
        now: aware.
        zone: of the asker.
    """
    found = read_day(reduced(text), now.astimezone(zone), past=False) if len(text.strip()) > _SHORT else None
    return found.date if found else None


def moment(text: str, now: datetime, zone: ZoneInfo, *, past: bool = False) -> datetime | None:
    """A moment, in `zone`; None when it is none.

    Args:
        now: aware.
        zone: of the asker.
        past: it is before now: "3 dagen" is three days ago, "maandag" the last Monday, a day without a time its
            midnight. Otherwise "maandag" is the next Monday, and a day without a time is at 9:00.
    """
    words = reduced(text)
    local = now.astimezone(zone)
    if past:
        words = words.removeprefix("since ")
    if words == "now":
        return local
    if len(text.strip()) <= _SHORT:
        return None
    found = read_distance(words, local, past=past) or _absolute(words, local, past=past)
    return None if past and found is not None and found > local else found


def _absolute(words: str, local: datetime, *, past: bool) -> datetime | None:
    """A day, a time, or both in either order, and at most one part of the day."""
    parts = [word for word in words.split() if word in PARTS]
    plain = [word for word in words.split() if word not in PARTS]
    if not plain or len(parts) > 1:
        return None
    part = parts[0] if parts else None
    for cut in range(len(plain) + 1):
        first, second = " ".join(plain[:cut]), " ".join(plain[cut:])
        for day_words, clock_words in ((first, second), (second, first)):
            found = read_day(day_words, local, past=past) if day_words else None
            clock = read_clock(clock_words) if clock_words else None
            if (found or not day_words) and (clock or not clock_words):
                return _joined(found, clock, part, local, past=past)
    return None


def _joined(
    found: Day | None, clock: Clock | None, part: str | None, local: datetime, *, past: bool
) -> datetime | None:
    at = clock.at(part) if clock else _usual(found, part, local, past=past)
    if at is None or (found and part == "@night" and clock and at.hour == 0 and clock.hour):
        return None  # the midnight before that day, or after it?
    on = found.date if found else local.date()
    if clock and part == "@nightof" and at.hour < EARLY and not (on == local.date() and local.hour < EARLY):
        on += timedelta(days=1)
    step = timedelta(days=0 if found and not found.weekly else 7 if found else 1)
    result = placed(datetime.combine(on, at), local)
    if past and result > local:
        return placed(datetime.combine(on - step, at), local)
    if past or result > local:
        return result
    if clock is None and not step and on == local.date():
        return None  # "vandaag", later than its usual time
    return placed(datetime.combine(on + step, at), local)


def _usual(found: Day | None, part: str | None, local: datetime, *, past: bool) -> time | None:
    """The time of a day without one."""
    if part is not None:
        hour = PARTS[part].start if past else PARTS[part].usual
        return None if hour is None else time(hour)
    if found and found.exact:
        return local.time()
    return time(0) if past else _WORKDAY
