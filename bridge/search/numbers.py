"""Telephone numbers and IBANs in any notation, each in one form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_PHONE: Final = re.compile(r"(?<![\w.,/+-])(?:\+|\(0\d{1,4}\)|0\d)(?:[ ./-]?[()]{0,2}[ ./-]?\d){5,19}(?!\w)")
_DATE: Final = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{4}\b")
_GROUP: Final = re.compile(r"\d+")
_IBAN: Final = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]{1,4}){3,8}(?!\w)", re.IGNORECASE)
_WORD: Final = re.compile(r"[^ .-]+")
_IBAN_LENGTHS: Final = range(15, 35)
_COUNTRY: Final = re.compile(r"1|7|20|27|3[0-4689]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}")  # ITU-T E.164
# How many digits a number has, the likeliest first: with its leading 0; and behind the code of its country.
_NATIONAL: Final = (10, 9, 11, 12)
_BEHIND_COUNTRY: Final = (9, 10, 8, 11, 7)


class Number(NamedTuple):
    """A number in a text: characters from `start` up to and without `end`.

    Attributes:
        form: of a telephone number the digits without the code of the country and without the leading 0; of an IBAN
            the letters and digits, in small letters.
    """

    start: int
    end: int
    kind: Literal["phone", "iban"]
    form: str


def numbers(text: str) -> Iterator[Number]:
    """All telephone numbers and IBANs in a text, in order."""
    at = 0
    while at < len(text):
        found = [number for number in (_first_phone(text, at), _first_iban(text, at)) if number is not None]
        if not found:
            return
        number = min(found)
        yield number
        at = number.end


def _first_phone(text: str, at: int) -> Number | None:
    for found in _PHONE.finditer(text, at):
        if _DATE.match(found[0]) is None and (number := _phone(found[0], found.start())) is not None:
            return number
    return None


def _phone(text: str, start: int) -> Number | None:
    """The number at the beginning of a run of digits, which may go on with digits that are not its own."""
    groups = [(found[0], start + found.end()) for found in _GROUP.finditer(text)]
    if text.startswith("+") or groups[0][0].startswith("00"):
        return _international(groups, start)
    digits = ""
    ends = {len(digits := digits + group): (end, digits) for group, end in groups}
    found = next((ends[length] for length in _NATIONAL if length in ends), None)
    return Number(start, found[0], "phone", found[1][1:]) if found else None


def _international(groups: list[tuple[str, int]], start: int) -> Number | None:
    digits = ""
    ends: dict[int, tuple[int, str]] = {}
    for group, end in groups:
        digits += group
        number = digits.removeprefix("00")
        country = _COUNTRY.match(number)
        if country is not None:
            own = number[country.end() :].removeprefix("0")
            ends.setdefault(len(own), (end, own))
    found = next((ends[length] for length in _BEHIND_COUNTRY if length in ends), None)
    return Number(start, found[0], "phone", found[1]) if found else None


def _first_iban(text: str, at: int) -> Number | None:
    for found in _IBAN.finditer(text, at):
        ends = [found.start() + word.end() for word in _WORD.finditer(found[0])]
        for end in reversed(ends):  # what follows may be words that look like a part of it
            form = re.sub(r"[ .-]", "", text[found.start() : end]).casefold()
            if len(form) in _IBAN_LENGTHS and _is_iban(form):
                return Number(found.start(), end, "iban", form)
    return None


def _is_iban(form: str) -> bool:
    """ISO 7064 mod 97-10, by ISO 13616."""
    return form.isascii() and int("".join(str(int(char, 36)) for char in form[4:] + form[:4])) % 97 == 1
