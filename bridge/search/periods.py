"""Dates and periods as people type them in a search, in Dutch and English, in the asker's time zone.

All of it lies in the past as seen from `now`: `monday` is the last one, `july` the last July.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bridge.search.words import nearest_of

_DAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "monday mon maandag ma",
            "tuesday tue dinsdag di",
            "wednesday wed woensdag wo",
            "thursday thu donderdag do",
            "friday fri vrijdag vr",
            "saturday sat zaterdag za",
            "sunday sun zondag zo",
        )
    )
    for name in names.split()
}
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan januari",
            "february feb februari",
            "march mar maart mrt",
            "april apr",
            "may mei",
            "june jun juni",
            "july jul juli",
            "august aug augustus",
            "september sep sept",
            "october oct oktober okt",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
_AGO: Final = {"today": 0, "vandaag": 0, "yesterday": 1, "gisteren": 1, "eergisteren": 2}
_LAST: Final = "last|vorige?|afgelopen|previous"
_THIS: Final = "this|deze|dit"
_PAST: Final = f"{_LAST}|past|laatste"
_UNITS: Final = {
    name: unit
    for unit, names in {
        "h": "h u hour hours uur uren",
        "d": "d day days dag dagen",
        "w": "w week weeks weken",
        "m": "m month months maand maanden",
        "y": "y j year years jaar jaren",
    }.items()
    for name in names.split()
}
_WORDS: Final = (*_DAYS, *_MONTHS, *_AGO, *_UNITS, *f"{_PAST}|{_THIS}".replace("?", "").split("|"), "vorig", "week")
_DAY_MONTH: Final = re.compile(
    rf"(?:(?:{'|'.join(_DAYS)}) )?(?P<day>\d{{1,2}})(?:st|nd|rd|th|s?t?e)?(?: of)? (?P<month>[a-z]+)\.?"
    r"(?: (?P<year>\d{4}))?"
)
_MONTH_DAY: Final = re.compile(r"(?P<month>[a-z]+)\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?(?:,? (?P<year>\d{4}))?")
_OLDEST: Final = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to and without `end`; None: no limit. Aware times."""

    start: datetime | None
    end: datetime | None


def period(text: str, now: datetime) -> Period | None:
    """A date, a named period, or a range `A..B` whose ends may be left open; None when it is none.

    Args:
        now: aware, in the asker's time zone.
    """
    text = _plain(text)
    if ".." in text:
        left, _, right = (part.strip(" .") for part in text.partition(".."))
        first = _single(left, now) if left else None
        last = _single(right, now) if right else None
        if (left and first is None) or (right and last is None) or (first is None and last is None):
            return None
        return Period(first[0] if first else None, last[1] if last else None)
    found = _single(text, now)
    return Period(*found) if found else None


def span(text: str, now: datetime) -> datetime | None:
    """The moment that lies `30d`, `2w`, `6m`, `1y` (also `last 30 days`, `30 dagen geleden`) before now.

    None when the text is no span of time, or one of more than a century.
    """
    found = re.fullmatch(rf"(?:(?:{_PAST}) )?(\d{{1,5}})\s*([a-z]+)(?: (?:ago|geleden))?", _plain(text))
    unit = _UNITS.get(found[2]) if found else None
    if found is None or unit is None:
        return None
    count = int(found[1])
    try:
        if unit == "h":
            return (now.astimezone(UTC) - timedelta(hours=count)).astimezone(now.tzinfo)
        if unit in "dw":
            day = now.date() - timedelta(days=count * (7 if unit == "w" else 1))
        else:
            day = _months_before(now.date(), count * (12 if unit == "y" else 1))
    except (ValueError, OverflowError):
        return None
    return _at(day, now, now) if day >= _OLDEST else None


def period_meant(text: str, now: datetime) -> str | None:
    """What was most likely meant by something that is no period; None when nothing comes close."""
    meant = " ".join(word if word.isdigit() else nearest_of(_WORDS, word) or word for word in _plain(text).split())
    return meant if span(meant, now) or period(meant, now) else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _single(text: str, now: datetime) -> tuple[datetime, datetime] | None:
    try:
        days = _days(text, now.date())
    except (ValueError, OverflowError):
        return None
    return (_at(days[0], now), _at(days[1], now)) if days and days[0] >= _OLDEST else None


def _days(text: str, today: date) -> tuple[date, date] | None:
    """First day, and the day after the last one."""
    if text in _AGO:
        return _day(today - timedelta(days=_AGO[text]))
    return _numbers(text, today) or _weekday(text, today) or _month(text, today) or _around(text, today)


def _numbers(text: str, today: date) -> tuple[date, date] | None:  # noqa: PLR0911 (a table)
    if found := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text):
        return _day(date(*map(int, found.groups())))
    if found := re.fullmatch(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})", text):
        year = int(found[3])
        return _day(date(year if len(found[3]) > 2 else 2000 + year, int(found[2]), int(found[1])))  # noqa: PLR2004
    if found := re.fullmatch(r"(\d{1,2})[-/](\d{1,2})", text):
        return _day(_last_of(today, int(found[2]), int(found[1])))
    if found := re.fullmatch(r"(\d{4})-(\d{1,2})", text):
        return _whole_month(int(found[1]), int(found[2]))
    if found := re.fullmatch(r"(\d{4})", text):
        return date(int(text), 1, 1), date(int(text) + 1, 1, 1)
    if found := re.fullmatch(r"(?:(\d{4})[- ]?)?q([1-4])(?: (\d{4}))?", text):
        first = 3 * int(found[2]) - 2
        year = int(found[1] or found[3] or (today.year if first <= today.month else today.year - 1))
        return date(year, first, 1), _whole_month(year, first + 2)[1]
    if found := re.fullmatch(r"(?:(\d{4})[- ])?(?:week ?|w)(\d{1,2})(?: (\d{4}))?", text):
        year, week = today.isocalendar().year, int(found[2])
        if found[1] or found[3]:
            year = int(found[1] or found[3])
        elif week > today.isocalendar().week:
            year -= 1
        monday = date.fromisocalendar(year, week, 1)
        return monday, monday + timedelta(days=7)
    return None


def _weekday(text: str, today: date) -> tuple[date, date] | None:
    found = re.fullmatch(rf"(?:({_LAST}) )?([a-z]+)", text)
    if found is None or found[2] not in _DAYS:
        return None
    back = (today.weekday() - _DAYS[found[2]]) % 7
    return _day(today - timedelta(days=7 if back == 0 and found[1] else back))


def _month(text: str, today: date) -> tuple[date, date] | None:
    found = _DAY_MONTH.fullmatch(text) or _MONTH_DAY.fullmatch(text)
    if found is not None:
        month, day, year = _MONTHS.get(found["month"]), int(found["day"]), found["year"]
        if month is None:
            return None
        return _day(date(int(year), month, day) if year else _last_of(today, month, day))
    found = re.fullmatch(rf"(?:({_LAST}) )?([a-z]+)(?: (\d{{4}}))?", text)
    number = _MONTHS.get(found[2]) if found else None
    if found is None or number is None:
        return None
    if found[3]:
        return _whole_month(int(found[3]), number)
    before = number > today.month or (number == today.month and found[1])
    return _whole_month(today.year - 1 if before else today.year, number)


def _around(text: str, today: date) -> tuple[date, date] | None:
    """A week, month or year: the one now, or the last one."""
    found = re.fullmatch(rf"(?:({_LAST})|{_THIS}) ([a-z]+)", text)
    unit = _UNITS.get(found[2]) if found else None
    if found is None or unit not in ("w", "m", "y"):
        return None
    last = bool(found[1])
    if unit == "w":
        monday = today - timedelta(days=today.weekday() + 7 * last)
        return monday, monday + timedelta(days=7)
    if unit == "m":
        first = _months_before(today.replace(day=1), int(last))
        return _whole_month(first.year, first.month)
    return date(today.year - last, 1, 1), date(today.year - last + 1, 1, 1)


def _day(day: date) -> tuple[date, date]:
    return day, day + timedelta(days=1)


def _whole_month(year: int, month: int) -> tuple[date, date]:
    first = date(year, month, 1)
    return first, first + timedelta(days=monthrange(year, month)[1])


def _last_of(today: date, month: int, day: int) -> date:
    """The last time it was this day of this month."""
    for year in range(today.year, today.year - 9, -1):  # 29 February comes every four years, mostly
        if month == 2 and day == 29 and monthrange(year, 2)[1] < day:  # noqa: PLR2004
            continue
        found = date(year, month, day)
        if found <= today:
            return found
    raise ValueError("no such day")


def _months_before(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _at(day: date, now: datetime, time: datetime | None = None) -> datetime:
    """A day at its beginning, or at the time of day of `time`, in the zone of `now`."""
    hour, minute, second = (time.hour, time.minute, time.second) if time else (0, 0, 0)
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=now.tzinfo)
