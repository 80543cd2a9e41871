"""Which of our bots a message is for, and what it says to them. Nothing here waits for anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from bridge.archive.events import object_of, text_of
from bridge.botapi.words import plain_word, split, without_bang
from bridge.links import permalink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.archive.events import Event
    from bridge.engine.users import BotUser

_EDIT, _THREAD = "m.replace", "m.thread"
_TYPES: Final = frozenset({"m.text", "m.emote"})  # never m.notice: that is how bots speak
_MARKDOWN: Final = re.compile(r"\[[^\[\]]*\]\((https://matrix\.to/#/[^)\s]+)\)")
# Bounded, since strangers write these.
_ANCHOR: Final = re.compile(r'<a\s[^<>]{0,200}?href="([^"\s]{1,1000})"[^<>]{0,200}>(.{0,500}?)</a>', re.DOTALL)
_MOST_LINKS, _LONGEST_LINK = 50, 1000
_TAG: Final = re.compile("<[^>]*>")
_AFTER_NAME: Final = re.compile(r"\s*[:,]\s*|\s+|$")
_COLON: Final = re.compile(r"\s*[:,](\s+|$)")


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says.

    Attributes:
        text: without a quotation of what it replies to. Names that the client made links to people, rooms or messages
            are those links.
        target: the message that it replies to.
        replied: the same, or the last message of the thread that it stands in.
        thread: the root of that thread.
        edits: the message whose text this one replaces.
    """

    text: str
    mentions: frozenset[str]
    target: str | None
    replied: str | None
    thread: str | None
    edits: str | None


@dataclass(frozen=True, slots=True)
class Concern:
    """That a message is for a bot.

    Attributes:
        text: without the bot's name in front.
        addressed: it needs no `!`.
        maybe: it is for the bot only when the room is a direct chat.
    """

    user_id: str
    text: str
    addressed: bool
    maybe: bool = False


def said(event: Event) -> Said | None:
    """What a message of a person says; None for what no bot answers."""
    content, relation = event.content, event.relation
    edits = relation.target_id if relation.rel_type == _EDIT else None
    if edits is not None:
        content = object_of(content.get("m.new_content"))
    body = text_of(content.get("body"))
    if event.type != "m.room.message" or body is None or content.get("msgtype") not in _TYPES:
        return None
    threaded = relation.rel_type == _THREAD
    return Said(
        text=_linked(_without_quotation(body) if relation.reply_to else body, content).strip(),
        mentions=_mentions(content),
        target=None if threaded and relation.falling_back else relation.reply_to,
        replied=relation.reply_to,
        thread=relation.target_id if threaded else None,
        edits=edits,
    )


def concerned(what: Said, there: Sequence[BotUser], *, replied_to: str | None) -> list[Concern]:
    """The bots that a message is for, among those that are in the room.

    A command goes to the bot that has its word; else to whom the person named, else to the first.

    Args:
        replied_to: who wrote the message that this one replies to.
    """
    named = {user.user_id: rest for user in there if (rest := _after_name(what, user)) is not None}
    text = next(iter(named.values()), what.text)
    command = without_bang(text)
    words = split(command).words if command is not None else ()
    if words and any(char.isalnum() for char in words[0].text):
        word = plain_word(words[0].text)
        owners = [user.user_id for user in there if word in user.words]
        best = next((one for one in owners if one in named), None)
        chosen = best or next(iter(owners), None) or next(iter(named), None) or there[0].user_id
        return [Concern(chosen, text, addressed=chosen in named)]
    if named:
        return [Concern(user_id, rest, addressed=True) for user_id, rest in named.items()]
    if any(user.user_id == replied_to for user in there):
        return [Concern(str(replied_to), text, addressed=False)]
    return [Concern(there[0].user_id, text, addressed=False, maybe=True)]


def _mentions(content: dict[str, Any]) -> frozenset[str]:
    listed = object_of(content.get("m.mentions")).get("user_ids")
    return frozenset(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else frozenset()


def _without_quotation(body: str) -> str:
    """Without the fallback of rich replies, which older clients still write."""
    lines = body.split("\n")
    quoted = 0
    while quoted < len(lines) and lines[quoted].startswith(">"):
        quoted += 1
    return "\n".join(lines[quoted:]).lstrip("\n") if quoted else body


def _linked(body: str, content: dict[str, Any]) -> str:
    """Put links where the HTML of the message, or Markdown in its body, has them."""
    body, at = _MARKDOWN.sub(r"\1", body), 0
    html = (text_of(content.get("formatted_body")) or "").rpartition("</mx-reply>")[2]
    for anchor in islice(_ANCHOR.finditer(html), _MOST_LINKS):
        link, label = unescape(anchor[1]), unescape(_TAG.sub("", anchor[2])).strip()
        found = body.find(label, at) if label and permalink(link) is not None else -1
        if found >= 0:
            body = body[:found] + link + body[found + len(label) :]
            at = found + len(link)
    return body


def _after_name(what: Said, user: BotUser) -> str | None:
    """The text behind the bot's name; None when it does not begin with that.

    A colon or a comma has to follow, unless the client marked the name as a mention or it begins with an @.
    """
    first, *rest = what.text.split(maxsplit=1) or [""]
    link = permalink(first.rstrip(":,")) if len(first) < _LONGEST_LINK else None
    if link is not None and link.id == user.user_id:
        return rest[0].lstrip(":, ") if rest else ""
    mentioned = user.user_id in what.mentions
    for name in user.names:
        if what.text[: len(name)].casefold() == name.casefold():
            behind = what.text[len(name) :]
            end = (_AFTER_NAME if mentioned or name.startswith("@") else _COLON).match(behind)
            if end is not None:
                return behind[end.end() :]
    return None
