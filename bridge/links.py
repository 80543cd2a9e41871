"""Links to rooms, people and events: matrix.to, `matrix:` (MSC2312), and the addresses of Element's web pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

_WEB: Final = re.compile(r"https?://[^\s/]+(?:/[^\s#]*)?#/(?:room/|user/)?([^\s?]+)(?:\?\S*)?", re.IGNORECASE)
_URI: Final = re.compile(
    r"matrix:(?://[^/]*/)?(roomid|room|r|user|u)/([^\s?#/]+)(?:/(?:event|e)/([^\s?#/]+))?(?:\?\S*)?"
)
_SIGILS: Final = {"roomid": "!", "room": "#", "r": "#", "user": "@", "u": "@"}
_ID: Final = re.compile(r"[!#@$][^\s/]+")


@dataclass(frozen=True, slots=True)
class Permalink:
    """What a link points to: the Matrix id of a person or a room (or an alias), and an event of that room."""

    id: str
    event_id: str | None = None


def event_link(room_id: str, event_id: str, sender: str) -> str:
    """A link that opens a message in the client; the server of its sender is surely one that has the room."""
    server = sender.partition(":")[2]
    via = f"?via={quote(server, safe=':')}" if server else ""
    return f"https://matrix.to/#/{quote(room_id, safe='!:')}/{quote(event_id, safe='$:')}{via}"


def permalink(text: str) -> Permalink | None:
    """Read a link, or a Matrix id; None for all else."""
    text = text.strip().removeprefix("<").removesuffix(">")
    if found := _URI.fullmatch(text):
        event = f"${unquote(found[3])}" if found[3] else None
        return Permalink(_SIGILS[found[1]] + unquote(found[2]), event)
    if found := _WEB.fullmatch(text):
        path = unquote(found[1])
        first, _, event = path.partition("/$")
        return Permalink(first, f"${event}" if event else None) if _ID.fullmatch(first) else None
    return Permalink(text) if _ID.fullmatch(text) and (text[0] in "$!" or ":" in text) else None
