"""Direct chats of a bot with a person.

Source: Matrix Client-Server API v1.16, "Creation" (of rooms) and "Direct Messaging".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from mautrix.api import Path

from bridge.engine.courier import AwayError, LimitedError, RefusedError
from bridge.matrix.crypto.calls import NotThereError
from bridge.matrix.crypto.payload import ALGORITHM

if TYPE_CHECKING:
    from bridge.matrix.crypto.calls import Calls

log = structlog.get_logger(__name__)

TOKEN = "nl.postkamer.direct"  # noqa: S105 (the name of a field)


async def create(calls: Calls, user_id: str, person: str, *, encrypted: bool, token: str) -> str:
    """Make a room with a person, who is invited; returns its id.

    Args:
        token: stands in its m.room.create, for `find`.

    Raises:
        AwayError, LimitedError, RefusedError: when it was not made (or perhaps was: see `find`).
    """
    body: dict[str, Any] = {
        "preset": "trusted_private_chat",
        "is_direct": True,
        "invite": [person],
        "creation_content": {TOKEN: token},
    }
    if encrypted:
        encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": ALGORITHM}}
        body["initial_state"] = [encryption]
    room_id = str((await calls.post(Path.v3.createRoom, body))["room_id"])
    try:
        await _list(calls, user_id, person, room_id)
    except (AwayError, LimitedError, RefusedError) as error:
        # Only clients that show the bot's own rooms would use it.
        log.warning("a direct chat could not be listed as one", room_id=room_id, error=type(error).__name__)
    return room_id


async def find(calls: Calls, token: str) -> str | None:
    """The room that the bot is in and that was made with this token, None when there is none.

    Asks for each room of the bot: for the rare case that we died after making one.
    """
    for room_id in (await calls.get(Path.v3.joined_rooms))["joined_rooms"]:
        try:
            made = await calls.get(Path.v3.rooms[room_id].state["m.room.create"])
        except RefusedError:
            continue  # it has left it since
        if made.get(TOKEN) == token:
            return str(room_id)
    return None


async def _list(calls: Calls, user_id: str, person: str, room_id: str) -> None:
    path = Path.v3.user[user_id].account_data["m.direct"]
    try:
        chats = await calls.get(path)
    except NotThereError:
        chats = {}
    of_person = chats.get(person)
    await calls.put(path, {**chats, person: [*(of_person if isinstance(of_person, list) else ()), room_id]})
