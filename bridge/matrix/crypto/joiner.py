"""Follows invitations: the bot joins the rooms that the reader has noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from mautrix.api import Method, Path
from mautrix.errors import MatrixRequestError

from bridge.storage import invites

if TYPE_CHECKING:
    from mautrix.client import Client

    from bridge.matrix.crypto.store import Store
    from bridge.storage.invites import Invite

log = structlog.get_logger(__name__)

BATCH = 20
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 3600.0
_FORBIDDEN, _NOT_FOUND = 403, 404


class Joiner:
    """Joins one batch of rooms after the other."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store

    async def step(self) -> bool:
        """Join the rooms whose time has come; False when there was none.

        Raises:
            mautrix.errors.MatrixConnectionError: the homeserver is away.
            one of `storage.db.UNAVAILABLE`.
        """
        async with self._store.connection() as connection:
            due = await invites.due(connection, self._client.mxid, BATCH)
        for invite in due:
            await self._join(invite)
        return bool(due)

    async def seconds_to_next(self) -> float | None:
        """How long until a room is to be tried (again); None when there is none."""
        async with self._store.connection() as connection:
            return await invites.seconds_to_next(connection, self._client.mxid)

    async def _join(self, invite: Invite) -> None:
        try:
            await self._client.api.request(Method.POST, Path.v3.rooms[invite.room_id].join, {})
        except MatrixRequestError as error:
            reason = f"{error.http_status} {getattr(error, 'errcode', None) or ''}".strip()
            if error.http_status not in (_FORBIDDEN, _NOT_FOUND):
                seconds = min(FIRST_PAUSE * 2.0 ** min(invite.attempts, 20), LONGEST_PAUSE)
                log.warning("the bot could not join yet", room_id=invite.room_id, reason=reason, again_in=seconds)
                async with self._store.connection() as connection:
                    await invites.later(connection, invite, seconds, reason)
                return
            log.warning("the invitation of the bot does not hold any more", room_id=invite.room_id, reason=reason)
        else:
            log.info("the bot joined a room", room_id=invite.room_id)
        async with self._store.connection() as connection:
            await invites.drop(connection, invite.room_id, invite.user_id, invite.seq)
