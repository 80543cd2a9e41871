"""From the body of a post to the content of a message.

What is understood, by the documentation of each: Slack ("Incoming webhooks", "Legacy secondary attachments", "Blocks"),
Mattermost ("Incoming webhooks", "Message attachments"), Rocket.Chat ("Incoming webhook"), Discord ("Execute webhook").
Senders are careless about types, so anything may stand anywhere; what makes no sense is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from bridge.engine.webhook_dialect import dialect_of
from bridge.engine.webhook_page import Page
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from bridge.engine.webhook_dialect import Dialect

EXPECTED = (
    'Send JSON with "text" (Markdown), with the "attachments" or "blocks" of Slack, or with the "content" or "embeds" '
    "of Discord; or plain text as text/plain."
)
MAX_NAME = 80

# More than this is not worth formatting: it would not fit into an event with its formatting.
_MOST_RICH = 30_000
_EACH = 32
_MILLISECONDS = 100_000_000_000  # a time beyond this is not in seconds
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SLACK_AGENTS = re.compile("slack|alertmanager", re.IGNORECASE)
_BOLD_STAR = ("alias", "avatar", "emoji", "mrkdwn")  # of Rocket.Chat the first three


class PayloadError(Exception):
    """The post cannot be made into a message; the text says what to send instead."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A post as it came."""

    body: bytes
    content_type: str  # of the header, without parameters
    charset: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class House:
    """How the company writes."""

    timezone: ZoneInfo
    language: str  # 'nl' or 'en'


def read(sent: Sent, name: str, house: House) -> dict[str, Any]:
    """The content of an m.room.message, with `name` in front unless the sender gives its own.

    Raises:
        PayloadError: it is not of a form that we know, or there is nothing to show in it.
    """
    payload = _decode(sent)
    if isinstance(payload, str):
        page = Page("markdown", rich=len(payload) <= _MOST_RICH)
        if sent.content_type == "text/markdown":
            page.prose(payload)
        else:
            page.literal(payload)
    else:
        page = _Reader(payload, sent.user_agent, house.timezone).page
        name = _one_line(payload.get("username") or payload.get("alias"))[:MAX_NAME] or name
    if page.is_empty:
        raise PayloadError(f"There is nothing to show in it. {EXPECTED}")
    return page.content(name, house.language)


def _decode(sent: Sent) -> str | dict[str, Any]:
    kind = sent.content_type
    if kind in {"text/plain", "text/markdown"}:
        return _clean(_text_of(sent))
    if kind == "application/x-www-form-urlencoded":
        return _form(sent)
    if kind.startswith("multipart/"):
        raise PayloadError(f"The content type {kind[:60]!r} is not taken. {EXPECTED}")
    return _object(sent.body)


def _text_of(sent: Sent) -> str:
    try:
        return sent.body.decode(sent.charset, errors="replace")
    except LookupError as error:
        raise PayloadError("The charset in the Content-Type is not known: send UTF-8.") from error


def _form(sent: Sent) -> dict[str, Any]:
    """Slack's old form has one field, `payload`. JSON in this guise is what `curl -d` sends."""
    if sent.body.lstrip().startswith(b"{"):
        return _object(sent.body)
    try:
        fields = parse_qs(sent.body.decode(errors="replace"), max_num_fields=100)
    except ValueError as error:
        raise PayloadError(f"The form has too many fields. {EXPECTED}") from error
    if "payload" in fields:
        return _object(fields["payload"][0].encode())
    if not fields:
        raise PayloadError(f"The form has no field. {EXPECTED}")
    return {key: values[0] for key, values in fields.items()}


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadError(f"The body is no JSON. {EXPECTED}") from error
    if not isinstance(found, dict):
        raise PayloadError(f"The body is JSON, but no object. {EXPECTED}")
    return found


class _Reader:
    """Reads one payload into `page`."""

    def __init__(self, payload: Mapping[str, Any], user_agent: str, timezone: ZoneInfo) -> None:
        texts = list(_strings(payload))
        self._timezone = timezone
        self._dialect = _dialect(payload, texts, user_agent)
        self._rich = sum(len(text) + _EACH for text in texts) <= _MOST_RICH
        self.page = self._new()
        inner = self._new()
        understood = self._blocks(inner, payload.get("blocks"))
        # As in Slack, the text beside blocks is for who cannot show them.
        if inner.is_empty or not understood:
            self.page.prose(_text(payload.get("text")))
        self.page.prose(_text(payload.get("content")), "markdown")
        self.page.append(inner)
        for attachment in _objects(payload.get("attachments")):
            self._attachment(attachment)
        for embed in _objects(payload.get("embeds")):
            self._attachment(_from_embed(embed))

    def _new(self) -> Page:
        return Page(self._dialect, rich=self._rich)

    def _attachment(self, given: Mapping[str, Any]) -> None:
        page = self._new()
        page.link(_one_line(given.get("author_name")), _text(given.get("author_link")))
        if page.is_empty:
            page.literal(_one_line(given.get("author_name")))
        page.title(_one_line(given.get("title")), _text(given.get("title_link")))
        page.prose(_text(given.get("text")))
        self._blocks(page, given.get("blocks"))
        page.fields(
            [
                (_one_line(field.get("title")), _text(field.get("value")))
                for field in _objects(given.get("fields"))
                if _one_line(field.get("title")) or _text(field.get("value"))
            ]
        )
        for key in ("image_url", "thumb_url", "audio_url", "video_url"):
            page.link(_file_name(_text(given.get(key))), _text(given.get(key)))
        self._buttons(page, given.get("actions"))
        pretext = _text(given.get("pretext"))
        if page.is_empty and not pretext:
            page.prose(_text(given.get("fallback")))
        if not page.is_empty:
            page.small(" · ".join(filter(None, (_one_line(given.get("footer")), self._time(given.get("ts"))))))
        self.page.prose(pretext)
        self.page.quote(page)

    def _blocks(self, page: Page, blocks: Any) -> bool:
        """Show Slack's blocks; whether all of them were understood."""
        understood = True
        for block in _objects(blocks):
            kind = block.get("type")
            if kind == "header":
                page.title(_text(block.get("text")))
            elif kind == "section":
                self._say(page, block.get("text"))
                page.fields([("", text) for one in _objects(block.get("fields")) if (text := _text(one))])
                self._buttons(page, [block.get("accessory")])
            elif kind == "context":
                page.small(" ".join(filter(None, map(_text, _objects(block.get("elements"))))))
            elif kind == "markdown":
                page.prose(_text(block.get("text")), "markdown")
            elif kind == "divider":
                page.rule()
            elif kind in {"image", "actions"}:
                self._buttons(page, [block, *_objects(block.get("elements"))])
            else:
                understood = False
        return understood

    def _say(self, page: Page, given: Any) -> None:
        if isinstance(given, dict) and given.get("type") == "plain_text":
            page.literal(_text(given))
        else:
            page.prose(_text(given))

    def _buttons(self, page: Page, elements: Any) -> None:
        """What can be pressed and leads somewhere, and pictures."""
        for one in _objects(elements):
            picture = _text(one.get("image_url"))
            page.link(_one_line(one.get("title")) or _one_line(one.get("alt_text")) or _file_name(picture), picture)
            page.link(_one_line(one.get("text")), _text(one.get("url")))

    def _time(self, given: Any) -> str:
        moment = _moment(given)
        try:
            return f"{moment.astimezone(self._timezone):%Y-%m-%d %H:%M}" if moment else ""
        except (OverflowError, ValueError):
            return ""


def _dialect(payload: Mapping[str, Any], texts: list[str], user_agent: str) -> Dialect:
    """Whether `*word*` is bold: by what is certain first, then by what the texts look like, then by who sends."""
    if payload.get("content") or payload.get("embeds"):
        return "markdown"
    if payload.get("blocks"):
        return "slack"
    if (known := dialect_of(texts)) is not None:
        return known
    attachments = _objects(payload.get("attachments"))
    if any(key in payload for key in _BOLD_STAR) or any("mrkdwn_in" in one for one in attachments):
        return "slack"
    return "slack" if _SLACK_AGENTS.search(user_agent) else "markdown"


def _from_embed(embed: Mapping[str, Any]) -> dict[str, Any]:
    """Discord's embed as an attachment."""

    def inner(key: str, name: str) -> Any:
        found = embed.get(key)
        return found.get(name) if isinstance(found, dict) else None

    return {
        "author_name": inner("author", "name"),
        "author_link": inner("author", "url"),
        "title": embed.get("title"),
        "title_link": embed.get("url"),
        "text": embed.get("description"),
        "fields": [{"title": one.get("name"), "value": one.get("value")} for one in _objects(embed.get("fields"))],
        "image_url": inner("image", "url"),
        "thumb_url": inner("thumbnail", "url"),
        "footer": inner("footer", "text"),
        "ts": embed.get("timestamp"),
    }


def _strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, without recursion."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    """A text; also that of Slack's text object, and a number."""
    if isinstance(value, dict):
        value = value.get("text")
    if isinstance(value, bool):
        return str(value).lower()
    return _clean(str(value)).strip("\n") if isinstance(value, (str, int, float)) else ""


def _one_line(value: Any) -> str:
    return " ".join(_text(value).split())


def _clean(text: str) -> str:
    return _CONTROL.sub("", clean(text.replace("\r\n", "\n").replace("\r", "\n")))


def _file_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _moment(given: Any) -> datetime | None:
    """A time as seconds (or milliseconds) since 1970, also in quotes, or in ISO 8601."""
    text = _text(given).strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS else seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
