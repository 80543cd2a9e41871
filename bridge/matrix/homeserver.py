"""What we ask of the homeserver as an application service.

Source: Matrix Client-Server API v1.16 (`/versions`, `/account/whoami`, `/media/config`), Application Service API v1.16
(`/ping`).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp

if TYPE_CHECKING:
    from bridge.config.schema import Config

TIMEOUT = aiohttp.ClientTimeout(total=20)


class HomeserverError(Exception):
    """The homeserver cannot be reached, or refuses.

    `status` is 0 when there was no answer; `errcode` and `body` are what it said.
    """

    def __init__(self, status: int, errcode: str = "", body: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {errcode}".strip())
        self.status = status
        self.errcode = errcode
        self.body = body or {}


@dataclass(frozen=True, slots=True)
class Homeserver:
    """The client API of the homeserver, with the appservice's token."""

    session: aiohttp.ClientSession
    address: str
    appservice_id: str
    as_token: str

    async def versions(self) -> list[str]:
        """The versions of the specification that it speaks.

        Raises:
            HomeserverError: no answer, or not that of a homeserver.
        """
        answer = await self._request("GET", "/_matrix/client/versions", token=False)
        versions = answer.get("versions")
        if not isinstance(versions, list):
            raise HomeserverError(200, "NOT_A_HOMESERVER")
        return [str(version) for version in versions]

    async def whoami(self) -> str:
        """The Matrix id of the appservice's own user.

        Raises:
            HomeserverError: 401 M_UNKNOWN_TOKEN when it does not know our as_token.
        """
        return str((await self._request("GET", "/_matrix/client/v3/account/whoami")).get("user_id"))

    async def ping(self) -> int:
        """Ask it to call us back; it then also sends at once what waits for us.

        Returns:
            the milliseconds that its call took.

        Raises:
            HomeserverError: `errcode` says what went wrong (M_CONNECTION_FAILED, M_CONNECTION_TIMEOUT, M_BAD_STATUS
                with `body["status"]`, M_URL_NOT_SET, M_FORBIDDEN).
        """
        path = f"/_matrix/client/v1/appservice/{quote(self.appservice_id, safe='')}/ping"
        return int((await self._request("POST", path, body={})).get("duration_ms", 0))

    async def upload_limit(self) -> int | None:
        """How many bytes a file may have that is uploaded; None when it does not say.

        Raises:
            HomeserverError
        """
        try:
            answer = await self._request("GET", "/_matrix/client/v1/media/config")
        except HomeserverError as error:
            if error.errcode == "M_UNRECOGNIZED":
                return None
            raise
        most = answer.get("m.upload.size")
        return most if type(most) is int else None

    async def _request(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, token: bool = True
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.as_token}"} if token else {}
        try:
            async with self.session.request(
                method, self.address + path, json=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
            ) as response:
                status, text = response.status, await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError, ValueError) as error:
            raise HomeserverError(0, type(error).__name__) from error
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise HomeserverError(status, "NOT_A_HOMESERVER")
        if status != 200:  # noqa: PLR2004
            raise HomeserverError(status, str(answer.get("errcode", "")), answer)
        return answer


def homeserver(session: aiohttp.ClientSession, config: Config) -> Homeserver:
    """The homeserver of the config."""
    return Homeserver(session, config.homeserver.address, config.appservice.id, config.appservice.as_token.reveal())


def problem(error: HomeserverError, config: Config) -> tuple[str, str]:  # noqa: PLR0911 (a table)
    """What an error of `versions`, `whoami` or `ping` means to IT.

    Returns:
        (what is wrong, what to do).
    """
    address, listen = config.homeserver.address, config.appservice.listen
    install = "add registration.yaml to app_service_config_files in homeserver.yaml and restart the homeserver"
    if error.errcode == "NOT_A_HOMESERVER":
        return (
            f"what answers at {address} is no Matrix homeserver",
            "set homeserver.address to the URL of its client API, as it is reached from here",
        )
    if error.status == 0:
        return (
            f"homeserver unreachable at {address} ({error.errcode})",
            "start it, or correct homeserver.address; Postkamer goes on trying",
        )
    match error.errcode:
        case "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN":
            return ("registration not installed: the homeserver does not know our as_token", install)
        case "M_FORBIDDEN":
            return (
                "registration differs from the config: the homeserver has another `id` with our as_token",
                f"make appservice.id the same in both; then {install}",
            )
        case "M_BAD_STATUS" if error.body.get("status") in (401, 403):
            return (
                "registration differs from the config: the homeserver shows another hs_token",
                f"install the registration that belongs to this config: {install}",
            )
        case "M_CONNECTION_FAILED" | "M_CONNECTION_TIMEOUT" | "M_BAD_STATUS":
            return (
                "the homeserver cannot reach us at the `url` of its registration",
                (
                    f"it has to lead to {listen} on this machine: set appservice.address, write the registration anew, "
                    "and look for a firewall in between"
                ),
            )
        case "M_URL_NOT_SET":
            return ("registration differs from the config: it has no `url`", install)
        case "M_UNRECOGNIZED":
            return (
                "the homeserver is too old: it has no application service ping",
                "upgrade it (Synapse 1.80 or newer)",
            )
    return (
        f"the homeserver answers {error.status} {error.errcode}".rstrip(),
        "look in the log of the homeserver",
    )
