"""From a reply to what is sent: text, HTML, buttons."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import escape, unescape
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from markdown_it import MarkdownIt

from bridge.botapi.actions import number_key
from bridge.botapi.reply import Block, Code, Reply, Say
from bridge.botapi.strings import PLACEHOLDER
from bridge.botapi.values import Shown, code_block, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bridge.botapi.reply import File, Value
    from bridge.botapi.strings import Lexicon
    from bridge.botapi.values import Reader

# An event holds 64 KiB; in an encrypted room it grows by a third, and it has more in it than the text.
LARGEST: Final = 16_000  # bytes of text and HTML together
_DEEPEST: Final = 5  # texts within texts
_PLACE: Final = 0xE000  # private use: stands for a value while Markdown is made into HTML
_PLACES: Final = re.compile("[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message to send. A long answer gives several.

    Attributes:
        body: plain text; html: the same, or None when there is nothing to format.
        notify: Matrix ids; when there are any it is an m.text with mentions, otherwise an m.notice.
        buttons: emoji that the bot adds as reactions, in order.
        action: JSON, kept with the message: what its buttons, or an answer to its question, do; None when nothing.
        otherwise: what is said in the place of a file that cannot be sent.
    """

    body: str
    html: str | None
    notify: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()
    action: dict[str, Any] | None = None
    file: File | None = None
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be sent, and where.

    Attributes:
        messages: in order.
        private: to the direct chat with the asker.
        sealed: only into an encrypted room.
        told: what is said in the room that was asked in when the answer goes elsewhere; None when it cannot.
        replaces: the first message takes the place of the one whose button was pressed.
    """

    messages: tuple[Rendered, ...]
    private: bool = False
    sealed: bool = False
    replaces: bool = False
    told: Rendered | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    """A paragraph, or an item of a list; HTML without its <p> or <li>."""

    plain: str
    html: str
    is_item: bool = False

    @property
    def size(self) -> int:
        return len(self.plain.encode()) + len(self.html.encode()) + 20


class Renderer:
    """Writes replies out."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")

    def answer(
        self,
        parts: Sequence[tuple[str | None, Reply]],
        reader: Reader,
        *,
        action: dict[str, Any] | None = None,
        choices: int = 0,
        direct: bool = False,
    ) -> Answer:
        """Some replies as one answer, each with the name of the bot whose strings it uses.

        Args:
            action: kept with the last text, which has the buttons.
            choices: how many answers its question has: 1️⃣, 2️⃣, …
            direct: it was asked in a direct chat: nobody has to be told that it is answered there, unless it has to be
                encrypted, which that one may not be.
        """
        replies = [reply for _, reply in parts]
        pieces = [piece for bot, reply in parts for block in reply.blocks for piece in self._block(bot, block, reader)]
        notify = tuple(dict.fromkeys(person for reply in replies for person in reply.notify))
        texts = [_message(some) for some in _pages(pieces)]
        if texts:
            buttons = tuple(button.key for reply in replies for button in reply.buttons)
            buttons += tuple(number_key(number) for number in range(1, choices + 1))
            texts[0] = replace(texts[0], notify=notify)
            texts[-1] = replace(texts[-1], buttons=buttons, action=action)
        files = [self._file(file, reader) for reply in replies for file in reply.files]
        private = any(reply.private for reply in replies)
        sealed = any(reply.sealed for reply in replies)
        told = self._told(parts, reader, direct=direct) if sealed or (private and not direct) else None
        return Answer(
            (*texts, *files),
            private=private,
            sealed=sealed,
            replaces=any(reply.replaces for reply in replies),
            told=told,
        )

    def _file(self, file: File, reader: Reader) -> Rendered:
        otherwise = self.say(None, Say("error.not_sent", {"name": file.name}), reader).plain
        return Rendered(file.name, None, file=file, otherwise=otherwise)

    def _told(self, parts: Sequence[tuple[str | None, Reply]], reader: Reader, *, direct: bool) -> Rendered:
        usual = Say("told.sealed" if direct else "told.private", {})
        bot, say = next(((bot, reply.told) for bot, reply in parts if reply.told), (None, usual))
        return _message(list(self._block(bot, Block((say,)), reader)))

    def _block(self, bot: str | None, block: Block, reader: Reader) -> Iterator[_Piece]:
        if block.is_list:
            for line in block.lines:
                shown = self.say(bot, line, reader)
                yield _Piece(shown.plain, shown.html, is_item=True)
        elif len(block.lines) == 1:
            shown = self.say(bot, block.lines[0], reader, inline=False)
            yield _Piece(shown.plain, shown.html)
        else:
            lines = [self.say(bot, line, reader) for line in block.lines]
            yield _Piece("\n".join(line.plain for line in lines), _paragraph("<br>".join(line.html for line in lines)))

    def say(self, bot: str | None, say: Say, reader: Reader, *, inline: bool = True, depth: int = 0) -> Shown:
        """One text with its values.

        Raises:
            LookupError: there is no such string, or no value for one of its placeholders.
        """
        if depth > _DEEPEST:
            raise LookupError(f"{say.key} has texts within texts without an end")
        template = self._lexicon.find(bot, reader.language, say.key, say.values)
        alone = PLACEHOLDER.fullmatch(template)
        if not inline and alone and isinstance(code := say.values[alone[1]], Code) and "\n" in code.text:
            return code_block(code)
        names = list(dict.fromkeys(PLACEHOLDER.findall(template)))
        values = [self._value(bot, say.values, name, reader, depth) for name in names]
        marked = PLACEHOLDER.sub(lambda found: chr(_PLACE + names.index(found[1])), template)
        html = self._markdown.renderInline(marked) if inline else self._markdown.render(marked).strip()
        return Shown(_fill(marked, [value.plain for value in values]), _fill(html, [value.html for value in values]))

    def _value(self, bot: str | None, values: Mapping[str, Value], name: str, reader: Reader, depth: int) -> Shown:
        value = values[name]
        return self.say(bot, value, reader, depth=depth + 1) if isinstance(value, Say) else show(value, reader)


def _fill(text: str, values: Sequence[str]) -> str:
    """Put the values in their places, in one go: what stands in a value is never looked at."""
    return _PLACES.sub(lambda found: values[ord(found[0]) - _PLACE], text)


def _paragraph(html: str) -> str:
    return f"<p>{html}</p>"


def _pages(pieces: Iterable[_Piece]) -> list[list[_Piece]]:
    """What goes into one message each."""
    pages: list[list[_Piece]] = []
    left = 0
    for piece in (part for whole in pieces for part in _cut(whole)):
        if not pages or piece.size > left:
            pages.append([])
            left = LARGEST
        pages[-1].append(piece)
        left -= piece.size
    return pages


def _cut(piece: _Piece) -> Iterator[_Piece]:
    """A piece that is too large for one message loses its form."""
    if piece.size <= LARGEST:
        yield piece
        return
    step = LARGEST // 16  # a character has at most 4 bytes, and 6 as HTML
    for start in range(0, len(piece.plain), step):
        plain = piece.plain[start : start + step]
        html = escape(plain).replace("\n", "<br>")
        yield _Piece(plain, html if piece.is_item else _paragraph(html), piece.is_item)


def _message(pieces: Sequence[_Piece]) -> Rendered:
    plain, html = [], []
    for is_item, group in groupby(pieces, key=lambda piece: piece.is_item):
        some = list(group)
        if is_item:
            plain.append("\n".join("- " + piece.plain.replace("\n", "\n  ") for piece in some))
            html.append(f"<ul>{''.join(f'<li>{piece.html}</li>' for piece in some)}</ul>")
        else:
            plain += [piece.plain for piece in some]
            html += [piece.html for piece in some]
    body, formatted = "\n\n".join(plain), "".join(html)
    if len(pieces) == 1 and formatted.startswith("<p>") and formatted.count("<p>") == 1:
        formatted = formatted.removeprefix("<p>").removesuffix("</p>")
    return Rendered(body, None if "<" not in formatted and unescape(formatted) == body else formatted)
