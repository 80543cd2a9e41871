"""English stems: the forms of a word become one, words made from others stay words of their own.

These are the steps 1 and 5 of Porter's second stemmer (snowballstem.org/algorithms/english). Its steps between take off
`-ful`, `-ment` or `-ation` too: then who looks for `stateful` finds `state`, and `organ` is found by `organization`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_VOWEL: Final = re.compile("[aeiouy]")
_REGION: Final = re.compile("[aeiouy][^aeiouy]")  # what stands behind the first of these, and behind the next one
_BEGINNINGS: Final = re.compile("gener|commun|arsen|past|univers|later|emerg|organ")
_DOUBLE: Final = re.compile(r"(bb|dd|ff|gg|mm|nn|pp|rr|tt)$")
_WHOLE: Final = ("news", "atlas", "cosmos", "bias", "inning", "outing", "earring", "evening", "meeting", "building")
_OTHERWISE: Final[Mapping[str, str]] = {
    "skis": "ski",
    "buses": "bus",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    **{word: word for word in _WHOLE},
    **{f"{word}s": word for word in _WHOLE if word.endswith("ing")},
}


def stem(word: str) -> str:
    """The stem of a folded word; what has other signs than those of English words is its own."""
    if len(word) < 3 or not (word.isascii() and word.isalpha()):  # noqa: PLR2004
        return word
    if word in _OTHERWISE:
        return _OTHERWISE[word]
    word = re.sub("^y|(?<=[aeiouy])y", "Y", word)  # a consonant there
    return _without_e(_with_i(_without_ed(_without_s(word)))).lower()


def _regions(word: str) -> tuple[int, int]:
    """Where R1 and R2 begin."""
    found = _BEGINNINGS.match(word) or _REGION.search(word)
    first = found.end() if found else len(word)
    second = _REGION.search(word, first)
    return first, second.end() if second else len(word)


def _without_s(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]  # noqa: PLR2004 (cries, ties)
    if word.endswith("s") and not word.endswith(("us", "ss")) and _VOWEL.search(word[:-2]):
        return word[:-1]
    return word


def _without_ed(word: str) -> str:
    if word.endswith("eed"):
        return (
            word[:-1] if len(word) - 3 >= _regions(word)[0] and word not in ("proceed", "exceed", "succeed") else word
        )
    ending = next((end for end in ("ed", "ing") if word.endswith(end)), None)
    if ending is None or not _VOWEL.search(word[: -len(ending)]):
        return word
    rest = word[: -len(ending)]
    if rest.endswith(("at", "bl", "iz")):
        return f"{rest}e"
    if _DOUBLE.search(rest):
        return rest[:-1] if len(rest) > 3 else rest  # noqa: PLR2004 (adding, egged)
    is_short = _regions(rest)[0] >= len(rest) and _ends_short(rest)
    return f"{rest}e" if is_short else rest


def _with_i(word: str) -> str:
    if len(word) > 2 and word[-1] in "yY" and word[-2] not in "aeiouyY":  # noqa: PLR2004
        return f"{word[:-1]}i"
    return word


def _without_e(word: str) -> str:
    if not word.endswith("e"):
        return word
    first, second = _regions(word)
    at = len(word) - 1
    return word[:-1] if at >= second or (at >= first and not _ends_short(word[:-1])) else word


def _ends_short(word: str) -> bool:
    """Whether its last syllable is short: a vowel between consonants, or at the beginning of the word."""
    return re.search("(?:[^aeiouy][aeiouy][^aeiouwxyY]|^[aeiouy][^aeiouy])$", word) is not None
