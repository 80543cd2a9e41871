"""Older history through the admin API of Synapse, with the token of a server admin.

Source: Synapse's documentation, "Admin API: Rooms" (`/_synapse/admin/v1/rooms`, `/rooms/{id}/messages`); read in the
source of 1.163.2: a page has at most 1,000 events, and the last page is the one without `end`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import msgspec

from bridge import rawjson
from bridge.archive.backfill import Page, SourceError, StaleTokenError
from bridge.errors import PostkamerError
from bridge.matrix.transaction import arrival

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
EVENTS_A_PAGE = 200  # of 64 KiB at the most each, and of up to four times that with what the server bundles
ROOMS_A_PAGE = 500
ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
LISTINGS = 3


class _Body(msgspec.Struct):
    chunk: list[msgspec.Raw]
    end: str | None = None


_read_page = msgspec.json.Decoder(_Body).decode


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal, or what came with 200."""

    status: int
    body: bytes

    def field(self, name: str) -> Any:
        """A field of the answer, None when it is no JSON object or has no such field."""
        try:
            answer = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return answer.get(name) if isinstance(answer, dict) else None


class AdminHistory:
    """`bridge.archive.backfill.History` of a Synapse.

    Args:
        address: of the client API; the admin API has to be reachable there too.
    """

    def __init__(self, session: aiohttp.ClientSession, address: str, token: str) -> None:
        self._session = session
        self._address = address
        self._token = token

    async def rooms(self) -> AsyncIterator[str]:
        """The ids of all rooms that the server knows, also of those that nobody is in any more.

        Raises:
            PostkamerError: the token is no admin's, or there is no admin API.
        """
        known: set[str] = set()
        # The list is sorted by name and read in pages: a name changed meanwhile may hide a room, so it is counted.
        for _ in range(LISTINGS):
            start, total = 0, 0
            while True:
                query = {"from": str(start), "limit": str(ROOMS_A_PAGE)}
                answer = await self._get("/_synapse/admin/v1/rooms", query)
                if answer.status != HTTPStatus.OK:
                    raise PostkamerError(
                        f"the homeserver does not list its rooms ({_refusal(answer)})",
                        "look whether /_synapse/admin is reachable at homeserver.address; a proxy often hides it",
                    )
                for room in answer.field("rooms") or []:
                    room_id = room.get("room_id")
                    if isinstance(room_id, str) and room_id not in known:
                        known.add(room_id)
                        yield room_id
                total, following = answer.field("total_rooms") or 0, answer.field("next_batch")
                if not isinstance(following, int) or following <= start:
                    break
                start = following
            if len(known) >= total:
                return

    async def page(self, room_id: str, token: str | None) -> Page:
        """See `History.page`.

        Raises:
            PostkamerError: the token is no admin's.
        """
        query = {"dir": "b", "limit": str(EVENTS_A_PAGE)} | ({"from": token} if token else {})
        answer = await self._get(f"/_synapse/admin/v1/rooms/{quote(room_id, safe='')}/messages", query)
        if answer.status == HTTPStatus.BAD_REQUEST and token:
            raise StaleTokenError(_refusal(answer))
        if answer.status != HTTPStatus.OK:
            raise SourceError(f"the homeserver answers {_refusal(answer)}")
        try:
            chunk, end = _split(answer.body)
        except rawjson.MalformedError as error:
            raise SourceError("the answer of the homeserver is no page of events") from error
        events = [arrival("event", _without_bundles(raw))._replace(room_id=room_id) for raw in chunk]
        return Page(events, end if end != token else None)

    async def known(self, room_id: str) -> bool:
        """Whether the server knows a room."""
        return (await self._get(f"/_synapse/admin/v1/rooms/{quote(room_id, safe='')}", {})).status == HTTPStatus.OK

    async def _get(self, path: str, query: Mapping[str, str]) -> Answer:
        pause = FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._session.get(
                    self._address + path,
                    params=query,
                    headers={"Authorization": f"Bearer {self._token}"},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                ) as response:
                    answer = Answer(response.status, await response.read())
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if attempt == ATTEMPTS:
                    raise SourceError(f"no answer from the homeserver ({type(error).__name__})") from error
            else:
                _refuse_bad_token(answer)
                if answer.status != HTTPStatus.TOO_MANY_REQUESTS and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return answer
                if attempt == ATTEMPTS:
                    return answer
            await asyncio.sleep(pause)
            pause = min(pause * 4, LONGEST_PAUSE)
        raise AssertionError


def _refuse_bad_token(answer: Answer) -> None:
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise PostkamerError(
            "the homeserver does not know this admin token",
            "take the access token of a server admin (Element: Settings, Help & About, Access Token)",
        )
    if answer.status == HTTPStatus.FORBIDDEN:
        raise PostkamerError(
            "this token does not belong to a server admin",
            "make its user an admin (Synapse: PUT /_synapse/admin/v1/users/USER/admin), or take another user's token",
        )


def _refusal(answer: Answer) -> str:
    errcode = answer.field("errcode")
    return f"{answer.status} {errcode}" if isinstance(errcode, str) else str(answer.status)


def _split(body: bytes) -> tuple[list[bytes], str | None]:
    try:
        page = _read_page(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        found = rawjson.members(body)
        end = json.loads(found.get(b"end", b"null"))
        return rawjson.elements(found.get(b"chunk", b"")), end if isinstance(end, str) else None
    return [bytes(raw) for raw in page.chunk], page.end


def _without_bundles(raw: bytes) -> bytes:
    """Leave out the edits and thread answers that the server puts into `unsigned` of the event they belong to.

    They are events of their own. Kept here, their text would outlive their removal.
    """
    if b'"m.relations"' not in raw:
        return raw
    try:
        event = rawjson.members(raw)
        unsigned = rawjson.members(event.get(b"unsigned", b"{}"))
    except rawjson.MalformedError:
        return raw
    if unsigned.pop(b"m.relations", None) is None:
        return raw
    return _object(event | {b"unsigned": _object(unsigned)})


def _object(members: Mapping[bytes, bytes]) -> bytes:
    return b"{" + b",".join(b'"' + name + b'":' + value for name, value in members.items()) + b"}"
