"""From a line to what it finds, as far as who asks may read it: for the bot, the command and whoever else asks."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from tantivy import FieldType, Occur, Query

from bridge.archive.access_rule import is_joined
from bridge.search import schema
from bridge.search.compile import compiled
from bridge.search.excerpt import Excerpts
from bridge.search.index import Found as Documents
from bridge.search.index import NotReadyError
from bridge.search.permitted import any_term
from bridge.search.query import In, Who, leaves
from bridge.search.resolve import Asker, understand
from bridge.search.results import BusyError, Results, Standing
from bridge.search.showing import Reader
from bridge.storage import access as memberships
from bridge.storage import audit, export, finding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

    from bridge.archive.access import Access
    from bridge.search.analysis import Analysis
    from bridge.search.compile import Compiled
    from bridge.search.index import SearchIndex
    from bridge.search.query import Sort
    from bridge.search.resolve import Understood
    from bridge.search.results import Hit, Seeker
    from bridge.storage.db import Connection, Db
    from bridge.storage.finding import Indexed, Unread
    from bridge.storage.readable import Readable

    T = TypeVar("T")

MOST_COUNTED: Final = 100  # messages; of more it is only said that there are more
SECONDS: Final = 5.0  # that a search may take
THREADS: Final = 4
SEARCH: Final = "search"  # in the audit log
_FEW_BEHIND: Final = 1_000  # rows of the inbox that the index should hold in a moment
PATIENCE_SECONDS: Final = 1.5  # that the index is waited for when nothing is found
_POLL_SECONDS: Final = 0.05
_MOST_DOCUMENTS: Final = 20  # of one message, with its files and its older texts
_PAGES_AHEAD: Final = 5  # how many pages are asked for at once behind the first one


class NotInRoomError(Exception):
    """Who asks for everybody in a room is not in it."""


@dataclass(frozen=True, slots=True)
class _After:
    """Where a page begins.

    Attributes:
        total: see `Results`; counted for the first page.
        key: of the time of the last message that was shown (`schema.sent_key`).
        offset: by relevance, how many documents were shown or passed.
    """

    total: int | None
    key: int | None = None
    offset: int = 0

    def text(self) -> str:
        return json.dumps([self.total, self.key, self.offset])

    @classmethod
    def read(cls, text: str) -> _After:
        total, key, offset = json.loads(text)
        return cls(total, key, offset)


@dataclass(frozen=True, slots=True)
class _Page:
    """What is asked for: so many messages that a line finds, from the beginning or after a page."""

    line: str
    limit: int
    after: _After | None


@dataclass(frozen=True, slots=True)
class Look:
    """One question, in one snapshot of the database."""

    db: Connection
    seeker: Seeker
    readable: Readable
    understood: Understood
    asked: Compiled
    at: Indexed


class Search:
    """Everything one may see. One for a process; close it at the end.

    Args:
        bots: our own users. What is said to them, and what they answer, is only found by who asks for it (`from:bot`).
        commands: the words with which people speak to them, without the `!`.
    """

    def __init__(
        self,
        db: Db,
        index: SearchIndex,
        access: Access,
        analysis: Analysis,
        *,
        bots: Collection[str] = (),
        commands: Collection[str] = (),
        seconds: float = SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.index = index
        self.analysis = analysis
        self.bots = frozenset(bots)
        self._db = db
        self._access = access
        self._commands = [f"!{word}" for word in commands]
        self._seconds = seconds
        self._patience = patience
        self._fields = schema.schema()
        self._threads = ThreadPoolExecutor(THREADS, "search")

    def close(self) -> None:
        """Searches that go on are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def find(self, seeker: Seeker, line: str, *, limit: int = 10, after: str | None = None) -> Results:
        """A page of what a line finds.

        Raises:
            BusyError: it took too long.
            NotInRoomError
            AuditRefusedError: no auditor, or no purpose. Otherwise an auditor's search is written to the audit log
                before anything is looked for.
        """
        if seeker.purpose is not None:
            await self._write_down(seeker, line, after)
        page = _Page(line, limit, _After.read(after) if after is not None else None)
        found, head = await self._find(seeker, page)
        if after is None and not found.hits and found.standing.ready and 0 < found.standing.behind <= _FEW_BEHIND:
            # What was said just now is found too.
            await self._caught_up(head)
            found, _ = await self._find(seeker, page, head)
        return found

    async def _find(self, seeker: Seeker, page: _Page, head: int | None = None) -> tuple[Results, int]:
        """A page, and the last row of the inbox, of which `head` is an earlier one: what came later is not behind."""
        async with self.looking(seeker, page.line) as look:
            at = look.at
            head = at.head if head is None else head
            standing = Standing(at.ready, max(0, head - at.position), at.percent)
            problems, notes = look.understood.query.problems, look.asked.notes
            nothing = Results((), 0, None, problems, notes, standing, asks_nothing=look.asked.query is None)
            if look.asked.query is None:
                return nothing, head
            try:
                documents = await self._documents(look, page)
            except NotReadyError:
                return replace(nothing, standing=replace(standing, ready=False)), head
            return await self._page(look, documents, page, nothing), head

    async def _caught_up(self, head: int) -> None:
        """Wait for the index to hold all up to a row of the inbox, but not for long."""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    async with self._db.connection() as db:
                        if (await finding.indexed(db)).position >= head:
                            return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            return

    async def among(self, seeker: Seeker, line: str, seqs: Collection[int]) -> Sequence[Hit]:
        """Those of some messages that a line finds, newest first.

        Args:
            seqs: the numbers of their events.

        Raises:
            BusyError, NotReadyError, AuditRefusedError
        """
        async with self.looking(seeker, line) as look:
            found = await self._among(look, seqs)
            return await self._shown(look, {seq: found.hits[at].n for seq, at in _first(found).items()})

    async def matching(self, seeker: Seeker, line: str, room_id: str, seqs: Collection[int]) -> set[int]:
        """Those of some messages of a room that a line finds, by the rights of this moment.

        Raises:
            BusyError, NotReadyError
        """
        async with self.looking(seeker, line, room_id) as look:
            return {hit.seq for hit in (await self._among(look, seqs)).hits}

    async def lacking(self, seeker: Seeker) -> Unread:
        """What may be read, but could not be searched."""
        async with export.snapshot(self._db) as db:
            return await finding.unread(db, await self.readable(db, seeker), self.bots)

    async def asks_nothing(self, seeker: Seeker, line: str) -> bool:
        """Whether a line has nothing in it to look for."""
        async with self.looking(seeker, line) as look:
            return look.asked.query is None

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do what waits for the disk.

        Raises:
            BusyError: it takes too long.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            raise BusyError from None

    @asynccontextmanager
    async def looking(self, seeker: Seeker, line: str, room_id: str | None = None) -> AsyncIterator[Look]:
        """A line as it was understood, for as long as one snapshot of the database is looked at.

        Args:
            room_id: only what the seeker may read of this room.
        """
        now = datetime.now(UTC).astimezone(seeker.timezone)
        async with export.snapshot(self._db) as db:
            await finding.plan_once(db)
            if room_id is None:
                readable = await self.readable(db, seeker)
            else:
                readable = await self._access.for_room(db, seeker.user_id, room_id)
            understood = await understand(db, Asker(seeker.user_id, readable, self.bots), line, now)
            asked = compiled(understood, self.analysis, self._fields, now, auditor=readable.removed)
            yield Look(db, seeker, readable, understood, asked, await finding.indexed(db))

    async def readable(self, db: Connection, seeker: Seeker) -> Readable:
        """What somebody searches in.

        Raises:
            NotInRoomError, AuditRefusedError
        """
        if seeker.purpose is not None:
            return self._access.for_auditor(seeker.user_id, seeker.purpose)
        if seeker.room_id is None:
            return await self._access.for_person(db, seeker.user_id)
        stays = await memberships.stays_of(db, seeker.user_id, seeker.room_id)
        if not is_joined(stays.get(seeker.room_id, ())):
            raise NotInRoomError
        return await self._access.for_everyone_in(db, seeker.room_id)

    async def _write_down(self, seeker: Seeker, line: str, after: str | None) -> None:
        purpose = seeker.purpose or ""
        self._access.for_auditor(seeker.user_id, purpose)
        async with self._db.tx() as tx:
            await audit.append(tx, seeker.user_id, SEARCH, purpose.strip(), {"line": line, "after": after})

    def _query(self, look: Look) -> Query:
        """What is asked, without the talk with our bots, unless that is asked for."""
        query = look.asked.query or Query.empty_query()
        chats = look.at.chats & look.readable.rooms.keys()
        if look.readable.everything or self._is_about_bots(look.understood, chats):
            return query
        answers = [
            (Occur.Must, Query.term_query(self._fields, "is", schema.ANSWER, "basic")),
            (Occur.Must, any_term(self._fields, "sender", self.bots)),
        ]
        talk = [
            any_term(self._fields, "is", self._commands),
            any_term(self._fields, "room", chats),
            Query.boolean_query(answers),
        ]
        return Query.boolean_query([(Occur.Must, query), *((Occur.MustNot, one) for one in talk)])

    def _is_about_bots(self, understood: Understood, chats: Collection[str]) -> bool:
        names = understood.names
        return any(
            not self.bots.isdisjoint(names.people.get(one.name, ()))
            if isinstance(one, Who)
            else isinstance(one, In) and not set(chats).isdisjoint(names.rooms.get(one.name, ()))
            for one in leaves(understood.query.root, wanted=True)
        )

    async def _among(self, look: Look, seqs: Collection[int]) -> Documents:
        """The documents of these messages that are asked for."""
        if look.asked.query is None or not seqs:
            return Documents((), None)
        these = [(Occur.Should, Query.term_query(self._fields, schema.SEQ, seq)) for seq in seqs]
        query = Query.boolean_query([(Occur.Must, self._query(look)), (Occur.Must, Query.boolean_query(these))])
        search, most = self.index.search, _MOST_DOCUMENTS * len(seqs)
        return await self.in_thread(lambda: search(query, look.readable, sort="new", limit=most, count=False))

    async def _documents(self, look: Look, page: _Page) -> Documents:
        place = page.after
        query, sort, search = self._query(look), look.asked.sort, self.index.search
        if place is not None and place.key is not None:
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, self._beyond(sort, place.key))])
        most = _counted(page) + 1 if place is None else _PAGES_AHEAD * page.limit
        offset = place.offset if place is not None else 0
        return await self.in_thread(
            lambda: search(query, look.readable, sort=sort, limit=most, offset=offset, count=False)
        )

    def _beyond(self, sort: Sort, key: int) -> Query:
        first, last = (key + 1, None) if sort == "old" else (None, key - 1)
        return Query.range_query(self._fields, schema.SENT, FieldType.Integer, first, last)

    async def _page(self, look: Look, documents: Documents, page: _Page, results: Results) -> Results:
        """The messages of the first documents that may be shown."""
        place, limit = page.after, page.limit
        first = _first(documents)
        seqs, at = list(first), 0
        hits: list[Hit] = []
        while len(hits) < limit and at < len(seqs):
            some = seqs[at : at + limit - len(hits)]
            hits += await self._shown(look, {seq: documents.hits[first[seq]].n for seq in some})
            at += len(some)
        total = place.total if place is not None else None
        if place is None and len(documents.hits) <= _counted(page):
            total = len(seqs) - at + len(hits)
        following = None
        if at < len(seqs):
            last = first[seqs[at - 1]]
            offset = (place.offset if place is not None else 0) + last + 1
            by_time = look.asked.sort != "relevance"
            following = _After(total, documents.hits[last].sent if by_time else None, 0 if by_time else offset)
        return replace(results, hits=hits, total=total, next=following.text() if following is not None else None)

    async def _shown(self, look: Look, found: Mapping[int, int]) -> list[Hit]:
        excerpts = Excerpts(self.analysis, look.understood.query.root)
        reader = Reader(look.db, look.readable, look.seeker.user_id, self.bots, excerpts)
        return await reader.shown(found)


def _counted(page: _Page) -> int:
    """How many documents are counted for the first page."""
    return max(MOST_COUNTED, page.limit)


def _first(documents: Documents) -> dict[int, int]:
    """By message where its document stands: its own if that was found, else that of its first file."""
    found: dict[int, int] = {}
    for at, hit in enumerate(documents.hits):
        if hit.seq not in found or hit.n == schema.MESSAGE:
            found[hit.seq] = at
    return found
