"""Reads a file of any kind. All of it runs in the child process; nothing here has an effect but its result."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

from bridge.search.extract import kinds, mail, office, page, pdf, plain
from bridge.search.extract.outcome import BROKEN, CUT, EMPTY, PICTURES, Extracted, FullError, State, UnreadableError
from bridge.search.extract.text import Text

if TYPE_CHECKING:
    from bridge.search.extract.ocr import Tesseract

MAX_PICTURE: Final = 64_000_000  # bytes
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)  # what zipfile says of such a file
_DEEPEST: Final = 3  # mails in mails


def extract(file: BinaryIO, ocr: Tesseract | None = None, text: Text | None = None) -> Extracted:
    """The text of a file. Never raises, but for want of memory.

    Args:
        file: can seek.
        ocr: None: not installed.
        text: where it is collected.
    """
    text = text or Text()
    state: State = "no_text"
    try:
        _Reading(ocr).read(file, text)
        reason = text.missing
    except FullError:
        state, reason = "too_large", CUT
    except MemoryError:
        raise
    except UnreadableError as error:
        state, reason = error.state, error.reason
    except _DAMAGED:
        state, reason = "failed", BROKEN
    except Exception as error:  # noqa: BLE001 (the libraries fail in many ways on what is damaged)
        state, reason = "failed", f"{BROKEN} ({type(error).__name__})"
    found = text.value()
    if found and state != "locked":
        return Extracted("done", found, text.pages, reason)
    return Extracted(state, None, text.pages, reason or EMPTY)


class _Reading:
    def __init__(self, ocr: Tesseract | None, depth: int = 0) -> None:
        self._ocr = ocr
        self._depth = depth

    def read(self, file: BinaryIO, text: Text) -> None:
        match kinds.kind_of(file):
            case "pdf":
                pdf.read_pdf(file, text, self._ocr)
            case "zip":
                office.read_zip(file, text)
            case "rtf":
                plain.read_rtf(file, text)
            case "html":
                page.read_html(file, text)
            case "mail":
                mail.read_mail(file, text, self._attached)
            case "image":
                self._read_picture(file, text)
            case "text":
                plain.read_text(file, text)

    def _read_picture(self, file: BinaryIO, text: Text) -> None:
        if self._ocr is None:
            raise UnreadableError("no_ocr", PICTURES)
        text.add(self._ocr.read(file.read(MAX_PICTURE)))

    def _attached(self, file: BinaryIO, text: Text) -> None:
        """A file in a mail. Pictures are left out: most are the logos of signatures."""
        pages = text.pages
        try:
            if self._depth < _DEEPEST:
                _Reading(None, self._depth + 1).read(file, text)
        finally:
            text.pages, text.missing = pages, None
