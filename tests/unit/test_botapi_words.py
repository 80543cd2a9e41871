"""What phones and people make of a command line."""
# ruff: noqa: RUF001 - it is about such signs

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.botapi.words import plain_word, quote, split, without_bang
from bridge.links import Permalink, event_link, permalink


def words(text: str) -> list[str]:
    return [word.text for word in split(text).words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("archief terug 3", ["archief", "terug", "3"]),
        ("  a \t b\n c ", ["a", "b", "c"]),
        ('zeg "twee woorden" nu', ["zeg", "twee woorden", "nu"]),
        ("zeg “twee woorden” nu", ["zeg", "twee woorden", "nu"]),
        ("zeg „twee woorden” nu", ["zeg", "twee woorden", "nu"]),
        ("zeg „twee woorden“ nu", ["zeg", "twee woorden", "nu"]),
        ("zeg ”twee woorden” nu", ["zeg", "twee woorden", "nu"]),
        ('zeg “twee woorden" nu', ["zeg", "twee woorden", "nu"]),
        ("zeg ‘twee woorden’ nu", ["zeg", "twee woorden", "nu"]),
        ("zeg 'twee woorden' nu", ["zeg", "twee woorden", "nu"]),
        ("zeg «twee woorden» nu", ["zeg", "twee woorden", "nu"]),
        ("zeg « twee woorden » nu", ["zeg", "twee woorden", "nu"]),
        ("zeg »twee woorden« nu", ["zeg", "twee woorden", "nu"]),
        ('zeg ""', ["zeg", ""]),
        ("'s avonds foto's kijken'", ["'s", "avonds", "foto's", "kijken'"]),
        ("‘s avonds", ["‘s", "avonds"]),
        ("Anna's foto’s", ["Anna's", "foto’s"]),
        ('5" scherm', ['5"', "scherm"]),
        ('zeg "dit houdt niet op', ["zeg", '"dit', "houdt", "niet", "op"]),
        ('"a" "b', ["a", '"b']),
        ("—alles –x 2026–11–25 a‑b", ["--alles", "-x", "2026-11-25", "a-b"]),
        ("a\u00a0b\u202fc\u2007d", ["a", "b", "c", "d"]),
        ("sta\u200btus\ufeff \u2060 x", ["status", "x"]),
        ("\u200b", []),
        ("", []),
    ],
)
def test_words_of_a_line(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_the_rest_stays_as_it_was_written() -> None:
    line = split("mij  vrijdag   “de was” —  en  'strijken'\n\nklaar ")
    assert line.rest(2) == "“de was” —  en  'strijken'\n\nklaar"
    assert line.rest(99) == ""
    assert [word.text for word in line.after(1).words][:2] == ["vrijdag", "de was"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!help", "help"),
        ("! help", "help"),
        ("  !\u00a0help", "help"),
        ("！help", "help"),
        ("﹗help", "help"),
        ("\u200b!help", "help"),
        ("!", ""),
        ("!!", ""),
        ("!!help", "help"),
        ("help", None),
        ("a !help", None),
        ("", None),
        ("¡help", None),
    ],
)
def test_the_bang_in_all_its_forms(text: str, expected: str | None) -> None:
    assert without_bang(text) == expected


@pytest.mark.parametrize("text", ["STATUS", "Status,", "ｓｔａｔｕｓ", "status?", " status: "])
def test_words_are_compared_without_what_does_not_matter(text: str) -> None:
    assert plain_word(text) == "status"


def test_a_sign_alone_is_a_word() -> None:
    assert plain_word("?") == "?"


@given(st.text(max_size=60))
def test_no_line_makes_it_fail(text: str) -> None:
    line = split(text)
    ends = 0
    for word in line.words:
        assert ends <= word.start < word.end <= len(text)
        ends = word.end
    assert line.rest(0) == (text[line.words[0].start :].strip() if line.words else "")


@given(st.text(st.characters(exclude_characters='"»', exclude_categories=("Cs", "Cc")), min_size=1, max_size=20))
def test_what_is_quoted_is_one_word_again(text: str) -> None:
    assert words(f"a {quote(text)} b") == ["a", text.strip(), "b"]


def test_many_quotes_without_an_end_take_no_time() -> None:
    # Looking for each end through all of it would take an hour.
    assert split('"a ' * 20_000 + "“b " * 20_000 + "'c " * 20_000).words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://matrix.to/#/!room:example.org/$event?via=example.org", ("!room:example.org", "$event")),
        ("https://matrix.to/#/%21room%3Aexample.org/%24event%2Fx?via=a&via=b", ("!room:example.org", "$event/x")),
        ("<https://matrix.to/#/@anna:example.org>", ("@anna:example.org", None)),
        ("https://matrix.to/#/%23algemeen%3Aexample.org", ("#algemeen:example.org", None)),
        ("https://matrix.to/#/#algemeen:example.org/$event", ("#algemeen:example.org", "$event")),
        ("https://matrix.to/#/!nodomain/$event:example.org", ("!nodomain", "$event:example.org")),
        ("https://app.element.io/#/room/!room:example.org/$event?via=x", ("!room:example.org", "$event")),
        ("https://chat.example.org/element/#/user/@anna:example.org", ("@anna:example.org", None)),
        ("matrix:roomid/room:example.org/e/event?via=example.org", ("!room:example.org", "$event")),
        ("matrix:r/algemeen:example.org", ("#algemeen:example.org", None)),
        ("matrix:u/anna:example.org?action=chat", ("@anna:example.org", None)),
        ("matrix:roomid/room%3Aexample.org/event/ev%2Fent", ("!room:example.org", "$ev/ent")),
        ("!room:example.org", ("!room:example.org", None)),
        ("$event", ("$event", None)),
        ("@anna", None),
        ("anna", None),
        ("https://example.org/", None),
        ("https://matrix.to/#/", None),
        ("https://matrix.to/#/anna", None),
        ("matrix:x/anna", None),
        ("#1", None),
        ("", None),
    ],
)
def test_links(text: str, expected: tuple[str, str | None] | None) -> None:
    assert permalink(text) == (Permalink(*expected) if expected else None)


def test_our_own_links_are_read_back() -> None:
    link = event_link("!r:example.org", "$a/b+c", "@anna:example.org:8448")
    assert permalink(link) == Permalink("!r:example.org", "$a/b+c")


@given(st.text(max_size=60) | st.text("matrix:/#!@$?%roev ", max_size=40))
def test_no_link_makes_it_fail(text: str) -> None:
    permalink(text)
    permalink(f"https://matrix.to/#/{text}")
