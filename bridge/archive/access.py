"""Who may read an archived event: the one place that decides it. The rule as a table: docs/access.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bridge.storage.readable import Readable, seal_for_access

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import timedelta

    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class Policy:
    """What the company decides (config section `access`)."""

    later_joiners: timedelta | Literal["as_client", "all"] = "as_client"
    after_leaving: Literal["seen", "nothing"] = "seen"


class AuditRefusedError(Exception):
    """Somebody may not look into everything."""

    def __init__(self, reason: Literal["role", "purpose"]) -> None:
        super().__init__(reason)
        self.reason = reason  # "role": is no auditor; "purpose": gave none


class Access:
    """Turns a person into what they may read.

    Args:
        policy: of the company.
        roles_of: the roles of a Matrix id, of those in `bridge.botapi.rights`: `staff` and `guest` decide how the rule
            counts for them, `auditor` about `for_auditor`. Who is neither staff nor guest may read nothing.
        bots: our own users, whose presence in a room does not count.
    """

    def __init__(self, policy: Policy, roles_of: Callable[[str], Collection[str]], bots: Collection[str]) -> None:
        self._policy = policy
        self._roles_of = roles_of
        self._bots = frozenset(bots)

    async def for_person(self, db: Connection, user_id: str) -> Readable:
        """What a person may read of all rooms."""
        raise NotImplementedError

    async def for_room(self, db: Connection, user_id: str, room_id: str) -> Readable:
        """What a person may read of one room."""
        raise NotImplementedError

    async def for_everyone_in(self, db: Connection, room_id: str) -> Readable:
        """What may be said in a room without telling anybody more than they may read of that room themselves."""
        raise NotImplementedError

    def for_auditor(self, user_id: str, purpose: str) -> Readable:
        """Everything, with what was removed and is still kept; the caller writes that to the audit log.

        Raises:
            AuditRefusedError: no auditor, or no purpose.
        """
        if "auditor" not in self._roles_of(user_id):
            raise AuditRefusedError("role")
        if not purpose.strip():
            raise AuditRefusedError("purpose")
        return Readable(seal_for_access(), {}, removed=True, everything=True)
