"""Requests in the name of a bot and its device, and what their failures mean to who sends.

Source: Matrix Client-Server API v1.16, "Standard error response" and "Rate limiting".
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from mautrix.errors import MatrixConnectionError, MatrixRequestError
from yarl import URL

from bridge.engine.courier import AwayError, LimitedError, RefusedError
from bridge.storage.db import UNAVAILABLE
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mautrix.api import HTTPAPI, PathBuilder

# A send may wait for other servers (a join, keys of their users).
TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10)
LIMITED_SECONDS = 5.0  # when the homeserver does not say how long
MAX_LIMITED_SECONDS = 3600.0
MAX_ERRCODE = 60
_UNAUTHORIZED, _NOT_FOUND, _TIMEOUT, _TOO_LARGE, _TOO_MANY, _SERVER_ERROR = 401, 404, 408, 413, 429, 500


class NotThereError(RefusedError):
    """404 M_NOT_FOUND: the homeserver knows what was meant, and has none."""


class Calls:
    """The client API of the homeserver.

    Args:
        api: says as whom: token, user and device are taken from it for each request.
    """

    def __init__(self, api: HTTPAPI) -> None:
        self._api = api

    async def get(self, path: PathBuilder | str, **query: str) -> dict[str, Any]:
        """GET.

        Raises:
            AwayError, LimitedError, RefusedError (NotThereError)
        """
        return await self.request("GET", path, query=query)

    async def post(self, path: PathBuilder | str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST; raises as `get`."""
        return await self.request("POST", path, json=dict(body))

    async def put(self, path: PathBuilder | str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PUT; raises as `get`."""
        return await self.request("PUT", path, json=dict(body))

    async def request(
        self,
        method: str,
        path: PathBuilder | str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: aiohttp.ClientTimeout = TIMEOUT,  # noqa: ASYNC109 (of aiohttp)
        **body: Any,
    ) -> dict[str, Any]:
        """Any request; raises as `get`.

        Args:
            body: `json` or `data`, as for aiohttp.
        """
        api = self._api
        url = URL(f"{str(api.base_url).rstrip('/')}/{path}", encoded=True)
        params = dict(query or {})
        if api.as_user_id:
            params["user_id"] = str(api.as_user_id)
        if api.as_device_id:
            # The second is its name from before the specification had it (MSC3202).
            params["device_id"] = params["org.matrix.msc3202.device_id"] = str(api.as_device_id)
        try:
            async with api.session.request(
                method,
                url,
                params=params,
                headers={**(headers or {}), "Authorization": f"Bearer {api.token}"},
                timeout=timeout,
                allow_redirects=False,
                **body,
            ) as response:
                status, found = response.status, await response.text(errors="replace")
                wait = response.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AwayError(f"the homeserver does not answer ({type(error).__name__})") from error
        return _answer(status, found, wait)


def _answer(status: int, text: str, wait: str | None) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and status == 200:  # noqa: PLR2004
        return answer
    if not isinstance(answer, dict):
        if status == _TOO_LARGE:
            raise RefusedError(str(status))
        if status != _TOO_MANY:
            # A proxy in front of it speaks.
            raise AwayError(f"what answers ({status}) is no homeserver")
        answer = {}
    errcode = answer.get("errcode")
    raise failure(status, errcode if isinstance(errcode, str) else "", _seconds(answer.get("retry_after_ms"), wait))


def _seconds(retry_after_ms: Any, header: str | None) -> float:
    if isinstance(retry_after_ms, int | float) and retry_after_ms >= 0:
        return min(float(retry_after_ms) / 1000, MAX_LIMITED_SECONDS)
    if header is not None and header.isascii() and header.isdigit():
        return min(float(header[:9]), MAX_LIMITED_SECONDS)
    return LIMITED_SECONDS


def failure(status: int, errcode: str, seconds: float = LIMITED_SECONDS) -> Exception:
    """What an error response means: AwayError, LimitedError, NotThereError or RefusedError."""
    reason = f"{status} {clean(errcode)[:MAX_ERRCODE]}".strip()
    if status == _TOO_MANY:
        return LimitedError(seconds)
    # The token or the device is no more: the device is being set up again.
    unknown = status == _UNAUTHORIZED or errcode in ("M_UNKNOWN_DEVICE", "M_UNKNOWN_TOKEN")
    if unknown or status == _TIMEOUT or status >= _SERVER_ERROR or status < 400:  # noqa: PLR2004 (no error at all)
        return AwayError(f"the homeserver answers {reason}")
    if status == _NOT_FOUND and errcode == "M_NOT_FOUND":
        return NotThereError(reason)
    return RefusedError(reason)


@contextmanager
def as_courier() -> Iterator[None]:
    """Turn errors of mautrix and of the database into those that a courier raises."""
    try:
        yield
    except MatrixConnectionError as error:
        raise AwayError("the homeserver does not answer") from error
    except MatrixRequestError as error:
        raise failure(error.http_status, getattr(error, "errcode", None) or "") from error
    except UNAVAILABLE as error:
        raise AwayError(f"the database or the homeserver is away ({type(error).__name__})") from error
