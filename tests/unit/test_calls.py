"""What the answers of a homeserver mean to a courier; files go through memory in pieces."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import asynccontextmanager
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.engine.courier import AwayError, LimitedError, RefusedError
from bridge.matrix.crypto.calls import LIMITED_SECONDS, Calls, NotThereError
from bridge.matrix.crypto.courier import BotCourier, Tools
from bridge.matrix.crypto.rooms import Rooms
from bridge.matrix.crypto.uploads import upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

BOT = "@postkamer:example.com"
MB = 1024 * 1024


@asynccontextmanager
async def calls_to(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[Calls]:
    """Calls to a server that answers like this."""
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        api: Any = SimpleNamespace(
            base_url=server.make_url("/"), session=session, token="t", as_user_id=BOT, as_device_id="POSTKAMERX"
        )
        yield Calls(api)


async def failure_of(status: int, body: Any, headers: dict[str, str] | None = None) -> Exception:
    async def answer(request: web.Request) -> web.Response:
        del request
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    async with calls_to(answer) as calls:
        with pytest.raises((AwayError, LimitedError, RefusedError)) as raised:
            await calls.put("_matrix/client/v3/x", {})
    return raised.value


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}, {}, 1.5),
        ({"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "7"}, 7.0),
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": -1}, {}, LIMITED_SECONDS),
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 10**12}, {}, 3600.0),
        ("too much", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, LIMITED_SECONDS),
    ],
)
async def test_limited(body: Any, headers: dict[str, str], seconds: float) -> None:
    error = await failure_of(429, body, headers)
    assert isinstance(error, LimitedError)
    assert error.seconds == seconds


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (403, {"errcode": "M_FORBIDDEN", "error": "geheim"}, RefusedError, "403 M_FORBIDDEN"),
        (400, {"errcode": "M_TOO_LARGE"}, RefusedError, "400 M_TOO_LARGE"),
        (413, "<html>nginx", RefusedError, "413"),
        (404, {"errcode": "M_NOT_FOUND"}, NotThereError, "404 M_NOT_FOUND"),
        (404, {"errcode": "M_UNRECOGNIZED"}, RefusedError, "404 M_UNRECOGNIZED"),
        (404, "<html>nginx", AwayError, "no homeserver"),
        (200, "<html>log in", AwayError, "no homeserver"),
        (302, {}, AwayError, "302"),
        (401, {"errcode": "M_UNKNOWN_TOKEN"}, AwayError, "401 M_UNKNOWN_TOKEN"),
        (400, {"errcode": "M_UNKNOWN_DEVICE"}, AwayError, "400 M_UNKNOWN_DEVICE"),
        (500, {"errcode": "M_UNKNOWN"}, AwayError, "500 M_UNKNOWN"),
        (400, {"errcode": ["?"]}, RefusedError, "400"),
    ],
)
async def test_other_failures(status: int, body: Any, kind: type[Exception], text: str) -> None:
    error = await failure_of(status, body)
    assert type(error) is kind
    assert text in str(error)
    assert "geheim" not in str(error)


async def test_a_server_that_is_not_there() -> None:
    async with aiohttp.ClientSession() as session:
        api: Any = SimpleNamespace(
            base_url="http://127.0.0.1:9", session=session, token="t", as_user_id=BOT, as_device_id=None
        )
        with pytest.raises(AwayError):
            await Calls(api).get("_matrix/client/v3/x")
    with pytest.raises(AwayError):
        await BotCourier(BOT, patience=0).send("!r", "m.room.message", {}, "t")


async def test_what_is_sent_before_the_device_is_ready_waits_for_it() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"event_id": "$1"})

    async with calls_to(answer) as calls:
        courier, outbound = BotCourier(BOT), SimpleNamespace()
        sending = asyncio.create_task(courier.send("!r", "m.reaction", {}, "1"))
        await asyncio.sleep(0)
        assert not courier.ready
        courier.open(Tools(calls, Rooms(calls, BOT), outbound))  # type: ignore[arg-type]
        assert await sending == "$1"
    courier.close()
    assert not courier.ready


async def test_the_device_is_named_and_a_plain_room_is_asked_for_each_time() -> None:
    asked: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.method, request.raw_path))
        assert request.headers["Authorization"] == "Bearer t"
        if "m.room.encryption" in request.path:
            return web.json_response({"errcode": "M_NOT_FOUND"}, status=404)
        return web.json_response({"event_id": "$1"})

    async with calls_to(answer) as calls:
        courier, outbound = BotCourier(BOT), SimpleNamespace()
        courier.open(Tools(calls, Rooms(calls, BOT), outbound))  # type: ignore[arg-type]
        assert await courier.send("!a/b:c", "m.room.message", {"body": "x"}, "txn/1") == "$1"
        await courier.send("!a/b:c", "m.reaction", {"body": "x"}, "2")

    assert [method for method, _ in asked] == ["GET", "PUT", "PUT"]
    path, _, query = asked[1][1].partition("?")
    assert path == "/_matrix/client/v3/rooms/%21a%2Fb%3Ac/send/m.room.message/txn%2F1"
    assert "user_id=@postkamer:example.com" in query
    assert "&device_id=POSTKAMERX" in query


async def test_who_cannot_say_whether_a_room_is_encrypted_gets_nothing() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.json_response({"errcode": "M_FORBIDDEN"}, status=403)

    async with calls_to(answer) as calls:
        courier, outbound = BotCourier(BOT), SimpleNamespace()
        courier.open(Tools(calls, Rooms(calls, BOT), outbound))  # type: ignore[arg-type]
        with pytest.raises(RefusedError, match="403 M_FORBIDDEN"):
            await courier.send("!r", "m.room.message", {"body": "x"}, "1")
    assert asked == ["GET"]


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_file_is_never_in_memory_as_a_whole(tmp_path: Path, *, encrypted: bool) -> None:
    size, seen = 64 * MB, sha256()
    path = tmp_path / "export.zip"
    with path.open("wb") as file:
        file.truncate(size)

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"m.upload.size": size})
        assert request.content_length == size
        async for piece in request.content.iter_any():
            seen.update(piece)
        return web.json_response({"content_uri": "mxc://example.com/x"})

    async with calls_to(answer) as calls:
        tracemalloc.start()
        try:
            found = await upload(calls, path, "export.zip", "application/zip", encrypted=encrypted)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert found["info"] == {"mimetype": "application/zip", "size": size}
    assert ("file" in found) is encrypted
    assert (seen.digest() == sha256(bytes(size)).digest()) is not encrypted
    assert peak < 8 * MB
