"""Emoji by what clients and people call them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Names in use that are not those of Unicode.
_CALLED: Final[Mapping[str, str]] = {
    name: emoji
    for emoji, names in {
        "👍": "thumbsup +1 thumbs_up duim",
        "👎": "thumbsdown -1 thumbs_down",
        "❤": "heart hart red_heart",
        "🎉": "tada party feest",
        "✅": "white_check_mark check check_mark_button vinkje",
        "✔": "heavy_check_mark check_mark",
        "❌": "x kruis cross",
        "👀": "eyes ogen",
        "👏": "clap applaus",
        "🙏": "pray thanks dank",
        "👌": "ok_hand",
        "💪": "muscle",
        "👋": "wave",
        "🙌": "raised_hands",
        "😀": "grinning",
        "😄": "smile",
        "😂": "joy",
        "🤣": "rofl",
        "😆": "laughing",
        "😉": "wink",
        "😊": "blush",
        "😍": "heart_eyes",
        "😎": "sunglasses",
        "🤔": "thinking denk",
        "😢": "cry",
        "😭": "sob",
        "😡": "rage",
        "😮": "open_mouth",
        "🔥": "fire vuur",
        "🚀": "rocket raket",
        "💯": "100",
        "⚠": "warning",
        "❓": "question vraag",
        "❗": "exclamation",
        "⭐": "star ster",
        "💡": "bulb idee",
        "🐛": "bug",
        "☕": "coffee koffie",
        "🍰": "cake taart",
        "🍺": "beer bier",
        "🔴": "red_circle",
        "🟠": "orange_circle",
        "🟢": "green_circle",
        "📎": "paperclip",
        "📅": "date calendar",
        "📞": "telephone_receiver",
    }.items()
    for name in names.split()
}


def emoji_called(text: str) -> str | None:
    """An emoji by its name without colons; one that is typed as such is itself; None when nothing is called so."""
    if not text.isascii():
        return text
    name = text.casefold()
    if name in _CALLED:
        return _CALLED[name]
    try:
        return unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return None
