"""From a reply to what is sent: text, HTML, buttons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.botapi.reply import File


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message to send. A long answer gives several.

    Attributes:
        body: plain text; html: the same, or None when there is nothing to format.
        notify: Matrix ids; when there are any it is an m.text with mentions, otherwise an m.notice.
        buttons: emoji that the bot adds as reactions, in order.
        action: JSON, kept with the message: what its buttons, or an answer to its question, do; None when nothing.
    """

    body: str
    html: str | None
    notify: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()
    action: dict[str, Any] | None = None
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be sent, and where.

    Attributes:
        messages: in order.
        private: to the direct chat with the asker; `told` is then said in the room that was asked in (None when it was
            asked in that direct chat).
        sealed: only into an encrypted room.
        replaces: the first message takes the place of the one whose button was pressed.
    """

    messages: tuple[Rendered, ...]
    private: bool = False
    sealed: bool = False
    replaces: bool = False
    told: Rendered | None = None
