"""One bot user at work: its device is set up, its keys are taken, and its courier can be used."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mautrix.errors import MatrixRequestError

from bridge.matrix.crypto.calls import Calls
from bridge.matrix.crypto.courier import Tools
from bridge.matrix.crypto.device import BotDevice, is_unknown_device
from bridge.matrix.crypto.keys import KeysRefusedError
from bridge.matrix.crypto.outbound import Outbound
from bridge.matrix.crypto.profile import show
from bridge.matrix.crypto.rooms import Rooms
from bridge.matrix.crypto.sync import Sync
from bridge.storage import undecrypted

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.config.schema import Config
    from bridge.matrix.crypto.courier import BotCourier
    from bridge.matrix.crypto.machine import Machine
    from bridge.matrix.crypto.profile import Profile

IDLE_SECONDS: Final = 10.0
MISSED: Final = timedelta(minutes=1)  # how long a key that is missing is waited for


class BotAtWork:
    """Keeps one bot user usable.

    Args:
        courier: it is open as long as the device can be used.
        keys: see `Sync`.
        on_news: called when room keys may have come.
    """

    def __init__(
        self,
        config: Config,
        machine: Machine,
        profile: Profile,
        courier: BotCourier,
        *,
        keys: asyncio.Lock,
        on_news: Callable[[], None],
    ) -> None:
        self.machine = machine
        self._profile = profile
        self._courier = courier
        self._on_news = on_news
        self._shown = False
        self._asked = asyncio.Event()
        self._more = True  # something may wait for us
        self._looked = False  # for what is missing now
        self._lock = asyncio.Lock()
        self._device = BotDevice(
            machine,
            machine.crypto_store,
            as_token=config.appservice.as_token.reveal(),
            displayname=profile.displayname,
            pickle_key=config.encryption.pickle_key.reveal(),
        )
        self._sync = Sync(machine, machine.crypto_store, self._lock, keys)

    @property
    def ready(self) -> bool:
        """Whether its device can be used."""
        return self._courier.ready

    def close(self) -> None:
        """The courier has to wait from now on."""
        self._courier.close()

    async def set_up(self) -> None:
        """Have a device, and a name and a picture; nothing is done when all is there.

        Raises:
            mautrix.errors.MatrixError, AwayError, LimitedError
            one of `storage.db.UNAVAILABLE`.
        """
        calls = Calls(self.machine.client.api)
        if not self._courier.ready:
            async with self._lock:
                self._sync.next_batch = await self._device.set_up()
            rooms = Rooms(calls, self._profile.user_id)
            outbound = Outbound(self.machine, calls, rooms, self._lock)
            self._courier.open(Tools(calls, rooms, outbound))
            self._on_news()
        if not self._shown:
            await show(calls, self.machine.crypto_store, self._profile)
            self._shown = True

    def look(self) -> None:
        """A key may be missing."""
        self._asked.set()

    async def take_keys(self) -> None:
        """Take what other devices have sent: at once while a key is missing, otherwise now and then.

        Most keys come before the message, so that the first look finds them.

        Raises: as `Sync.step`.
        """
        async with self.machine.crypto_store.connection() as connection:
            missing = await undecrypted.is_missing(connection, MISSED)
        if not (missing or self._more) and await self._is_asked():
            return
        try:
            self._more = await self._sync.step(wait=missing and self._looked and not self._more)
        except (MatrixRequestError, KeysRefusedError) as error:
            if isinstance(error, KeysRefusedError) or is_unknown_device(error):
                self.close()
            raise
        self._looked = missing
        self._on_news()

    async def _is_asked(self) -> bool:
        """Wait a while; whether a key may be missing."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True
