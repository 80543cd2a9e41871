"""Web pages: what a browser would show, and the title."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, BinaryIO, Final

from bridge.search.extract.plain import decoded

if TYPE_CHECKING:
    from bridge.search.extract.text import Text

MAX_HTML: Final = 32_000_000  # bytes; pictures may be in it
_DECLARED_WITHIN: Final = 2048
_CHARSET = re.compile(
    rb"<meta[^>]*?charset\s*=\s*[\"']?([A-Za-z0-9_:.-]+)|<\?xml[^>]*?encoding=[\"']([A-Za-z0-9_:.-]+)"
)
_HIDDEN: Final = frozenset({"script", "style", "template", "noscript", "svg", "object"})
_LINES: Final = frozenset(
    {"p", "div", "br", "hr", "li", "ul", "ol", "dl", "dt", "dd", "tr", "table", "title", "h1", "h2", "h3", "h4", "h5",
     "h6", "pre", "blockquote", "section", "article", "header", "footer", "aside", "nav", "form", "option", "figure"}
)  # fmt: skip
_BLANKS = re.compile(r"\s+")
_PIECE: Final = 65536


def read_html(file: BinaryIO, text: Text) -> None:
    """The text of a page."""
    add_html(file.read(MAX_HTML), text)


def add_html(data: bytes, text: Text, declared: str | None = None) -> None:
    """The same of bytes; `declared` is the encoding that came with them."""
    found = _CHARSET.search(data[:_DECLARED_WITHIN])
    inside = None if found is None else (found[1] or found[2]).decode("ascii")
    source = decoded(data, declared or inside)
    parser = _Shown(text)
    for start in range(0, len(source), _PIECE):
        parser.feed(source[start : start + _PIECE])
        text.check()
    parser.close()


class _Shown(HTMLParser):
    def __init__(self, text: Text) -> None:
        super().__init__(convert_charrefs=True)
        self._text = text
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in _LINES:
            self._text.add("\n")
        elif tag in ("td", "th"):
            self._text.add(" ")
        elif tag == "img" and not self._hidden:
            self._text.add(dict(attrs).get("alt") or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        elif tag in _LINES:
            self._text.add("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._text.add(_BLANKS.sub(" ", data))
