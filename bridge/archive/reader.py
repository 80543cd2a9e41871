"""The consumer that notes which encrypted events are to be read.

It only writes rows; `bridge.matrix.crypto` does the work that needs keys and the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bridge.storage import undecrypted
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.archive.consumer import Rejected
    from bridge.storage.db import Connection
    from bridge.storage.inbox import InboxRow

MAX_SESSION_ID = 255
_TYPE = "m.room.encrypted"


class _Encrypted(msgspec.Struct):
    session_id: str = ""


class _Unsigned(msgspec.Struct):
    redacted_because: msgspec.Raw = msgspec.Raw()


class _EncryptedEvent(msgspec.Struct):
    content: _Encrypted
    unsigned: _Unsigned | None = None


_read_encrypted = msgspec.json.Decoder(_EncryptedEvent).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeError)


class Reader:
    """Follows the inbox for the bots that read encrypted rooms."""

    name = "reader"
    batch = 500

    def concerns(self, row: InboxRow) -> bool:
        """It may be a question."""
        return row.type == _TYPE

    async def apply(self, tx: Connection, rows: Sequence[InboxRow]) -> Sequence[Rejected]:
        """Note encrypted events; refuses nothing, since what is broken is noted as such."""
        encrypted: list[undecrypted.Encrypted] = []
        for row in rows:
            if row.kind != "event" or row.room_id is None or row.erased_at is not None:
                continue
            if row.type == _TYPE and not row.key.startswith("sha256:"):
                encrypted += _encrypted(row, row.room_id)
        if encrypted:
            await undecrypted.add(tx, encrypted)
        return ()

    async def clear(self, tx: Connection) -> None:
        """Forget what is to be read."""
        await undecrypted.clear(tx)


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
