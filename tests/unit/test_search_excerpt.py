"""Excerpts: what is marked, where they begin and end."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.search import folding
from bridge.search.analysis import Analysis
from bridge.search.excerpt import LENGTH, Excerpts, Parts, _folded, plain
from bridge.search.parser import parse

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
ANALYSIS = Analysis()
LOREM = "Dit gaat nergens over maar het is wel lang. " * 40


def of(query: str, text: str) -> str:
    """An excerpt with its hits in brackets."""
    return shown(Excerpts(ANALYSIS, parse(query, NOW).root).of(text))


def shown(parts: Parts) -> str:
    return "".join(f"[{text}]" if marked else text for text, marked in parts)


@pytest.mark.parametrize(
    ("query", "text", "excerpt"),
    [
        ("offerte", "De offerte is klaar", "De [offerte] is klaar"),
        ("offerte", "Twee OFFERTES, en een offerte.", "Twee [OFFERTES], en een [offerte]."),
        ("cafe", "Het café is dicht", "Het [café] is dicht"),
        ("café", "Het cafe\u0301 is dicht", "Het [cafe\u0301] is dicht"),
        ("strasse", "Die Straße ist lang", "Die [Straße] ist lang"),
        ("invoices", "the invoice was paid", "the [invoice] was paid"),
        ("verslag", "het vergaderverslag van gisteren", "het [vergaderverslag] van gisteren"),
        ("+offerte", "offertes en offerte", "offertes en [offerte]"),
        ('"om twee uur"', "vrijdag om  twee\nuur, om drie uur", "vrijdag [om twee uur], om drie uur"),
        ("twee uur", "om twee uur", "om [twee] [uur]"),
        ("kozij*", "Het kozijnhout", "Het [kozijnhout]"),
        ("*verslag", "het jaarverslag 2026", "het [jaarverslag] 2026"),
        ("*erslag*", "de verslagen", "de [verslagen]"),
        ("C++", "C++ en C en c++20", "[C++] en C en [c++]20"),
        ("10.0.0.7", "van 10.0.0.7 naar 10.0.0.70", "van [10.0.0.7] naar 10.0.0.70"),
        ("PO-2026/114", "zie po-2026/114.", "zie [po-2026/114]."),
        ("PO-2026/114", "zie PO 2026 114.", "zie [PO 2026 114]."),
        ("foo_bar", "de foo_bar van foo", "de [foo_bar] van foo"),
        ("0612345678", "bel +31 6 1234 5678 even", "bel [+31 6 1234 5678] even"),
        ("NL91ABNA0417164300", "naar NL91 ABNA 0417 1643 00 graag", "naar [NL91 ABNA 0417 1643 00] graag"),
        ("foto", "de foto's van Jan", "de [foto]'s van Jan"),
        ("🎉", "hoera 🎉 feest", "hoera [🎉] feest"),
        ("offerte -kozijn", "offerte voor een kozijn", "[offerte] voor een kozijn"),
        ("offerte AROUND 3 kozijn", "offerte voor een kozijn", "[offerte] voor een [kozijn]"),
        ("(offerte OF factuur) van:jan", "factuur en offerte", "[factuur] en [offerte]"),
        ("van:jan", "zomaar een bericht", "zomaar een bericht"),
        ("x", "x = y", "[x] = y"),
        ("offerte", "", ""),
        ("offerte", "\n\n  de   offerte \n", "de [offerte]"),
    ],
)
def test_what_is_marked(query: str, text: str, excerpt: str) -> None:
    assert of(query, text) == excerpt


def test_a_long_text_is_cut_at_words_around_what_was_found() -> None:
    found = of("kozijn", LOREM + "het kozijn is er. " + LOREM)
    assert found.startswith("…")
    assert found.endswith("…")
    assert "[kozijn]" in found
    assert LENGTH - 30 < len(found) < LENGTH + 5
    assert all(word in LOREM + "het [kozijn] is er." for word in found.strip("…").split())


def test_the_place_with_the_most_different_words_wins() -> None:
    text = "kozijn kozijn kozijn. " + LOREM + "offerte voor het kozijn. " + LOREM
    assert "[offerte] voor het [kozijn]" in of("kozijn offerte", text)


def test_the_end_and_the_beginning_have_no_dots() -> None:
    assert of("kozijn", "kozijn. " + LOREM).startswith("[kozijn]. Dit")
    assert of("kozijn", LOREM + "kozijn").endswith("lang. [kozijn]")
    assert of("", LOREM).startswith("Dit gaat")


def test_a_text_without_spaces() -> None:
    assert len(of("x", "x" * 5000)) <= LENGTH + 2
    found = of("kozij*", "a" * 5000 + " kozijn" + "b" * 5000)
    assert "[kozijn" in found
    assert len(found) <= 2 * LENGTH


def test_a_part_of_a_word_without_an_end() -> None:
    assert of("*abc*", "ab" * 100_000).endswith("…")


def test_deep_in_an_attachment() -> None:
    assert "[kozijn]" in of("kozijn", LOREM * 100 + "kozijn " + LOREM)


def test_an_emoji_is_never_cut_in_two() -> None:
    family = "👨‍👩‍👧‍👦"
    for extra in range(12):
        found = of("niets", "a" * extra + family * 100).strip("…").lstrip("a")
        assert found == family * (len(found) // len(family))


words = st.sampled_from(
    ["offerte", "Kozijn", "café", "C++", "06-12345678", "ß", "ﬁets", "e\u0301", "🎉", "'s", "\u200b"]
)
texts = st.lists(words | st.text(max_size=8), max_size=80).map(" ".join)


@given(
    texts, st.sampled_from(["offerte", "kozij* OF café", "C++", '"een twee"', "0612345678", "fiets", "van:x", "*a*"])
)
def test_any_text(text: str, query: str) -> None:
    parts = Excerpts(ANALYSIS, parse(query, NOW).root).of(text)
    one_line = "".join(plain(parts).split())
    assert one_line.strip("…") in "".join(text.split()) or "…" in text
    assert len(plain(parts)) <= 2 * LENGTH
    assert all(part for part, _ in parts)


@given(st.text())
def test_folded_with_places_is_the_same_as_folded(text: str) -> None:
    if any(0x1100 <= ord(char) <= 0x11FF for char in unicodedata.normalize("NFKD", text)):
        return  # letters of Korean that join with their neighbours
    found = _folded(text)
    assert found.text == folding.fold(text)
    places = [found.span(at, at + 1) for at in range(len(found.text))]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)
