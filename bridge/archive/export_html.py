"""The archive as one page to read and to print: no scripts, nothing from elsewhere, every text escaped.

It is written piece by piece, so that memory stays flat however long it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any

from bridge.archive.export import Batch, records
from bridge.storage import export, reading
from bridge.storage.readable import WHOLE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from bridge.archive.export import Files, Selection
    from bridge.archive.export_words import Words
    from bridge.storage.db import Connection
    from bridge.storage.export import WriterRow
    from bridge.storage.readable import Readable

# What HTML cannot hold, and what turns the direction of the text around it.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_CSS = """
body{font:15px/1.45 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.25rem;margin-top:2.5rem}p{margin:.15rem 0}
h3{font-size:1rem;margin:1.6rem 0 .4rem;border-bottom:1px solid #ccc}
article{margin:.5rem 0;break-inside:avoid}
article.thread{margin-left:1.5rem;border-left:3px solid #ccc;padding-left:.6rem}
header p,.meta,.edits,.files,.end{color:#555;font-size:.87rem}ul{margin:.15rem 0;padding-left:1.2rem}
.text,.edits li{white-space:pre-wrap;overflow-wrap:anywhere}bdi,.text{unicode-bidi:isolate}
.gone{font-style:italic;color:#777}code{font-size:.75rem;overflow-wrap:anywhere}
@media print{body{margin:0;max-width:none;font-size:11px}section+section{break-before:page}a{color:inherit}}
"""
_HEAD = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">
<title>{title}</title><style>{css}</style></head><body>
<header><h1>{title}</h1><p>{made}</p>{partial}</header>
"""
_FOOT = "</body></html>\n"


@dataclass(frozen=True, slots=True)
class Look:
    """How the page is written.

    Attributes:
        zone: of the times that are shown.
        now: when it is made.
    """

    words: Words
    zone: ZoneInfo
    now: datetime


async def batches(
    tx: Connection, selection: Selection, files: Files, look: Look, readable: Readable | None = None
) -> AsyncIterator[Batch]:
    """The page in pieces. Arguments: see `export.records`."""
    names = [await export.room_name(tx, room_id) or room_id for room_id in selection.rooms or ()]
    yield Batch(_head(", ".join(names) or "Postkamer", look, partial=readable is not None).encode(), 0)
    room: RoomPage | None = None
    async for found in records(tx, selection, files, readable):
        pieces = []
        if room is None or room.room_id != found.room_id:
            pieces.append(room.end() if room is not None else "")
            spans = (WHOLE,) if readable is None else readable.spans(found.room_id)
            writers = await export.writers(tx, found.room_id, spans, selection.since, selection.until)
            name = await export.room_name(tx, found.room_id) or found.room_id
            room = RoomPage(found.room_id, name, writers, look.words, look.zone)
            pieces.append(room.begin(alone=len(names) == 1))
        spoken = await reading.sender_names(tx, found.room_id, [line["event_id"] for line in found.lines])
        pieces += [room.line(line, spoken.get(line["event_id"])) for line in found.lines]
        yield Batch("".join(pieces).encode("utf-8", "replace"), found.events)
    end = room.end() if room is not None else f'<p class="end">{text(look.words.nothing)}</p>\n'
    yield Batch((end + _FOOT).encode(), 0)


def text(value: str) -> str:
    """A text of a stranger as HTML, also inside of quotes."""
    return escape(_UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", value))


def _head(title: str, look: Look, *, partial: bool) -> str:
    words = look.words
    return _HEAD.format(
        language=words.language,
        title=text(words.title.format(room=title)),
        css=_CSS,
        made=text(words.made.format(at=words.moment(look.now.astimezone(look.zone)), zone=look.zone.key)),
        partial=f"<p>{text(words.partial)}</p>" if partial else "",
    )


@dataclass(slots=True)
class RoomPage:
    """Writes one room."""

    room_id: str
    name: str
    writers: Sequence[WriterRow]
    words: Words
    zone: ZoneInfo
    others: int = 0  # lines that are no messages
    day: date | None = None
    names: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = {writer.user_id: writer.name for writer in self.writers if writer.name}

    def begin(self, *, alone: bool) -> str:
        """The top. `alone`: its name stands above the page already."""
        pieces = ["<section>\n", "" if alone else f"<h2>{_bdi(self.name)}</h2>\n"]
        if not self.writers:
            return "".join([*pieces, f"<p>{text(self.words.nothing)}</p>\n"])
        first = min(writer.first_at for writer in self.writers).astimezone(self.zone)
        last = max(writer.last_at for writer in self.writers).astimezone(self.zone)
        count = sum(writer.messages for writer in self.writers)
        period = self.words.period.format(count=count, first=self.words.moment(first), last=self.words.moment(last))
        people = ", ".join(f"{_bdi(writer.name or writer.user_id)} ({writer.messages})" for writer in self.writers)
        pieces.append(f'<div class="meta"><p>{text(period)}</p>\n')
        pieces.append(f"<p>{text(self.words.people).format(people=people)}</p></div>\n")
        return "".join(pieces)

    def end(self) -> str:
        """The bottom."""
        others = text(self.words.others.format(count=self.others))
        return (f'<p class="end">{others}</p>\n' if self.others else "") + "</section>\n"

    def line(self, line: Mapping[str, Any], name: str | None) -> str:
        """One line of the export, see docs/commands.md; '' for what is no message."""
        if "state_key" in line:
            self.others += 1
            return ""
        sent_at = self._local(line["sent_at"])
        day = ""
        if sent_at.date() != self.day:
            self.day = sent_at.date()
            day = f"<h3>{text(self.words.day(sent_at))}</h3>\n"
        head = f"<b>{_bdi(name or line['sender'])}</b> <time>{sent_at:%H:%M}</time>"
        marks = " · ".join(self._marks(line))
        kind = ' class="thread"' if line["thread"] else ""
        body = "".join(self._gone(line["redacted"]) if line["redacted"] else self._content(line))
        article = f'<article id="{_anchor(line["event_id"])}"{kind}>'
        return f'{day}{article}{head} <span class="meta">{marks}</span>\n{body}</article>\n'

    def _local(self, instant: str) -> datetime:
        return datetime.fromisoformat(instant).replace(tzinfo=UTC).astimezone(self.zone)

    def _marks(self, line: Mapping[str, Any]) -> Iterator[str]:
        if line["thread"]:
            yield f'<a href="#{_anchor(line["thread"])}">{text(self.words.thread)}</a>'
        if line["reply_to"] and line["reply_to"] != line["thread"]:
            yield f'<a href="#{_anchor(line["reply_to"])}">{text(self.words.reply)}</a>'
        kind = self.words.kinds.get(line["msgtype"] or line["type"])
        if kind:
            yield text(kind)
        if line["edits"]:
            yield f"{text(self.words.edited)} {self.words.moment(self._local(line['edits'][-1]['sent_at']))}"

    def _content(self, line: Mapping[str, Any]) -> Iterator[str]:
        if line["encrypted"] and not line["decrypted"]:
            yield f'<p class="gone">{text(self.words.unread)}</p>\n'
            return
        texts = [(line["sent_at"], line["body"]), *((edit["sent_at"], edit["body"]) for edit in line["edits"])]
        if texts[-1][1]:
            yield f'<p class="text" dir="auto">{text(texts[-1][1])}</p>\n'
        if earlier := texts[:-1]:
            yield '<ul class="edits">'
            for sent_at, body in reversed(earlier):
                when = self.words.earlier.format(at=self.words.moment(self._local(sent_at)))
                yield f"<li>{text(when)}: {_bdi(body or '')}</li>"
            yield "</ul>\n"
        if line["attachments"]:
            yield '<ul class="files">' + "".join(self._file(one) for one in line["attachments"]) + "</ul>\n"
        if line["reactions"]:
            yield f'<p class="meta">{self._reactions(line["reactions"])}</p>\n'

    def _file(self, one: Mapping[str, Any]) -> str:
        size = self.words.size(one["size"]) if one["size"] is not None else "?"
        shown = _bdi(one["name"])
        if one["path"]:
            shown = f'<a href="{text(one["path"])}">{shown}</a>'
        name = text(self.words.file).format(name=shown, size=text(size))
        held = f"<code>SHA-256 {text(one['sha256'])}</code>" if one["sha256"] else text(self.words.not_held)
        return f"<li>{name} {held}</li>"

    def _reactions(self, reactions: Sequence[Mapping[str, Any]]) -> str:
        by_key: dict[str, list[str]] = {}
        for reaction in reactions:
            by_key.setdefault(reaction["key"], []).append(self.names.get(reaction["sender"], reaction["sender"]))
        return " · ".join(f"{_bdi(key)} {', '.join(map(_bdi, names))}" for key, names in by_key.items())

    def _gone(self, redacted: Mapping[str, Any]) -> str:
        said = text(self.words.removed)
        if redacted["by"]:
            by, at = _bdi(self.names.get(redacted["by"], redacted["by"])), self._local(redacted["at"])
            said = text(self.words.removed_by).format(by=by, at=self.words.moment(at))
        reason = f": {_bdi(redacted['reason'])}" if redacted["reason"] else ""
        return f'<p class="gone">{said}{reason}</p>\n'


def _bdi(value: str) -> str:
    """A text of a stranger inside of a line of ours, which its direction must not turn around."""
    return f"<bdi>{text(value)}</bdi>"


def _anchor(event_id: str) -> str:
    """A name in the page; an event id may hold anything."""
    return f"e{sha256(event_id.encode('utf-8', 'replace')).hexdigest()[:16]}"
