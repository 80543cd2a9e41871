"""The service of search on a recorded archive and an index of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bridge.search.index import TantivyIndex
from bridge.search.results import Seeker
from bridge.search.service import Search
from tests.storage.searching import analysis, index
from tests.storage.stories import PEOPLE, access

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.search.results import Results
    from bridge.storage.db import Db

ZONE = ZoneInfo("Europe/Amsterdam")


def seeker(who: str, room_id: str | None = None, purpose: str | None = None) -> Seeker:
    """Somebody of the stories."""
    return Seeker(PEOPLE[who], ZONE, room_id, purpose)


@asynccontextmanager
async def finder(db: Db, folder: Path, **policy: str) -> AsyncIterator[Search]:
    """The service, with all in the index that was recorded."""
    await index(db, folder)
    opened = TantivyIndex(folder)
    search = Search(db, opened, access(**policy), analysis(), bots=(PEOPLE["postkamer"],), commands=("zoek", "search"))
    try:
        yield search
    finally:
        search.close()
        opened.close()


def ids(results: Results) -> list[str]:
    """What was found, by event id."""
    return [hit.event_id for hit in results.hits]
