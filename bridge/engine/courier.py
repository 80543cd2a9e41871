"""What the engine asks of the homeserver, in the name of one of our bot users. `bridge.matrix` implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class AwayError(Exception):
    """The homeserver (or the bot's device) is not there now; try again later."""


class LimitedError(Exception):
    """M_LIMIT_EXCEEDED: not before `seconds` have passed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


class RefusedError(Exception):
    """The homeserver refuses, and will again; `reason` is fit for a report (status and errcode, no text)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RoomNow:
    """What a room is at this moment, by the homeserver."""

    encrypted: bool
    joined: frozenset[str]
    invited: frozenset[str]


class Courier(Protocol):
    """One bot user. All methods raise AwayError, LimitedError or RefusedError."""

    user_id: str

    async def send(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any],
        txn_id: str,
        *,
        encrypted: bool | None = None,
    ) -> str:
        """Send an event, encrypted where the room is; the same `txn_id` again gives the same event id.

        `encrypted` is what is known of the room already, so that nobody has to ask the homeserver.

        The bot's device is named in the request, so that the homeserver still knows the id after its restart. Reactions
        and redactions are never encrypted; the content of an m.room.redaction has its target in `redacts`.
        """

    async def room(self, room_id: str) -> RoomNow:
        """A room that the bot is in.

        Raises:
            RefusedError: it is not in there.
        """

    async def create_direct(self, person: str, *, encrypted: bool, token: str) -> str:
        """Make a direct chat with a person and invite them; `token` goes into the content of m.room.create."""

    async def find_direct(self, token: str) -> str | None:
        """The room that was made with this token, None when there is none."""

    async def upload(self, path: Path, name: str, mimetype: str, *, encrypted: bool) -> dict[str, Any]:
        """Upload a file; what the content of its message holds of it: `url`, or `file` when encrypted, and `info`."""

    async def join(self, room_id: str) -> None:
        """Join a room."""

    async def leave(self, room_id: str) -> None:
        """Leave and forget a room; not being in it is no error."""
