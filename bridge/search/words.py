"""The words of the query language, in Dutch and English."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The first one of each is the English name by which the parser knows it.
OPERATORS: Final[Mapping[str, tuple[str, ...]]] = {
    "from": ("from", "van"),
    "to": ("to", "aan"),
    "with": ("with", "met"),
    "mentions": ("mentions", "noemt"),
    "in": ("in",),
    "thread": ("thread", "draad"),
    "before": ("before", "voor"),
    "after": ("after", "na"),
    "on": ("on", "op"),
    "during": ("during", "tijdens"),
    "older": ("older", "ouder"),
    "newer": ("newer", "nieuwer"),
    "has": ("has", "heeft"),
    "filename": ("filename", "bestand"),
    "type": ("type",),
    "larger": ("larger", "groter"),
    "smaller": ("smaller", "kleiner"),
    "is": ("is",),
    "tag": ("tag",),
    "sort": ("sort", "sorteer"),
}
THINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "file": ("file", "bijlage", "bestand", "attachment"),
    "image": ("image", "foto", "photo", "afbeelding"),
    "video": ("video",),
    "audio": ("audio", "geluid"),
    "voice": ("voice", "spraak"),
    "link": ("link",),
    "poll": ("poll",),
    "location": ("location", "locatie"),
    "reaction": ("reaction", "reactie"),
    "phone": ("phone", "telefoon"),
    "iban": ("iban",),
}
STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "urgent": ("urgent", "dringend"),
    "open": ("open",),
    "overdue": ("overdue", "telaat"),
    "acked": ("acked", "bevestigd"),
    "unacked": ("unacked", "onbevestigd"),
    "edited": ("edited", "bewerkt"),
    "imported": ("imported", "geimporteerd", "geïmporteerd"),
    "announcement": ("announcement", "mededeling"),
    "deleted": ("deleted", "verwijderd"),
    "held": ("held", "bewaard"),
    "dm": ("dm",),
}
SORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "relevance": ("relevance", "relevant", "relevantie"),
    "new": ("new", "nieuw", "newest", "nieuwste"),
    "old": ("old", "oud", "oldest", "oudste"),
}
# Endings of files, and the first half of media types, by what people call them.
TYPES: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    ("word", "doc"): ("doc", "docx", "odt", "rtf"),
    ("excel", "spreadsheet", "xls"): ("xls", "xlsx", "ods"),
    ("powerpoint", "ppt"): ("ppt", "pptx", "odp"),
    ("image", "foto", "photo", "afbeelding", "plaatje"): ("image",),
    ("video", "film"): ("video",),
    ("audio", "geluid"): ("audio",),
    ("jpg", "jpeg"): ("jpg", "jpeg"),
}
ME: Final = frozenset({"me", "mij", "ik"})
OR: Final = frozenset({"OR", "OF"})
AND: Final = frozenset({"AND", "EN"})
NEAR: Final = "AROUND"

# What other programs, and people, call an operator of ours.
_MEANT: Final[Mapping[str, str]] = {
    "sender": "from",
    "author": "from",
    "afzender": "van",
    "room": "in",
    "channel": "in",
    "stream": "in",
    "kamer": "in",
    "kanaal": "in",
    "ruimte": "in",
    "since": "after",
    "sinds": "na",
    "vanaf": "na",
    "until": "before",
    "tot": "voor",
    "date": "on",
    "datum": "op",
    "file": "filename",
    "naam": "bestand",
    "bestandsnaam": "bestand",
    "label": "tag",
    "ext": "type",
    "bevat": "heeft",
    "contains": "has",
    "order": "sort",
    "volgorde": "sorteer",
}
# A value for each operator, in English and Dutch, to show what one looks like.
_EXAMPLES: Final[Mapping[str, tuple[str, str]]] = {
    "from": ("me", "mij"),
    "to": ("me", "mij"),
    "with": ("me", "mij"),
    "mentions": ("me", "mij"),
    "in": ("general", "algemeen"),
    "thread": ("$id", "$id"),
    "before": ("2026-03-01", "01-03-2026"),
    "after": ("2026-03-01", "01-03-2026"),
    "on": ("yesterday", "gisteren"),
    "during": ("july", "juli"),
    "older": ("30d", "30d"),
    "newer": ("30d", "30d"),
    "has": ("file", "bijlage"),
    "filename": ("invoice", "factuur"),
    "type": ("pdf", "pdf"),
    "larger": ("10M", "10M"),
    "smaller": ("10M", "10M"),
    "is": ("edited", "bewerkt"),
    "tag": ("planning", "planning"),
    "sort": ("relevance", "relevant"),
}


def meaning(words: Mapping[str, tuple[str, ...]], text: str) -> str | None:
    """The English name of a word in either language, None when it has none."""
    folded = text.casefold()
    return next((name for name, those in words.items() if folded in those), None)


def nearest(words: Mapping[str, tuple[str, ...]], text: str) -> str | None:
    """The word that was most likely meant, None when nothing comes close."""
    return nearest_of((word for those in words.values() for word in those), text)


def nearest_of(words: Iterable[str], text: str) -> str | None:
    """The same among any words."""
    close = get_close_matches(text.casefold(), list(words), 1, cutoff=0.7)
    return close[0] if close else None


def operator_meant(text: str) -> str | None:
    """The operator that was most likely meant by one that does not exist."""
    return _MEANT.get(text.casefold()) or nearest(OPERATORS, text)


def example(name: str, typed: str) -> str:
    """A value of an operator, in the language in which its name was typed."""
    english, dutch = _EXAMPLES[name]
    return english if typed.casefold() == name and name not in ("in", "type", "is", "tag") else dutch


def types_called(text: str) -> tuple[str, ...]:
    """Endings and first halves of media types that people mean by a word; the word itself when it says all."""
    return next((types for names, types in TYPES.items() if text in names), (text,))
