"""XLSX: the cells of each sheet row by row, in constant memory (ECMA-376 part 1, 18).

Libraries that give a sheet as a table make one of a million rows when a single cell stands at its end.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bridge.search.extract.markup import Grammar, add_markup, walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.search.extract.text import Text
    from bridge.search.extract.unzip import Zip

MAX_SHARED: Final = 20_000_000  # characters of the texts that cells share
_SHARED, _STYLES, _WORKBOOK = "xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_MORE = re.compile(r"xl/((comments/)?comments?|threadedComments/threadedComment|drawings/drawing)\d*\.xml")
_NOTE: Final = Grammar(text=frozenset({"t", "text"}), ends={"p": "\n", "text": "\n", "comment": "\n"})
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})  # 18.8.30
_NO_CODE = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|General', re.IGNORECASE)  # in a format: what is shown as it is
_LONGEST_CODE: Final = 255
_FIRST_DAY, _FIRST_DAY_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 (a sheet knows no zones)


def add_workbook(archive: Zip, text: Text) -> None:
    """Add the text of a workbook."""
    sheets, first_day = _sheets(archive)
    text.pages = len(sheets)
    shared, dates = _shared(archive), _dates(archive)
    for name, part in sheets:
        text.add(f"{name}\n")
        if part in archive.names:
            cells = _Cells(text, shared, dates, first_day)
            walk(archive.chunks(part), cells.start, cells.end, cells.characters)
        text.add("\n")
    for part in sorted(name for name in archive.names if _MORE.fullmatch(name)):
        add_markup(archive.chunks(part), _NOTE, text)


def _sheets(archive: Zip) -> tuple[list[tuple[str, str]], datetime]:
    """Each sheet as (name, its part) in order; and the day that is number 0."""
    parts: dict[str, str] = {}
    sheets: list[tuple[str, str]] = []
    first_day = _FIRST_DAY

    def relation(name: str, attributes: Mapping[str, str]) -> None:
        target = attributes.get("Target", "")
        if name == "Relationship":
            parts[attributes.get("Id", "")] = target[1:] if target.startswith("/") else f"xl/{target}"

    def sheet(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal first_day
        if name == "sheet":
            part = next((parts.get(value, "") for key, value in attributes.items() if key.endswith(":id")), "")
            sheets.append((attributes.get("name", ""), part))
        elif name == "workbookPr" and attributes.get("date1904") in ("1", "true"):
            first_day = _FIRST_DAY_1904

    if _RELATIONS in archive.names:
        walk(archive.chunks(_RELATIONS), relation, _nothing, _nothing)
    walk(archive.chunks(_WORKBOOK), sheet, _nothing, _nothing)
    return sheets, first_day


def _nothing(*_: object) -> None:
    pass


def _shared(archive: Zip) -> Sequence[str]:
    """The texts that cells refer to by number."""
    texts: list[str] = []
    pieces: list[str] = []
    room = MAX_SHARED
    inside = hidden = False

    def start(name: str, _: Mapping[str, str]) -> None:
        nonlocal inside, hidden
        inside = inside or name == "t"
        hidden = hidden or name == "rPh"  # how Japanese is pronounced

    def end(name: str) -> None:
        nonlocal inside, hidden, room
        inside = inside and name != "t"
        hidden = hidden and name != "rPh"
        if name == "si":
            texts.append("".join(pieces) if room > 0 else "")
            room -= len(texts[-1])
            pieces.clear()

    def characters(data: str) -> None:
        if inside and not hidden and room > 0:
            pieces.append(data)

    if _SHARED in archive.names:
        walk(archive.chunks(_SHARED), start, end, characters)
    return texts


def _dates(archive: Zip) -> frozenset[int]:
    """The numbers of the cell formats that show a number as a date or a time."""
    formats: set[str] = {str(number) for number in _DATES}
    styles: set[int] = set()
    count = 0
    inside = False

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal count, inside
        if name == "numFmt" and _shows_date(attributes.get("formatCode", "")):
            formats.add(attributes.get("numFmtId", ""))
        elif name == "cellXfs":
            inside = True
        elif name == "xf" and inside:
            if attributes.get("numFmtId") in formats:
                styles.add(count)
            count += 1

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and name != "cellXfs"

    if _STYLES in archive.names:
        walk(archive.chunks(_STYLES), start, end, _nothing)
    return frozenset(styles)


def _shows_date(code: str) -> bool:
    return re.search("[dmyhs]", _NO_CODE.sub("", code[:_LONGEST_CODE]), re.IGNORECASE) is not None


class _Cells:
    """Writes the cells of a sheet."""

    def __init__(self, text: Text, shared: Sequence[str], dates: frozenset[int], first_day: datetime) -> None:
        self._text = text
        self._shared = shared
        self._dates = dates
        self._first_day = first_day
        self._kind = ""
        self._style = 0
        self._value: list[str] = []
        self._inside = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "c":
            self._kind = attributes.get("t", "n")
            style = attributes.get("s", "0")
            self._style = int(style) if style.isdecimal() else 0
            self._value.clear()
        elif name in ("v", "t"):
            self._inside = True

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self._inside = False
        elif name == "c":
            self._text.add(self._shown("".join(self._value)))
        elif name == "row":
            self._text.add("\n")

    def characters(self, data: str) -> None:
        if self._inside:
            self._value.append(data)

    def _shown(self, value: str) -> str:
        if not value or self._kind in ("e", "b"):  # errors; true and false
            return ""
        if self._kind == "s":
            number = int(value) if value.isdecimal() else -1
            return f"{self._shared[number]}\t" if 0 <= number < len(self._shared) else ""
        return f"{self._number(value) if self._kind == 'n' else value}\t"

    def _number(self, value: str) -> str:
        """As people would write it: without what floating point adds, a date as 2026-03-01."""
        try:
            number = float(value)
            if self._style in self._dates:
                return _moment(self._first_day, number)
        except (ValueError, OverflowError):
            return value
        return f"{number:.15g}"


def _moment(first_day: datetime, days: float) -> str:
    if days < 1:
        return f"{first_day + timedelta(days=days):%H:%M}"
    # Excel thinks that 1900 was a leap year, so days before March are one too late; nobody sent a file then.
    moment = first_day + timedelta(seconds=round(days * 86400))
    return f"{moment:%Y-%m-%d}" if days == int(days) else f"{moment:%Y-%m-%d %H:%M}"
