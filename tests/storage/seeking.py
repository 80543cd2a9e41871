"""Searches as staff type them, in an index of what the archive holds."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bridge.search.compile import compiled
from bridge.search.index import TantivyIndex
from bridge.search.resolve import Asker, understand
from tests.storage.post import rows
from tests.storage.searching import analysis, index

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from pathlib import Path

    from bridge.search.query import Note, Problem
    from bridge.storage.db import Db
    from bridge.storage.readable import Readable

NOW = datetime(2026, 3, 6, 10, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))  # a Friday


@dataclass(frozen=True)
class Answer:
    """What was found: event ids in order, each once."""

    found: Sequence[str]
    problems: Sequence[Problem]
    notes: Sequence[Note]

    @property
    def said(self) -> list[tuple[str, str]]:
        """Of problems and notes what they are and what they are about."""
        return [*((one.key, one.got) for one in self.problems), *((one.key, one.got) for one in self.notes)]


@dataclass(frozen=True)
class Searching:
    """A database and an index of it."""

    db: Db
    index: TantivyIndex
    event_ids: dict[int, str]

    async def ask(self, readable: Readable, user_id: str, line: str, *, bots: Collection[str] = ()) -> Answer:
        """One question."""
        async with self.db.connection() as db:
            understood = await understand(db, Asker(user_id, readable, bots), line, NOW)
        asked = compiled(understood, analysis(), self.index.schema, NOW, auditor=readable.removed)
        found: dict[str, None] = {}
        if asked.query is not None:
            hits = self.index.search(asked.query, readable, sort=asked.sort, limit=1_000).hits
            found = {self.event_ids[hit.seq]: None for hit in hits}
        return Answer(list(found), understood.query.problems, asked.notes)


@asynccontextmanager
async def indexed(db: Db, folder: Path) -> AsyncIterator[Searching]:
    """All that was recorded, in an index."""
    await index(db, folder)
    opened = TantivyIndex(folder)
    try:
        event_ids = dict(await rows(db, "SELECT seq, event_id FROM event"))
        yield Searching(db, opened, event_ids)
    finally:
        opened.close()
