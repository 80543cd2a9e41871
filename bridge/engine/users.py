"""Our bot users as messages speak of them: their ids, names and words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.botapi.words import plain_word
from bridge.config.users import bot_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.botapi.bot import Bot
    from bridge.botapi.runner import Runner
    from bridge.config.schema import Config


@dataclass(frozen=True, slots=True)
class BotUser:
    """A Matrix user of ours that answers.

    Attributes:
        names: what people call it, the longest first.
        words: the first words of its commands, as `plain_word` gives them.
    """

    user_id: str
    display_name: str
    names: tuple[str, ...]
    words: frozenset[str]


def bot_users(config: Config, runners: Mapping[str, Runner]) -> tuple[BotUser, ...]:
    """The users that have bots, in the order of the config."""
    found = []
    for user in config.bots.users:
        user_id = bot_id(config, user)
        if user_id in runners:
            names = {user_id, user.displayname, str(user.localpart), f"@{user.displayname}", f"@{user.localpart}"}
            ordered = tuple(sorted((name for name in names if name), key=lambda name: (-len(name), name)))
            words = frozenset(plain_word(word) for word in _words(runners[user_id].bots))
            found.append(BotUser(user_id, user.displayname, ordered, words))
    return tuple(found)


def _words(bots: Iterable[Bot]) -> Iterable[str]:
    for bot in bots:
        if bot.words is not None:
            yield from bot.words
        else:
            for command in bot.commands().values():
                yield from command.words
