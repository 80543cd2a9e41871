"""What a file is, by its content: names and declared types are the sender's, and often wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, TypeAlias

from bridge.search.extract.outcome import LOCKED, OLD_OFFICE, OTHER_KIND, UnreadableError
from bridge.search.extract.plain import is_text

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind: TypeAlias = Literal["pdf", "zip", "rtf", "image", "html", "mail", "text"]

_START: Final = 16 * 1024  # bytes that are looked at
_CHUNK: Final = 1024 * 1024
_PDF_WITHIN: Final = 1024  # PDF Reference 1.7, implementation note 13: the header may come that late

_IMAGES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")
_ZIPS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # MS-CFB
_LOCKED_OFFICE: Final = "EncryptedPackage".encode("utf-16-le")  # MS-OFFCRYPTO 2.3.4.4
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_HEADER = re.compile(rb"([!-9;-~]+):[ \t]*[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*")
_OF_MAIL: Final = frozenset(
    {b"from", b"to", b"cc", b"subject", b"date", b"received", b"return-path", b"message-id", b"mime-version",
     b"delivered-to", b"reply-to", b"content-type"}
)  # fmt: skip
_ENOUGH_HEADERS: Final = 3


def kind_of(file: BinaryIO) -> Kind:
    """What the file is; leaves it at its beginning.

    Raises:
        UnreadableError: nothing that we can read.
    """
    file.seek(0)
    start = file.read(_START)
    file.seek(0)
    if start.startswith(_ZIPS):
        return "zip"
    if start.startswith(_IMAGES):
        return "image"
    if b"%PDF-" in start[:_PDF_WITHIN]:
        return "pdf"
    if start.startswith(_COMPOUND):
        _refuse_compound(file)
    if start.startswith(b"{\\rtf"):
        return "rtf"
    if not is_text(start):
        raise UnreadableError("no_text", OTHER_KIND)
    if _HTML.match(start.removeprefix(b"\xef\xbb\xbf")):
        return "html"
    return "mail" if _is_mail(start) else "text"


def _refuse_compound(file: BinaryIO) -> None:
    """An Office file with a password looks like one from before 2007."""
    before = b""
    for chunk in _chunks(file):
        if _LOCKED_OFFICE in before + chunk:
            raise UnreadableError("locked", LOCKED)
        before = chunk[-len(_LOCKED_OFFICE) :]
    raise UnreadableError("no_text", OLD_OFFICE)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _is_mail(start: bytes) -> bool:
    """Whether it begins with the header of a mail (RFC 5322)."""
    if start.startswith(b"From "):  # the line before each mail of an mbox
        start = start.partition(b"\n")[2]
    found, at = set(), 0
    while match := _HEADER.match(start, at):
        found.add(match[1].lower())
        at = match.end()
    return len(found & _OF_MAIL) >= _ENOUGH_HEADERS
