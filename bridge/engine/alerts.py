"""Tells people of new messages that their searches find: who is in the room, with their rights at that moment.

Once the index holds what the inbox has up to some row, the messages up to there are looked through, room by room, for
everybody who is in the room and has alerts. What they find is kept, and a job of the search bot tells it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import structlog

from bridge.search.index import NotReadyError
from bridge.search.results import BusyError, Seeker
from bridge.storage import searches
from bridge.storage.db import UNAVAILABLE
from bridge.storage.searches import NewAlerted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bridge.search.service import Search
    from bridge.storage.db import Db
    from bridge.storage.searches import Listener, NewMessage

log = structlog.get_logger(__name__)

BOT, ACTION = "search", "tell"  # the job: `bots.search.SearchBot.tell`
PAUSE: Final = 60.0  # seconds between two messages to one person
BATCH: Final = 500  # rows of the inbox
LOOK_SECONDS: Final = 1.0
WAIT_SECONDS: Final = 5.0  # after something that should pass by itself
_CLEAN_EVERY: Final = 3600  # looks


class Alerts:
    """Looks through what is new. One process at a time.

    Args:
        roles_of: the roles that somebody has in the company; who has none is told nothing.
        then: called when a job was planned.
    """

    def __init__(
        self, db: Db, search: Search, roles_of: Callable[[str], Collection[str]], then: Callable[[], None]
    ) -> None:
        self._db = db
        self._search = search
        self._roles_of = roles_of
        self._then = then
        self._looks = 0

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            pause = LOOK_SECONDS
            try:
                while await self.step():
                    pass
            except UNAVAILABLE as error:
                log.warning("alerts wait for the database", error=type(error).__name__)
                pause = WAIT_SECONDS
            except (NotReadyError, BusyError) as error:
                log.info("alerts wait for the index", error=type(error).__name__)
                pause = WAIT_SECONDS
            await asyncio.sleep(pause)

    async def step(self) -> bool:
        """Look through the next rows of the inbox; False when there are none that the index holds."""
        self._looks += 1
        async with self._db.connection() as db:
            if self._looks % _CLEAN_EVERY == 1:
                await searches.forget_told(db)
            at = await searches.watched(db)
            again = await searches.again(db, BATCH) if at.any else []
            end = min(at.indexed, at.position + BATCH) if at.any else at.indexed
            new = await searches.new_messages(db, at.position, end, again, self._search.bots) if at.any else []
            listeners = await searches.listeners(db, {one.room_id for one in new}) if new else []
        found = await self._look_through(new, listeners)
        moves = end > at.position
        if moves or again:
            async with self._db.tx() as tx:
                await searches.found(tx, found)
                await searches.done_again(tx, again)
                if moves:
                    await searches.move(tx, end)
        await self._plan()
        return moves

    async def _look_through(self, new: Sequence[NewMessage], listeners: Sequence[Listener]) -> list[NewAlerted]:
        """What each alert finds of the messages that are new to its owner, and not their own."""
        found: list[NewAlerted] = []
        for one in listeners:
            alert = one.alert
            event_ids = {
                message.seq: message.event_id
                for message in new
                if message.room_id == one.room_id and message.sender != alert.user_id and message.seq > one.since
            }
            if event_ids:
                seqs = await self._matching(one, event_ids)
                found += [NewAlerted(alert.user_id, event_ids[seq], seq, alert.id) for seq in seqs]
        return found

    async def _matching(self, one: Listener, seqs: Collection[int]) -> Collection[int]:
        seeker = Seeker(one.alert.user_id, ZoneInfo(one.alert.timezone))
        try:
            return await self._search.matching(seeker, one.alert.line, one.room_id, seqs)
        except (NotReadyError, BusyError, *UNAVAILABLE):
            raise
        except Exception:
            log.exception("an alert could not look", alert=one.alert.id)  # one must not stop the others
            return ()

    async def _plan(self) -> None:
        """See to it that whoever has to be told something is told it."""
        async with self._db.connection() as db:
            waiting = await searches.untold(db, BOT, ACTION)
        if not waiting:
            return
        told = [user_id for user_id in waiting if self._roles_of(user_id)]
        async with self._db.tx() as tx:
            await searches.plan(tx, BOT, ACTION, told, PAUSE)
            await searches.drop(tx, [user_id for user_id in waiting if user_id not in told])
        self._then()
