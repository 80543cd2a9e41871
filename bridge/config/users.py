"""The Matrix ids of the users in the config."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.config.schema import BotUser, Config


def bot_id(config: Config, user: BotUser) -> str:
    """The Matrix id of a user of our bots."""
    return f"@{user.localpart}:{config.homeserver.server_name}"


def bot_ids(config: Config) -> tuple[str, ...]:
    """The Matrix ids of all users of our bots, started or not."""
    return tuple(bot_id(config, user) for user in config.bots.users)
