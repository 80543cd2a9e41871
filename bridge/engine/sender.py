"""Sends what is in the outbox, in the name of one bot: in order within a room, until the homeserver has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from bridge.archive.consumer import repr_type
from bridge.engine.courier import AwayError, LimitedError, RefusedError
from bridge.engine.posts import instead_of_file
from bridge.storage import outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.engine.courier import Courier
    from bridge.engine.direct import DirectChats
    from bridge.storage.db import Db
    from bridge.storage.outbox import DuePost

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
FILE_GONE: Final = "the file to send is gone"


class Sender:
    """See `bridge.engine.lanes.Work`; a lane is a room, or somebody's direct chat."""

    def __init__(self, db: Db, courier: Courier, direct: DirectChats) -> None:
        self.name = f"outbox of {courier.user_id}"
        self._db = db
        self._courier = courier
        self._direct = direct

    async def fetch(self, without_lanes: Collection[str], limit: int) -> Sequence[DuePost]:
        """See `Work`."""
        async with self._db.connection() as connection:
            return await outbox.due(connection, self._courier.user_id, without_lanes, limit)

    def lane(self, row: DuePost) -> str:
        """See `Work`."""
        return row.lane

    async def handle(self, row: DuePost) -> float:
        """See `Work`."""
        try:
            room_id = await self._room(row)
            event_id = await self._send(row, room_id)
        except RefusedError as error:
            log.error("cannot be sent", cause=row.cause, room_id=row.room_id, reason=error.reason)  # noqa: TRY400
            async with self._db.tx() as tx:
                await outbox.fail(tx, row.id, error.reason)
                await outbox.add(tx, instead_of_file(row))
        except LimitedError as error:
            await self._again(row, error)
            return max(error.seconds, FIRST_PAUSE)
        except AwayError as error:
            await self._again(row, error)
            return min(FIRST_PAUSE * 2.0 ** min(row.attempts, 20), LONGEST_PAUSE)
        else:
            async with self._db.relaxed_tx() as tx:
                await outbox.sent(tx, row.id, event_id, room_id)
        _delete_file(row)
        return 0.0

    async def _again(self, row: DuePost, error: Exception) -> None:
        if row.attempts == 0:
            log.warning("cannot be sent now, trying again", cause=row.cause, error=repr_type(error))
        async with self._db.connection() as connection:
            await outbox.again(connection, row.id, repr_type(error))

    async def _room(self, row: DuePost) -> str:
        if row.on_id is not None:
            if row.on_state == "failed":
                raise RefusedError(outbox.RELATED)
            if row.on_event is None or row.on_room is None:
                raise AwayError("what it belongs to is not sent yet")
            return row.on_room
        if row.room_id is not None:
            return row.room_id
        if row.person is None:
            raise RefusedError("neither a room nor a person")
        return await self._direct.room_with(row.person, sealed=row.sealed)

    async def _send(self, row: DuePost, room_id: str) -> str:
        content: dict[str, Any] = json.loads(row.content)
        if row.type == outbox.REDACTION:
            content["redacts"] = row.on_event
        elif row.on_id is not None:
            content["m.relates_to"]["event_id"] = row.on_event
        if row.file is not None:
            content |= await self._uploaded(row.file, room_id)
        return await self._courier.send(room_id, row.type, content, row.txn_id, encrypted=row.encrypted)

    async def _uploaded(self, file: str, room_id: str) -> dict[str, Any]:
        described = json.loads(file)
        path = Path(described["path"])
        if not path.is_file():  # noqa: ASYNC240 (one look at a local file)
            raise RefusedError(FILE_GONE)
        encrypted = (await self._courier.room(room_id)).encrypted
        return await self._courier.upload(path, described["name"], described["mimetype"], encrypted=encrypted)


def _delete_file(row: DuePost) -> None:
    """The file is ours, and nobody needs it any more."""
    if row.file is not None:
        Path(json.loads(row.file)["path"]).unlink(missing_ok=True)
