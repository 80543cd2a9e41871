"""The table `bot_device`: the device with which a bot of ours takes part in encrypted rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class BotDevice:
    """A bot's device."""

    user_id: str
    device_id: str
    next_batch: str | None  # how far /sync has been handled
    recovery_key: bytes | None  # the cross-signing identity, encrypted
    displayname: str | None  # that we gave its user last
    avatar_sha256: bytes | None  # of the picture that we gave it last


_GET = """
SELECT user_id, device_id, next_batch, recovery_key, displayname, avatar_sha256 FROM bot_device WHERE user_id = $1
"""
_ADD = "INSERT INTO bot_device (user_id, device_id) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING"
_REPLACE = "UPDATE bot_device SET device_id = $2, next_batch = NULL WHERE user_id = $1"
_NEXT_BATCH = "UPDATE bot_device SET next_batch = $3 WHERE user_id = $1 AND device_id = $2"
_RECOVERY_KEY = "UPDATE bot_device SET recovery_key = $2 WHERE user_id = $1"
_DISPLAYNAME = "UPDATE bot_device SET displayname = $2 WHERE user_id = $1"
_AVATAR = "UPDATE bot_device SET avatar_sha256 = $2 WHERE user_id = $1"


async def get(db: Connection, user_id: str) -> BotDevice | None:
    """The device of a bot; None before its first start."""
    row = await db.fetchrow(_GET, user_id)
    return BotDevice(*row) if row else None


async def add(db: Connection, user_id: str, device_id: str) -> None:
    """Choose a device id for a bot that has none yet."""
    await db.execute(_ADD, user_id, device_id)


async def replace(tx: Connection, user_id: str, device_id: str) -> None:
    """Go on with another device, which has taken nothing from /sync yet."""
    await tx.execute(_REPLACE, user_id, device_id)


async def set_next_batch(tx: Connection, user_id: str, device_id: str, next_batch: str) -> None:
    """Remember how far /sync has been handled; in the transaction that holds what it brought."""
    await tx.execute(_NEXT_BATCH, user_id, device_id, next_batch)


async def set_recovery_key(db: Connection, user_id: str, sealed: bytes) -> None:
    """Keep the cross-signing identity, encrypted by the caller."""
    await db.execute(_RECOVERY_KEY, user_id, sealed)


async def set_displayname(db: Connection, user_id: str, displayname: str) -> None:
    """Remember the name that its user was given."""
    await db.execute(_DISPLAYNAME, user_id, displayname)


async def set_avatar(db: Connection, user_id: str, digest: bytes) -> None:
    """Remember the picture that its user was given."""
    await db.execute(_AVATAR, user_id, digest)
