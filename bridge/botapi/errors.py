"""What a bot raises instead of answering; each becomes a reply in the language of the reader.

    BotError                a key of the bot's strings and its values
    ├── UserError           the person asked for something that cannot be: says why
    ├── UsageError          the command was not understood: says what is wrong, and the usage
    ├── DeniedError         not there or not allowed: one neutral sentence for both
    └── BusyError           too much at once: says when to try again

Any other exception is a bug: it is logged with its event id and a reference, and the person is told that reference.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.botapi.reply import Value


class BotError(Exception):
    """Something that a person is told.

    Args:
        key: of the bot's strings, or of the framework's.
        values: for the placeholders of that string.
    """

    def __init__(self, key: str, /, **values: Value) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


class UserError(BotError):
    """What was asked for cannot be done, and that is not a bug."""


class UsageError(BotError):
    """The command was not understood; the usage of the command is shown below the reason."""


class DeniedError(BotError):
    """It is not there, or the person may not: both look the same.

    Args:
        reason: for the log alone.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__("error.denied")
        self.reason = reason


class BusyError(BotError):
    """Too much at once; `seconds` until it may be tried again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("error.busy", again=timedelta(seconds=max(1, round(seconds))))
        self.seconds = seconds
