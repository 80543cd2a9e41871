"""Roles, and what a command asks for."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

# staff: of the company; guest: of another server, as far as the config lets them in; manager: of the company or of
# the room that is asked in; auditor: may look into everything, for a purpose; it: runs this program.
Role: TypeAlias = Literal["guest", "staff", "manager", "auditor", "it"]
ROLES: tuple[Role, ...] = get_args(Role)
