"""How text is cut into words and pieces, the same for what is indexed and what is asked for."""
# ruff: noqa: RUF001 (what looks like another character is meant)

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_LETTERS: Final = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"})
_OF: Final = re.compile(r"(?<=[^\W\d_])['’]s\b")  # foto's, Jan's
_WORD: Final = re.compile(r"[^\W_]+")
_PIECE: Final = re.compile(r"[^\W_]+|\S")
# What stands around words as a matter of course. A point stays before a letter or digit (`.NET`).
_BEFORE: Final = "\"'`([{<*_~“”„‘’«»‚‹›…,;:!?¡¿–—•"
_BEHIND: Final = "\"'`)]}>*_~“”„‘’«»‚‹›…,;:.!?–—•"
_SYMBOLS_FROM: Final = "\u2070"  # emoji, arrows, currencies: above all that is punctuation
_VARIATION: Final = re.compile("[\ufe0e\ufe0f]")

LONGEST: Final = 200  # characters of a token; a longer one is nothing that people type
_LONGEST_CHUNK: Final = 2_000


def fold(text: str) -> str:
    """In small letters, without accents, and without what nobody sees."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", _INVISIBLE.sub("", text)).casefold()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", text)).translate(_LETTERS)


def words(folded: str) -> list[str]:
    """The runs of letters and digits of a folded text; `foto's` is `foto`."""
    return [word[:LONGEST] for word in _WORD.findall(_without_of(folded))]


def spans(folded: str) -> list[tuple[int, int]]:
    """Where the words of a folded text stand in it: from, and up to."""
    return [found.span() for found in _WORD.finditer(_without_of(folded))]


def _without_of(folded: str) -> str:
    return _OF.sub("  ", folded) if "'" in folded or "’" in folded else folded


def codes(folded: str) -> list[list[str]]:
    """What a folded text holds beside plain words: chunks with symbols between or glued to letters and digits, and
    emoji. Each chunk as its pieces: runs of letters and digits, and each symbol by itself (`c + +`).
    """
    return [code for chunk in folded.split() if not chunk.isalnum() and (code := _code(chunk))]


def _code(chunk: str) -> list[str]:
    chunk = _VARIATION.sub("", chunk[:_LONGEST_CHUNK]).lstrip(_BEFORE).rstrip(_BEHIND)
    if chunk.isalnum():
        return []
    pieces: list[str] = _PIECE.findall(chunk)
    if any(piece[0].isalnum() for piece in pieces) or any(piece >= _SYMBOLS_FROM for piece in pieces):
        return [piece[:LONGEST] for piece in pieces]
    return []


def emoji(key: str) -> str:
    """The key of a reaction in the form in which it is found: without the mark that asks for a coloured picture."""
    return _VARIATION.sub("", fold(key)).strip()[:LONGEST]
