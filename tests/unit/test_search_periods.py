"""Dates and periods as they are typed, in both languages and in the zone of who asks."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.search.periods import period, period_meant, span

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 4, 15, 30, tzinfo=AMSTERDAM)  # a Wednesday


def shown(text: str, now: datetime = NOW) -> str:
    found = period(text, now)
    assert found is not None, text
    return " ".join(f"{limit:%Y-%m-%d}" if limit else "-" for limit in (found.start, found.end))


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        ("2026-03-01|01-03-2026|1-3-2026|1.3.2026|1/3/26|1 maart|1 mrt 2026", "2026-03-01 2026-03-02"),
        ("March 1, 2026|march 1|1st of march|zondag 1 maart 2026|sunday 1 march", "2026-03-01 2026-03-02"),
        ("zondag|sunday|zo|SUN|afgelopen zondag|last sunday", "2026-03-01 2026-03-02"),
        ("today|vandaag|woensdag|wednesday", "2026-03-04 2026-03-05"),
        ("vorige woensdag|last wednesday", "2026-02-25 2026-02-26"),
        ("yesterday|gisteren", "2026-03-03 2026-03-04"),
        ("eergisteren", "2026-03-02 2026-03-03"),
        ("2026-02|februari|feb|february 2026|afgelopen februari|vorige maand|last month", "2026-02-01 2026-03-01"),
        ("maart|march|2026-03|deze maand|this month", "2026-03-01 2026-04-01"),
        ("vorige maart|last march|maart 2025", "2025-03-01 2025-04-01"),
        ("july|juli|last july|2025-7", "2025-07-01 2025-08-01"),
        ("4 maart|04-03|4/3", "2026-03-04 2026-03-05"),
        ("5 maart|5-3|march 5", "2025-03-05 2025-03-06"),
        ("2025|vorig jaar|last year", "2025-01-01 2026-01-01"),
        ("2026|dit jaar|this year", "2026-01-01 2027-01-01"),
        ("last week|vorige week|afgelopen week|week 9|2026-w9|week 9 2026", "2026-02-23 2026-03-02"),
        ("this week|deze week|week 10", "2026-03-02 2026-03-09"),
        ("week 40", "2025-09-29 2025-10-06"),
        ("q1|2026-q1|q1 2026|Q1", "2026-01-01 2026-04-01"),
        ("q4", "2025-10-01 2026-01-01"),
        ("29 februari", "2024-02-29 2024-03-01"),
        ("2026-01..2026-03|1 januari .. 31-03-2026|januari..maart", "2026-01-01 2026-04-01"),
        ("2026-01..|2026-01 ..|2026-01...", "2026-01-01 -"),
        ("..2026-01|.. 31 januari", "- 2026-02-01"),
    ],
)  # fmt: skip
def test_periods(texts: str, meant: str) -> None:
    assert {text: shown(text) for text in texts.split("|")} == dict.fromkeys(texts.split("|"), meant)


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        ("30d|30 d|30 dagen|30 days|last 30 days|afgelopen 30 dagen|30 days ago|30 dagen geleden", "2026-02-02 15:30"),
        ("2w|2 weken|2 weeks", "2026-02-18 15:30"),
        ("6m|6 maanden|6 months", "2025-09-04 15:30"),
        ("1y|1j|1 jaar|1 year|12m", "2025-03-04 15:30"),
        ("3h|3u|3 uur|3 hours", "2026-03-04 12:30"),
        ("0d", "2026-03-04 15:30"),
    ],
)
def test_spans(texts: str, meant: str) -> None:
    found = {text: span(text, NOW) for text in texts.split("|")}
    assert {text: f"{at:%Y-%m-%d %H:%M}" if at else None for text, at in found.items()} == dict.fromkeys(found, meant)


def test_the_end_of_a_month_stays_in_its_month() -> None:
    found = span("1m", datetime(2026, 3, 31, 12, tzinfo=AMSTERDAM))
    assert found == datetime(2026, 2, 28, 12, tzinfo=AMSTERDAM)


def test_days_are_those_of_the_asker() -> None:
    """A day in Amsterdam begins at another moment than in Tokyo, and the one of the change of clocks has 23 hours."""
    for zone in ("Europe/Amsterdam", "Asia/Tokyo", "America/New_York"):
        found = period("29-03-2026", NOW.astimezone(ZoneInfo(zone)))
        assert found is not None
        assert found.start == datetime(2026, 3, 29, tzinfo=ZoneInfo(zone))
    found = period("29-03-2026", NOW)
    assert found is not None
    assert found.start is not None
    assert found.end is not None
    assert (found.end.astimezone(UTC) - found.start.astimezone(UTC)).total_seconds() == 23 * 3600
    after_the_change = datetime(2026, 3, 29, 4, tzinfo=AMSTERDAM)
    before = span("3h", after_the_change)
    assert before is not None
    assert before.astimezone(UTC).hour == 23


@pytest.mark.parametrize(
    "text",
    [
        *("", "..", "31-02-2026", "2026-13", "0000", "1234", "week 54", "2026-w60", "maan", "morgen", "a..b"),
        *("2026..x", "30 x"),
        *("99999y", "99999w", "99999999d", "q5", "32 maart", "0-0", "january 2026 march", "1 2 3", "\x00"),
    ],
)  # fmt: skip
def test_what_is_no_period(text: str) -> None:
    assert period(text, NOW) is None
    assert span(text, NOW) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gistern", "gisteren"),
        ("yesterdy", "yesterday"),
        ("vorige wek", "vorige week"),
        ("30 dagne", "30 dagen"),
        ("1 mart 2026", "1 maart 2026"),
        ("31 februari", None),
        ("xyzzy", None),
    ],
)
def test_what_was_meant(typed: str, meant: str | None) -> None:
    assert period_meant(typed, NOW) == meant


@given(
    st.text("0123456789-/. qwdmjyabcefhilnoprstuv", max_size=20),
    st.datetimes(datetime(1995, 1, 1), datetime(2090, 1, 1), timezones=st.just(AMSTERDAM)),  # noqa: DTZ001
)
def test_any_text_is_read(text: str, here: datetime) -> None:
    found = period(text, here)
    if found is not None and found.start is not None and found.end is not None and ".." not in text:
        assert found.start < found.end
    moment = span(text, here)
    assert moment is None or moment <= here
