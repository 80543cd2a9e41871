"""Reading pictures with tesseract, a program that is installed or not."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.search.extract.outcome import BROKEN, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WANTED: Final = ("nld", "eng")
PAGE_SECONDS: Final = 60
_LIST_SECONDS: Final = 10
_SURE: Final = 50.0  # percent: in photos tesseract sees letters everywhere, but is not sure of them
_FEWEST: Final = 3  # letters or digits in a row: what has no such word is no text
_WORD = re.compile(rf"\w{{{_FEWEST},}}")
_COLUMNS: Final = 12  # of the TSV: level page block par line word left top width height conf text


def find_tesseract() -> Path | None:
    """The program, if it is installed."""
    found = shutil.which("tesseract")
    return None if found is None else Path(found)


class Tesseract:
    """The program.

    Args:
        before: called before each picture, which may take `PAGE_SECONDS`.
    """

    def __init__(self, program: Path, before: Callable[[], None] = lambda: None) -> None:
        self._program = program
        self._before = before
        self._languages: str | None = None

    def read(self, picture: bytes) -> str:
        """The words of a picture (PNG, JPEG, TIFF with all its pages, PNM); '' when there are none.

        Raises:
            UnreadableError: damaged, or it took too long.
        """
        if self._languages is None:
            self._languages = self._choose()
        self._before()
        try:
            table = self._run(["stdin", "stdout", "-l", self._languages, "tsv"], picture, PAGE_SECONDS)
        except subprocess.CalledProcessError as error:
            if error.returncode == -signal.SIGXCPU:
                raise UnreadableError("failed", "OCR took too long") from error
            raise UnreadableError("failed", BROKEN) from error
        found = "\n".join(_lines(table.decode(errors="replace")))
        return found if _WORD.search(found) else ""

    def _choose(self) -> str:
        """Dutch and English, as far as they are installed; else what is."""
        there = self._run(["--list-langs"], b"", _LIST_SECONDS).decode(errors="replace").splitlines()[1:]
        chosen = [one for one in WANTED if one in there] or [one for one in there if one != "osd"][:1]
        if not chosen:
            raise UnreadableError("no_ocr", "tesseract has no language installed")
        return "+".join(chosen)

    def _run(self, arguments: list[str], given: bytes, seconds: int) -> bytes:
        try:
            done = subprocess.run(
                [self._program, *arguments], input=given, capture_output=True, check=True, timeout=seconds
            )
        except subprocess.TimeoutExpired as error:
            raise UnreadableError("failed", "OCR took too long") from error
        return done.stdout


def _lines(table: str) -> Iterator[str]:
    """The lines of a page, of the words that tesseract is sure of."""
    line, words = None, list[str]()
    for row in table.splitlines()[1:]:
        cells = row.split("\t", _COLUMNS - 1)
        if len(cells) < _COLUMNS or not cells[-1].strip() or float(cells[-2]) < _SURE:
            continue
        if cells[1:5] != line and words:
            yield " ".join(words)
            words.clear()
        line = cells[1:5]
        words.append(cells[-1])
    yield " ".join(words)
