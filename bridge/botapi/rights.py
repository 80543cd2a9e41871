"""Roles, and what a command asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

# staff: of the company; guest: of another server, as far as the config lets them in; manager: of the company or of
# the room that is asked in; auditor: may look into everything, for a purpose; it: runs this program.
Role: TypeAlias = Literal["guest", "staff", "manager", "auditor", "it"]
ROLES: tuple[Role, ...] = get_args(Role)

_COUNT_AS_STAFF: frozenset[Role] = frozenset(("staff", "manager", "auditor", "it"))


def may(roles: Iterable[Role], allow: Role) -> bool:
    """Whether somebody with these roles may do what `allow` stands for. Without any role one may nothing."""
    has = frozenset(roles)
    if allow == "guest":
        return bool(has)
    return bool(has & _COUNT_AS_STAFF) if allow == "staff" else allow in has
