"""The consumer of the inbox that finds what bots are asked: commands, presses of buttons, invitations, empty rooms.

It only writes rows (`ask`, `invite`, `bot_room`); the workers do the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bridge.archive.events import reference, text_of
from bridge.engine.hearing import Hearing, event_of
from bridge.engine.roles import Rights, our_users
from bridge.engine.users import bot_users
from bridge.storage import asks, bot_rooms, invites
from bridge.storage.bot_rooms import BotRoom

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.archive.consumer import Rejected
    from bridge.archive.events import Event
    from bridge.botapi.runner import Runner
    from bridge.config.schema import Config
    from bridge.storage.db import Connection
    from bridge.storage.inbox import InboxRow

log = structlog.get_logger(__name__)

OLD: Final = timedelta(hours=24)  # what is older when it comes in is not answered any more
_MEMBER, _TOMBSTONE = "m.room.member", "m.room.tombstone"
_GONE: Final = frozenset({"leave", "ban"})


class Listener:
    """See `bridge.archive.consumer.Consumer`.

    Args:
        runners: by bot user; other users of the config are ours too, but nobody answers for them.
    """

    name = "bots"
    batch = 500

    def __init__(
        self,
        config: Config,
        runners: Mapping[str, Runner],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._users = bot_users(config, runners)
        self._ours = our_users(config)
        self._rights = Rights(config)
        self._now = now

    def concerns(self, row: InboxRow) -> bool:
        """It may be a question."""
        return row.kind != "ephemeral"

    async def apply(self, tx: Connection, rows: Sequence[InboxRow]) -> Sequence[Rejected]:
        """Note what is asked; what cannot be read as an event is nobody's question, so nothing is refused."""
        wanted = [row for row in rows if row.room_id is not None and row.erased_at is None and row.before_seq is None]
        if not self._users or not wanted:
            return ()
        hearing = Hearing(tx, self._users, self._ours, self._now() - OLD)
        await hearing.load(wanted)
        for row in wanted:
            if row.type in (_MEMBER, _TOMBSTONE):
                await self._state(tx, hearing, row)
            else:
                hearing.add(row)
        await asks.add(tx, await hearing.asks())
        return ()

    async def clear(self, tx: Connection) -> None:
        """Forget rooms and invitations. What was asked stays, so that nothing is answered a second time."""
        await bot_rooms.clear(tx)
        await invites.clear(tx)

    async def _state(self, tx: Connection, hearing: Hearing, row: InboxRow) -> None:
        event = event_of(row)
        if event is None or event.state_key is None:
            return
        if event.type == _TOMBSTONE:
            await self._upgraded(tx, hearing, event)
            return
        if any(user.user_id == event.state_key for user in self._users):
            await self._own_membership(tx, hearing, event, event.state_key)
        if event.content.get("membership") in _GONE:
            for user in hearing.there(event.room_id, event.seq):
                hearing.ask(f"left:{event.event_id}", event, user.user_id, "left")

    async def _own_membership(self, tx: Connection, hearing: Hearing, event: Event, user_id: str) -> None:
        membership = text_of(event.content.get("membership"))
        held = hearing.membership(event.room_id, user_id)
        if membership is None or (held is not None and held.seq > event.seq):
            return
        direct = held is not None and held.direct
        if membership == "invite":
            if "staff" not in self._rights.of_company(event.sender):
                log.info("invited by somebody who is not of the staff", room_id=event.room_id, user_id=user_id)
                return
            direct = event.content.get("is_direct") is True
            await invites.add(tx, event.room_id, user_id, event.seq)
        elif held is not None and held.membership == membership:
            return  # another name or picture
        else:
            await invites.drop(tx, event.room_id, user_id, event.seq)
        now = BotRoom(event.room_id, user_id, membership, event.seq, direct)
        await bot_rooms.put(tx, now)
        hearing.moved(now)
        if membership == "join":
            hearing.ask(f"greet:{event.room_id}:{user_id}", event, user_id, "join")

    async def _upgraded(self, tx: Connection, hearing: Hearing, event: Event) -> None:
        """The bots of a room move with it when a member of staff has upgraded it."""
        successor = reference(event.content.get("replacement_room"))
        if successor is None or event.state_key or "staff" not in self._rights.of_company(event.sender):
            return
        for user in hearing.there(event.room_id, event.seq):
            if not await bot_rooms.is_joined(tx, successor, user.user_id):
                await invites.add(tx, successor, user.user_id, event.seq)
