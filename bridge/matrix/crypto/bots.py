"""Our bot users at work: they take keys, read what any of them can, and send, until they are cancelled."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import structlog
from mautrix.client import Client
from mautrix.errors import MatrixConnectionError, MatrixRequestError
from mautrix.types import UserID

from bridge.config.users import bot_ids
from bridge.engine.courier import AwayError
from bridge.errors import PostkamerError
from bridge.matrix.crypto.courier import BotCourier
from bridge.matrix.crypto.decryptor import Decryptor
from bridge.matrix.crypto.identity import kept_identity
from bridge.matrix.crypto.logs import trace_logger
from bridge.matrix.crypto.machine import Machine
from bridge.matrix.crypto.profile import profile_of
from bridge.matrix.crypto.store import open_stores
from bridge.matrix.crypto.sync import LONGEST_WAIT
from bridge.matrix.crypto.user import BotAtWork

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mautrix.crypto import StateStore

    from bridge.config.schema import BotUser, Config
    from bridge.engine.courier import Courier
    from bridge.matrix.crypto.store import Store
    from bridge.monitor.health import Health
    from bridge.storage.db import Db

log = structlog.get_logger(__name__)

READING = "encrypted rooms"  # the part of health; each bot user is one too
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A request may take as long as /sync waits, and then some.
TIMEOUT = aiohttp.ClientTimeout(total=LONGEST_WAIT + 60, sock_connect=10)


class Bots:
    """The bot users that host bots; one in a database at a time.

    Args:
        session: its connections are shared, its other settings are not.
        users: those that are to be started.
    """

    def __init__(
        self, config: Config, db: Db, session: aiohttp.ClientSession, health: Health, *, users: Sequence[BotUser]
    ) -> None:
        self._config = config
        self._db = db
        self._session = session
        self._health = health
        self._profiles = [profile_of(config, user) for user in users]
        self._couriers = {profile.user_id: BotCourier(profile.user_id) for profile in self._profiles}
        self._to_read = asyncio.Event()

    def courier(self, user_id: str) -> Courier:
        """Of one of the users. It can be used when the user's device can, and says `AwayError` before."""
        return self._couriers[user_id]

    def wake(self) -> None:
        """There may be something to read."""
        self._to_read.set()

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            WrongPickleKeyError
            one of `storage.db.UNAVAILABLE`: the database was away at the start.
        """
        for part in (READING, *self._couriers):
            self._health.set(part, ok=False, detail="starting")
        try:
            async with AsyncExitStack() as up:
                pickle_key = self._config.encryption.pickle_key.reveal()
                opened = open_stores(self._db.url, list(self._couriers), pickle_key)
                stores, state = await up.enter_async_context(opened)
                session = await up.enter_async_context(self._own_session())
                for store in stores:
                    await _check_identity(store, pickle_key)
                await self._work([self._machine(session, store, state) for store in stores])
        except Exception as error:
            for part in (READING, *self._couriers):
                self._health.set(part, ok=False, detail=_describe(error))
            if isinstance(error, PostkamerError):
                log.error("bots cannot work", problem=error.message, hint=error.hint)  # noqa: TRY400
            raise

    @asynccontextmanager
    async def _own_session(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession(
            connector=self._session.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=TIMEOUT,
        ) as session:
            yield session

    def _machine(self, session: aiohttp.ClientSession, store: Store, state: StateStore) -> Machine:
        client = Client(
            mxid=UserID(store.account_id),
            base_url=str(self._config.homeserver.address),
            token=self._config.appservice.as_token.reveal(),
            as_user_id=UserID(store.account_id),
            client_session=session,
            log=trace_logger("http"),
        )
        return Machine(
            client, store, state, trace_logger("crypto"), server_name=str(self._config.homeserver.server_name)
        )

    async def _work(self, machines: Sequence[Machine]) -> None:
        keys = asyncio.Lock()
        users = [
            BotAtWork(self._config, machine, profile, self._couriers[profile.user_id], keys=keys, on_news=self.wake)
            for machine, profile in zip(machines, self._profiles, strict=True)
        ]

        def look() -> None:
            for user in users:
                user.look()

        decryptor = Decryptor(machines, lambda: [user.machine for user in users if user.ready], keys, on_missing=look)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_on(READING, lambda: self._read(decryptor)))
                for user in users:
                    tasks.create_task(self._one(user))
        finally:
            for user in users:
                user.close()

    async def _one(self, user: BotAtWork) -> None:
        part = str(user.machine.client.mxid)

        async def step() -> None:
            await user.set_up()
            self._health.set(part, ok=True)
            await user.take_keys()

        await self._keep_on(part, step)

    async def _read(self, decryptor: Decryptor) -> None:
        self._to_read.clear()
        while await decryptor.step():
            pass
        self._health.set(READING, ok=True)
        await self._to_read.wait()

    async def _keep_on(self, part: str, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step over and over; after an error with a growing pause."""
        pause = FIRST_PAUSE
        while True:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 (whatever it is, it goes on)
                text = _describe(error)
                log.warning("bots: trouble, trying again", part=part, error=text, pause_seconds=pause)
                self._health.set(part, ok=False, detail=text)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE


def _describe(error: Exception) -> str:
    if isinstance(error, MatrixConnectionError):
        return "the homeserver does not answer"
    if isinstance(error, MatrixRequestError):
        errcode = getattr(error, "errcode", None)
        if errcode in ("M_EXCLUSIVE", "M_FORBIDDEN"):
            return f"the homeserver refuses ({errcode}); is the registration that belongs to this config installed?"
        return f"the homeserver answers {error.http_status} {errcode or ''}".strip()
    if isinstance(error, PostkamerError):
        return error.message
    if isinstance(error, AwayError):
        return str(error)
    return type(error).__name__


async def _check_identity(store: Store, pickle_key: str) -> None:
    async with store.connection() as connection:
        await kept_identity(connection, store.account_id, pickle_key)


async def check_pickle_key(config: Config, url: str) -> None:
    """Whether what the database holds can be decrypted with the pickle key of the config.

    Args:
        url: of a migrated database.

    Raises:
        WrongPickleKeyError
    """
    pickle_key = config.encryption.pickle_key.reveal()
    async with open_stores(url, bot_ids(config), pickle_key) as (stores, _):
        for store in stores:
            await _check_identity(store, pickle_key)
