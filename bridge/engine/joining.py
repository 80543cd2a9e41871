"""Follows invitations: a bot joins the rooms that the listener has noted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from bridge.archive.consumer import repr_type
from bridge.engine.courier import AwayError, LimitedError, RefusedError
from bridge.storage import invites

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.engine.courier import Courier
    from bridge.storage.db import Db
    from bridge.storage.invites import Invite

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 3600.0


class Joining:
    """See `bridge.engine.lanes.Work`; a lane is a room."""

    def __init__(self, db: Db, courier: Courier) -> None:
        self.name = f"invitations of {courier.user_id}"
        self._db = db
        self._courier = courier

    async def fetch(self, without_lanes: Collection[str], limit: int) -> Sequence[Invite]:
        """See `Work`."""
        async with self._db.connection() as connection:
            return await invites.due(connection, self._courier.user_id, limit, without=without_lanes)

    async def seconds_to_next(self) -> float | None:
        """How long until an invitation is to be followed (again)."""
        async with self._db.connection() as connection:
            return await invites.seconds_to_next(connection, self._courier.user_id)

    def lane(self, row: Invite) -> str:
        """See `Work`."""
        return row.room_id

    async def handle(self, row: Invite) -> float:
        """See `Work`."""
        try:
            await self._courier.join(row.room_id)
        except RefusedError as error:
            log.warning("the invitation does not hold any more", room_id=row.room_id, reason=error.reason)
        except (AwayError, LimitedError) as error:
            seconds = min(FIRST_PAUSE * 2.0 ** min(row.attempts, 20), LONGEST_PAUSE)
            if isinstance(error, LimitedError):
                seconds = error.seconds
            log.warning("could not join yet", room_id=row.room_id, reason=repr_type(error), again_in=seconds)
            async with self._db.connection() as connection:
                await invites.later(connection, row, seconds, repr_type(error))
            return seconds
        else:
            log.info("joined a room", room_id=row.room_id, user_id=row.user_id)
        async with self._db.connection() as connection:
            await invites.drop(connection, row.room_id, row.user_id, row.seq)
        return 0.0
