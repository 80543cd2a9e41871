"""Words that need nobody's help to be understood: whole numbers, yes and no, one of some words."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final

from bridge.botapi import moments
from bridge.botapi.errors import UsageError
from bridge.botapi.reply import Code, excerpt
from bridge.botapi.words import plain_word

if TYPE_CHECKING:
    from bridge.botapi.kinds import Kind
    from bridge.botapi.params import ChoiceWords

YES: Final = {"nl": "ja", "en": "yes"}
NO: Final = {"nl": "nee", "en": "no"}
_TRUE: Final = frozenset(("ja", "yes", "aan", "on", "waar", "true", "1", "j", "y", "✅", "👍"))
_FALSE: Final = frozenset(("nee", "no", "uit", "off", "onwaar", "false", "0", "n", "❌", "👎"))
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,15}")


def read(kind: Kind, text: str, words: ChoiceWords, language: str) -> object:
    """A value of a kind that settings may have.

    Raises:
        UsageError: the text means no such value.
    """
    match kind.name:
        case "int":
            return integer(text)
        case "bool":
            return truth(text)
        case "choice":
            return choice(text, words, language)
        case "duration":
            found = moments.duration(text)
            if found is None:
                raise UsageError("error.not_duration", given=excerpt(text))
            return found
        case _:
            return text


def integer(text: str) -> int:
    """A whole number of at most 15 digits."""
    if not _INTEGER.fullmatch(text):
        raise UsageError("error.not_number", given=excerpt(text))
    return int(text)


def truth(text: str) -> bool:
    """Yes or no, in words of both languages."""
    word = plain_word(text)
    if word not in _TRUE | _FALSE:
        raise UsageError("error.not_yes_or_no", given=excerpt(text))
    return word in _TRUE


def choice(text: str, words: ChoiceWords, language: str) -> str:
    """One of the values of a Literal, by its words in either language, or itself."""
    meant = {
        plain_word(word): value
        for by_value in words.values()
        for value, spellings in by_value.items()
        for word in (value, *spellings)
    }
    word = plain_word(text)
    if word in meant:
        return meant[word]
    near = difflib.get_close_matches(word, meant, n=1, cutoff=0.7)
    if near:
        raise UsageError("error.not_choice_near", given=excerpt(text), near=Code(words[language][meant[near[0]]][0]))
    shown = ", ".join(spellings[0] for spellings in words[language].values())
    raise UsageError("error.not_choice", given=excerpt(text), choices=shown)
