"""Who is what: by the config, and by the power level in the room that is asked in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bridge.config.ids import IdPattern
from bridge.config.users import bot_ids

if TYPE_CHECKING:
    from bridge.botapi.rights import Role
    from bridge.config.schema import Config

NOBODY: Final[frozenset[Role]] = frozenset()
INFINITE: Final = 2**53  # above all that a power level may be
_CREATOR_LEVEL: Final = 100  # without m.room.power_levels, before room version 12
# Room versions in which creators have no power level, because they are above all (MSC4289).
_FIRST_WITH_CREATORS: Final = 12
_UNSTABLE_WITH_CREATORS: Final = frozenset({"org.matrix.hydra.11"})


def our_users(config: Config) -> frozenset[str]:
    """The Matrix ids of our bots and of the application service itself; they are nobody."""
    return frozenset({f"@{config.appservice.sender_localpart}:{config.homeserver.server_name}", *bot_ids(config)})


class Rights:
    """Turns a person into roles. Strangers have none, and nothing is done for them."""

    def __init__(self, config: Config) -> None:
        rights = config.rights
        everybody = IdPattern.parse(f"@*:{config.homeserver.server_name}")
        self._ours = our_users(config)
        self._staff = (everybody,) if rights.staff is None else rights.staff
        self._guests = rights.guests
        self._named: dict[Role, frozenset[str]] = {
            "manager": frozenset(rights.managers),
            "auditor": frozenset(rights.auditors),
            "it": frozenset(rights.it),
        }
        self._level = rights.room_manager_level

    def of_company(self, user_id: str) -> frozenset[Role]:
        """The roles that somebody has everywhere. Who is named as manager, auditor or IT is of the staff too."""
        if user_id in self._ours:
            return NOBODY
        named: set[Role] = {role for role, people in self._named.items() if user_id in people}
        if named or any(pattern.matches(user_id) for pattern in self._staff):
            return frozenset({*named, "staff"})
        if any(pattern.matches(user_id) for pattern in self._guests):
            return frozenset({"guest"})
        return NOBODY

    def in_room(self, user_id: str, level: int, *, direct: bool) -> frozenset[Role]:
        """The roles that somebody has in a room.

        A member of staff whose power level is high enough manages the room; a guest never does. In a direct chat it
        says nothing, since everybody manages their own.
        """
        roles = self.of_company(user_id)
        if "staff" in roles and not direct and level >= self._level:
            return roles | {"manager"}
        return roles


def power_level(
    user_id: str, *, version: str | None, creator: str | None, create: str | None, power_levels: str | None
) -> int:
    """The power level of somebody in a room (Client-Server API, "m.room.power_levels"; MSC4289 for creators).

    Args:
        creator: the sender of m.room.create.
        create, power_levels: JSON of the content of these events, None when there is none.
    """
    made = _object(create)
    if _has_creators(version):
        more = made.get("additional_creators")
        if user_id == creator or (isinstance(more, list) and user_id in more):
            return INFINITE
    elif power_levels is None:
        return _CREATOR_LEVEL if user_id == (made.get("creator") or creator) else 0
    levels = _object(power_levels)
    users = levels.get("users")
    if isinstance(users, dict) and user_id in users:
        return _number(users[user_id])
    return _number(levels.get("users_default"))


def _has_creators(version: str | None) -> bool:
    return version in _UNSTABLE_WITH_CREATORS or (
        version is not None and version.isdecimal() and int(version) >= _FIRST_WITH_CREATORS
    )


def _number(level: Any) -> int:
    """Old rooms may have levels that are strings; what is no number is 0."""
    try:
        return int(level)
    except (TypeError, ValueError, OverflowError):
        return 0


def _object(content: str | None) -> dict[str, Any]:
    found = json.loads(content) if content else None
    return found if isinstance(found, dict) else {}
