"""The values of operators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, cast

from bridge.search.periods import period, period_meant, span
from bridge.search.query import FileName, FileType, Filter, Has, In, Is, Label, Size, Thread, When, Who
from bridge.search.words import STATES, THINGS, meaning, nearest, types_called

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bridge.search.query import Place, State, Thing

_UNITS: Final = {"": 1, "B": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_DATES: Final = frozenset({"before", "after", "on", "during", "older", "newer"})
SEVERAL_WORDS: Final = _DATES | {"larger", "smaller"}  # operators whose values may have spaces without quotes
_EMOJI_NAME: Final = re.compile(r":([\w+-]+):")


class NotUnderstoodError(Exception):
    """The value means nothing.

    Attributes:
        proposal: a value that it may have been meant to be.
    """

    def __init__(self, key: Literal["unknown_value", "bad_date", "bad_size"], proposal: str | None = None) -> None:
        super().__init__(key)
        self.key: Literal["unknown_value", "bad_date", "bad_size"] = key
        self.proposal = proposal


def value(name: str, text: str, place: Place, now: datetime) -> Filter:  # noqa: PLR0911 (a table)
    """What an operator with this value asks for.

    Args:
        name: of the operator, in English.

    Raises:
        NotUnderstoodError
    """
    text = text.strip()
    match name:
        case "from" | "to" | "with" | "mentions":
            return Who(name, text, place)
        case "in":
            return In(text, place)
        case "thread":
            return Thread(text, place)
        case "filename":
            return FileName(text)
        case "type":
            return FileType(types_called(text.removeprefix(".").casefold()))
        case "tag":
            return Label(text.removeprefix("#"))
        case "has":
            return _has(text)
        case "is":
            return Is(cast("State", _one_of(STATES, text)))
        case "larger":
            return Size(_bytes(text), None)
        case "smaller":
            return Size(None, _bytes(text))
        case _:
            return _when(name, text, now)


def _has(text: str) -> Has:
    if found := _EMOJI_NAME.fullmatch(text):
        return Has("emoji", found[1])
    if not text.isascii() and not any(char.isalpha() for char in text):
        return Has("emoji", text)
    return Has(cast("Thing", _one_of(THINGS, text)))


def _one_of(words: Mapping[str, tuple[str, ...]], text: str) -> str:
    known = meaning(words, text)
    if known is None:
        raise NotUnderstoodError("unknown_value", nearest(words, text))
    return known


def _bytes(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})(?:[.,]([0-9]{1,3}))?\s*([KMG]?)I?B?", text.upper())
    if found is None:
        raise NotUnderstoodError("bad_size")
    whole = int(found[1]) + (int(found[2]) / 10 ** len(found[2]) if found[2] else 0)
    return round(whole * _UNITS[found[3]])


def _when(name: str, text: str, now: datetime) -> When:
    moment = span(text, now)
    if moment is not None:
        return When(None, moment) if name in ("older", "before") else When(moment, None)
    found = period(text, now)
    if found is None:
        raise NotUnderstoodError("bad_date", period_meant(text, now))
    if name in ("before", "older"):
        return When(None, found.start)
    if name in ("after", "newer"):
        return When(found.end, None)
    return When(found.start, found.end)
