"""From a query to one of the index: any line becomes one that can be run, and what cannot be asked is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import tantivy
from hypothesis import given, settings

from bridge.search import schema
from bridge.search.compile import compiled
from bridge.search.documents import Documents
from bridge.search.emoji import emoji_called
from bridge.search.parser import MAX_LENGTH, parse
from bridge.search.query import Note
from bridge.search.resolve import Names, Understood
from tests.storage.searching import analysis
from tests.unit.test_search_parser import NOW, PIECES, lines

if TYPE_CHECKING:
    from collections.abc import Sequence

FIELDS = schema.schema()
NAMES = Names({"bas": ["@bas:x"]}, {"kantoor": ["!a"]})


def asked(line: str, *, auditor: bool = False) -> tuple[tantivy.Query | None, tuple[Note, ...]]:
    found = compiled(Understood(parse(line, NOW), NAMES, ()), analysis(), FIELDS, NOW, auditor=auditor)
    return found.query, found.notes


def searcher(*texts: str, sent: Sequence[datetime] = ()) -> tantivy.Searcher:
    """Of an index in memory: message n of these, sent then, else long ago."""
    index = tantivy.Index(FIELDS)
    writer = index.writer(20_000_000, 1)
    for number, text in enumerate(texts):
        document = tantivy.Document()
        Documents(analysis())._add_texts(document, [text])
        document.add_integer(schema.SEQ, number)
        at = sent[number] if sent else NOW - timedelta(days=1000)
        document.add_integer(schema.SENT, schema.sent_key(at))
        document.add_text("sender", "@bas:x" if number % 2 else "@anna:x")
        writer.add_document(document)
    writer.commit()
    index.reload()
    return index.searcher()


def numbers(where: tantivy.Searcher, line: str) -> list[int]:
    """What is found, the best first."""
    query, _ = asked(f"{line} sort:relevance")
    assert query is not None
    hits = where.search(query, 100).hits
    return [int(seq or 0) for seq in where.fast_field_values(schema.SEQ, [address for _, address in hits])]


COMPANY = searcher("de offerte voor de kozijnen", "vergaderverslag", "C++ en 10.0.0.7", "👍")


@settings(max_examples=2_000)
@given(lines)
def test_any_line_can_be_asked(line: str) -> None:
    for order in ("", " sort:relevance"):
        query, _ = asked(line + order)
        if query is not None:
            COMPANY.search(query, 10)


@pytest.mark.parametrize("piece", [*PIECES[::9], "a AROUND 999 a ", "*abc* ", "a OR ", "-(a OR ", "van:bas ", "a@b.c "])
def test_the_longest_line_can_be_asked(piece: str) -> None:
    query, _ = asked(piece * (MAX_LENGTH // len(piece)))
    if query is not None:
        COMPANY.search(query, 10)


@pytest.mark.parametrize("line", ["", "?", "sort:old", "()", "-(:) -?)", "{. ,}", "van:", "€"])
def test_nothing_is_asked_for(line: str) -> None:
    assert asked(line) == (None, ())


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("-offerte", {1, 2, 3}),
        ("-offerte -verslag", {2, 3}),
        ("-(offerte OR -kozijn)", set()),
        ("-van:bas", {0, 2}),
        ("-van:nobody", {0, 1, 2, 3}),
        ("van:nobody OR verslag", {1}),
        ("in:kantoor", set()),
        ("offerte OR ?", {0}),
    ],
)
def test_negations_and_nobody(line: str, found: set[int]) -> None:
    assert set(numbers(COMPANY, line)) == found


def test_what_is_not_recorded_yet_is_said() -> None:
    assert asked("is:dringend OR is:open")[1] == (Note("not_yet", "urgent"), Note("not_yet", "open"))
    assert numbers(COMPANY, "is:dringend") == []
    assert len(numbers(COMPANY, "-is:dringend")) == 4
    assert asked("is:deleted")[1] == asked("is:verwijderd")[1] == (Note("auditors_only", "deleted"),)
    assert asked("is:held")[1] == (Note("auditors_only", "held"),)
    assert asked("is:deleted", auditor=True)[1] == ()
    assert asked("is:held", auditor=True)[1] == (Note("not_yet", "held"),)


def test_parts_that_are_too_short_are_words() -> None:
    assert asked("c* *de* ko*")[1] == (Note("part_too_short", "c"), Note("part_too_short", "de"))
    assert numbers(COMPANY, "*de*") == [0]


def test_by_relevance_as_written_before_stemmed_before_compounds() -> None:
    where = searcher("een kozijnenfabriek", "twee kozijnen", "een kozijn", "kozijnen kozijnen")
    assert numbers(where, "kozijn") == [2, 3, 1, 0]
    assert numbers(where, "kozijnen")[-1] == 0
    assert numbers(where, "kozijnen")[0] == 3


def test_by_relevance_what_is_new_is_a_little_better() -> None:
    sent = [NOW - timedelta(days=days) for days in (500, 3, 100, 1, *range(40))]
    others = ["iets anders"] * 40
    where = searcher("een kozijn", "een kozijn", "een kozijn", "een kozijnenfabriek", *others, sent=sent)
    assert numbers(where, "een kozijn") == [1, 2, 0, 3]


@pytest.mark.parametrize(
    ("name", "emoji"),
    [
        ("thumbsup", "👍"),
        ("+1", "👍"),
        ("TADA", "🎉"),
        ("rocket", "🚀"),
        ("hot_beverage", "☕"),
        ("👍🏽", "👍🏽"),
        ("x y", None),
    ],
)
def test_emoji_by_name(name: str, emoji: str | None) -> None:
    assert emoji_called(name) == emoji


def test_days_are_those_of_the_asker() -> None:
    where = searcher("laat", sent=[datetime(2026, 3, 3, 23, 30, tzinfo=UTC)])  # the next day in Amsterdam
    assert numbers(where, "op:04-03-2026") == numbers(where, "op:vandaag") == [0]
    assert numbers(where, "op:03-03-2026") == []
    assert numbers(where, "na:03-03-2026 voor:05-03-2026") == [0]
