"""The name and the picture that people see of a bot.

They are set when they differ from what we set last, not from what is there: an administrator may change them by hand.
"""

from __future__ import annotations

import asyncio
import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from mautrix.api import Path as ApiPath

from bridge.config.users import bot_id
from bridge.engine.courier import RefusedError
from bridge.matrix.crypto.uploads import upload
from bridge.storage import bot_device

if TYPE_CHECKING:
    from bridge.config.schema import BotUser, Config
    from bridge.matrix.crypto.calls import Calls
    from bridge.matrix.crypto.store import Store
    from bridge.storage.bot_device import BotDevice

log = structlog.get_logger(__name__)

FOLDER = Path(__file__).parent / "avatars"


@dataclass(frozen=True, slots=True)
class Profile:
    """How a bot user is to be shown."""

    user_id: str
    displayname: str
    avatar: Path | None


def profile_of(config: Config, user: BotUser) -> Profile:
    """What the config says; the users that are there by default have a picture by default."""
    ours = FOLDER / f"{user.localpart}.png"
    return Profile(bot_id(config, user), user.displayname, user.avatar or (ours if ours.is_file() else None))


async def show(calls: Calls, store: Store, profile: Profile) -> None:
    """Give a user, whose row in `bot_device` exists, its name and its picture.

    Raises:
        AwayError, LimitedError
    """
    async with store.connection() as connection:
        shown = await bot_device.get(connection, profile.user_id)
    if shown is None:
        return
    try:
        if shown.displayname != profile.displayname:
            await calls.put(ApiPath.v3.profile[profile.user_id].displayname, {"displayname": profile.displayname})
            async with store.connection() as connection:
                await bot_device.set_displayname(connection, profile.user_id, profile.displayname)
        if profile.avatar is not None:
            await _show_avatar(calls, store, shown, profile.avatar)
    except RefusedError as error:
        log.warning("a bot could not be given its name and picture", user_id=profile.user_id, reason=error.reason)


async def _show_avatar(calls: Calls, store: Store, shown: BotDevice, avatar: Path) -> None:
    try:
        digest = await asyncio.to_thread(_digest, avatar)
    except OSError as error:
        raise RefusedError(f"the picture cannot be read ({type(error).__name__})") from error
    if digest == shown.avatar_sha256:
        return
    mimetype = mimetypes.guess_type(avatar.name)[0] or "application/octet-stream"
    url = (await upload(calls, avatar, avatar.name, mimetype, encrypted=False))["url"]
    await calls.put(ApiPath.v3.profile[shown.user_id].avatar_url, {"avatar_url": url})
    async with store.connection() as connection:
        await bot_device.set_avatar(connection, shown.user_id, digest)


def _digest(path: Path) -> bytes:
    return sha256(path.read_bytes()).digest()
