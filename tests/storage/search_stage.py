"""The search bot at work: a real database, a real index, and a homeserver in memory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bots.core import CoreBot
from bots.search import SearchBot
from bridge.botapi.runner import Runner
from bridge.engine.alerts import Alerts
from bridge.engine.answering import Answering
from bridge.engine.jobs import Jobs
from bridge.engine.limits import Limits
from bridge.engine.ports import Ports
from bridge.engine.search import SearchDesk
from bridge.engine.situation import Situations
from bridge.engine.worker import Worker
from tests.storage.finder import finder
from tests.storage.searching import index
from tests.storage.stage import POST, Stage, drain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.search.service import Search
    from bridge.storage.db import Db


class SearchStage(Stage):
    """A stage on which the bot of `!zoek` is at work."""

    def __init__(self, db: Db, search: Search, folder: Path) -> None:
        self.search = search
        self.folder = folder
        super().__init__(db)

    def build(self) -> None:
        super().build()
        runners = {POST: Runner([CoreBot(), SearchBot()])}
        zone = self.config.bots.timezone.zone
        unused: Any = lambda asker: asker  # noqa: E731
        ports = Ports(unused, unused, SearchDesk(self.db, self.search, zone), unused)
        situations = Situations(self.config, self.db, ports, now=lambda: self.now)
        answering = Answering(self.db, runners, situations, self.recorded)
        limits = Limits(self.config.bots.commands_per_minute, self.clock)
        couriers = {POST: self.server.courier(POST)}
        self.worker = Worker(self.db, answering, situations, couriers, limits=limits, then=lambda: None)
        self.jobs = Jobs(self.db, runners, situations, zone, lambda: None)
        self.alerts = Alerts(self.db, self.search, situations.rights.of_company, lambda: None)

    async def index(self) -> None:
        """All that has come in is recorded, and in the index."""
        await self.listen()
        await index(self.db, self.folder)

    async def look(self) -> None:
        """Alerts look through what is new, and tell what is due."""
        await self.index()
        while await self.alerts.step():
            pass
        await drain(self.jobs)
        await self.step()


@asynccontextmanager
async def search_stage(db: Db, folder: Path, **policy: str) -> AsyncIterator[SearchStage]:
    """A stage with an index in a folder."""
    async with finder(db, folder, **policy) as search:
        yield SearchStage(db, search, folder)
