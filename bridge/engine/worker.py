"""Works off what is asked: each ask once, in one transaction with all that comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from bridge.archive.consumer import repr_type
from bridge.botapi.errors import BusyError
from bridge.engine.answering import EmptyRoomError, NotYetError, Outcome
from bridge.engine.courier import AwayError, LimitedError, RefusedError
from bridge.engine.keeping import keep
from bridge.storage import asks
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from bridge.engine.answering import Answering
    from bridge.engine.courier import Courier
    from bridge.engine.limits import Limits
    from bridge.engine.situation import Situations
    from bridge.storage.asks import DueAsk
    from bridge.storage.db import Db

log = structlog.get_logger(__name__)

ATTEMPTS: Final = 6  # after failures that are not the handler's: 1, 2, 4, 8 and 16 s later
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Worker:
    """See `bridge.engine.lanes.Work`; a lane is a room.

    Args:
        couriers: by bot user.
        then: called after each commit.
    """

    name = "answers"

    def __init__(
        self,
        db: Db,
        answering: Answering,
        situations: Situations,
        couriers: Mapping[str, Courier],
        *,
        limits: Limits,
        then: Callable[[], None],
    ) -> None:
        self._db = db
        self._answering = answering
        self._situations = situations
        self._couriers = couriers
        self._limits = limits
        self._then = then

    async def fetch(self, without_lanes: Collection[str], limit: int) -> Sequence[DueAsk]:
        """See `Work`."""
        async with self._db.connection() as connection:
            return await asks.due(connection, self._couriers, without_lanes, limit)

    def lane(self, row: DueAsk) -> str:
        """See `Work`."""
        return row.room_id

    async def handle(self, row: DueAsk) -> float:
        """See `Work`."""
        try:
            await self._finish(row, await self._outcome(row))
        except UNAVAILABLE:
            raise
        except NotYetError:
            return await self._not_yet(row)
        except (AwayError, LimitedError) as error:
            seconds = error.seconds if isinstance(error, LimitedError) else FIRST_PAUSE * 2.0 ** min(row.attempts, 6)
            async with self._db.connection() as connection:
                await asks.again(connection, row.id, repr_type(error))
            return min(seconds, LONGEST_PAUSE)
        except Exception as error:  # noqa: BLE001 (whatever it is, the room goes on)
            return await self._failed(row, error)
        return 0.0

    async def _outcome(self, row: DueAsk) -> Outcome:
        if row.kind == "left":
            return await self._left(row)
        if row.kind == "join":
            try:
                return await self._answering.joined(row)
            except EmptyRoomError:
                return await self._left(row)
        if not self._situations.rights.of_company(row.sender):
            return Outcome(note="stranger")
        return await self._too_many(row) or await self._answered(row)

    async def _too_many(self, row: DueAsk) -> Outcome | None:
        seconds = 0.0 if row.attempts else self._limits.take(row.sender)
        if not seconds:
            return None
        if not self._limits.tell(row.sender):
            return Outcome(note="too many")
        return await self._answering.refusal(row, BusyError(seconds))

    async def _answered(self, row: DueAsk) -> Outcome:
        return await (self._answering.press(row) if row.kind == "press" else self._answering.message(row))

    async def _left(self, row: DueAsk) -> Outcome:
        """Leave a room in which only our own users are left; the homeserver knows best who is there."""
        courier = self._couriers[row.user_id]
        try:
            now = await courier.room(row.room_id)
            if (now.joined | now.invited) - self._situations.ours:
                return Outcome()
            await courier.leave(row.room_id)
        except RefusedError as error:
            return Outcome(note=error.reason)
        log.info("left an empty room", room_id=row.room_id, user_id=row.user_id)
        return Outcome(note="left")

    async def _finish(self, row: DueAsk, outcome: Outcome) -> None:
        # What is lost with the database's machine is answered again, with the same transaction ids.
        async with self._db.relaxed_tx() as tx:
            if not await asks.done(tx, row.id, outcome.note):
                return
            await keep(tx, outcome.posts, outcome.effects)
        self._then()

    async def _not_yet(self, row: DueAsk) -> float:
        if row.attempts >= ATTEMPTS:
            await self._finish(row, Outcome(note="about nothing that is known"))
            return 0.0
        async with self._db.connection() as connection:
            await asks.again(connection, row.id, "about nothing that is known yet")
        return FIRST_PAUSE

    async def _failed(self, row: DueAsk, error: Exception) -> float:
        again = row.attempts + 1 < ATTEMPTS
        log.error(
            "could not work off what was asked", cause=row.cause, attempt=row.attempts + 1, again=again, exc_info=error
        )
        async with self._db.connection() as connection:
            await (asks.again if again else asks.fail)(connection, row.id, repr_type(error))
        return FIRST_PAUSE * 2.0**row.attempts if again else 0.0
