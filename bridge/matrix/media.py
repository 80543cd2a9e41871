"""Fetching files from the homeserver's media repository.

Source: Matrix Client-Server API v1.16, `GET /_matrix/client/v1/media/download/{serverName}/{mediaId}`. For a file of
another server, the homeserver fetches it there first, which may take a while before the first byte.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from bridge.archive.media_source import Download, MediaAwayError, MediaFailedError, MediaTooLargeError
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.config.schema import Config

# No limit for the whole: a large file over a slow line is no failure. Silence is.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
BUFFER = 512 * 1024
MAX_HOPS = 5
MAX_ERROR = 64 * 1024
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


class HomeserverMedia:
    """The media repository, with the appservice's token. Implements `bridge.archive.media_source.MediaSource`."""

    def __init__(self, session: aiohttp.ClientSession, config: Config) -> None:
        self._session = session
        self._address = config.homeserver.address
        self._token = config.appservice.as_token

    @asynccontextmanager
    async def open(self, server: str, media_id: str) -> AsyncIterator[Download]:
        path = f"/_matrix/client/v1/media/download/{quote(server, safe=':')}/{quote(media_id, safe='')}"
        home = url = URL(self._address + path, encoded=True)
        for _ in range(MAX_HOPS):
            response = await self._get(url, home)
            async with response:
                if response.status in (301, 302, 303, 307, 308):
                    url = _target(url, response.headers.get("Location"))
                    continue
                if response.status != 200:  # noqa: PLR2004
                    raise _error(response, await _read_error(response), at_home=url.origin() == home.origin())
                yield Download(response.content_length, _mimetype(response), _chunks(response))
                return
        raise MediaFailedError("the homeserver redirects without end")

    async def _get(self, url: URL, home: URL) -> aiohttp.ClientResponse:
        headers = {"Accept-Encoding": "identity"}
        if url.origin() == home.origin():  # a redirect elsewhere must not carry our token away
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        try:
            return await self._session.get(
                url, headers=headers, timeout=TIMEOUT, allow_redirects=False, read_bufsize=BUFFER
            )
        except aiohttp.SocketTimeoutError as error:
            raise MediaFailedError("no answer in time") from error
        except _BROKEN as error:
            if url.origin() != home.origin():
                raise MediaFailedError(f"redirected to a server that is away ({type(error).__name__})") from error
            raise MediaAwayError(f"homeserver away ({type(error).__name__})") from error


def _target(url: URL, location: str | None) -> URL:
    try:
        target = url.join(URL(location or ""))
        usable = bool(location) and target.scheme in ("http", "https") and bool(target.host)
    except ValueError:
        usable = False
    if not usable or (url.scheme == "https" and target.scheme != "https"):
        raise MediaFailedError("the homeserver redirects to where we do not follow")
    return target


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_chunked(BUFFER):
            yield chunk
    except _BROKEN as error:
        raise MediaFailedError(f"the transfer broke off ({type(error).__name__})") from error


def _mimetype(response: aiohttp.ClientResponse) -> str | None:
    mimetype = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return clean(mimetype[:255]) or None


async def _read_error(response: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        body = json.loads(await response.content.read(MAX_ERROR))
    except (ValueError, RecursionError, *_BROKEN):
        return {}
    return body if isinstance(body, dict) else {}


def _error(response: aiohttp.ClientResponse, body: dict[str, Any], *, at_home: bool) -> Exception:
    status = response.status
    errcode = body.get("errcode")
    errcode = clean(errcode[:60]) if isinstance(errcode, str) else ""
    text = f"{status} {errcode}".rstrip()
    if at_home:
        if status == 401:  # noqa: PLR2004
            return MediaAwayError(f"the homeserver refuses our token ({text})")
        if errcode == "M_UNRECOGNIZED":
            return MediaAwayError(f"the homeserver is too old for authenticated media ({text})")
        if errcode == "M_TOO_LARGE":
            return MediaTooLargeError(f"larger than the homeserver takes ({text})")
        if status >= 500 and not errcode:  # noqa: PLR2004 (a proxy in front of it)
            return MediaAwayError(f"homeserver away ({text})")
    if status == 404:  # noqa: PLR2004
        return MediaFailedError(f"not there, or not yet ({text})")
    wait = body.get("retry_after_ms")
    seconds = wait / 1000 if type(wait) is int and status == 429 else 0.0  # noqa: PLR2004
    return MediaFailedError(f"the server answers {text}", retry_after=seconds)
