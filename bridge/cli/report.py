"""What `postkamer check` has to say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Report:
    """What was looked at."""

    write: Callable[[str], None]
    problems: int = field(default=0)

    def good(self, text: str) -> None:
        """Something is as it should be."""
        self.write(f"ok       {text}")

    def bad(self, text: str, hint: str = "") -> None:
        """Something has to be mended."""
        self.problems += 1
        self.write(f"PROBLEM  {text}" + (f"\n         {hint}" if hint else ""))

    def warn(self, text: str) -> None:
        """It works, but look at it."""
        self.write(f"warning  {text}")

    def note(self, text: str) -> None:
        """It is so, and may be meant so."""
        self.write(f"note     {text}")
