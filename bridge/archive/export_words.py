"""What the exported page says of its own, in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_UNIT = 1000


@dataclass(frozen=True, slots=True)
class Words:
    """Texts with places for values, as `str.format` takes them."""

    language: Literal["nl", "en"]
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    comma: str  # before decimals
    title: str
    made: str
    period: str
    nothing: str
    people: str
    partial: str
    thread: str
    reply: str
    edited: str
    earlier: str
    removed: str
    removed_by: str
    unread: str
    file: str
    not_held: str
    others: str
    kinds: Mapping[str, str]  # by msgtype or type: what a message is that is no text

    def day(self, moment: datetime) -> str:
        """A day, as people write it."""
        return f"{self.weekdays[moment.weekday()]} {moment.day} {self.months[moment.month - 1]} {moment.year}"

    def moment(self, moment: datetime) -> str:
        """A day and a time."""
        return f"{moment.day} {self.months[moment.month - 1]} {moment.year} {moment:%H:%M}"

    def size(self, count: int) -> str:
        """A size in bytes: 12 kB."""
        value, unit = float(count), "B"
        for unit in ("B", "kB", "MB", "GB"):
            if value < _UNIT or unit == "GB":
                break
            value /= _UNIT
        text = f"{value:.1f}" if unit != "B" and value < 10 else f"{value:.0f}"  # noqa: PLR2004 (12 kB, but 1,2 kB)
        return f"{text.replace('.', self.comma)} {unit}"


NL: Final = Words(
    language="nl",
    weekdays=("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    months=(
        *("januari", "februari", "maart", "april", "mei", "juni"),
        *("juli", "augustus", "september", "oktober", "november", "december"),
    ),
    comma=",",
    title="Archief van {room}",
    made="Gemaakt op {at}. Tijden in de zone {zone}.",
    period="Berichten: {count}, van {first} tot {last}",
    nothing="Geen berichten.",
    people="Mensen: {people}",
    partial="Alleen wat de aanvrager van deze kamer mag lezen.",
    thread="in een draad",
    reply="antwoord",
    edited="bewerkt",
    earlier="eerder, {at}",
    removed="verwijderd",
    removed_by="verwijderd door {by}, {at}",
    unread="Versleuteld bericht dat niet gelezen kon worden",
    file="{name} ({size})",
    not_held="niet in het archief",
    others="Andere gebeurtenissen (zoals binnenkomen en instellingen), alleen in de export als jsonl: {count}",
    kinds={
        "m.image": "afbeelding",
        "m.video": "video",
        "m.audio": "geluid",
        "m.voice": "spraakbericht",
        "m.file": "bestand",
        "m.location": "plaats",
        "m.sticker": "sticker",
        "m.poll.start": "peiling",
    },
)
EN: Final = Words(
    language="en",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    comma=".",
    title="Archive of {room}",
    made="Made on {at}. Times are in the zone {zone}.",
    period="Messages: {count}, from {first} to {last}",
    nothing="No messages.",
    people="People: {people}",
    partial="Only what the person who asked for it may read of this room.",
    thread="in a thread",
    reply="reply",
    edited="edited",
    earlier="before that, {at}",
    removed="removed",
    removed_by="removed by {by}, {at}",
    unread="Encrypted message that could not be read",
    file="{name} ({size})",
    not_held="not in the archive",
    others="Other events (such as joining, and settings), only in the export as jsonl: {count}",
    kinds={
        "m.image": "picture",
        "m.video": "video",
        "m.audio": "sound",
        "m.voice": "voice message",
        "m.file": "file",
        "m.location": "place",
        "m.sticker": "sticker",
        "m.poll.start": "poll",
    },
)
LANGUAGES: Final = (NL, EN)


def words_in(language: str) -> Words:
    """The words of a language; Dutch for all that is not English."""
    return EN if language == "en" else NL
