"""What a message says, from the content of its event."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from bridge.archive.attachments import EVENT_TYPES
from bridge.archive.events import ENCRYPTED, fit, number_of, object_of, text_of

MESSAGE, STICKER, POLL = "m.room.message", "m.sticker", "m.poll.start"

_UNSTABLE = "org.matrix.msc1767."
_POLLS = ("m.poll", "org.matrix.msc3381.poll.start")
_LOCATIONS = ("m.location", "org.matrix.msc3488.location")
_AUDIOS = ("m.audio_details", "org.matrix.msc1767.audio")
_VOICES = ("m.voice", "org.matrix.msc3245.voice", "org.matrix.msc3245.voice.v2")

# Extensible events (MSC1767) → the msgtype that says the same.
_EXTENSIBLE = {
    "m.message": "m.text",
    **{name: name for name in ("m.emote", "m.notice", "m.location", "m.voice")},
    **{name: name for name in EVENT_TYPES if name not in (MESSAGE, STICKER) and not name.startswith(_UNSTABLE)},
}
_MSGTYPES = _EXTENSIBLE | {_UNSTABLE + name.removeprefix("m."): msgtype for name, msgtype in _EXTENSIBLE.items()}

# The type of event → the type as which a message is stored.
MESSAGE_TYPES = {
    MESSAGE: MESSAGE,
    STICKER: STICKER,
    POLL: POLL,
    "org.matrix.msc3381.poll.start": POLL,
    ENCRYPTED: ENCRYPTED,
    **dict.fromkeys(_MSGTYPES, MESSAGE),
}


class Text(NamedTuple):
    """The text of a message or of an edit; what cannot be read is None."""

    msgtype: str | None
    body: str | None
    formatted_body: str | None
    detail: str | None  # JSON


def text(kind: str, content: dict[str, Any]) -> Text:
    """What a content of a message of this type of event says."""
    msgtype = text_of(content.get("msgtype")) or _MSGTYPES.get(kind)
    body, formatted_body = text_of(content.get("body")), text_of(content.get("formatted_body"))
    detail: dict[str, Any] = {}
    if MESSAGE_TYPES.get(kind) == POLL:
        detail = _poll(content)
        body = body or detail["poll"]["question"] if detail else body
    else:
        if body is None:
            body, html = _extensible(content)
            formatted_body = formatted_body or html
        if msgtype == "m.location":
            detail = _location(content)
        elif any(name in content for name in _VOICES):
            detail = {"voice": {"duration": _duration(content)}}
    if mentioned := _mentioned(content):
        detail = {**detail, "mentions": mentioned}
    return Text(
        fit(msgtype) if msgtype else None,
        body,
        formatted_body,
        json.dumps(detail, ensure_ascii=False) if detail else None,
    )


def _extensible(content: dict[str, Any]) -> tuple[str | None, str | None]:
    """The plain text and the HTML of a content block `m.text`, or of its forerunners."""
    plain = text_of(content.get("org.matrix.msc1767.text"))
    html = text_of(content.get("org.matrix.msc1767.html"))
    for name in ("m.text", "org.matrix.msc1767.message"):
        parts = content.get(name)
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and isinstance(part.get("body"), str):
                mimetype = part.get("mimetype", "text/plain")
                if mimetype == "text/html":
                    html = html or part["body"]
                elif mimetype == "text/plain":
                    plain = plain or part["body"]
    return plain, html


def _line(content: dict[str, Any]) -> str | None:
    return _extensible(content)[0] or text_of(content.get("body"))


def _block(content: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return next((block for name in names if isinstance(block := content.get(name), dict)), {})


def _location(content: dict[str, Any]) -> dict[str, Any]:
    block = _block(content, _LOCATIONS)
    uri, description = text_of(content.get("geo_uri")) or text_of(block.get("uri")), text_of(block.get("description"))
    return {"location": {"geo_uri": uri, "description": description}} if uri else {}


def _duration(content: dict[str, Any]) -> int | None:
    """Milliseconds."""
    for block in (_block(content, _AUDIOS), object_of(content.get("info"))):
        found = number_of(block.get("duration"))
        if found is not None:
            return found
    return None


def _mentioned(content: dict[str, Any]) -> list[str]:
    """Whom the sender's client marked as mentioned (Client-Server API v1.16, "User and room mentions")."""
    listed = object_of(content.get("m.mentions")).get("user_ids")
    return sorted({one for one in listed if isinstance(one, str)}) if isinstance(listed, list) else []


def _poll(content: dict[str, Any]) -> dict[str, Any]:
    """MSC3381."""
    poll = _block(content, _POLLS)
    if not poll:
        return {}
    listed = poll.get("answers")
    answers = [
        {"id": name, "text": _line(answer)}
        for answer in (listed if isinstance(listed, list) else ())
        if isinstance(answer, dict) and (name := text_of(answer.get("m.id")) or text_of(answer.get("id")))
    ]
    return {
        "poll": {
            "question": _line(object_of(poll.get("question"))),
            "kind": text_of(poll.get("kind")),
            "max_selections": number_of(poll.get("max_selections")),
            "answers": answers,
        }
    }
