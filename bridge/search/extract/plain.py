"""Text as it is, in whatever encoding: TXT, CSV, logs, source code; and RTF."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, BinaryIO, Final

from striprtf.striprtf import rtf_to_text

from bridge.search.extract.text import MAX_TEXT

if TYPE_CHECKING:
    from bridge.search.extract.text import Text

MAX_BYTES: Final = 4 * MAX_TEXT  # of which no more than `MAX_TEXT` characters can come in any encoding but UTF-32
MAX_RTF: Final = 16_000_000  # pictures are in it, in hexadecimal
_WITHIN: Final = 4096
_MOST_CONTROLS: Final = 0.01  # of all bytes
_MOST_ZEROS: Final = 0.3  # of every second byte: UTF-16 of a text in Latin letters
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(rb"[\x01-\x07\x0e-\x1a\x1c-\x1f\x7f]")


def read_text(file: BinaryIO, text: Text) -> None:
    """The text of a file that is all text."""
    text.add(decoded(file.read(MAX_BYTES)))


def read_rtf(file: BinaryIO, text: Text) -> None:
    """The text of an RTF file; Word writes Windows-1252 where the file does not say otherwise."""
    text.add(str(rtf_to_text(file.read(MAX_RTF).decode("cp1252", errors="replace"), errors="replace")))  # type: ignore[no-untyped-call]


def is_text(start: bytes) -> bool:
    """Whether bytes from the beginning of a file are text rather than anything else."""
    if not start or start.startswith(tuple(mark for mark, _ in _MARKS)) or _wide(start):
        return True
    return b"\0" not in start and len(_CONTROLS.findall(start)) <= len(start) * _MOST_CONTROLS


def decoded(data: bytes, declared: str | None = None) -> str:
    """Bytes as text: by the mark at the beginning, by what is declared, else UTF-8 or Windows-1252."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _wide(data)
    for name in (encoding, declared):
        if name is not None:
            try:
                return data.decode(name, errors="replace")
            except (LookupError, ValueError):  # nothing of that name, or nothing for text
                continue
    whole = codecs.getincrementaldecoder("utf-8")()  # the end may be cut in the middle of a letter
    try:
        return whole.decode(data)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark, as some programs of Windows write it."""
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = data[first:_WITHIN:2].count(0), data[1 - first : _WITHIN : 2].count(0)
        if others == 0 and zeros > 1 and zeros > len(data[:_WITHIN]) // 2 * _MOST_ZEROS:
            return name
    return None
