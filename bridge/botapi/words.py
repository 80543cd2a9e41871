# ruff: noqa: RUF001 - the signs that phones put in the place of others are the subject here
"""A line that somebody typed, as words: what phones make of quotes, dashes and spaces is undone."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

# An opening quote, and what may close it. Phones and languages mix them: „Dutch” „German“ «French» “English”.
_QUOTES: Final = {
    '"': '"”“',
    "'": "'’",
    "\N{LEFT DOUBLE QUOTATION MARK}": '”“"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": "”",
    "\N{DOUBLE LOW-9 QUOTATION MARK}": '”“"',
    "\N{DOUBLE HIGH-REVERSED-9 QUOTATION MARK}": "”",
    "\N{LEFT SINGLE QUOTATION MARK}": "’‘'",
    "\N{SINGLE LOW-9 QUOTATION MARK}": "’‘'",
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": "»",
    "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": "«»",
}
_NOT_QUOTES: Final = re.compile(r"['‘’](?:s|t|n|m|k|r)(?=\s)", re.IGNORECASE)  # 's avonds, 't
_UNSEEN: Final = r"\u200b\u2060\ufeff\u200e\u200f\u00ad"
_SPACES: Final = rf"\s{_UNSEEN}"
_SPACE: Final = re.compile(f"[{_SPACES}]+")
_INVISIBLE: Final = re.compile(f"[{_UNSEEN}]")
_BANG: Final = re.compile(rf"[{_SPACES}]*[!\uff01\ufe57\u01c3]+[{_SPACES}]*")
_DASHES: Final = str.maketrans({"—": "--", "―": "--", "–": "-", "‒": "-", "‑": "-", "‐": "-", "−": "-"})


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or several in quotes. `start` and `end`: where it stands in the line, with its quotes."""

    text: str
    start: int
    end: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line and its words."""

    text: str
    words: tuple[Word, ...]

    def rest(self, index: int) -> str:
        """All from a word on, as it was written."""
        return self.text[self.words[index].start :].strip() if index < len(self.words) else ""

    def after(self, index: int) -> Line:
        """The line without its first words."""
        return split(self.rest(index))


def split(text: str) -> Line:
    """The words of a line. A quote that is never closed is a part of its word."""
    words = []
    unclosed: set[str] = set()  # so that a thousand quotes without an end are not looked up a thousand times
    at = _skip(text, 0)
    while at < len(text):
        word = _quoted(text, at, unclosed) or _bare(text, at)
        words.append(word)
        at = _skip(text, word.end)
    return Line(text, tuple(words))


def without_bang(text: str) -> str | None:
    """What follows the `!`, in whatever form a keyboard gives it; None when there is none."""
    found = _BANG.match(text)
    return text[found.end() :] if found else None


def plain_word(text: str) -> str:
    """A word as commands are compared: without case and width, or a comma behind it."""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    return folded.rstrip(",.:;!?") or folded


def plain_phrase(text: str) -> str:
    """The same for a few words."""
    return " ".join(plain_word(word) for word in text.split())


def quote(text: str) -> str:
    """A word that `split` gives back as it is."""
    closing = next((pair for pair in (('"', '"'), ("«", "»")) if pair[1] not in text), None)
    return f"{closing[0]}{text}{closing[1]}" if closing else text


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _quoted(text: str, at: int, unclosed: set[str]) -> Word | None:
    opening = text[at]
    closing = _QUOTES.get(opening)
    if closing is None or opening in unclosed or _NOT_QUOTES.match(text, at):
        return None
    end = re.compile(rf"[{closing}](?=[{_SPACES}]|$)").search(text, at + 1)
    if end is None:
        unclosed.add(opening)
        return None
    return Word(text[at + 1 : end.start()].strip(), at, end.end(), quoted=True)


def _bare(text: str, at: int) -> Word:
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    return Word(_INVISIBLE.sub("", text[at:end]).translate(_DASHES), at, end)
