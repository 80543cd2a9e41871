"""Who may read an archived event: the one place that decides it, and the only maker of `Readable`.

The rule is a table in docs/access.md; on plain facts it is in `bridge.archive.access_rule`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bridge.archive.access_rule import by_everybody, is_joined, readable, to_widen, who_come_later
from bridge.archive.spans import union
from bridge.storage import access
from bridge.storage.readable import Readable, seal_for_access

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from bridge.archive.spans import Spans
    from bridge.config.schema import Access as Settings
    from bridge.storage.access import Era, Stay
    from bridge.storage.db import Connection

    Facts = tuple[Sequence[Stay], Sequence[Era]]  # of one person in one room


class AuditRefusedError(Exception):
    """Somebody may not look into everything.

    Attributes:
        reason: `role` (is no auditor) or `purpose` (gave none).
    """

    def __init__(self, reason: Literal["role", "purpose"]) -> None:
        super().__init__(reason)
        self.reason = reason


class Access:
    """Turns a person into what they may read, as the archive knows it now.

    Ask for messages in the snapshot (`storage.export.snapshot`) in which this was asked, so that nobody reads what is
    sent between the two, after they were removed from the room.

    Args:
        settings: what the company decides.
        roles_of: the roles that a Matrix id has in the company, by the names of `bridge.botapi.rights`. `staff` and
            `guest` decide how the rule counts for a person, and who is neither may read nothing; `auditor` is for the
            one method that asks for it.
        bots: our own users, whose presence in a room does not count.
    """

    def __init__(self, settings: Settings, roles_of: Callable[[str], Collection[str]], bots: Collection[str]) -> None:
        self._settings = settings
        self._roles_of = roles_of
        self._bots = frozenset(bots)

    async def for_person(self, db: Connection, user_id: str) -> Readable:
        """What a person may read of all rooms."""
        roles = self._roles_of(user_id)
        if not {"staff", "guest"}.intersection(roles):
            return _sealed({})
        staff = "staff" in roles
        stays = await access.stays_of(db, user_id)
        eras = await access.eras_of(db, stays, and_world_readable=staff)
        facts = {room: (stays.get(room, ()), eras.get(room, ())) for room in stays.keys() | eras.keys()}
        return _sealed(await self._decide(db, facts, staff=staff))

    async def for_room(self, db: Connection, user_id: str, room_id: str) -> Readable:
        """What a person may read of one room."""
        roles = self._roles_of(user_id)
        if not {"staff", "guest"}.intersection(roles):
            return _sealed({})
        stays = await access.stays_of(db, user_id, room_id)
        eras = await access.eras_of(db, [room_id])
        facts = {room_id: (stays.get(room_id, ()), eras.get(room_id, ()))}
        return _sealed(await self._decide(db, facts, staff="staff" in roles))

    async def for_everyone_in(self, db: Connection, room_id: str) -> Readable:
        """What may be told in a room of that room: what each may read who is in it, or can come to see what is told.

        People of other servers count with what their clients show them, whether or not the bots serve them. What the
        policy adds before each one's joining is left out: it is their own, and reckoning it for hundreds takes seconds.
        """
        everybody = await access.members_of(db, room_id)
        members = {user_id: stays for user_id, stays in everybody.items() if user_id not in self._bots}
        eras = (await access.eras_of(db, [room_id])).get(room_id, ())
        readers = [
            readable(stays, eras, self._settings, staff="staff" in self._roles_of(user_id))
            for user_id, stays in members.items()
            if is_joined(stays)
        ]
        if not readers:
            return _sealed({})
        return _sealed({room_id: by_everybody([*readers, *who_come_later(members.values(), eras)])})

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

    async def _decide(self, db: Connection, facts: Mapping[str, Facts], *, staff: bool) -> dict[str, Spans]:
        """The rule for one person in many rooms, with one query at the most."""
        found = {room: readable(*known, self._settings, staff=staff) for room, known in facts.items()}
        joinings = [
            joining
            for room, (stays, _) in facts.items()
            for joining in to_widen(room, stays, found[room], self._settings, staff=staff)
        ]
        if joinings:
            windows = await access.windows_before(db, joinings, self._settings.later_joiners.length)
            for joining, window in zip(joinings, windows, strict=True):
                found[joining.room_id] = union((*found[joining.room_id], window))
        return found


def _sealed(rooms: Mapping[str, Spans]) -> Readable:
    return Readable(seal_for_access(), {room_id: spans for room_id, spans in rooms.items() if spans})
