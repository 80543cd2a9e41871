"""From text to the tokens of the index's fields."""

from __future__ import annotations

import re
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
LONGEST_END: Final = 40


class Words(NamedTuple):
    """The words of a text in order, as they stand in the fields of these names: the lists are equally long."""

    words: Sequence[str]
    nl: Sequence[str]
    en: Sequence[str]


class Tokens(NamedTuple):
    """All that is indexed of a text: the tokens of the fields of these names, with a space between them.

    Attributes:
        code: each chunk by itself.
        folded: the text that they come from.
    """

    words: str
    nl: str
    en: str
    code: Sequence[str]
    parts: str
    ends: str
    folded: str


class _Known(NamedTuple):
    """What is known of a word."""

    nl: str
    en: str
    parts: str
    ends: str


class _Memory(dict[str, _Known]):
    """Words that came by, with what is known of them."""

    def __init__(self, look_up: Callable[[str], _Known]) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, word: str) -> _Known:
        if len(self) >= _KNOWN_WORDS:
            self.clear()
        self[word] = known = self._look_up(word)
        return known


class Analysis:
    """What is indexed and what is asked for goes through the same of these. Threads may share one."""

    def __init__(self) -> None:
        self._dutch = Dutch(parse())
        self._memory = _Memory(self._look_up)

    def words(self, text: str) -> Words:
        """For the fields `words`, `nl` and `en`."""
        found = folding.words(folding.fold(text))
        return Words(found, [self.dutch(word) for word in found], [self.english(word) for word in found])

    def tokens(self, text: str) -> Tokens:
        """For all fields."""
        folded = folding.fold(text)
        words = folding.words(folded)
        known = [self._memory[word] for word in words]
        once = {*known}
        return Tokens(
            " ".join(words),
            " ".join([word.nl for word in known]),
            " ".join([word.en for word in known]),
            [" ".join(code) for code in folding.codes(folded)],
            " ".join([word.parts for word in once if word.parts]),
            " ".join([word.ends for word in once if word.ends]),
            folded,
        )

    def dutch(self, word: str) -> str:
        """The Dutch stem of a folded word."""
        return self._memory[word].nl

    def english(self, word: str) -> str:
        """The English stem of a folded word."""
        return self._memory[word].en

    def parts(self, word: str) -> Sequence[str]:
        """For the field `parts`: the stems of what a folded compound is made of, and the letters of `qwen3`."""
        return self._memory[word].parts.split()

    def _look_up(self, word: str) -> _Known:
        parts = self._dutch.parts(word) or [self._dutch.stem(letters) for letters in _letters(word)]
        return _Known(self._dutch.stem(word), english.stem(word), " ".join(parts), " ".join(ends(word)))


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
    """For the field `ends`: how a word ends, from its second character on, in all lengths from three.

    Of a longer end only the first `LONGEST_END` characters.
    """
    return [word[at : at + LONGEST_END] for at in range(1, len(word) - _SHORTEST_END + 1)]


def _letters(word: str) -> list[str]:
    """The runs of letters of a word that has digits too."""
    return [] if word.isalpha() else _LETTERS.findall(word)
