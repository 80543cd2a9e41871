"""The direct chat of a bot with a person: found, or made."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import structlog

from bridge.engine.courier import RefusedError
from bridge.storage import direct_chats

if TYPE_CHECKING:
    from bridge.engine.courier import Courier
    from bridge.storage.db import Db

log = structlog.get_logger(__name__)


class DirectChats:
    """Those of one bot."""

    def __init__(self, db: Db, courier: Courier) -> None:
        self._db = db
        self._courier = courier

    async def room_with(self, person: str, *, sealed: bool) -> str:
        """The room in which nobody but the two is; the person may still have to accept the invitation.

        Args:
            sealed: it must be encrypted.

        Raises:
            AwayError, LimitedError
            RefusedError: it cannot be made.
        """
        bot = self._courier.user_id
        async with self._db.connection() as connection:
            made = await direct_chats.get(connection, bot, person, encrypted=sealed)
            known = await direct_chats.find(connection, bot, person, sealed=sealed)
        if made is not None and made.room_id is None:
            return await self._make(person, made.token, encrypted=sealed, begun=True)
        first = [made.room_id] if made is not None and made.room_id is not None else []
        for room_id in dict.fromkeys([*first, *known]):
            if await self._fits(room_id, person, sealed=sealed):
                return room_id
        token = secrets.token_urlsafe(16)
        async with self._db.connection() as connection:
            await direct_chats.begin(connection, bot, person, token, encrypted=sealed)
        return await self._make(person, token, encrypted=sealed, begun=False)

    async def _make(self, person: str, token: str, *, encrypted: bool, begun: bool) -> str:
        """Make it, unless that was done before a crash (`begun`)."""
        room_id = await self._courier.find_direct(token) if begun else None
        if room_id is None:
            room_id = await self._courier.create_direct(person, encrypted=encrypted, token=token)
            log.info("made a direct chat", room_id=room_id, user_id=self._courier.user_id)
        async with self._db.connection() as connection:
            await direct_chats.made(connection, self._courier.user_id, token, room_id)
        return room_id

    async def _fits(self, room_id: str, person: str, *, sealed: bool) -> bool:
        """Whether the person is (or is asked to be) there, and nobody else."""
        try:
            now = await self._courier.room(room_id)
        except RefusedError:
            return False
        present = now.joined | now.invited
        return present == {self._courier.user_id, person} and (now.encrypted or not sealed)
