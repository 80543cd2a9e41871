"""The crypto store: mautrix's, on a pool of ours, with transactions that also hold what we write beside it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attr
import olm
from mautrix.client.state_store.asyncpg import PgStateStore
from mautrix.crypto.store.asyncpg import PgCryptoStateStore, PgCryptoStore
from mautrix.errors import GroupSessionWithheldError
from mautrix.types import DeviceID, RoomID, SessionID
from mautrix.util.async_db import Database

from bridge.archive.secret import WrongPickleKeyError
from bridge.matrix.crypto.logs import trace_logger
from bridge.storage import crypto_pool
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from mautrix.crypto import InboundGroupSession
    from mautrix.types import DeviceIdentity, UserID

    from bridge.storage.db import Connection, Pool

CONNECTIONS = 2  # beside one for each bot
KEY_LENGTH = 43  # unpadded base64 of 32 bytes


class Store(PgCryptoStore):
    """mautrix's store of one bot.

    Private keys (the account, Olm and Megolm sessions) are pickled by libolm with `pickle_key`.
    """

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Connection]:
        """A transaction in which everything that is called inside takes part, mautrix's store included.

        Inside another one it is a savepoint. Do not start tasks inside: they would use the same connection.
        When it ends with an error call `forget`, since mautrix changes its objects before it writes them.
        """
        acquired: Any = self.db.acquire()
        async with acquired as connection, connection.transaction():
            yield connection.wrapped

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection; every statement commits by itself."""
        acquired: Any = self.db.acquire()
        async with acquired as connection:
            yield connection.wrapped

    def forget(self) -> None:
        """Read everything from the database again when it is needed."""
        self._account = None
        self._olm_cache.clear()

    def trim(self) -> None:
        """Keep no Olm sessions in memory: there is one for each device of everybody."""
        self._olm_cache.clear()

    async def get_account(self) -> Any:
        """The Olm account, None when there is none.

        Raises:
            WrongPickleKeyError: it was pickled with another key.
        """
        try:
            return await super().get_account()
        except olm.OlmAccountError as error:
            raise WrongPickleKeyError from error

    async def start_anew(self, device_id: str) -> None:
        """Drop the account and the Olm sessions of a device that is gone. Room keys stay, they can still be used."""
        await self.delete()
        self.forget()
        self._device_id = DeviceID(device_id)

    async def put_devices(self, user_id: UserID, devices: dict[DeviceID, DeviceIdentity]) -> None:
        """Keep the devices of a user. What a client says of itself need not make sense."""
        usable = {
            name: attr.evolve(device, name=clean(device.name))
            for name, device in devices.items()
            if len(device.identity_key) == len(device.signing_key) == KEY_LENGTH
        }
        await super().put_devices(user_id, usable)

    async def room_key(self, room_id: str, session_id: str) -> InboundGroupSession | None:
        """The key of a Megolm session, None when we do not have it (or it is withheld)."""
        try:
            return await self.get_group_session(RoomID(room_id), SessionID(session_id))
        except GroupSessionWithheldError:
            return None

    async def withheld_code(self, room_id: str, session_id: str) -> str | None:
        """Why the key of a session is withheld from us, None when it is not."""
        try:
            await self.get_group_session(RoomID(room_id), SessionID(session_id))
        except GroupSessionWithheldError as error:
            return str(error.withheld_code)
        return None


@asynccontextmanager
async def open_stores(
    url: str, user_ids: Sequence[str], pickle_key: str
) -> AsyncIterator[tuple[Sequence[Store], PgCryptoStateStore]]:
    """The stores of our bots, in their order, with the tables up to date.

    Args:
        url: as for `storage.db.open_db`.

    Raises:
        WrongPickleKeyError: what one holds was encrypted with another key.
    """
    async with crypto_pool.open_crypto_pool(url, size=CONNECTIONS + len(user_ids)) as pool:
        database = await _database(pool)
        stores = [Store(user_id, pickle_key, database) for user_id in user_ids]
        for store in stores:
            await store.get_account()
        yield stores, PgCryptoStateStore(database)


async def _database(pool: Pool) -> Database:
    # The URL only chooses the dialect: the pool is ours. mautrix would otherwise end the process on some errors.
    database = Database.create("postgresql://", db_args={"meow_exit_on_ice": False}, log=trace_logger("db"))
    database.override_pool(SimpleNamespace(_pool=pool))  # type: ignore[arg-type]
    await database.start()
    await PgCryptoStore.upgrade_table.upgrade(database)
    await PgStateStore.upgrade_table.upgrade(database)
    return database
