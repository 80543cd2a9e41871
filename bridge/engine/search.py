"""The search that a bot gets with a question: every method asks the access rule for who asks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.archive.access import AuditRefusedError
from bridge.botapi.errors import BusyError, DeniedError, UserError
from bridge.botapi.finding import (
    Alert,
    Alerted,
    Found,
    Hit,
    KnownPerson,
    Mistake,
    NotSearched,
    OtherLine,
    Remark,
    SavedLine,
)
from bridge.botapi.ports import Named
from bridge.botapi.reply import Marked
from bridge.botapi.words import plain_phrase
from bridge.search import resolve, results
from bridge.search.index import NotReadyError
from bridge.search.people import who_is
from bridge.search.proposals import proposals
from bridge.search.results import Seeker
from bridge.search.service import NotInRoomError
from bridge.storage import searches
from bridge.storage.export import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from bridge.botapi.ports import Cursor
    from bridge.engine.ports import Asker
    from bridge.search.service import Search
    from bridge.storage.db import Db
    from bridge.storage.searches import AlertRow

MOST_SAVED: Final = 50
MOST_ALERTS: Final = 20
LONGEST_NAME: Final = 60
_PEOPLE: Final = 10
_AGAIN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class SearchDesk:
    """Makes the search of an asker."""

    db: Db
    search: Search
    timezone: ZoneInfo

    def __call__(self, asker: Asker) -> AskersSearch:
        """See `engine.ports.SearchFor`."""
        return AskersSearch(self, asker)


class AskersSearch:
    """The port `botapi.finding.Search`, bound to who asks."""

    def __init__(self, desk: SearchDesk, asker: Asker) -> None:
        self._desk = desk
        self._asker = asker

    async def find(
        self,
        line: str,
        *,
        everyone: bool,
        purpose: str | None = None,
        after: Cursor | None = None,
        limit: int = 10,
    ) -> Found:
        with _refusals():
            seeker = self._seeker(everyone=everyone, purpose=purpose)
            found = await self._desk.search.find(seeker, line, limit=limit, after=after)
        return Found(
            hits=[_hit(hit) for hit in found.hits],
            total=found.total,
            next=found.next,
            encrypted=any(hit.encrypted for hit in found.hits),
            mistakes=[
                Mistake(one.key, one.place.start, one.place.end, one.got, one.proposal) for one in found.problems
            ],
            remarks=[Remark(one.key, one.got, one.names, one.count) for one in found.notes],
            ready=found.standing.ready,
            percent=found.standing.percent,
            behind=found.standing.behind,
            asks_nothing=found.asks_nothing,
        )

    async def not_searched(self, *, everyone: bool) -> NotSearched:
        with _refusals():
            return NotSearched(*await self._desk.search.lacking(self._seeker(everyone=everyone)))

    async def proposals(self, line: str, *, everyone: bool) -> Sequence[OtherLine]:
        with _refusals():
            found = await proposals(self._desk.search, self._seeker(everyone=everyone), line)
        return [OtherLine(one.line, one.got, one.word) for one in found]

    async def people(self, text: str) -> Sequence[KnownPerson]:
        search, user_id = self._desk.search, self._asker.user_id
        async with snapshot(self._desk.db) as db:
            readable = await search.readable(db, self._seeker())
            found = await who_is(db, resolve.Asker(user_id, readable, search.bots), text, _PEOPLE)
        return [
            KnownPerson(one.user_id, tuple(one.names), tuple(Named(*room) for room in one.rooms), one.room_count)
            for one in found
        ]

    async def saved(self) -> Sequence[SavedLine]:
        async with self._desk.db.connection() as db:
            return [SavedLine(name, line) for name, line in await searches.saved(db, self._asker.user_id)]

    async def save(self, name: str, line: str) -> None:
        name = " ".join(name.split())
        if len(name) > LONGEST_NAME:
            raise UserError("saved.too_long", most=LONGEST_NAME)
        key, user_id = plain_phrase(name), self._asker.user_id
        async with self._desk.db.tx() as tx:
            if await searches.count_saved(tx, user_id, without=key) >= MOST_SAVED:
                raise UserError("saved.full", most=MOST_SAVED)
            await searches.save(tx, user_id, key, name, line)

    async def forget(self, name: str) -> bool:
        async with self._desk.db.connection() as db:
            return await searches.forget(db, self._asker.user_id, plain_phrase(name))

    async def alerts(self) -> Sequence[Alert]:
        async with self._desk.db.connection() as db:
            return [_alert(row) for row in await searches.alerts(db, self._asker.user_id)]

    async def alert(self, line: str, *, cause: str) -> Alert:
        user_id = self._asker.user_id
        if await self._desk.search.asks_nothing(self._seeker(), line):
            raise UserError("alerts.nothing")
        async with self._desk.db.tx() as tx:
            if await searches.count_alerts(tx, user_id, without=cause) >= MOST_ALERTS:
                raise UserError("alerts.full", most=MOST_ALERTS)
            return _alert(await searches.add_alert(tx, cause, user_id, line, self._desk.timezone.key))

    async def stop(self, alert_ids: Sequence[int]) -> int:
        async with self._desk.db.connection() as db:
            return await searches.stop(db, self._asker.user_id, alert_ids)

    async def alerted(self, *, cause: str) -> Sequence[Alerted]:
        """Whoever made the alert may have lost the right to read what it found."""
        async with self._desk.db.tx() as tx:
            told = await searches.tell(tx, self._asker.user_id, cause)
        by_alert: dict[AlertRow, list[int]] = {}
        for seq, row in told:
            by_alert.setdefault(row, []).append(seq)
        found = []
        for row, seqs in by_alert.items():
            with _refusals():
                hits = await self._desk.search.among(self._seeker(), row.line, seqs)
            if hits:
                found.append(Alerted(_alert(row), [_hit(hit) for hit in hits]))
        return found

    def _seeker(self, *, everyone: bool = False, purpose: str | None = None) -> Seeker:
        asker = self._asker
        room_id = asker.room_id if everyone and purpose is None else None
        return Seeker(asker.user_id, self._desk.timezone, room_id, purpose)


@contextmanager
def _refusals() -> Iterator[None]:
    """Errors of the service as those that people are told."""
    try:
        yield
    except AuditRefusedError as error:
        raise DeniedError(f"auditor: {error.reason}") from error
    except NotInRoomError as error:
        raise DeniedError("is not in the room") from error
    except (results.BusyError, NotReadyError) as error:
        raise BusyError(_AGAIN_SECONDS) from error


def _alert(row: AlertRow) -> Alert:
    return Alert(row.id, row.line)


def _hit(hit: results.Hit) -> Hit:
    return Hit(
        event_id=hit.event_id,
        room_id=hit.room_id,
        room=hit.room_name,
        sender=hit.sender,
        sender_name=hit.sender_name or hit.sender,
        sent_at=hit.sent_at,
        kind=hit.kind,
        excerpt=Marked(hit.excerpt),
        file=Marked(hit.file.name) if hit.file is not None else None,
        file_size=hit.file.size if hit.file is not None else None,
        in_file=hit.in_file,
        edited=hit.edited,
        encrypted=hit.encrypted,
        removed=hit.removed,
    )
