"""How text is cut into words and pieces, the same for what is indexed and what is asked for."""
# ruff: noqa: RUF001 (what looks like another character is meant)

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_INVISIBLE: Final = re.compile("[\u00ad\u200c-\u200f\u2060\ufe00-\ufe0f\ufeff]")  # also: `shown as a picture`
_BREAK: Final = "\u200b"  # a space that nobody sees: it ends a word (Unicode Standard Annex 29)
_LETTERS: Final = {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"}
_LETTER: Final = re.compile(f"[{''.join(_LETTERS)}]")
_OF: Final = re.compile(r"(?<=[^\W\d_])['’]s\b")  # foto's, Jan's
_WORD: Final = re.compile(r"[^\W_]+")
_PIECE: Final = re.compile(r"[^\W_]+|\S")
# What stands around words as a matter of course. A point stays before a letter or digit (`.NET`).
_BEFORE: Final = "\"'`([{<*_~“”„‘’«»‚‹›…,;:!?¡¿–—•"
_BEHIND: Final = "\"'`)]}>*_~“”„‘’«»‚‹›…,;:.!?–—•"
_TELLS: Final = re.compile("[^\\W_]|[\u2070-\U0010ffff]")  # emoji, arrows, currencies: above all that is punctuation

LONGEST: Final = 200  # characters of a token; a longer one is nothing that people type
_LONGEST_CHUNK: Final = 2_000


def fold(text: str) -> str:
    """In small letters, without accents, and without what nobody sees."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", _INVISIBLE.sub("", text.replace(_BREAK, " "))).casefold()
    text = unicodedata.normalize("NFC", _ACCENTS.sub("", text))
    return _LETTER.sub(lambda found: _LETTERS[found[0]], text)


def words(folded: str) -> list[str]:
    """The runs of letters and digits of a folded text; `foto's` is `foto`."""
    found: list[str] = _WORD.findall(_without_of(folded))
    return found if len(folded) <= LONGEST else [word[:LONGEST] for word in found]


def spans(folded: str) -> list[tuple[int, int]]:
    """Where the words of a folded text stand in it: from, and up to."""
    return [found.span() for found in _WORD.finditer(_without_of(folded))]


def _without_of(folded: str) -> str:
    return _OF.sub("  ", folded) if "'" in folded or "’" in folded else folded


def codes(folded: str) -> list[list[str]]:
    """What a folded text holds beside plain words: chunks with symbols between or glued to letters and digits, and
    emoji. Each chunk as its pieces: runs of letters and digits, and each symbol by itself (`c + +`).
    """
    found: list[list[str]] = []
    for chunk in folded.split():
        if not chunk.isalnum():
            inner = chunk.lstrip(_BEFORE).rstrip(_BEHIND)
            if inner and not inner.isalnum() and _TELLS.search(inner):
                found.append([piece[:LONGEST] for piece in _PIECE.findall(inner, 0, _LONGEST_CHUNK)])
    return found


def emoji(key: str) -> str:
    """The key of a reaction in the form in which it is found."""
    return fold(key).strip()[:LONGEST]
