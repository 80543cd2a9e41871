"""PDF, by PDFium: the text of each page, what was filled in, and a picture of the pages that have no text."""

from __future__ import annotations

from contextlib import closing
from math import sqrt
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import pypdfium2
from pypdfium2 import raw

from bridge.search.extract.outcome import BROKEN, LOCKED, PICTURES, FullError, UnreadableError

if TYPE_CHECKING:
    from bridge.search.extract.ocr import Tesseract
    from bridge.search.extract.text import Text

MAX_SCANS: Final = 100  # pages that are read by OCR
_POINTS, _DPI = 72, 300  # an inch; what tesseract asks for
_MOST_PIXELS: Final = 25_000_000  # A3 at 300 dpi has 17 million
_LEAST: Final = 1.0  # points: a smaller page shows nothing


def read_pdf(file: BinaryIO, text: Text, ocr: Tesseract | None) -> None:
    """Add the text of all pages.

    Raises:
        UnreadableError: a password, damaged, nothing but pictures and no OCR.
    """
    try:
        document = pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise UnreadableError("locked", LOCKED) from error
        raise UnreadableError("failed", BROKEN) from error
    with closing(document):
        if document.get_formtype() != raw.FORMTYPE_NONE:
            document.init_forms()
        text.pages = len(document)
        _read(document, text, ocr)


def _read(document: Any, text: Text, ocr: Tesseract | None) -> None:
    broken = read = 0
    scans: list[int] = []
    for number in range(len(document)):
        text.check()
        try:
            found, shows = _page(document, number)
        except pypdfium2.PdfiumError:
            broken += 1
            continue
        if found.strip():
            read += 1
            text.add(f"{found}\n\n")
        elif shows:
            scans.append(number)
    if scans and ocr is None and not read:
        raise UnreadableError("no_ocr", PICTURES)
    if broken == len(document):
        raise UnreadableError("failed", BROKEN)
    if scans and ocr is not None:
        _read_scans(document, scans, text, ocr)
        scans = []
    missing = [f"pages that are damaged: {broken}"] * (broken > 0) + [f"pages that are pictures: {len(scans)}"] * (
        len(scans) > 0
    )
    text.missing = ", ".join(missing) or None


def _page(document: Any, number: int) -> tuple[str, bool]:
    """The text of a page, and whether it shows anything at all."""
    if document.formenv is not None:
        with closing(document[number]) as page:
            page.flatten()  # makes what was filled in a part of the page, as whoever opens it next sees it
    with closing(document[number]) as page:
        with closing(page.get_textpage()) as words:
            found: str = words.get_text_range()
        return found, bool(found) or next(iter(page.get_objects(max_depth=1)), None) is not None


def _read_scans(document: Any, numbers: list[int], text: Text, ocr: Tesseract) -> None:
    for number in numbers[:MAX_SCANS]:
        with closing(document[number]) as page:
            picture = _picture(page)
        if picture is not None:
            text.add(f"{ocr.read(picture)}\n\n")
    if len(numbers) > MAX_SCANS:
        raise FullError


def _picture(page: Any) -> bytes | None:
    """A page as a PGM file (netpbm): grey, of at most `_MOST_PIXELS`."""
    width, height = page.get_size()
    if width < _LEAST or height < _LEAST:
        return None
    scale = min(_DPI / _POINTS, sqrt(_MOST_PIXELS / (width * height)))
    with closing(page.render(scale=scale, grayscale=True)) as bitmap:
        rows = memoryview(bitmap.buffer)
        packed = b"".join(rows[y * bitmap.stride : y * bitmap.stride + bitmap.width] for y in range(bitmap.height))
        return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + packed
