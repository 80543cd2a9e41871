"""A search in memory: of messages that a test makes up, by words that stand in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bridge.botapi.errors import DeniedError, UserError
from bridge.botapi.finding import Alert, Found, NotSearched, SavedLine
from bridge.botapi.words import plain_phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.botapi.finding import Alerted, Hit, KnownPerson, OtherLine
    from bridge.botapi.ports import Cursor

_MOST = 20


@dataclass(slots=True)
class FakeSearch:
    """Finds messages in whose excerpt all words of the line stand, without its quotes. A cursor is the number of what
    was shown already.

    Attributes:
        hits: newest first.
        hidden: event ids of hits that not everyone in the room may see.
        page: what else is said with each page: mistakes, remarks, how the index stands.
        purposes: what was given as one.
        told: what was found since the asker was told last.
    """

    hits: list[Hit] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    page: Found = field(default_factory=lambda: Found((), 0, None))
    lacking: NotSearched = field(default_factory=NotSearched)
    others: list[OtherLine] = field(default_factory=list)
    known: list[KnownPerson] = field(default_factory=list)
    kept: dict[str, SavedLine] = field(default_factory=dict)
    watched: dict[str, Alert] = field(default_factory=dict)
    told: list[Alerted] = field(default_factory=list)
    denied: bool = False
    purposes: list[str] = field(default_factory=list)

    async def find(
        self,
        line: str,
        *,
        everyone: bool,
        purpose: str | None = None,
        after: Cursor | None = None,
        limit: int = 10,
    ) -> Found:
        """As the port says."""
        if self.denied:
            raise DeniedError("in a test")
        if purpose is not None:
            self.purposes.append(purpose)
        words = line.replace('"', " ").lower().split()
        some = [hit for hit in self.hits if _has(hit, words) and not (everyone and hit.event_id in self.hidden)]
        start = int(after or 0)
        following = str(start + limit) if len(some) > start + limit else None
        return replace(
            self.page, hits=some[start : start + limit], total=len(some), next=following, asks_nothing=not words
        )

    async def not_searched(self, *, everyone: bool) -> NotSearched:
        """What `lacking` says."""
        del everyone
        return self.lacking

    async def proposals(self, line: str, *, everyone: bool) -> Sequence[OtherLine]:
        """What `others` says."""
        del line, everyone
        return self.others

    async def people(self, text: str) -> Sequence[KnownPerson]:
        """Those of `known` who have it in a name."""
        wanted = plain_phrase(text)
        return [one for one in self.known if any(wanted in plain_phrase(name) for name in one.names)]

    async def saved(self) -> Sequence[SavedLine]:
        """As the port says."""
        return [self.kept[key] for key in sorted(self.kept)]

    async def save(self, name: str, line: str) -> None:
        """As the port says."""
        if len(self.kept) >= _MOST:
            raise UserError("saved.full", most=_MOST)
        self.kept[plain_phrase(name)] = SavedLine(name, line)

    async def forget(self, name: str) -> bool:
        """As the port says."""
        return self.kept.pop(plain_phrase(name), None) is not None

    async def alerts(self) -> Sequence[Alert]:
        """As the port says."""
        return list(self.watched.values())

    async def alert(self, line: str, *, cause: str) -> Alert:
        """As the port says."""
        if not line.strip():
            raise UserError("alerts.nothing")
        if len(self.watched) >= _MOST:
            raise UserError("alerts.full", most=_MOST)
        return self.watched.setdefault(cause, Alert(len(self.watched) + 1, line))

    async def stop(self, alert_ids: Sequence[int]) -> int:
        """As the port says."""
        causes = [cause for cause, alert in self.watched.items() if alert.id in alert_ids]
        for cause in causes:
            del self.watched[cause]
        return len(causes)

    async def alerted(self, *, cause: str) -> Sequence[Alerted]:
        """What `told` says."""
        del cause
        return self.told


def _has(hit: Hit, words: Sequence[str]) -> bool:
    text = "".join(text for text, _ in hit.excerpt.parts).lower()
    return all(word in text for word in words)
