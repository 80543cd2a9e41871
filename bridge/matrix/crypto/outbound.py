"""Encrypting what a bot says: for the devices that are in the room at that moment, and for no other.

Source: Matrix Client-Server API v1.16, "m.megolm.v1.aes-sha2", "Sharing keys between devices" and "Relationships".
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import structlog
from mautrix.api import Path
from mautrix.crypto import OutboundGroupSession
from mautrix.errors import MatrixError
from mautrix.types import EventType, RoomID, SessionID, UserID

from bridge.engine.courier import RefusedError
from bridge.matrix.crypto.calls import as_courier
from bridge.matrix.crypto.payload import ALGORITHM
from bridge.matrix.crypto.recipients import Recipient, recipients
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from mautrix.types import DeviceID, DeviceIdentity

    from bridge.matrix.crypto.calls import Calls
    from bridge.matrix.crypto.machine import Machine
    from bridge.matrix.crypto.rooms import Rooms

log = structlog.get_logger(__name__)

MAX_ROOMS = 200
BATCH = 250  # devices in one request
AGAIN_SECONDS = 60.0


@dataclass(slots=True)
class _Key:
    """The key of a room that is in use, and who has it."""

    megolm: OutboundGroupSession
    shared: set[Recipient] = field(default_factory=set)
    # Could not be given it (no one-time key is left, ...); when that is tried again, by the clock of the loop.
    without: dict[Recipient, float] = field(default_factory=dict)


class Outbound:
    """Encrypts for one bot.

    Keys are in memory only: after a restart each room gets a new one, so that no place in a key is ever used twice.

    Args:
        lock: held while what this bot shares with the devices of others (Olm) is used or changed.
    """

    def __init__(self, machine: Machine, calls: Calls, rooms: Rooms, lock: asyncio.Lock) -> None:
        self._machine = machine
        self._store = machine.crypto_store
        self._calls = calls
        self._rooms = rooms
        self._lock = lock
        self._keys: dict[str, _Key] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def seal(self, room_id: str, event_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content of the m.room.encrypted event for a message; all who are to read it have been sent its key.

        Raises:
            AwayError, LimitedError
            RefusedError: the bot is not in the room, or its encryption is none that we have.
        """
        # One after the other: who asked earlier must not bring back somebody who has left since.
        in_order = self._locks.setdefault(room_id, asyncio.Lock())
        async with in_order:
            readers = await self._rooms.readers(room_id)
            answer = await self._calls.post(Path.v3.keys.query, {"device_keys": {reader: [] for reader in readers}})
            async with self._lock:
                with as_courier():
                    await self._machine.remember()
                    key = await self._key(room_id, readers, answer)
                    return self._encrypt(key, room_id, event_type, content)

    async def _key(self, room_id: str, readers: Collection[str], answer: Mapping[str, Any]) -> _Key:
        """A key that all devices have which are there now, and no other."""
        self._heed_restarted()
        own = (str(self._machine.client.mxid), str(self._machine.client.device_id))
        key = self._keys.pop(room_id, None)
        now = recipients(answer, readers, key.shared if key else (), own)
        if key is None or key.megolm.expired or not key.shared <= now:
            key = await self._begin(room_id)
        while len(self._keys) >= MAX_ROOMS:
            self._keys.pop(next(iter(self._keys)))
        self._keys[room_id] = key
        clock = asyncio.get_running_loop().time()
        new = [one for one in now - key.shared if key.without.get(one, clock) <= clock]
        if new:
            await self._share(key, new, answer)
        return key

    def _heed_restarted(self) -> None:
        """Send the key again to devices that could not read what they were sent last."""
        restarted = self._machine.take_restarted()
        for key in self._keys.values() if restarted else ():
            key.shared -= {one for one in key.shared if one.identity_key in restarted}

    async def _begin(self, room_id: str) -> _Key:
        encryption = await self._rooms.encryption(room_id)
        if encryption is None or encryption.algorithm != ALGORITHM:
            raise RefusedError("the room is encrypted in a way that we do not know")
        megolm = OutboundGroupSession(RoomID(room_id))
        megolm.max_messages, megolm.max_age = encryption.messages, encryption.age
        own = self._machine.own_identity
        # For our own archive.
        await self._machine._create_group_session(  # noqa: SLF001
            own.identity_key, own.signing_key, megolm.room_id, SessionID(megolm.id), megolm.session_key, None, None
        )
        megolm.shared = True  # mautrix refuses to encrypt otherwise
        return _Key(megolm)

    async def _share(self, key: _Key, new: Iterable[Recipient], answer: Mapping[str, Any]) -> None:
        """Give devices the key, from the next message on."""
        devices = await self._devices(new, answer)
        await self._claim(devices)
        for batch in _batches(devices.items(), BATCH):
            messages = await self._letters(key, dict(batch))
            if messages:
                path = Path.v3.sendToDevice["m.room.encrypted"][self._machine.client.api.get_txn_id()]
                await self._calls.put(path, {"messages": messages})
            key.shared |= {one for one, _ in batch if one.device_id in messages.get(one.user_id, {})}
        again = asyncio.get_running_loop().time() + AGAIN_SECONDS
        key.without = {one: again for one in new if one not in key.shared} | {
            one: when for one, when in key.without.items() if one not in key.shared and when > again - AGAIN_SECONDS
        }

    async def _devices(self, new: Iterable[Recipient], answer: Mapping[str, Any]) -> dict[Recipient, DeviceIdentity]:
        """Those of which the signature is right."""
        found: dict[Recipient, DeviceIdentity] = {}
        for user_id in sorted({one.user_id for one in new}):
            for device_id, device in (await self._machine.take_devices(answer, UserID(user_id))).items():
                found[Recipient(user_id, str(device_id), str(device.identity_key), str(device.signing_key))] = device
        return {one: found[one] for one in new if one in found}

    async def _claim(self, devices: Mapping[Recipient, DeviceIdentity]) -> None:
        """Begin an Olm session with each device with which there is none."""
        wanted: dict[UserID, dict[DeviceID, DeviceIdentity]] = {}
        for device in devices.values():
            wanted.setdefault(device.user_id, {})[device.device_id] = device
        try:
            await self._machine._create_outbound_sessions(wanted)  # noqa: SLF001
        except (*UNAVAILABLE, MatrixError):
            raise
        except Exception as error:  # noqa: BLE001 (one-time keys come from strangers)
            log.warning("not all devices could be given a room key", error=type(error).__name__)

    async def _letters(self, key: _Key, devices: Mapping[Recipient, DeviceIdentity]) -> dict[str, dict[str, Any]]:
        """The key, encrypted for each device; by user and device."""
        letters: dict[str, dict[str, Any]] = {}
        content = key.megolm.share_content
        try:
            async with self._store.tx():
                for one, device in devices.items():
                    olm = await self._store.get_latest_session(device.identity_key)
                    if olm is not None:
                        letter = await self._machine._encrypt_olm_event(olm, device, EventType.ROOM_KEY, content)  # noqa: SLF001
                        letters.setdefault(one.user_id, {})[one.device_id] = letter.serialize()
        except BaseException:
            await self._machine.forget()
            raise
        return letters

    def _encrypt(self, key: _Key, room_id: str, event_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        payload = json.dumps({"room_id": room_id, "type": event_type, "content": dict(content)})
        sealed = {
            "algorithm": ALGORITHM,
            "ciphertext": key.megolm.encrypt(payload),  # type: ignore[no-untyped-call]
            "session_id": key.megolm.id,
            # Not needed any more, but older clients look for them.
            "sender_key": self._machine.own_account.identity_key,
            "device_id": str(self._machine.client.device_id),
        }
        # The homeserver has to know what belongs together.
        return sealed | ({"m.relates_to": content["m.relates_to"]} if "m.relates_to" in content else {})


def _batches(
    items: Iterable[tuple[Recipient, DeviceIdentity]], size: int
) -> Iterator[list[tuple[Recipient, DeviceIdentity]]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
