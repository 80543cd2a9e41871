"""What is kept with a message of ours: what its buttons do, and what an answer to its question does. Nothing else of a
question or its buttons is kept, so they outlive a restart.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIANTS: Final = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")  # how an emoji is drawn, and tones of skin
_DIGITS: Final = re.compile(r"\s*#?([0-9]{1,3})[.)]?\s*")
MOST_CHOICES: Final = 9


@dataclass(frozen=True, slots=True)
class Press:
    """What a button does."""

    handler: str
    args: dict[str, Any]
    only_asker: bool
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer to a question: the arguments with which the command is run again."""

    label: str
    line: str


@dataclass(frozen=True, slots=True)
class Action:
    """The state of a message.

    Attributes:
        command: the method of the command whose right a presser must have; None: what every member of staff may.
        target: the event that the question was about.
    """

    bot: str
    command: str | None
    asker: str
    target: str | None
    buttons: dict[str, Press]
    choices: tuple[Choice, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Action | None:
        """None for what another version kept in a form that is not known here."""
        try:
            return cls(
                kept["bot"],
                kept["command"],
                kept["asker"],
                kept["target"],
                {key: Press(**press) for key, press in kept["buttons"].items()},
                tuple(Choice(**choice) for choice in kept["choices"]),
            )
        except (AttributeError, KeyError, TypeError):
            return None


def plain_key(key: str) -> str:
    """An emoji as they are compared."""
    return _VARIANTS.sub("", key).strip()


def number_key(number: int) -> str:
    """1️⃣ to 9️⃣."""
    return f"{number}\ufe0f\u20e3"


def number_of(text: str) -> int | None:
    """The number that somebody answered, None for another text."""
    found = _DIGITS.fullmatch(plain_key(text).removesuffix("\u20e3"))
    return int(found[1]) if found else None
