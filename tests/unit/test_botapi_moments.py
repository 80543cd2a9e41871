"""What people write for days, times and lengths of time, and what must not be understood."""
# ruff: noqa: RUF001 - people write such signs

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.botapi import moments

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 11, 25, 10, 0, tzinfo=AMSTERDAM)  # a Wednesday

FUTURE = """
morgen 9 uur                     2026-11-26 09:00
morgen                           2026-11-26 09:00
overmorgen                       2026-11-27 09:00
overmorgen half negen            2026-11-27 08:30
half drie                        2026-11-25 14:30
om half drie                     2026-11-25 14:30
half 3                           2026-11-25 14:30
half een                         2026-11-25 12:30
over een kwartier                2026-11-25 10:15
over drie kwartier               2026-11-25 10:45
over anderhalf uur               2026-11-25 11:30
over een half uur                2026-11-25 10:30
over een half uurtje             2026-11-25 10:30
over 2 uur                       2026-11-25 12:00
over twee en een half uur        2026-11-25 12:30
over 2,5 uur                     2026-11-25 12:30
over 1 uur en 30 minuten         2026-11-25 11:30
over 1u30                        2026-11-25 11:30
over 3 dagen                     2026-11-28 10:00
over 3 dagen om 9 uur            2026-11-28 09:00
over een week                    2026-12-02 10:00
over 2 maanden                   2027-01-25 10:00
over een jaar                    2027-11-25 10:00
volgende week maandag            2026-11-30 09:00
maandag volgende week            2026-11-30 09:00
volgende week                    2026-11-30 09:00
volgende maand                   2026-12-01 09:00
volgende vrijdag                 2026-12-04 09:00
komende vrijdag                  2026-11-27 09:00
a.s. maandag 9 uur               2026-11-30 09:00
maandag a.s.                     2026-11-30 09:00
vrijdag over een week            2026-12-04 09:00
om 15u30                         2026-11-25 15:30
om 15u                           2026-11-25 15:00
15.30 uur                        2026-11-25 15:30
om 9.30                          2026-11-26 09:30
om 14:05 uur                     2026-11-25 14:05
14 uur                           2026-11-25 14:00
9 uur                            2026-11-26 09:00
om 9                             2026-11-26 09:00
om twee uur                      2026-11-25 14:00
2:00                             2026-11-26 02:00
vrijdag om twee uur              2026-11-27 14:00
vrijdag 14:00                    2026-11-27 14:00
op vrijdag                       2026-11-27 09:00
vr 14:00                         2026-11-27 14:00
woensdag 14 uur                  2026-11-25 14:00
woensdag 9 uur                   2026-12-02 09:00
vanavond 8 uur                   2026-11-25 20:00
vanavond om 20:00                2026-11-25 20:00
vanavond                         2026-11-25 19:00
vanmiddag 3 uur                  2026-11-25 15:00
vannacht 3 uur                   2026-11-26 03:00
vannacht om 23:00                2026-11-25 23:00
morgenochtend                    2026-11-26 09:00
morgenochtend 8 uur              2026-11-26 08:00
morgen vroeg                     2026-11-26 09:00
morgenavond 7 uur                2026-11-26 19:00
morgen 's middags om 4 uur       2026-11-26 16:00
8 uur 's avonds                  2026-11-25 20:00
’s avonds 8 uur                  2026-11-25 20:00
maandag morgen                   2026-11-30 09:00
maandagochtend 10 uur            2026-11-30 10:00
vrijdagmiddag half 3             2026-11-27 14:30
morgen om kwart voor drie        2026-11-26 14:45
kwart over 9                     2026-11-26 09:15
vijf over half vier              2026-11-25 15:35
tien voor half drie              2026-11-25 14:20
5 voor 12                        2026-11-25 11:55
14:00 vrijdag                    2026-11-27 14:00
25 nov 14:00                     2026-11-25 14:00
27 november                      2026-11-27 09:00
vrijdag 27 november              2026-11-27 09:00
1 mei 2027 om 10 uur             2027-05-01 10:00
1e mei                           2027-05-01 09:00
de 28e                           2026-11-28 09:00
1/12                             2026-12-01 09:00
01-02-2027                       2027-02-01 09:00
1-12-2026 9:30                   2026-12-01 09:30
24-12 17:00                      2026-12-24 17:00
3-1-27 12:00                     2027-01-03 12:00
2026-12-01                       2026-12-01 09:00
2026-12-01 8:15                  2026-12-01 08:15
vandaag 16 uur                   2026-11-25 16:00
vandaag 9 uur                    2026-11-25 09:00
nu                               2026-11-25 10:00
tomorrow 9am                     2026-11-26 09:00
tomorrow at 9 a.m.               2026-11-26 09:00
tomorrow morning                 2026-11-26 09:00
in 2 hours                       2026-11-25 12:00
in 2h                            2026-11-25 12:00
in 90 min                        2026-11-25 11:30
in an hour and a half            2026-11-25 11:30
in half an hour                  2026-11-25 10:30
half an hour from now            2026-11-25 10:30
in a quarter of an hour          2026-11-25 10:15
in 2 weeks                       2026-12-09 10:00
in 1 month                       2026-12-25 10:00
half past two                    2026-11-25 14:30
quarter to three                 2026-11-25 14:45
a quarter past 4                 2026-11-25 16:15
ten past 11                      2026-11-25 11:10
friday 14:00                     2026-11-27 14:00
friday at 2                      2026-11-27 14:00
friday afternoon                 2026-11-27 14:00
this friday 5 p.m.               2026-11-27 17:00
next friday                      2026-12-04 09:00
next week monday                 2026-11-30 09:00
monday 9am                       2026-11-30 09:00
12pm                             2026-11-25 12:00
12am                             2026-11-26 00:00
noon                             2026-11-25 12:00
tonight at 8                     2026-11-25 20:00
8 in the evening                 -
at 8 in the evening              2026-11-25 20:00
the day after tomorrow at 3pm    2026-11-27 15:00
nov 27 at 9                      2026-11-27 09:00
27th of november                 2026-11-27 09:00
may 1st                          2027-05-01 09:00
the 28th at noon                 2026-11-28 12:00
9 o'clock                        2026-11-26 09:00
"""

PAST = """
3 dagen                          2026-11-22 10:00
3 dagen geleden                  2026-11-22 10:00
de afgelopen 3 dagen             2026-11-22 10:00
2 uur                            2026-11-25 08:00
anderhalf uur                    2026-11-25 08:30
een week                         2026-11-18 10:00
afgelopen week                   2026-11-18 10:00
vorige week                      2026-11-16 00:00
deze week                        2026-11-23 00:00
vorige maand                     2026-10-01 00:00
1 maand                          2026-10-25 10:00
een jaar                         2025-11-25 10:00
gisteren                         2026-11-24 00:00
eergisteren                      2026-11-23 00:00
gisteren 14:00                   2026-11-24 14:00
gisteravond                      2026-11-24 18:00
vandaag                          2026-11-25 00:00
vanochtend                       2026-11-25 06:00
maandag                          2026-11-23 00:00
sinds maandag                    2026-11-23 00:00
vanaf maandag 9 uur              2026-11-23 09:00
woensdag                         2026-11-25 00:00
donderdag                        2026-11-19 00:00
afgelopen vrijdag                2026-11-20 00:00
vorige week vrijdag              2026-11-20 00:00
9 uur                            2026-11-25 01:00
om 9 uur                         2026-11-25 09:00
om 11 uur                        2026-11-24 11:00
1 november                       2026-11-01 00:00
1 december                       2025-12-01 00:00
25 november                      2026-11-25 00:00
2026-11-01                       2026-11-01 00:00
3 days                           2026-11-22 10:00
3 days ago                       2026-11-22 10:00
the past 2 hours                 2026-11-25 08:00
past 2 hours                     2026-11-25 08:00
last 2 weeks                     2026-11-11 10:00
yesterday                        2026-11-24 00:00
since friday 9am                 2026-11-20 09:00
last monday                      2026-11-23 00:00
over 2 uur                       -
morgen                           -
2026-12-01                       -
"""

DURATIONS = {
    "3 dagen": timedelta(days=3),
    "3d": timedelta(days=3),
    "a day": timedelta(days=1),
    "1 week": timedelta(days=7),
    "anderhalve week": timedelta(days=10, hours=12),
    "anderhalf uur": timedelta(minutes=90),
    "1½ uur": timedelta(minutes=90),
    "2,5 uur": timedelta(minutes=150),
    "2.5 hours": timedelta(minutes=150),
    "twee en een half uur": timedelta(minutes=150),
    "two and a half hours": timedelta(minutes=150),
    "1 uur en 30 minuten": timedelta(minutes=90),
    "1 hour and 30 minutes": timedelta(minutes=90),
    "1 hour, 30 minutes": timedelta(minutes=90),
    "2 dagen 3 uur": timedelta(days=2, hours=3),
    "1d 2h": timedelta(days=1, hours=2),
    "2h30": timedelta(minutes=150),
    "2u30": timedelta(minutes=150),
    "90 min": timedelta(minutes=90),
    "45 seconden": timedelta(seconds=45),
    "een kwartier": timedelta(minutes=15),
    "drie kwartier": timedelta(minutes=45),
    "een half uur": timedelta(minutes=30),
    "half an hour": timedelta(minutes=30),
    "a quarter of an hour": timedelta(minutes=15),
    "an hour": timedelta(hours=1),
}

NONSENSE = """
morgen hours
9 hours
morgen 9
25
2026
25:00
12:60
9.30
25.11
32 november
31 februari
0 november
1-13-2026
donderdag 27 november
half three
over 5 minuten 2 uur
over 0 dagen
vrijdag om
vrijdag om de
zo
do
ma
vandaag
vannacht
vandaag 25 uur
vanavond 2 uur
vanmiddag 9 uur
vrijdag vrijdag
morgen morgen
morgen vrijdag
14:00 15:00
middernacht
vrijdag 12 uur 's nachts
eind november
straks
zo snel mogelijk
in the morning
over
in
over een
half
kwart
0 uur over 0
13 o'clock pm
13pm
0am
99999999999999 dagen
over 99999 weken
hallo wereld

!
""".strip("\n").split("\n")


def rows(table: str) -> list[tuple[str, str]]:
    found = [line.rsplit("  ", 1) for line in table.strip().splitlines()]
    return [(words.strip(), expected.strip()) for words, expected in found]


def shown(found: datetime | None) -> str:
    return f"{found:%Y-%m-%d %H:%M}" if found else "-"


@pytest.mark.parametrize(("text", "expected"), rows(FUTURE))
def test_a_moment(text: str, expected: str) -> None:
    assert shown(moments.moment(text, NOW, AMSTERDAM)) == expected


@pytest.mark.parametrize(("text", "expected"), rows(PAST))
def test_a_moment_before_now(text: str, expected: str) -> None:
    assert shown(moments.moment(text, NOW, AMSTERDAM, past=True)) == expected


@pytest.mark.parametrize("text", list(DURATIONS))
def test_a_length_of_time(text: str) -> None:
    assert moments.duration(text) == DURATIONS[text]


@pytest.mark.parametrize("text", NONSENSE)
def test_what_is_not_a_moment_is_not_made_one(text: str) -> None:
    assert moments.moment(text, NOW, AMSTERDAM) is None


@pytest.mark.parametrize(
    "text", ["1 maand", "0 dagen", "-3 dagen", "dagen", "3", "5 minuten 2 uur", "2 uur 30", "", "x"]
)
def test_what_is_not_a_length_is_not_made_one(text: str) -> None:
    assert moments.duration(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vrijdag", date(2026, 11, 27)),
        ("woensdag", date(2026, 11, 25)),
        ("vandaag", date(2026, 11, 25)),
        ("25 november", date(2026, 11, 25)),
        ("24 november", date(2027, 11, 24)),
        ("24-11-2026", date(2026, 11, 24)),
        ("de 31e", date(2026, 12, 31)),
        ("volgende week", date(2026, 11, 30)),
        ("over 3 dagen", date(2026, 11, 28)),
        ("tomorrow", date(2026, 11, 26)),
        ("29 februari 2028", date(2028, 2, 29)),
        ("29 februari 2027", None),
        ("14:00", None),
        ("vrijdag 14:00", None),
    ],
)
def test_a_day(text: str, expected: date | None) -> None:
    assert moments.day(text, NOW, AMSTERDAM) == expected


def test_words_in_capitals_and_with_other_spaces() -> None:
    assert shown(moments.moment("  VRIJDAG\u00a0 14:00 ", NOW, AMSTERDAM)) == "2026-11-27 14:00"


def test_the_zone_is_that_of_the_asker() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    found = moments.moment("tomorrow 9am", NOW, tokyo)
    assert found == datetime(2026, 11, 26, 9, tzinfo=tokyo)
    assert moments.moment("today 9am", datetime(2026, 11, 25, 20, tzinfo=UTC), tokyo) == datetime(
        2026, 11, 26, 9, tzinfo=tokyo
    )


def test_a_time_that_is_left_out_is_an_hour_later() -> None:
    before = datetime(2026, 3, 28, 10, tzinfo=AMSTERDAM)
    found = moments.moment("morgen 2:30", before, AMSTERDAM)
    assert found is not None
    assert found.isoformat() == "2026-03-29T03:30:00+02:00"


def test_a_time_that_comes_twice_is_the_first() -> None:
    before = datetime(2026, 10, 24, 10, tzinfo=AMSTERDAM)
    found = moments.moment("morgen 2:30", before, AMSTERDAM)
    assert found is not None
    assert found.isoformat() == "2026-10-25T02:30:00+02:00"


def test_days_keep_the_time_on_the_clock_and_hours_do_not() -> None:
    before = datetime(2026, 3, 28, 10, tzinfo=AMSTERDAM)
    assert shown(moments.moment("over 1 dag", before, AMSTERDAM)) == "2026-03-29 10:00"
    assert shown(moments.moment("over 23 uur", before, AMSTERDAM)) == "2026-03-29 10:00"


def test_early_in_the_night_tonight_is_this_one() -> None:
    early = datetime(2026, 11, 25, 1, 0, tzinfo=AMSTERDAM)
    assert shown(moments.moment("vannacht 3 uur", early, AMSTERDAM)) == "2026-11-25 03:00"


WORDS = """
vrijdag morgen over om half kwart voor drie 9 14:00 uur dagen 's avonds een en 25 november 2026 week volgende vorige
friday tomorrow in at past to an hour 3pm ago since vandaag vannacht middag 1e de 31 februari 0 99999 -1 // : '
"""
words = st.sampled_from(WORDS.split())


@given(st.lists(words, max_size=7).map(" ".join) | st.text(max_size=30), st.booleans())
def test_nothing_makes_it_fail(text: str, past: bool) -> None:
    found = moments.moment(text, NOW, AMSTERDAM, past=past)
    assert found is None or found.tzinfo is not None
    assert not (past and found and found > NOW)
    length = moments.duration(text)
    assert length is None or length > timedelta(0)
    moments.day(text, NOW, AMSTERDAM)
