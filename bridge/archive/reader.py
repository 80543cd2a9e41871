"""The consumer that notes which encrypted events are to be read, and which rooms our bot was asked into.

It only writes rows; `bridge.matrix.crypto` does the work that needs keys and the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bridge.storage import invites, undecrypted
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.archive.consumer import Rejected
    from bridge.config.schema import Config
    from bridge.storage.db import Connection
    from bridge.storage.inbox import InboxRow

MAX_SESSION_ID = 255


class _Encrypted(msgspec.Struct):
    session_id: str = ""


class _Unsigned(msgspec.Struct):
    redacted_because: msgspec.Raw = msgspec.Raw()


class _EncryptedEvent(msgspec.Struct):
    content: _Encrypted
    unsigned: _Unsigned | None = None


class _Member(msgspec.Struct):
    membership: str


class _MemberEvent(msgspec.Struct):
    content: _Member
    sender: str
    state_key: str


_read_encrypted = msgspec.json.Decoder(_EncryptedEvent).decode
_read_member = msgspec.json.Decoder(_MemberEvent).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeError)


class Reader:
    """Follows the inbox for the bot that reads encrypted rooms.

    Only invitations from its own homeserver are followed.
    """

    name = "reader"
    batch = 500

    def __init__(self, config: Config) -> None:
        self._server = str(config.homeserver.server_name)
        self._bot = f"@{config.bots.users[0].localpart}:{self._server}"

    async def apply(self, tx: Connection, rows: Sequence[InboxRow]) -> Sequence[Rejected]:
        """Note encrypted events and invitations; refuses nothing, since what is broken is noted as such."""
        encrypted: list[undecrypted.Encrypted] = []
        for row in rows:
            if row.kind != "event" or row.room_id is None or row.erased_at is not None:
                continue
            if row.type == "m.room.encrypted" and not row.key.startswith("sha256:"):
                encrypted += _encrypted(row, row.room_id)
            elif row.type == "m.room.member" and row.before_seq is None:
                await self._member(tx, row, row.room_id)
        if encrypted:
            await undecrypted.add(tx, encrypted)
        return ()

    async def _member(self, tx: Connection, row: InboxRow, room_id: str) -> None:
        if self._bot.encode() not in row.raw:
            return
        try:
            event = _read_member(row.raw)
        except _UNREADABLE:
            return
        if event.state_key != self._bot:
            return
        if event.content.membership != "invite":
            await invites.drop(tx, room_id, self._bot, row.seq)
        elif _server_of(event.sender) == self._server:
            await invites.add(tx, room_id, self._bot, row.seq)

    async def clear(self, tx: Connection) -> None:
        """Forget what is to be read and joined."""
        await undecrypted.clear(tx)
        await invites.clear(tx)


def _encrypted(row: InboxRow, room_id: str) -> list[undecrypted.Encrypted]:
    try:
        event = _read_encrypted(row.raw)
    except _UNREADABLE:
        session_id = ""
    else:
        if event.unsigned is not None and bytes(event.unsigned.redacted_because):
            return []  # it was removed before it reached us: nothing is left to read
        session_id = clean(event.content.session_id)
    if not session_id or len(session_id) > MAX_SESSION_ID:
        return [undecrypted.Encrypted(row.key, row.seq, room_id, "", undecrypted.DAMAGED)]
    return [undecrypted.Encrypted(row.key, row.seq, room_id, session_id)]


def _server_of(user_id: str) -> str:
    """The part after the first colon of a Matrix id (localparts hold none)."""
    return user_id.partition(":")[2]
