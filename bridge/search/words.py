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
    "new": ("new", "nieuw"),
    "old": ("old", "oud"),
}
ME: Final = frozenset({"me", "mij", "ik"})
OR: Final = frozenset({"OR", "OF"})
NEAR: Final = "AROUND"


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
