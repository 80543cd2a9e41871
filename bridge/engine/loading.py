"""Which bots there are, and in whose name each of them answers.

Ours are handed in; those of others are entry points of the group `postkamer.bots`, each a subclass of `Bot`
(https://packaging.python.org/en/latest/specifications/entry-points/).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from bridge.botapi.bot import Bot
from bridge.botapi.runner import Runner
from bridge.config.ids import BotName
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.metadata import EntryPoint

    from bridge.config.schema import BotUser, Config

GROUP = "postkamer.bots"

_ASK = "ask its maker"


@dataclass(frozen=True, slots=True)
class Found:
    """A class of a bot; `package` is the name and the version of who made it, None when we did."""

    bot: type[Bot]
    package: str | None

    def __str__(self) -> str:
        return f"{self.bot.name} ({self.package})" if self.package else self.bot.name


@dataclass(frozen=True, slots=True)
class Loaded:
    """The bots of an installation.

    Attributes:
        users: what each bot user hosts; a user that has nothing to host is not started, and not among them.
        missing: what the config names and nobody has: (user, name, the name that may be meant).
        problems: bots that are installed and cannot be used; the others can.
    """

    users: Mapping[BotUser, Sequence[Found]]
    missing: Sequence[tuple[BotUser, str, str | None]]
    problems: Sequence[PostkamerError]


def load(config: Config, ours: Sequence[type[Bot]]) -> Loaded:
    """Find all bots, and the user of each: the one that lists it in the config, else the first one."""
    found: dict[str, Found] = {bot.name: Found(bot, None) for bot in ours}
    problems: list[PostkamerError] = []
    for entry in _installed():
        try:
            one = _bot(entry)
            if one.bot.name in found:
                raise _twice(found[one.bot.name], one)
            found[one.bot.name] = one
        except PostkamerError as problem:
            problems.append(problem)
    user_of = {str(name): user for user in config.bots.users for name in user.bots}
    users: defaultdict[BotUser, list[Found]] = defaultdict(list)
    for name in sorted(found):
        users[user_of.get(name, config.bots.users[0])].append(found[name])
    missing = [(user, name, _near(name, found)) for name, user in user_of.items() if name not in found]
    return Loaded({user: users[user] for user in config.bots.users if user in users}, missing, problems)


def runner(bots: Sequence[Found]) -> Runner:
    """The bots of one user, ready to answer.

    Raises:
        PostkamerError: one of them cannot be made, or they do not go together.
    """
    return Runner([_made(found) for found in bots])


def _made(found: Found) -> Bot:
    try:
        return found.bot()
    except Exception as error:
        raise PostkamerError(
            f"bot {found} cannot be started: {_reason(error)}", "a bot is made without arguments; ask its maker"
        ) from error


def _installed() -> Iterator[EntryPoint]:
    """In the order of the packages, so that it is always the same one that wins."""
    yield from sorted(entry_points(group=GROUP), key=lambda entry: (_package(entry), entry.name))


def _bot(entry: EntryPoint) -> Found:
    package = _package(entry)
    what = f"bot {entry.name} of {package}"
    try:
        cls = entry.load()
    except Exception as error:
        raise PostkamerError(
            f"{what} cannot be imported: {_reason(error)}",
            f"install what it needs beside Postkamer, or uninstall {package.partition(' ')[0]}",
        ) from error
    if not (isinstance(cls, type) and issubclass(cls, Bot)):
        raise PostkamerError(f"{what} is no bot: {entry.value} is not a subclass of bridge.botapi.Bot", _ASK)
    name = getattr(cls, "name", None)
    if name is None:
        raise PostkamerError(f"{what} has no name", f'{cls.__name__} needs a line such as name = "{BotName.EXAMPLE}"')
    try:
        BotName.parse(str(name))
    except ValueError as error:
        raise PostkamerError(f"{what} has a name that cannot be used: it {error}, not {name!r}", _ASK) from error
    return Found(cls, package)


def _twice(first: Found, second: Found) -> PostkamerError:
    whose = first.package or "Postkamer itself"
    return PostkamerError(
        f"bot {second} is not used: {whose} has a bot of that name", "uninstall one of them, or give it another name"
    )


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"


def _reason(error: Exception) -> str:
    """One line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def _near(name: str, found: Mapping[str, Found]) -> str | None:
    return next(iter(get_close_matches(name, found, 1)), None)
