"""Where the readers of all kinds of files put what they find."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from bridge.search.extract.outcome import FullError
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT: Final = 2_000_000  # characters
READING_SECONDS: Final = 40.0  # of processor time, then what was found has to do
_STEPS: Final = 200  # asking for the time takes longer than most steps

# A word that a line end divides: PDFium gives U+FFFE or U+0002 for the hyphen, others a soft hyphen.
_DIVIDED = re.compile("[\ufffe\x02]\\s*|\xad(\\s*\n)?|[\u200b\u2060\ufeff]")
_SPACES = re.compile(r"(?:[^\S\n]|[\x00-\x08\x0e-\x1f\x7f-\x9f])+")
_AROUND_LINES = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")


class Text:
    """Takes pieces of text until there is enough of it.

    Attributes:
        pages: how many the file has (also sheets or slides), where it has any.
        missing: what of it was not read, and why.

    Args:
        most: characters.
        seconds: of processor time.
        clock: the processor time of this process.
    """

    def __init__(
        self, most: int = MAX_TEXT, seconds: float = READING_SECONDS, clock: Callable[[], float] = time.process_time
    ) -> None:
        self.pages: int | None = None
        self.missing: str | None = None
        self._pieces: list[str] = []
        self._room = most
        self._steps = 0
        self._clock = clock
        self._until = clock() + seconds

    def add(self, piece: str) -> None:
        """One piece more, as it is: who adds says where a line ends.

        Raises:
            FullError: there is enough.
        """
        self._pieces.append(piece[: self._room])
        self._room -= len(piece)
        if self._room < 0:
            raise FullError
        self.tick()

    def tick(self) -> None:
        """A small step without a result; the time is looked at now and then."""
        self._steps += 1
        if self._steps % _STEPS == 0:
            self.check()

    def check(self) -> None:
        """A large step.

        Raises:
            FullError: there is no time left.
        """
        if self._clock() > self._until:
            raise FullError

    def value(self) -> str:
        """All of it, tidied: words that lines divide are whole, spaces are single, at most one line is empty."""
        text = _DIVIDED.sub("", "".join(self._pieces).replace("\r\n", "\n").replace("\r", "\n"))
        text = _AROUND_LINES.sub("\n", _SPACES.sub(" ", text))
        return clean(_EMPTY_LINES.sub("\n\n", text)).strip()
