"""From text to the tokens of the index's fields."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.search import english, folding
from bridge.search.dutch import Dutch, parse
from bridge.search.numbers import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KNOWN_WORDS: Final = 50_000  # of which the stems are remembered
_DIGITS: Final = re.compile(r"(?:\d\D{0,3}){6}\d")  # no telephone number or IBAN has fewer
_LETTERS: Final = re.compile(r"[^\W\d_]{2,}")
_PIECE: Final = 2_000  # characters of a text that are looked at for numbers at a time
_LONGEST_NUMBER: Final = 50
_SHORTEST_END: Final = 3
_LONGEST_WITH_ENDS: Final = 40


class Words(NamedTuple):
    """The words of a text in order, as they stand in the fields of these names: the lists are equally long."""

    words: Sequence[str]
    nl: Sequence[str]
    en: Sequence[str]


class Analysis:
    """What is indexed and what is asked for goes through the same of these. Threads may share one."""

    def __init__(self) -> None:
        dutch = Dutch(parse())
        self.dutch: Callable[[str], str] = lru_cache(_KNOWN_WORDS)(dutch.stem)
        self.english: Callable[[str], str] = lru_cache(_KNOWN_WORDS)(english.stem)
        # For the field `parts`: the stems of what a folded compound is made of, and the letters of `qwen3`.
        self.parts: Callable[[str], Sequence[str]] = lru_cache(_KNOWN_WORDS)(
            lambda word: dutch.parts(word) or [dutch.stem(letters) for letters in _letters(word)]
        )

    def words(self, text: str) -> Words:
        """For the fields `words`, `nl` and `en`."""
        found = folding.words(folding.fold(text))
        return Words(found, [self.dutch(word) for word in found], [self.english(word) for word in found])


def codes(text: str) -> list[list[str]]:
    """For the field `code`, see `folding.codes`."""
    return folding.codes(folding.fold(text))


def number_forms(text: str) -> list[str]:
    """For the field `numbers`: telephone numbers and IBANs in one form."""
    found: dict[str, None] = {}
    for at in range(0, len(text), _PIECE):
        piece = text[max(0, at - _LONGEST_NUMBER) : at + _PIECE]
        if _DIGITS.search(piece):
            found |= dict.fromkeys(number.form for number in numbers(piece))
    return list(found)


def ends(word: str) -> list[str]:
    """For the field `ends`: how a word ends, from its second character on, in all lengths from three."""
    return [word[at:] for at in range(1, len(word) - _SHORTEST_END + 1)] if len(word) <= _LONGEST_WITH_ENDS else []


def _letters(word: str) -> list[str]:
    """The runs of letters of a word that has digits too."""
    return [] if word.isalpha() else _LETTERS.findall(word)
