"""The pages for staff have every command, setting and error, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from bots import BOTS, staff
from bridge.botapi import Catalog
from bridge.botapi.strings import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
CATALOG = Catalog([bot() for bot in BOTS])


def page(language: str) -> str:
    return (ROOT / "docs" / f"staff.{language}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lists_are_as_the_bots_are(language: str) -> None:
    assert page(language) == staff.filled(page(language), CATALOG, language, ROOT), "run `python -m bots.staff`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_setting_and_error_is_there(language: str) -> None:
    text = page(language)
    for entry in CATALOG.entries:
        assert f"`{entry.usage(language)}`" in text
        assert (entry.example(language) or "") in text
    for setting in CATALOG.settings:
        assert f"`{setting.word(language)}`" in text
    lines = set(staff.messages(CATALOG, language, staff.error_keys(ROOT)))
    assert len(lines) > 25
    assert all(line in text for line in lines)


def test_the_keys_of_errors_are_found_in_the_code() -> None:
    keys = staff.error_keys(ROOT)
    assert {"error.not_number", "error.too_much", "new.long", "no_setting"} <= keys
    known = CATALOG.lexicon.own.keys | {key for strings in CATALOG.strings.values() for key in strings.keys}
    assert keys <= known


def test_both_pages_have_the_same_parts() -> None:
    def parts(language: str) -> list[str]:
        return [line.split()[0] for line in page(language).splitlines() if line.startswith(("#", "- "))]

    assert parts("nl") == parts("en")
