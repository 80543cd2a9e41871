"""Cross-signing: the bot's own signature on its device, without which newer clients give it no keys (MSC4153).

The secret half is made and stored, encrypted, before anything is published; so every step can be repeated.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from mautrix.crypto.cross_signing_key import CrossSigningSeeds
from mautrix.crypto.ssss.key import Key, KeyMetadata
from mautrix.types import KeyID

from bridge.archive.secret import seal, unseal
from bridge.storage import bot_device

if TYPE_CHECKING:
    from mautrix.types import DeviceID, QueryKeysResponse, SigningKey, UserID

    from bridge.matrix.crypto.machine import Machine
    from bridge.storage.db import Connection

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """The cross-signing keys of a bot, and the key of its secret storage (its "recovery key")."""

    seeds: CrossSigningSeeds
    storage_key: Key

    @classmethod
    def generate(cls) -> Identity:
        """A new one."""
        return cls(CrossSigningSeeds.generate(), Key.generate())

    def dump(self) -> bytes:
        """As bytes, for `load`."""
        return json.dumps(
            {
                "seeds": [base64.b64encode(seed).decode() for seed in self.seeds],
                "storage": {
                    "id": self.storage_key.id,
                    "key": base64.b64encode(self.storage_key.key).decode(),
                    "metadata": self.storage_key.metadata.serialize(),
                },
            }
        ).encode()

    @classmethod
    def load(cls, dumped: bytes) -> Identity:
        """The reverse of `dump`."""
        fields = json.loads(dumped)
        storage = fields["storage"]
        metadata = KeyMetadata.deserialize(storage["metadata"])
        key = Key(id=storage["id"], key=base64.b64decode(storage["key"]), metadata=metadata)
        return cls(CrossSigningSeeds(*(base64.b64decode(seed) for seed in fields["seeds"])), key)


async def kept_identity(db: Connection, user_id: str, pickle_key: str) -> Identity | None:
    """The identity that we have made for a bot.

    Raises:
        WrongPickleKeyError: it was encrypted with another key.
    """
    device = await bot_device.get(db, user_id)
    if device is None or device.recovery_key is None:
        return None
    return Identity.load(unseal(device.recovery_key, pickle_key, _purpose(user_id)))


async def cross_sign(db: Connection, machine: Machine, pickle_key: str) -> None:
    """Have the device of `machine`, whose keys are published, signed by its owner.

    Raises:
        WrongPickleKeyError: the identity was encrypted with another key.
        mautrix.errors.MatrixError: the homeserver did not take it.
    """
    user_id = machine.client.mxid
    identity = await kept_identity(db, user_id, pickle_key)
    if identity is None:
        identity = Identity.generate()
        await bot_device.set_recovery_key(db, user_id, seal(identity.dump(), pickle_key, _purpose(user_id)))
    keys = identity.seeds.to_keys()
    public = keys.public_keys
    known = await machine.client.query_keys([user_id])
    if _published(known, user_id) != (public.master_key, public.self_signing_key):
        if _published(known, user_id) != (None, None):
            log.warning("the bot had other cross-signing keys on the homeserver; replacing them", user_id=user_id)
        await machine.ssss.set_key_data(identity.storage_key.id, identity.storage_key.metadata)
        await machine._upload_cross_signing_keys_to_ssss(identity.storage_key, identity.seeds)  # noqa: SLF001
        await machine.ssss.set_default_key_id(identity.storage_key.id)
        await machine._publish_cross_signing_keys(keys)  # noqa: SLF001
    elif _is_signed(known, user_id, machine.client.device_id, public.self_signing_key):
        return
    machine._cross_signing_private_keys = keys  # noqa: SLF001
    machine._cross_signing_public_keys = public  # noqa: SLF001
    await machine.sign_own_device(machine.own_identity)
    log.info("the bot's device is cross-signed", user_id=user_id, device_id=machine.client.device_id)


def _published(known: QueryKeysResponse, user_id: UserID) -> tuple[str | None, str | None]:
    master, self_signing = known.master_keys.get(user_id), known.self_signing_keys.get(user_id)
    return (
        master.first_ed25519_key if master else None,
        self_signing.first_ed25519_key if self_signing else None,
    )


def _is_signed(known: QueryKeysResponse, user_id: UserID, device_id: DeviceID, self_signing_key: SigningKey) -> bool:
    device = known.device_keys.get(user_id, {}).get(device_id)
    return device is not None and KeyID.ed25519(self_signing_key) in device.signatures.get(user_id, {})


def _purpose(user_id: str) -> str:
    return f"recovery key of {user_id}"
