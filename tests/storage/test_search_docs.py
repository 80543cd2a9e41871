"""docs/search.*.md: every example finds what stands behind it, and the page tells of all of the language."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bridge.search.words import OPERATORS, SORTS, STATES, THINGS
from tests.storage import company

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storage.company import Office

DOCS = Path(__file__).resolve().parents[2] / "docs"
LANGUAGES = ("nl", "en")
CELL = re.compile(r"(?<!\\)\|")
CODE = re.compile(r"`([^`]+)`")


class Example(NamedTuple):
    """What is typed, and the numbers of what it finds."""

    typed: str
    finds: list[str]


def page(language: str) -> str:
    return (DOCS / f"search.{language}.md").read_text(encoding="utf-8")


def table_rows(language: str, columns: int) -> Iterator[list[str]]:
    for line in page(language).splitlines():
        cells = [cell.strip() for cell in CELL.split(line.strip())[1:-1]]
        if len(cells) == columns and not cells[0].startswith("--"):
            yield cells


def examples(language: str) -> list[Example]:
    return [
        Example(typed, [f"${number}" for number in re.findall(r"\d+", finds)])
        for what, _, finds in table_rows(language, 3)
        for typed in CODE.findall(what)
    ]


@pytest.mark.parametrize(
    ("language", "example"),
    [(language, example) for language in LANGUAGES for example in examples(language)],
    ids=lambda value: value if isinstance(value, str) else value.typed,
)
async def test_every_example_finds_what_it_says(office: Office, language: str, example: Example) -> None:
    assert language
    answer = await office.find(example.typed)
    assert answer.found == example.finds
    assert [key for key, _ in answer.said if key != "no_room"] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_many_examples(language: str) -> None:
    assert len(examples(language)) > 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_company_is_the_one_that_is_searched(language: str) -> None:
    rows = list(table_rows(language, 5))[1:]
    assert len(rows) == len(company.MESSAGES)
    for row, message in zip(rows, company.MESSAGES, strict=True):
        assert row[:2] == [str(message.number), message.at]
        assert message.room in row[2]
        assert row[3] == message.sender
        told = [message.text, message.before, message.inside, *message.reactions, *message.reactions.values()]
        if message.file is not None:
            told += [f"`{message.file[0]}`", f"{message.file[2] // 1_000_000} MB"]
        if message.thread is not None:
            told.append(f" {message.thread})")
        assert [text for text in told if text not in row[4]] == []


@pytest.mark.parametrize(("language", "number"), [("nl", -1), ("en", 0)])
def test_all_of_the_language_is_told(language: str, number: int) -> None:
    """Each operator and value by its word in this language."""
    text = page(language)
    words = {name: those[0] if number == 0 or len(those) == 1 else those[1] for name, those in OPERATORS.items()}
    assert [word for word in words.values() if f"{word}:" not in text] == []
    for operator, values in (("has", THINGS), ("is", STATES), ("sort", SORTS)):
        for those in values.values():
            word = those[0] if number == 0 or len(those) == 1 else those[1]
            assert f"`{word}`" in text or f"{words[operator]}:{word}" in text, word
