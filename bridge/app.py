"""The composition root: builds every part from the config, and takes them down in reverse order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import structlog
from aiohttp import web

from bots import BOTS
from bridge.archive.access import Access
from bridge.archive.blobs import FileBlobs
from bridge.archive.consumer import Consumer, Follower
from bridge.archive.eraser import Eraser
from bridge.archive.intake import Intake, Sorter
from bridge.archive.media import MediaConsumer, MediaWorker
from bridge.archive.reader import Reader
from bridge.archive.recorder import Recorder
from bridge.background import FIRST_PAUSE, LONGEST_PAUSE, running
from bridge.config.users import bot_id, bot_ids
from bridge.engine.alerts import Alerts
from bridge.engine.archive import ArchiveDesk
from bridge.engine.directory import DirectoryDesk
from bridge.engine.engine import Engine
from bridge.engine.listener import Listener
from bridge.engine.loading import load, runner
from bridge.engine.ports import Ports
from bridge.engine.roles import Rights
from bridge.engine.room_status import RoomStatuses
from bridge.engine.search import SearchDesk
from bridge.engine.webhook_port import webhooks_for
from bridge.engine.webhooks import Receiver
from bridge.errors import PostkamerError
from bridge.matrix.crypto import Bots, check_pickle_key
from bridge.matrix.homeserver import Homeserver, HomeserverError, homeserver, problem
from bridge.matrix.inbox import Inbox
from bridge.matrix.media import HomeserverMedia
from bridge.matrix.transaction import arrivals
from bridge.monitor import health as monitor
from bridge.monitor.metrics import Metrics
from bridge.search.analysis import Analysis
from bridge.search.extract.ocr import find_tesseract
from bridge.search.extract.worker import ExtractWorker
from bridge.search.index import TantivyIndex
from bridge.search.process import FOLDER as INDEX
from bridge.search.process import IndexerProcess
from bridge.search.service import Search
from bridge.storage.claim import ClaimedError
from bridge.storage.db import UNAVAILABLE, Db, open_db
from bridge.storage.embedded import embedded_server
from bridge.storage.migrations import migrate
from bridge.storage.numbers import numbers
from bridge.storage.roles import ROLES, Role, Roles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.botapi.runner import Runner
    from bridge.config.checks import HostPort
    from bridge.config.schema import BotUser, Config
    from bridge.storage.inbox import InboxRow

log = structlog.get_logger(__name__)

SHUTDOWN_SECONDS = 5.0
DATABASE_SECONDS = 3.0
AWAY_SECONDS = 0.2

Part = Callable[[], Awaitable[None]]


class App:
    """One running program."""

    def __init__(self, config: Config, db: Db, server: Homeserver, roles: Sequence[Role]) -> None:
        self.config = config
        self.db = db
        self.homeserver = server
        self.roles = roles
        self.metrics = Metrics()
        self.health = monitor.Health(frozenset({"database", *({"inbox"} & set(roles))}))
        self.followers: dict[str, Follower] = {}
        self.media: MediaWorker | None = None
        self.texts: ExtractWorker | None = None
        self.engine: Engine | None = None
        self.search: Search | None = None
        self.runners: Mapping[BotUser, Runner] = {}
        self.intake: Intake | None = None
        self._heads: list[int | None] = []
        self._away = asyncio.Event()

    def wake(self) -> None:
        """There is something new in the inbox."""
        for follower in self.followers.values():
            follower.wake()

    def notified(self, payload: str) -> None:
        """The database says that the inbox has new rows, up to this number."""
        self._heads.append(int(payload) if payload else None)
        # It says so before who appends them knows.
        if self.intake is None or not self.intake.going_straight:
            self.arrived(())

    def arrived(self, rows: Sequence[InboxRow]) -> None:
        """These are new in the inbox, and what was notified meanwhile."""
        heads, self._heads = self._heads, []
        for follower in self.followers.values():
            if rows:
                follower.offer(rows)
            for head in heads:
                follower.wake(head)

    def posted(self) -> None:
        """There is something new in the outbox."""
        if self.engine is not None:
            self.engine.posted()

    def database_away(self) -> None:
        """A transaction was not taken."""
        self._away.set()

    async def refresh(self) -> None:
        """Bring health and metrics up to date."""
        try:
            async with asyncio.timeout(DATABASE_SECONDS), self.db.connection() as connection:
                now = await numbers(connection)
        except UNAVAILABLE as error:
            self.health.set("database", ok=False, detail=type(error).__name__)
            return
        self.health.set("database", ok=True)
        for name, follower in self.followers.items():
            detail = follower.failing or f"{now.behind.get(name, 0)} behind"
            self.health.set(name, follower.failing is None, detail)
        if self.media is not None:
            self.health.set("media worker", self.media.failing is None, self.media.failing or "")
        if self.texts is not None:
            self.health.set("attachment texts", self.texts.failing is None, self.texts.failing or "")
        for name, (ok, detail) in (self.engine.state() if self.engine is not None else {}).items():
            self.health.set(name, ok, detail)
        if "indexer" in self.roles:
            self.health.set("indexer", now.index.alive, now.index.detail)
            self.metrics.documents.set(now.index.documents)
        for gauge, values in (
            (self.metrics.behind, now.behind),
            (self.metrics.set_aside, now.set_aside),
            (self.metrics.media, now.media),
            (self.metrics.asks, now.asks),
            (self.metrics.outbox, now.outbox),
            (self.metrics.jobs, now.jobs),
        ):
            for label, value in values.items():
                gauge.labels(label).set(value)
        self.metrics.unsorted.set(now.unsorted)
        self.metrics.undecrypted.set(now.undecrypted)

    async def keep_in_touch(self) -> None:
        """Ping the homeserver at the start, and whenever it may wait before it sends again."""
        while True:
            self._away.clear()
            await self._until(self.db.ping, "database", "waiting for the database")
            await self._until(self._ping, "homeserver", "waiting for the homeserver")
            await self._away.wait()
            await asyncio.sleep(AWAY_SECONDS)  # it has to have understood that we failed

    async def _ping(self) -> None:
        try:
            await self.homeserver.ping()
        except HomeserverError as error:
            what, hint = problem(error, self.config)
            self.health.set("homeserver", ok=False, detail=what)
            raise PostkamerError(what, hint) from error
        self.health.set("homeserver", ok=True)
        log.info("the homeserver reaches us")

    async def _until(self, attempt: Callable[[], Awaitable[object]], part: str, waiting: str) -> None:
        pause, told = FIRST_PAUSE, ""
        while True:
            try:
                await attempt()
            except (PostkamerError, *UNAVAILABLE) as error:
                text = str(error) if isinstance(error, PostkamerError) else type(error).__name__
                if text != told:
                    told = text
                    log.exception(waiting, problem=text)
                self.health.set(part, ok=False, detail=text.partition("\n")[0])
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                return


def consumers(config: Config) -> dict[str, Consumer]:
    """Every consumer of the inbox by name, also for the commands `retry` and `rebuild`."""
    runners = {bot_id(config, user): one for user, one in bots(config).items()}
    found: list[Consumer] = [Recorder(), MediaConsumer(), Reader(), Listener(config, runners)]
    return {consumer.name: consumer for consumer in found}


def bots(config: Config) -> Mapping[BotUser, Runner]:
    """The bots by their users. One that cannot be used is left out and logged: the archive goes on without it."""
    loaded = load(config, BOTS)
    problems = list(loaded.problems)
    runners: dict[BotUser, Runner] = {}
    for user, found in loaded.users.items():
        try:
            runners[user] = runner(found)
        except PostkamerError as error:
            problems.append(error)
    for one in problems:
        log.error("a bot cannot be used", problem=one.message, hint=one.hint)
    return runners


def _workers(app: App, session: aiohttp.ClientSession) -> dict[str, Part]:
    """The parts that run as long as this process holds the locks of its roles."""
    config, db, blobs = app.config, app.db, FileBlobs(app.config.data_dir)
    parts: dict[str, Part] = {}

    def follow(consumer: Consumer, then: Callable[[], None] | None = None) -> None:
        follower = Follower(db, consumer, attempts=config.archive.attempts, then=then)
        app.followers[consumer.name] = follower
        parts[consumer.name] = follower.run

    if "bots" in app.roles:
        parts |= _bots_at_work(app, session, follow)
    if "recorder" in app.roles:
        follow(Recorder(), app.engine.recorded if app.engine is not None else None)
        parts["eraser"] = Eraser(db, blobs, config.archive.redaction_retention).run
    if "media" in app.roles:
        source = HomeserverMedia(session, config)
        app.media = MediaWorker(db, blobs, source, max_size=config.archive.max_attachment_size)
        follow(MediaConsumer(), app.media.wake)
        parts["media worker"] = app.media.run
        app.texts = ExtractWorker(db, blobs, tesseract=find_tesseract())
        parts["attachment texts"] = app.texts.run
    return parts


def _bots_at_work(
    app: App, session: aiohttp.ClientSession, follow: Callable[[Consumer, Callable[[], None] | None], None]
) -> Mapping[str, Part]:
    config, db = app.config, app.db
    assert app.search is not None  # noqa: S101 (this is the role that has it)
    runners = app.runners
    # The first one reads encrypted rooms also when none of its bots can be used.
    users = Bots(config, db, session, app.health, users=list(dict.fromkeys((config.bots.users[0], *runners))))
    by_id = {bot_id(config, user): one for user, one in runners.items()}
    app.engine = engine = Engine(config, db, by_id, users.courier, _ports(app, app.search))
    alerts = Alerts(db, app.search, Rights(config).of_company, engine.planned)
    follow(Reader(), users.wake)
    follow(engine.consumer, engine.wake)
    return {"bot users": users.run, "alerts": alerts.run, **engine.parts()}


@asynccontextmanager
async def searching(config: Config, db: Db, runners: Iterable[Runner]) -> AsyncIterator[Search]:
    """The search over everything, each for who asks.

    Args:
        runners: what is said to these bots is left out.
    """
    analysis = await asyncio.to_thread(Analysis)
    ours = bot_ids(config)
    words = {word for runner in runners for word in runner.catalog.first_words}
    index = TantivyIndex(config.data_dir / INDEX)
    search = Search(db, index, _access(config), analysis, bots=ours, commands=words)
    try:
        yield search
    finally:
        search.close()
        index.close()


def _access(config: Config) -> Access:
    return Access(config.access, Rights(config).of_company, bot_ids(config))


def _ports(app: App, search: Search) -> Ports:
    """What bots get of the rest of the program, each for one who asks."""
    config, db = app.config, app.db
    ours = bot_ids(config)
    return Ports(
        ArchiveDesk(
            db,
            _access(config),
            ours,
            outbox=config.data_dir / "outbox",
            retention=config.archive.redaction_retention,
            auditors=len(config.rights.auditors),
            statuses=RoomStatuses(ours),
            upload_limit=app.homeserver.upload_limit,
        ),
        DirectoryDesk(db, ours, left=config.access.after_leaving == "seen"),
        SearchDesk(db, search, config.bots.timezone.zone),
        webhooks_for(db, config),
    )


async def _work(app: App, locks: Roles, session: aiohttp.ClientSession) -> None:
    """Run the workers while the locks are ours; when they are lost, stop, and start anew once we have them again."""
    while True:
        async with running(_workers(app, session)):
            await locks.watch()
            log.warning("lost the locks of our roles, stopping the work until we have them again")
        app.followers.clear()
        app.engine = None
        await locks.acquire()


@asynccontextmanager
async def _serving(application: web.Application, listen: HostPort, what: str) -> AsyncIterator[None]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS, handle_signals=False)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, listen.host, listen.port, backlog=1024).start()
        except OSError as error:
            raise PostkamerError(
                f"{what}: cannot listen on {listen}: {error.strerror}",
                f"another program has this port (a second Postkamer?): stop it, or change {what}",
            ) from error
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def database_url(config: Config) -> AsyncIterator[str]:
    """The URL of the company's database, or of our own server, which runs as long as the block."""
    if config.database.url is not None:
        yield config.database.url.reveal()
        return
    told = False
    while True:
        try:
            async with embedded_server(config.data_dir) as url:
                yield url
                return
        except ClaimedError as error:
            if not told:
                told = True
                log.warning("waiting for the data directory", problem=error.message)
        await asyncio.sleep(FIRST_PAUSE)


@asynccontextmanager
async def application(config: Config, *, roles: Sequence[Role] = ROLES) -> AsyncIterator[App]:
    """The program: it works inside the block.

    Entering waits while another process has the roles (see `Roles`).

    Raises:
        PostkamerError: a port is taken, the database cannot be used, ...
    """
    async with AsyncExitStack() as up:
        url = await up.enter_async_context(database_url(config))
        await migrate(url)
        db = await up.enter_async_context(open_db(url, size=config.database.pool_size))
        session = await up.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        app = App(config, db, homeserver(session, config), roles)
        for_monitoring = monitor.application(app.health, app.metrics, app.refresh)
        try:
            await up.enter_async_context(_serving(for_monitoring, config.monitoring.listen, "monitoring.listen"))
        except PostkamerError as error:
            if set(roles) == set(ROLES):
                raise
            # Several roles of one config on one machine: the first of them has the port.
            log.warning("works without health and metrics", problem=error.message)
        if "indexer" in roles:  # a process of its own, which has the lock itself
            await up.enter_async_context(running({"indexer": IndexerProcess(config, url).run}))
        locks = Roles(url, [role for role in roles if role != "indexer"], app.notified)
        await locks.acquire()
        up.callback(locks.release)
        if "bots" in roles:
            await check_pickle_key(config, url)
            app.runners = bots(config)
            app.search = await up.enter_async_context(searching(config, db, app.runners.values()))
        if "inbox" in roles:
            app.intake = intake = Intake(db, arrivals, followers=app.followers.values, arrived=app.arrived)
            sorter = Sorter(db, intake, arrivals, attempts=config.archive.attempts, then=app.wake)
            await up.enter_async_context(running({"intake": intake.run, "sorter": sorter.run}))
            hs_token = config.appservice.hs_token.reveal()
            endpoints = Inbox(hs_token, intake, app.metrics, app.database_away).application()
            await up.enter_async_context(_serving(endpoints, config.appservice.listen, "appservice.listen"))
            app.health.set("inbox", ok=True)
            await up.enter_async_context(running({"keep in touch": app.keep_in_touch}))
        if "bots" in roles and config.webhooks.listen is not None:
            receiver = Receiver(db, config, app.posted).application()
            await up.enter_async_context(_serving(receiver, config.webhooks.listen, "webhooks.listen"))
        app.health.set("database", ok=True)
        await up.enter_async_context(running({"work": lambda: _work(app, locks, session)}))
        log.info("ready", roles=list(roles), listen=str(config.appservice.listen))
        yield app
