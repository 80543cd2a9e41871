"""What a bot answers: keys of its strings with named values. Rendering and sending are not the bot's business."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Link:
    """A link with a text of its own, or a moment; a permalink opens in the client."""

    url: str
    text: str | datetime


@dataclass(frozen=True, slots=True)
class User:
    """A person, shown by name and as a link to the profile; this alone does not notify."""

    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Bytes:
    """A size, shown as 12 kB, 3,4 MB …"""

    count: int


@dataclass(frozen=True, slots=True)
class Code:
    """Text that is shown letter by letter; of several lines when it is all of a paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Marked:
    """Text in which some parts stand out: each with whether it does."""

    parts: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Say:
    """A key of the bot's strings (or of the framework's), with values for its placeholders.

    A value may be a `Say` again. `count` chooses between `KEY.one` and `KEY.other` where these exist.
    """

    key: str
    values: dict[str, Value]


Value: TypeAlias = str | int | datetime | date | timedelta | Link | User | Bytes | Code | Marked | Say | None


@dataclass(frozen=True, slots=True)
class Button:
    """A reaction under the answer; pressing it calls a method of the bot that is marked with `@button`."""

    key: str  # the emoji
    handler: str  # the name of the method
    args: dict[str, Any]  # JSON
    only_asker: bool  # otherwise everybody in the room who may
    said: tuple[str, ...] = ()  # words that press it too, in a reply or in the direct chat


@dataclass(frozen=True, slots=True)
class File:
    """A file that is uploaded and sent after the text, encrypted where the room is. It is deleted after that."""

    path: Path
    name: str
    mimetype: str


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or the lines of a list."""

    lines: tuple[Say, ...]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Made with `say`; each method gives a new one.

    Attributes:
        private: it goes to the direct chat with the asker, and the room that was asked in is only told so.
        told: what the room is told then, when there is more to say than that.
        sealed: it holds what was said in an encrypted room, so it only goes into encrypted rooms.
        notify: Matrix ids of people whose clients shall ring.
        replaces: the answer takes the place of the message whose button was pressed.
        language: 'nl' or 'en'; None: that of who asked.
    """

    blocks: tuple[Block, ...]
    buttons: tuple[Button, ...] = ()
    files: tuple[File, ...] = ()
    notify: tuple[str, ...] = ()
    private: bool = False
    told: Say | None = None
    sealed: bool = False
    replaces: bool = False
    language: str | None = None

    def and_say(self, key: str, /, **values: Value) -> Reply:
        """One more paragraph."""
        return replace(self, blocks=(*self.blocks, Block((Say(key, values),))))

    def items(self, lines: Iterable[Say]) -> Reply:
        """A list below what was said before."""
        return replace(self, blocks=(*self.blocks, Block(tuple(lines), is_list=True)))

    def button(
        self,
        key: str,
        handler: Callable[..., Any],
        /,
        *,
        only_asker: bool = True,
        said: Iterable[str] = (),
        **args: Any,
    ) -> Reply:
        """A reaction to press.

        Args:
            key: the emoji.
            handler: a method of the same bot, marked with `@button`.
            said: words that press it too, when the asker replies with one, or says it next in a direct chat.
            args: JSON values, handed to it by name.
        """
        made = Button(key, handler.__name__, args, only_asker, tuple(said))
        return replace(self, buttons=(*self.buttons, made))

    def attach(self, file: File) -> Reply:
        """A file."""
        return replace(self, files=(*self.files, file))

    def in_private(self, *, sealed: bool = False, told: Say | None = None) -> Reply:
        """Send it in the direct chat with the asker; `told` is what the room is told."""
        return replace(self, private=True, told=told or self.told, sealed=self.sealed or sealed)

    def in_language(self, language: str) -> Reply:
        """Write it in this language: for a job that answers a command, which may have been in another one."""
        return replace(self, language=language)

    def ring(self, *user_ids: str) -> Reply:
        """Notify these people (`m.mentions`); without this nobody's client rings."""
        return replace(self, notify=(*self.notify, *user_ids))

    def in_place(self) -> Reply:
        """Let it replace the message whose button was pressed, as the next page of a list does."""
        return replace(self, replaces=True)


def say(key: str, /, **values: Value) -> Reply:
    """An answer of one paragraph."""
    return Reply((Block((Say(key, values),)),))


def excerpt(text: str, most: int = 60) -> Code:
    """What somebody wrote, shown back to them; no longer than that many characters."""
    return Code(text if len(text) <= most else f"{text[:most]}…")


def line(key: str, /, **values: Value) -> Say:
    """A line of a list, or a text as the value of another one."""
    return Say(key, values)
