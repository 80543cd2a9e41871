"""Taking room keys by /sync: to-device messages only.

Source: Matrix Client-Server API v1.16, "Syncing" and "Send-to-Device messaging". The homeserver keeps a message until
a /sync names a token from after it, so a token is stored together with all that came with it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import structlog
from mautrix.types import FilterID, SyncToken

from bridge.matrix.crypto.keys import publish
from bridge.storage import bot_device
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    import asyncio

    from bridge.matrix.crypto.machine import Machine
    from bridge.matrix.crypto.store import Store

log = structlog.get_logger(__name__)

LONGEST_WAIT = 30  # seconds
_NOTHING = {"not_types": ["*"]}
FILTER = json.dumps(
    {"room": {"rooms": []}, "presence": _NOTHING, "account_data": _NOTHING},
    separators=(",", ":"),
)


class Sync:
    """One round after the other.

    Args:
        lock: held while what this bot shares with the devices of others (Olm) is used or changed.
        keys: held while room keys are taken, by whichever bot: see `Decryptor`.
    """

    def __init__(self, machine: Machine, store: Store, lock: asyncio.Lock, keys: asyncio.Lock) -> None:
        self.next_batch: str | None = None
        self._machine = machine
        self._store = store
        self._lock = lock
        self._keys = keys

    async def step(self, *, wait: bool) -> bool:
        """Ask once, and handle all that came.

        Args:
            wait: for news, `LONGEST_WAIT` at the most. The homeserver then looks at each message of the bot's rooms.

        Returns:
            whether messages came, and so perhaps not yet all (the homeserver gives 100 at a time).

        Raises:
            mautrix.errors.MatrixError, KeysRefusedError
            one of `storage.db.UNAVAILABLE`: nothing was handled; the same comes again.
        """
        timeout = LONGEST_WAIT * 1000 if wait else 0
        since = SyncToken(self.next_batch) if self.next_batch else None
        answer = await self._machine.client.sync(since=since, timeout=timeout, filter_id=FilterID(FILTER))
        if not isinstance(answer, dict) or not isinstance(answer.get("next_batch"), str):
            raise TypeError("the answer to /sync is not one")
        async with self._lock:
            await self._machine.remember()
            try:
                came = await self._handle(answer)
            except BaseException:
                await self._machine.forget()
                raise
            await self._machine.mend()
            self._store.trim()
        return came

    async def _handle(self, answer: dict[str, Any]) -> bool:
        lists = answer.get("device_lists") or {}
        await self._machine.devices_changed([str(user_id) for user_id in lists.get("changed") or []])
        messages = (answer.get("to_device") or {}).get("events") or []
        async with self._keys, self._store.tx() as tx:
            for message in messages:
                await self._take(message)
            await bot_device.set_next_batch(
                tx, self._machine.client.mxid, str(self._machine.client.device_id), answer["next_batch"]
            )
        self.next_batch = answer["next_batch"]
        if messages:
            log.debug("to-device messages taken", count=len(messages))
        await self._replenish(answer)
        return bool(messages)

    async def _take(self, message: Any) -> None:
        try:
            async with self._store.tx() as tx:
                await self._machine.receive(tx, message)
        except UNAVAILABLE:
            raise
        except Exception as error:  # noqa: BLE001 (strangers send these)
            await self._machine.forget()
            log.warning("a to-device message could not be used", error=type(error).__name__, sender=_sender(message))

    async def _replenish(self, answer: dict[str, Any]) -> None:
        counts = answer.get("device_one_time_keys_count") or {}
        unused = answer.get("device_unused_fallback_key_types")
        await publish(
            self._machine,
            on_server=int(counts.get("signed_curve25519", 0)),
            # Servers from before fallback keys do not say.
            fallback_unused=not isinstance(unused, list) or "signed_curve25519" in unused,
        )


def _sender(message: Any) -> str:
    return str(message.get("sender"))[:255] if isinstance(message, dict) else ""
