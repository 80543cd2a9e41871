"""What stands in the place of a placeholder, as plain text and as HTML, in the language and time zone of the reader.

Values are data of strangers: they never become Markdown, HTML or a mention.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from bridge.botapi.reply import Bytes, Code, Link, Marked, User

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    Plain = str | int | datetime | date | timedelta | Link | User | Bytes | Code | Marked | None

_DAYS: Final = {
    "nl": ("ma", "di", "wo", "do", "vr", "za", "zo"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS: Final = {
    "nl": ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_UNITS: Final = (
    (86400, {"nl": ("dag", "dagen"), "en": ("day", "days")}),
    (3600, {"nl": ("uur", "uur"), "en": ("hour", "hours")}),
    (60, {"nl": ("minuut", "minuten"), "en": ("minute", "minutes")}),
    (1, {"nl": ("seconde", "seconden"), "en": ("second", "seconds")}),
)
_AND: Final = {"nl": "en", "en": "and"}
_YES: Final = {"nl": ("nee", "ja"), "en": ("no", "yes")}
_SCHEMES: Final = ("http", "https", "matrix", "mailto")
# Control characters, lone surrogates, and what turns the direction of the text around it.
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom something is written."""

    language: str
    zone: ZoneInfo
    now: datetime  # aware


@dataclass(frozen=True, slots=True)
class Shown:
    """A text in both forms. HTML is inline, unless it is said."""

    plain: str
    html: str


def show(value: Plain, reader: Reader) -> Shown:
    """Any value but a `Say`, which needs the strings."""
    match value:
        case Link(url, text):
            return _link(url, moment(text, reader) if isinstance(text, datetime) else text)
        case User(user_id, name):
            shown = _one_line(name) or user_id
            href = escape(f"https://matrix.to/#/{quote(user_id, safe='@:')}")
            return Shown(shown, f'<a href="{href}">{escape(shown)}</a>')
        case Code(text):
            fit = _fit(text)
            return Shown(fit if "`" in fit else f"`{fit}`", f"<code>{escape(fit)}</code>")
        case Marked(parts):
            return _marked(parts)
        case str():
            return _text(value)
        case _:
            plain = _plain(value, reader)
            return Shown(plain, escape(plain))


def code_block(code: Code) -> Shown:
    """Code as a paragraph of its own, with its lines."""
    fit = _fit(code.text)
    return Shown(fit, f"<pre><code>{escape(fit)}</code></pre>")


def _text(text: str) -> Shown:
    fit = _fit(text)
    return Shown(fit, escape(fit).replace("\n", "<br>"))


def _marked(parts: Sequence[tuple[str, bool]]) -> Shown:
    shown = [(_text(text), stands_out) for text, stands_out in parts]
    return Shown(
        "".join(f"**{one.plain}**" if stands_out else one.plain for one, stands_out in shown),
        "".join(f"<strong>{one.html}</strong>" if stands_out else one.html for one, stands_out in shown),
    )


def _plain(value: int | datetime | date | timedelta | Bytes | None, reader: Reader) -> str:
    match value:
        case None:
            return "-"
        case int():
            return number(value, reader.language) if type(value) is int else _YES[reader.language][value]
        case Bytes(count):
            return size(count, reader.language)
        case datetime():
            return moment(value, reader)
        case date():
            return day(value, reader)
        case timedelta():
            return duration(value, reader.language)


def number(value: int, language: str) -> str:
    """1.234 in Dutch, 1,234 in English."""
    text = f"{value:,}"
    return text.replace(",", ".") if language == "nl" else text


def size(count: int, language: str) -> str:
    """3,4 MB in Dutch, 3.4 MB in English; steps of 1000."""
    amount, units = float(count), iter(("kB", "MB", "GB", "TB"))
    unit = "bytes"
    while amount >= 999.5 and (larger := next(units, None)):  # noqa: PLR2004
        amount, unit = amount / 1000, larger
    text = f"{amount:.0f}" if unit in {"bytes", "kB"} or amount >= 99.5 else f"{amount:.1f}"  # noqa: PLR2004
    return f"{text.replace('.', ',') if language == 'nl' else text} {unit}"


def moment(value: datetime, reader: Reader) -> str:
    """As wo 25 nov 14:00, with the year when it is another one than now."""
    local = value.astimezone(reader.zone)
    return f"{day(local.date(), reader)} {local:%H:%M}"


def day(value: date, reader: Reader) -> str:
    """As wo 25 nov, with the year when it is another one than now."""
    text = f"{_DAYS[reader.language][value.weekday()]} {value.day} {_MONTHS[reader.language][value.month - 1]}"
    return text if value.year == reader.now.astimezone(reader.zone).year else f"{text} {value.year}"


def duration(value: timedelta, language: str) -> str:
    """2 dagen en 3 uur: its two largest parts."""
    left = max(0, round(value.total_seconds()))
    parts: list[str] = []
    for seconds, words in _UNITS:
        count, left = divmod(left, seconds)
        if count or (seconds == 1 and not parts):
            parts.append(f"{number(count, language)} {words[language][count != 1]}")
    return f" {_AND[language]} ".join(parts[:2])


def _link(url: str, text: str) -> Shown:
    shown = _one_line(text) or url
    if urlsplit(url).scheme not in _SCHEMES:
        return Shown(shown, escape(shown))
    return Shown(shown if shown == url else f"{shown} ({url})", f'<a href="{escape(url)}">{escape(shown)}</a>')


def _fit(text: str) -> str:
    return _UNFIT.sub("", text.replace("\r\n", "\n"))


def _one_line(text: str) -> str:
    return " ".join(_fit(text).split())
