"""From text to the tokens of the index's fields."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

from bridge.search import folding
from bridge.search.numbers import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KNOWN_WORDS: Final = 100_000  # of which the stems are remembered


class Words(NamedTuple):
    """The words of a text in order, as they stand in the fields of these names: the lists are equally long."""

    words: Sequence[str]
    nl: Sequence[str]
    en: Sequence[str]


class Analysis:
    """What is indexed and what is asked for goes through the same of these. Threads may share one."""

    def __init__(self) -> None:
        self.dutch: Callable[[str], str] = lru_cache(_KNOWN_WORDS)(_stemmer("dutch"))
        self.english: Callable[[str], str] = lru_cache(_KNOWN_WORDS)(_stemmer("english"))
        self.parts: Callable[[str], Sequence[str]] = lru_cache(_KNOWN_WORDS)(self._parts)

    def words(self, text: str) -> Words:
        """For the fields `words`, `nl` and `en`."""
        found = folding.words(folding.fold(text))
        return Words(found, [self.dutch(word) for word in found], [self.english(word) for word in found])

    def _parts(self, word: str) -> Sequence[str]:
        """For the field `parts`: the stems of what a compound in small letters is made of; empty when it is none."""
        del word
        return ()


def codes(text: str) -> list[list[str]]:
    """For the field `code`, see `folding.codes`."""
    return folding.codes(folding.fold(text))


def number_forms(text: str) -> list[str]:
    """For the field `numbers`: telephone numbers and IBANs in one form."""
    return [number.form for number in numbers(text)]


def _stemmer(language: str) -> Callable[[str], str]:
    analyze = TextAnalyzerBuilder(Tokenizer.raw()).filter(Filter.stemmer(language)).build().analyze
    return lambda word: analyze(word)[0]
