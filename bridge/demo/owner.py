"""An application service that exists in the demo alone: it acts as every user of its own small server.

Only so can messages carry the time at which they would have been written (`ts`, Client-Server API, "Timestamp
massaging" in the Application Service API). Postkamer itself never has such rights.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

TIMEOUT = aiohttp.ClientTimeout(total=120)
_RECENT = 40


class RefusedError(PostkamerError):
    """The homeserver of the demo refuses something."""

    def __init__(self, what: str, status: int, errcode: str) -> None:
        super().__init__(f"the homeserver of the demo refuses {what}: {status} {errcode}")
        self.errcode = errcode


def owner_registration(path: Path, server_name: str, *, not_ours: Iterable[str]) -> str:
    """Write the registration of the owner, once.

    Args:
        not_ours: localparts that belong to another application service.

    Returns:
        its token.
    """
    if path.exists():
        return str(json.loads(path.read_text())["as_token"])
    others = "|".join(re.escape(localpart) for localpart in not_ours)
    registration = {
        "id": "demo-owner",
        "url": None,
        "as_token": secrets.token_hex(32),
        "hs_token": secrets.token_hex(32),
        "sender_localpart": "_demo_owner",
        "rate_limited": False,
        "io.element.msc4190": True,
        "namespaces": {
            "users": [{"regex": f"^@(?!(?:{others}):).*:{re.escape(server_name)}$", "exclusive": False}],
            "aliases": [{"regex": f"^#.*:{re.escape(server_name)}$", "exclusive": False}],
            "rooms": [],
        },
    }
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(registration, indent=2))
    unfinished.replace(path)
    return str(registration["as_token"])


class Owner:
    """The client API in the name of whoever is needed. Every method raises RefusedError."""

    def __init__(self, session: aiohttp.ClientSession, url: str, server_name: str, as_token: str) -> None:
        self.session = session
        self.url = url
        self.server_name = server_name
        self.as_token = as_token

    def user_id(self, localpart: str) -> str:
        """`@localpart:server_name`."""
        return f"@{localpart}:{self.server_name}"

    async def register(self, localpart: str) -> None:
        """Make a user without a password; one that is there already stays as it is."""
        body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
        try:
            await self.request("POST", "v3/register", None, body)
        except RefusedError as error:
            if error.errcode != "M_USER_IN_USE":
                raise

    async def set_name(self, who: str, name: str) -> None:
        """The display name, also in the rooms that the user is in."""
        user = quote(self.user_id(who))
        await self.request("PUT", f"v3/profile/{user}/displayname", who, {"displayname": name})

    async def room(self, alias: str, who: str, body: Mapping[str, Any]) -> str:
        """The room with an alias (the part before the colon); made by `who` when it is not there.

        Returns:
            its id.
        """
        room_id = await self._with_alias(alias, who)
        if room_id is not None and await self._is_whole(room_id, who):
            return room_id
        if room_id is not None:
            await self.request("DELETE", self._directory(alias), who)
        made = await self.request("POST", "v3/createRoom", who, {**body, "room_alias_name": alias})
        return str(made["room_id"])

    async def _with_alias(self, alias: str, who: str) -> str | None:
        try:
            return str((await self.request("GET", self._directory(alias), who))["room_id"])
        except RefusedError as error:
            if error.errcode != "M_NOT_FOUND":
                raise
            return None

    async def _is_whole(self, room_id: str, who: str) -> bool:
        """Whether a room has a name, which is set last: the server may have been killed while it made the room."""
        try:
            await self.request("GET", f"v3/rooms/{quote(room_id)}/state/m.room.name/", who)
        except RefusedError as error:
            if error.errcode not in ("M_NOT_FOUND", "M_FORBIDDEN"):
                raise
            return False
        return True

    def _directory(self, alias: str) -> str:
        return f"v3/directory/room/{quote(f'#{alias}:{self.server_name}')}"

    async def send(
        self, who: str, room_id: str, event_type: str, content: Mapping[str, Any], *, txn_id: str, ts: int
    ) -> str:
        """Send an event as of `ts` (milliseconds since 1970); returns its id."""
        path = f"v3/rooms/{quote(room_id)}/send/{quote(event_type)}/{quote(txn_id)}"
        return str((await self.request("PUT", path, who, content, {"ts": str(ts)}))["event_id"])

    async def set_state(
        self, who: str, room_id: str, event_type: str, content: Mapping[str, Any], *, key: str = "", ts: int
    ) -> str:
        """Set state as of `ts`; returns the event id. What is so already stays."""
        path = f"v3/rooms/{quote(room_id)}/state/{quote(event_type)}/{quote(key)}"
        return str((await self.request("PUT", path, who, content, {"ts": str(ts)}))["event_id"])

    async def set_member(self, who: str, room_id: str, target: str, membership: str, *, ts: int, **more: str) -> str:
        """Invite, join or leave, as of `ts`; returns the event id."""
        content = {"membership": membership, **more}
        return await self.set_state(who, room_id, "m.room.member", content, key=self.user_id(target), ts=ts)

    async def members(self, who: str, room_id: str) -> set[str]:
        """The ids of those who are in a room of `who`."""
        answer = await self.request("GET", f"v3/rooms/{quote(room_id)}/joined_members", who)
        return set(answer["joined"])

    async def recent(self, who: str, room_id: str) -> dict[tuple[str, int], str]:
        """The last events of a room: (user id, milliseconds since 1970) to event id."""
        query = {"dir": "b", "limit": str(_RECENT)}
        answer = await self.request("GET", f"v3/rooms/{quote(room_id)}/messages", who, query=query)
        return {(event["sender"], event["origin_server_ts"]): event["event_id"] for event in answer["chunk"]}

    async def upload(self, who: str, data: bytes, mimetype: str, name: str) -> str:
        """Upload a file; returns its mxc URI."""
        params = {"user_id": self.user_id(who), "filename": name}
        headers = {"Authorization": f"Bearer {self.as_token}", "Content-Type": mimetype}
        path = f"{self.url}/_matrix/media/v3/upload"
        async with self.session.post(path, data=data, params=params, headers=headers, timeout=TIMEOUT) as response:
            answer = await response.json()
            if "content_uri" not in answer:
                raise RefusedError("an upload", response.status, str(answer.get("errcode")))
        return str(answer["content_uri"])

    async def request(
        self,
        method: str,
        path: str,
        who: str | None,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Any request; `path` from after `/_matrix/client/`, `who` a localpart."""
        params = {**(query or {}), **({"user_id": self.user_id(who)} if who else {})}
        headers = {"Authorization": f"Bearer {self.as_token}"}
        if body is None and method in ("PUT", "POST"):
            body = {}
        try:
            async with self.session.request(
                method, f"{self.url}/_matrix/client/{path}", json=body, params=params, headers=headers, timeout=TIMEOUT
            ) as response:
                answer: dict[str, Any] = await response.json()
                if response.status >= 400:  # noqa: PLR2004
                    raise RefusedError(f"{method} {path}", response.status, str(answer.get("errcode")))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PostkamerError(
                f"the homeserver of the demo does not answer ({type(error).__name__})",
                "look in its log, synapse/homeserver.log in the folder of the demo; then start the demo again",
            ) from error
        return answer
