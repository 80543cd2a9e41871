"""What reading a file gives, and the reasons why it gives nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["done", "no_text", "locked", "failed", "too_large", "no_ocr"]

VERSION: Final = 1  # one more, and every file is read again
EMPTY: Final = "no text in it"
OTHER_KIND: Final = "not a kind of file with text"
OLD_OFFICE: Final = "Office format from before 2007"
PICTURES: Final = "a picture or scan, and tesseract is not installed"
LOCKED: Final = "needs a password"
BROKEN: Final = "damaged, or not what it seems"
CUT: Final = "only the beginning was read"


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was read of a file.

    Attributes:
        text: at most `text.MAX_TEXT` characters; fit for PostgreSQL.
        pages: also sheets or slides; None where it has none.
        reason: why there is no text, or not all of it. Never holds anything of the file.
        again: it may go better another time, in a fresh process.
    """

    state: State
    text: str | None = None
    pages: int | None = None
    reason: str | None = None
    again: bool = False


class UnreadableError(Exception):
    """Nothing can be read of a file."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state: State = state
        self.reason = reason


class FullError(Exception):
    """Enough was read; what there is counts."""
