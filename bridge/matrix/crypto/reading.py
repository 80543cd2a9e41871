"""The bot at work: takes keys, reads what it can, follows invitations, until it is cancelled."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import structlog
from mautrix.client import Client
from mautrix.errors import MatrixConnectionError, MatrixRequestError
from mautrix.types import UserID

from bridge.errors import PostkamerError
from bridge.matrix.crypto.decryptor import Decryptor
from bridge.matrix.crypto.device import BotDevice, is_unknown_device
from bridge.matrix.crypto.identity import kept_identity
from bridge.matrix.crypto.joiner import Joiner
from bridge.matrix.crypto.keys import KeysRefusedError
from bridge.matrix.crypto.logs import trace_logger
from bridge.matrix.crypto.machine import Machine
from bridge.matrix.crypto.store import Store, open_store
from bridge.matrix.crypto.sync import WAIT_SECONDS, Sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mautrix.crypto import StateStore

    from bridge.config.schema import Config
    from bridge.monitor.health import Health
    from bridge.storage.db import Db

log = structlog.get_logger(__name__)

PART = "encrypted rooms"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A request may take as long as /sync waits, and then some.
TIMEOUT = aiohttp.ClientTimeout(total=WAIT_SECONDS + 60, sock_connect=10)


class Reading:
    """The bot that reads encrypted rooms; one in a database at a time.

    Args:
        session: its connections are shared, its other settings are not.
    """

    def __init__(self, config: Config, db: Db, session: aiohttp.ClientSession, health: Health) -> None:
        self.user_id = f"@{config.bots.users[0].localpart}:{config.homeserver.server_name}"
        self._config = config
        self._db = db
        self._session = session
        self._health = health
        self._to_read = asyncio.Event()
        self._to_join = asyncio.Event()
        self._ready = asyncio.Event()
        self._troubles: dict[str, str] = {}

    def wake(self) -> None:
        """The reader has noted something new."""
        self._to_read.set()
        self._to_join.set()

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            WrongPickleKeyError
            one of `storage.db.UNAVAILABLE`: the database was away at the start.
        """
        self._ready.clear()
        self._troubles.clear()
        self._health.set(PART, ok=False, detail="starting")
        pickle_key = self._config.encryption.pickle_key.reveal()
        try:
            async with (
                open_store(self._db.url, self.user_id, pickle_key) as (store, state),
                self._own_session() as session,
            ):
                await _check_identity(store, pickle_key)
                await self._work(self._machine(session, store, state), store)
        except PostkamerError as error:
            self._health.set(PART, ok=False, detail=error.message)
            log.error("cannot read encrypted rooms", problem=error.message, hint=error.hint)  # noqa: TRY400
            raise
        except Exception as error:
            self._health.set(PART, ok=False, detail=type(error).__name__)
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
            mxid=UserID(self.user_id),
            base_url=str(self._config.homeserver.address),
            token=self._config.appservice.as_token.reveal(),
            as_user_id=UserID(self.user_id),
            client_session=session,
            log=trace_logger("http"),
        )
        return Machine(
            client, store, state, trace_logger("crypto"), server_name=str(self._config.homeserver.server_name)
        )

    async def _work(self, machine: Machine, store: Store) -> None:
        lock = asyncio.Lock()
        device = BotDevice(
            machine,
            store,
            as_token=self._config.appservice.as_token.reveal(),
            displayname=self._config.bots.users[0].displayname,
            pickle_key=self._config.encryption.pickle_key.reveal(),
        )
        sync, decryptor = Sync(machine, store, lock), Decryptor(machine, store, lock)
        joiner = Joiner(machine.client, store)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_on("keys", lambda: self._take_keys(device, sync, lock)))
            tasks.create_task(self._keep_on("messages", lambda: self._read(decryptor)))
            tasks.create_task(self._keep_on("invitations", lambda: self._join(joiner)))

    async def _take_keys(self, device: BotDevice, sync: Sync, lock: asyncio.Lock) -> None:
        if not self._ready.is_set():
            async with lock:
                sync.next_batch = await device.set_up()
            self._ready.set()
        try:
            await sync.step()
        except (MatrixRequestError, KeysRefusedError) as error:
            if isinstance(error, KeysRefusedError) or is_unknown_device(error):
                self._ready.clear()
            raise
        self._to_read.set()

    async def _read(self, decryptor: Decryptor) -> None:
        await self._ready.wait()
        self._to_read.clear()
        while await decryptor.step():
            pass
        self._fine("messages")
        await self._to_read.wait()

    async def _join(self, joiner: Joiner) -> None:
        await self._ready.wait()
        self._to_join.clear()
        while await joiner.step():
            pass
        self._fine("invitations")
        pause = await joiner.seconds_to_next()
        try:
            async with asyncio.timeout(None if pause is None else max(pause, 0.0)):
                await self._to_join.wait()
        except TimeoutError:
            return

    async def _keep_on(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        """Do a step over and over; after an error with a growing pause."""
        pause = FIRST_PAUSE
        while True:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 (whatever it is, it goes on)
                self._trouble(what, error, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                self._fine(what)

    def _trouble(self, what: str, error: Exception, pause: float) -> None:
        text = _describe(error)
        log.warning("encrypted rooms: trouble, trying again", what=what, error=text, pause_seconds=pause)
        self._troubles[what] = f"{what}: {text}"
        self._health.set(PART, ok=False, detail="; ".join(self._troubles.values()))

    def _fine(self, what: str) -> None:
        self._troubles.pop(what, None)
        ok = not self._troubles and self._ready.is_set()
        self._health.set(PART, ok=ok, detail="; ".join(self._troubles.values()))


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
    user_id = f"@{config.bots.users[0].localpart}:{config.homeserver.server_name}"
    pickle_key = config.encryption.pickle_key.reveal()
    async with open_store(url, user_id, pickle_key) as (store, _):
        await _check_identity(store, pickle_key)
