"""Mail as a file (RFC 5322, MIME): its header, its text, the names of its attachments, and what they say."""

from __future__ import annotations

import io
from contextlib import suppress
from email import errors, message_from_bytes, policy
from email.message import Message
from typing import TYPE_CHECKING, BinaryIO, Final

from bridge.search.extract.outcome import UnreadableError
from bridge.search.extract.page import add_html
from bridge.search.extract.plain import decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.search.extract.text import Text

    ReadFile = Callable[[BinaryIO, Text], object]

MAX_MAIL: Final = 64_000_000  # bytes; the text of a mail comes before its attachments
MAX_PARTS: Final = 200
_DEEPEST: Final = 10
_SHOWN: Final = ("Subject", "From", "To", "Cc", "Date")


def read_mail(file: BinaryIO, text: Text, attached: ReadFile) -> None:
    """Add a mail.

    Args:
        attached: reads an attachment; what it cannot read is left out.
    """
    data = file.read(MAX_MAIL)
    if data.startswith(b"From "):
        data = data.partition(b"\n")[2]
    _Mail(text, attached).add(message_from_bytes(data, policy=policy.compat32))


class _Mail:
    def __init__(self, text: Text, attached: ReadFile) -> None:
        self._text = text
        self._attached = attached
        self._parts = 0

    def add(self, message: Message, depth: int = 0) -> None:
        for name in _SHOWN:
            value = message.get(name)
            if value is not None:
                self._text.add(f"{_unfolded(value)}\n")
        self._text.add("\n")
        self._part(message, depth)

    def _part(self, part: Message, depth: int) -> None:
        self._parts += 1
        if depth > _DEEPEST or self._parts > MAX_PARTS:
            return
        kind = part.get_content_type()
        if not part.is_multipart():
            self._leaf(part, kind)
            return
        inside = [one for one in part.get_payload() if isinstance(one, Message)]
        if kind == "message/rfc822" and inside:
            self.add(inside[0], depth + 1)
            return
        for one in _best(inside) if kind == "multipart/alternative" else inside:
            self._part(one, depth + 1)

    def _leaf(self, part: Message, kind: str) -> None:
        data = part.get_payload(decode=True)
        name = _name(part)
        if name is not None:
            self._text.add(f"{name}\n")
        if not isinstance(data, bytes):
            return
        if name is None and kind == "text/plain":
            self._text.add(decoded(data, _charset(part)))
        elif name is None and kind == "text/html":
            add_html(data, self._text, _charset(part))
        else:
            with suppress(UnreadableError):
                self._attached(io.BytesIO(data), self._text)
        self._text.add("\n")


def _best(parts: list[Message]) -> list[Message]:
    """One of several that say the same: the plain one, for what the others add is looks."""
    return next(([part] for part in parts if part.get_content_type() == "text/plain"), parts[-1:])


def _name(part: Message) -> str | None:
    try:
        name = part.get_filename()
    except (ValueError, LookupError, TypeError, errors.MessageError):
        return None
    return None if name is None else _unfolded(name)


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError, TypeError):
        return None


def _unfolded(value: object) -> str:
    """A header as people see it (RFC 2047)."""
    raw = str(value).replace("\r", "").replace("\n", "")
    try:
        return str(policy.default.header_factory("subject", raw))
    except Exception:  # noqa: BLE001 (that parser fails in many ways on what nobody should send)
        return raw
