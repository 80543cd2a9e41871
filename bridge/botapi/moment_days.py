"""Days and lengths of time, in the words of `moment_words`.

Dates of the calendar and months are dateparser's work. It makes something of nearly everything ("32 november" becomes a
day in 2032), so it is only given whole dates, and its reading is compared with the numbers that were written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bridge.botapi.moment_words import MONTHS, WEEKDAYS

_UNITS: Final = {"week": 604800, "day": 86400, "hour": 3600, "uur": 3600, "minute": 60, "second": 1}
_AMOUNT: Final = r"\d{1,5}(?:\.\d{1,2})? (?:week|day|hour|uur|minute|second)"
_LENGTH: Final = re.compile(rf"{_AMOUNT}(?: (?:and )?{_AMOUNT})*|\d{{1,2}}u\d{{2}}")
_LONGEST: Final = timedelta(days=36500)
_CALENDAR: Final = re.compile(r"(\d{1,3}) (month|year)")
_AWAY: Final = re.compile(r"(?:in|over) \d{1,4} (?:day|week|month|year)|\d{1,4} (?:day|week|month|year) ago")
# Which way from now; what stands in the group is a length of time.
_FORMS: Final = (
    (re.compile(r"(?:in|over) (.+)"), 1),
    (re.compile(r"(.+) hence"), 1),
    (re.compile(r"(.+) ago"), -1),
    (re.compile(r"(?:last|past) (.+)"), -1),
)

_WEEKDAY: Final = "|".join(WEEKDAYS)
_MONTH: Final = "|".join(MONTHS)
_OF_WEEK: Final = re.compile(
    rf"(this|next|last) week(?: (?:on )?({_WEEKDAY}))?|({_WEEKDAY})(?: of)? (this|next|last) week"
)
_WEEKS_ON: Final = re.compile(rf"({_WEEKDAY}) (?:in|over) (\d{{1,2}}) week")
_ANY_WEEK: Final = re.compile(rf"(?:(this|next|coming|last) )?({_WEEKDAY})|({_WEEKDAY}) (coming)")
_OF_CALENDAR: Final = re.compile(r"(this|next|last) (month|year)")
_ISO: Final = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})")
_NUMBERS: Final = re.compile(r"(?P<day>\d{1,2})(?P<sep>[-/.])(?P<month>\d{1,2})(?:(?P=sep)(?P<year>\d{4}|\d{2}))?")
_NAMED: Final = (
    re.compile(rf"(?P<day>\d{{1,2}})#?(?: of)? (?P<month>{_MONTH})(?: (?P<year>\d{{4}}))?"),
    re.compile(rf"(?P<month>{_MONTH}) (?P<day>\d{{1,2}})#?(?: (?P<year>\d{{4}}))?"),
)
_YEARS: Final = range(1970, 2101)
_THIS_CENTURY: Final = 2000


@dataclass(frozen=True, slots=True)
class Day:
    """A day. `weekly`: the same day of another week would do; `exact`: the time of now goes with it."""

    date: date
    weekly: bool = False
    exact: bool = False


def read_length(words: str) -> timedelta | None:
    """A length of time above zero: "3 day", "1 uur and 30 minute"; None for all else. A month has none."""
    if not _LENGTH.fullmatch(words):
        return None
    if compact := re.fullmatch(r"(\d{1,2})u(\d{2})", words):
        return timedelta(hours=int(compact[1]), minutes=int(compact[2]))
    amounts = [(float(count), _UNITS[unit]) for count, unit in re.findall(r"([\d.]+) ([a-z]+)", words)]
    sizes = [size for _, size in amounts]
    if sizes != sorted(set(sizes), reverse=True):
        return None  # "5 minuten 2 uur vergaderen" is not 2:05
    total = timedelta(seconds=sum(count * size for count, size in amounts))
    return total if timedelta(0) < total <= _LONGEST else None


def read_distance(words: str, now: datetime, *, past: bool) -> datetime | None:
    """So long from now or ago; `past`: a length of time alone is so long ago."""
    for form, sign in _FORMS:
        if found := form.fullmatch(words):
            return _away(found[1], now, sign)
    return _away(words, now, -1) if past else None


def read_day(words: str, now: datetime, *, past: bool) -> Day | None:
    """A day; what names no week or year is the nearest one from today on, or up to today when `past`."""
    words = words.removeprefix("on ")
    today = now.date()
    if words == "today":
        return Day(today)
    if re.fullmatch(r"[+-][12]", words):
        return Day(today + timedelta(days=int(words)))
    if _AWAY.fullmatch(words):
        then = read_distance(words, now, past=False)
        return Day(then.date(), exact=True) if then else None
    return _in_week(words, today, past=past) or _dated(words, now, past=past)


def placed(naive: datetime, now: datetime) -> datetime:
    """A time of the clock on the wall, in the zone of `now`.

    One that is left out when the clock goes forward is as much later; of one that comes twice it is the first.
    """
    return naive.replace(tzinfo=now.tzinfo).astimezone(UTC).astimezone(now.tzinfo)


def _away(words: str, now: datetime, sign: int) -> datetime | None:
    if found := _CALENDAR.fullmatch(words):
        form = f"in {found[1]} {found[2]}s" if sign > 0 else f"{found[1]} {found[2]}s ago"
        parsed = _parsed(form, now.replace(tzinfo=None), past=sign < 0) if int(found[1]) else None
        return placed(parsed, now) if parsed and parsed.year in _YEARS else None
    length = read_length(words)
    if length is None:
        return None
    if length.seconds == 0:  # whole days keep the time on the clock
        return placed(now.replace(tzinfo=None) + sign * length, now)
    return (now.astimezone(UTC) + sign * length).astimezone(now.tzinfo)


def _in_week(words: str, today: date, *, past: bool) -> Day | None:
    """A day of a week: this one, the next, the last, or any; or the first day of a month or year."""
    monday = today - timedelta(days=today.weekday())
    if found := _OF_WEEK.fullmatch(words):
        weeks = {"this": 0, "next": 7, "last": -7}[found[1] or found[4]]
        weekday = found[2] or found[3] or WEEKDAYS[0]
        return Day(monday + timedelta(days=weeks + WEEKDAYS.index(weekday)))
    if found := _WEEKS_ON.fullmatch(words):
        ahead = (WEEKDAYS.index(found[1]) - today.weekday()) % 7 or 7
        return Day(today + timedelta(days=ahead + 7 * int(found[2])))
    if found := _ANY_WEEK.fullmatch(words):
        which, weekday = found[1] or found[4], WEEKDAYS.index(found[2] or found[3])
        ahead, back = (weekday - today.weekday()) % 7, (today.weekday() - weekday) % 7
        in_this_week = weekday - today.weekday()
        days = {"this": in_this_week, "next": in_this_week + 7, "coming": ahead or 7, "last": -(back or 7)}
        return Day(today + timedelta(days=days.get(which, -back if past else ahead)), weekly=which is None)
    if found := _OF_CALENDAR.fullmatch(words):
        return Day(_first_of(found[2], today, {"this": 0, "next": 1, "last": -1}[found[1]]))
    return None


def _first_of(unit: str, today: date, offset: int) -> date:
    if unit == "year":
        return date(today.year + offset, 1, 1)
    years, month = divmod(today.month - 1 + offset, 12)
    return date(today.year + years, month + 1, 1)


def _dated(words: str, now: datetime, *, past: bool) -> Day | None:
    """A date of the calendar, perhaps with the day of the week, which must be right."""
    form = re.fullmatch(rf"(?:({_WEEKDAY}) )?(?:(?:de|the) )?(.+)", words)
    if form is None:
        return None
    weekday, rest = form[1], form[2]
    if ordinal := re.fullmatch(r"(\d{1,2})#", rest):
        return _of_month(int(ordinal[1]), now.date(), past=past) if weekday is None else None
    written = _written(rest)
    if written is None:
        return None
    day, month, year = written
    base = now.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    base -= timedelta(days=0 if past else 1)  # to dateparser the day of the base itself is over
    parsed = _parsed(f"{day} {MONTHS[month - 1]} {year or ''}", base, past=past)
    if parsed is None or (parsed.day, parsed.month) != (day, month) or parsed.year not in _YEARS:
        return None
    right = (not year or parsed.year == year) and (not weekday or WEEKDAYS[parsed.weekday()] == weekday)
    return Day(parsed.date()) if right else None


def _written(words: str) -> tuple[int, int, int | None] | None:
    """Day, month and year of a date as it is written in Europe, or by ISO 8601."""
    found = next((match for form in (_ISO, _NUMBERS, *_NAMED) if (match := form.fullmatch(words))), None)
    if found is None:
        return None
    parts = found.groupdict()
    if parts.get("sep") == "." and not parts["year"]:
        return None  # as well a time
    month = int(parts["month"]) if parts["month"].isdigit() else MONTHS.index(parts["month"]) + 1
    year = int(parts["year"] or 0)
    short = bool(parts["year"]) and len(parts["year"]) == len("26")
    if not 1 <= month <= len(MONTHS):
        return None
    return int(parts["day"]), month, (year + _THIS_CENTURY if short else year) or None


def _of_month(number: int, today: date, *, past: bool) -> Day | None:
    """The 25th: of this month, or of the one that is next (or was last) to have it."""
    for offset in range(3):
        first = _first_of("month", today, -offset if past else offset)
        try:
            on = first.replace(day=number)
        except ValueError:
            continue
        if on <= today if past else on >= today:
            return Day(on)
    return None


def _parsed(text: str, base: datetime, *, past: bool) -> datetime | None:
    """What dateparser makes of an English date, without a zone."""
    import dateparser  # noqa: PLC0415 - 7 MB that most processes never need

    parsed: datetime | None = dateparser.parse(
        text,
        languages=["en"],
        settings={
            "RELATIVE_BASE": base,
            "PREFER_DATES_FROM": "past" if past else "future",
            "DATE_ORDER": "DMY",
            "RETURN_AS_TIMEZONE_AWARE": False,
        },
    )
    return parsed
