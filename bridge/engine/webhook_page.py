"""The message that a webhook's post becomes: HTML and plain text side by side, within what an event may hold."""

from __future__ import annotations

import html
import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from bridge.engine.webhook_dialect import is_link, to_html, to_inline_html, to_plain, unescaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.engine.webhook_dialect import Dialect

# An event has at most 65,536 bytes. Encrypting adds a third to the content, and the event has more than its content.
MAX_CONTENT = 44_000
CUT = {"nl": "[Ingekort: het bericht was te lang.]", "en": "[Cut: the message was too long.]"}

_WORD_JOINER = "\N{WORD JOINER}"
_EVERYBODY = re.compile("@(?=room)", re.IGNORECASE)


class Page:
    """Pieces of a message, in order.

    Args:
        dialect: what its texts are written in, where nothing else is said.
        rich: whether HTML is made at all; without it, it takes no time worth mentioning.
    """

    def __init__(self, dialect: Dialect, *, rich: bool = True) -> None:
        self.dialect = dialect
        self.rich = rich
        self._html: list[str] = []
        self._plain: list[str] = []

    @property
    def html(self) -> str:
        """Safe: what was sent stands in it as text, but for what Markdown makes of it."""
        return "".join(self._html)

    @property
    def plain(self) -> str:
        """Text alone, a line for each piece."""
        return "\n".join(self._plain)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be seen."""
        return not any(piece.strip() for piece in self._plain)

    def prose(self, text: str, dialect: Dialect | None = None) -> None:
        """Formatted text."""
        if text.strip():
            self._add(
                to_html(text, dialect or self.dialect) if self.rich else "", to_plain(text, dialect or self.dialect)
            )

    def literal(self, text: str) -> None:
        """Text in which nothing means anything."""
        if text.strip():
            self._add(f"<p>{_escaped(text)}</p>", text)

    def title(self, text: str, url: str = "") -> None:
        """A line in bold, perhaps a link."""
        self._line(text, url, "<p><strong>{}</strong></p>")

    def link(self, text: str, url: str) -> None:
        """A line that leads somewhere; nothing when it may not."""
        if is_link(url):
            self._line(text or url, url, "<p>{}</p>")

    def small(self, text: str) -> None:
        """A formatted line that matters less."""
        if text.strip():
            inline = to_inline_html(text, self.dialect) if self.rich else ""
            self._add(f"<p><em>{inline}</em></p>", to_plain(text, self.dialect))

    def fields(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Names and their formatted values; a name may be empty."""
        items = []
        for name, value in pairs:
            shown = to_inline_html(value, self.dialect) if self.rich else ""
            items.append(f"<li><strong>{_escaped(name)}:</strong> {shown}</li>" if name else f"<li>{shown}</li>")
            plain = to_plain(value, self.dialect)
            self._plain.append(f"- {name}: {plain}" if name else f"- {plain}")
        if items:
            self._html.append(f"<ul>{''.join(items)}</ul>")

    def rule(self) -> None:
        """A line across."""
        self._html.append("<hr />")
        self._plain.append("")

    def append(self, page: Page) -> None:
        """What another page holds."""
        if not page.is_empty:
            self._add(page.html, page.plain)

    def quote(self, page: Page) -> None:
        """What another page holds, set apart."""
        if not page.is_empty:
            self._add(f"<blockquote>{page.html}</blockquote>", page.plain)

    def content(self, name: str, language: str) -> dict[str, Any]:
        """The content of the message, with the name of who posts it in front.

        It mentions nobody. What would be too large is sent without formatting, and what still is, is cut and says so.
        """
        one_line = "\n" not in self.plain
        body = _EVERYBODY.sub(f"@{_WORD_JOINER}", f"{name}: {self.plain}" if one_line else f"{name}:\n{self.plain}")
        formatted = self.html
        if formatted.startswith("<p>"):
            formatted = f"<p><strong>{_escaped(name)}:</strong> {formatted.removeprefix('<p>')}"
        else:
            formatted = f"<p><strong>{_escaped(name)}:</strong></p>{formatted}"
        if self.rich:
            whole = _content(body, format="org.matrix.custom.html", formatted_body=formatted)
            if _size(whole) <= MAX_CONTENT:
                return whole
        if _size(_content(body)) <= MAX_CONTENT:
            return _content(body)
        note = f"\n{CUT[language]}"
        kept = bisect_right(range(len(body)), MAX_CONTENT, key=lambda n: _size(_content(body[:n] + note))) - 1
        return _content(body[:kept] + note)

    def _line(self, text: str, url: str, form: str) -> None:
        text = unescaped(text) if self.dialect == "slack" else text
        if not text.strip():
            return
        if is_link(url):
            self._add(
                form.format(f'<a href="{html.escape(url)}">{_escaped(text)}</a>'),
                text if text == url else f"{text} ({url})",
            )
        else:
            self._add(form.format(_escaped(text)), text)

    def _add(self, formatted: str, plain: str) -> None:
        self._html.append(formatted)
        self._plain.append(plain)


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br />")


def _content(body: str, **more: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body, **more, "m.mentions": {}}


def _size(content: dict[str, Any]) -> int:
    """In bytes, as canonical JSON (Matrix specification, appendix "Canonical JSON")."""
    return len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
