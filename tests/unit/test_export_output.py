"""What an attachment is called in an exported folder."""

from __future__ import annotations

import pytest

from bridge.archive.export_output import extension


@pytest.mark.parametrize(
    ("name", "mimetype", "expected"),
    [
        ("Offerte.PDF", "application/pdf", ".pdf"),
        ("Offerte.PDF", None, ".pdf"),
        ("Voice message", "audio/wav", ".wav"),
        ("Voice message.ogg", "audio/ogg", ".ogg"),
        ("Voice message", "audio/ogg", ".ogg"),
        ("spraakbericht", "audio/mpeg", ".mp3"),
        ("lijst.", "text/csv", ".csv"),
        ("naam./../x y", "application/pdf", ".pdf"),
        ("zonder", "made/up", ""),
        ("zonder", None, ""),
        ("a.b c", "no type at all", ""),
    ],
)
def test_extension(name: str, mimetype: str | None, expected: str) -> None:
    assert extension(name, mimetype) == expected
