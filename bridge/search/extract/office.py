"""DOCX, PPTX, ODT, ODS and ODP: XML in a ZIP, whose text is read without building the document.

ECMA-376 (Office Open XML) and OASIS OpenDocument 1.3. Deleted text of tracked changes does not count; headers, footers,
notes, comments and text boxes do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, Final

from bridge.search.extract.markup import Grammar, add_markup
from bridge.search.extract.outcome import LOCKED, OTHER_KIND, UnreadableError
from bridge.search.extract.sheet import add_workbook
from bridge.search.extract.unzip import Zip

if TYPE_CHECKING:
    from bridge.search.extract.text import Text

_OPENDOCUMENT: Final = b"application/vnd.oasis.opendocument."
_MANIFEST: Final = "META-INF/manifest.xml"
_NUMBER = re.compile("([0-9]+)")

_WORD_PARTS = re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes|comments|diagrams/data\d*)\.xml")
_SLIDES = re.compile(r"ppt/slides/slide\d+\.xml")
_SLIDE_PARTS = re.compile(r"ppt/(slides/slide|notesSlides/notesSlide|comments/\w*|diagrams/data)\d*\.xml")

# Drawings stand twice in AlternateContent, and tab stops are called like tabs.
_WORD: Final = Grammar(
    text=frozenset({"t"}),
    starts={"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"},
    ends={"p": "\n", "tc": "\t", "pt": "\n"},
    skipped=frozenset({"Fallback", "pPr", "moveFrom"}),
)
_SLIDE: Final = Grammar(
    text=frozenset({"t", "text"}),
    starts={"br": "\n"},
    ends={"p": "\n", "tc": "\t", "text": "\n", "pt": "\n"},
    skipped=frozenset({"Fallback"}),
)
_OPEN: Final = Grammar(
    text=frozenset({"p", "h"}),
    starts={"s": " ", "tab": "\t", "line-break": "\n"},
    ends={"p": "\n", "h": "\n"},
    skipped=frozenset({"tracked-changes"}),
    page="page",
)


def read_zip(file: BinaryIO, text: Text) -> None:
    """The text of a document in a ZIP.

    Raises:
        UnreadableError: another kind of ZIP, a password, unpacks to too much.
    """
    archive = Zip(file)
    if "word/document.xml" in archive.names:
        _add_parts(archive, _WORD_PARTS, _WORD, text)
    elif "xl/workbook.xml" in archive.names:
        add_workbook(archive, text)
    elif "ppt/presentation.xml" in archive.names:
        text.pages = sum(_SLIDES.fullmatch(name) is not None for name in archive.names)
        _add_parts(archive, _SLIDE_PARTS, _SLIDE, text)
    elif archive.start("mimetype", 100).startswith(_OPENDOCUMENT):
        _add_opendocument(archive, text)
    else:
        raise UnreadableError("no_text", OTHER_KIND)


def _add_parts(archive: Zip, wanted: re.Pattern[str], grammar: Grammar, text: Text) -> None:
    names = [name for name in archive.names if wanted.fullmatch(name)]
    for name in sorted(names, key=_natural):
        add_markup(archive.chunks(name), grammar, text)


def _natural(name: str) -> tuple[bool, list[tuple[int, str]]]:
    """The document and the slides before the rest, slide 2 before slide 10."""
    pieces = [(int(piece), "") if piece.isdecimal() else (0, piece) for piece in _NUMBER.split(name)]
    return not name.startswith(("word/document", "ppt/slides/")), pieces


def _add_opendocument(archive: Zip, text: Text) -> None:
    if b"encryption-data" in archive.start(_MANIFEST, 1_000_000):
        raise UnreadableError("locked", LOCKED)
    pages = 0
    for name in ("content.xml", "styles.xml"):  # headers and footers are in the styles
        if name in archive.names:
            pages += add_markup(archive.chunks(name), _OPEN, text)
    text.pages = pages or None
