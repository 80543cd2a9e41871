"""A media repository that answers as a test tells it to; what a real homeserver cannot be brought to do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from bridge.config.checks import Secret, ServerName, WebUrl
from bridge.config.schema import Appservice, Config, Encryption, Homeserver
from bridge.matrix.media import HomeserverMedia

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN = "as_token_of_the_tests"


@dataclass
class Repository:
    """The server; `answers` by media id, in the order of the requests (the last one stays)."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[web.Request] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.asked.set()
        answers = self.answers.get(request.path.rpartition("/")[2], [refuse(404, "M_NOT_FOUND")])
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(request)

    def asked_for(self, media_id: str) -> int:
        return sum(request.path.endswith(f"/{media_id}") for request in self.requests)


def give(data: bytes, mimetype: str = "application/pdf") -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=data, content_type=mimetype)

    return answer


def refuse(status: int, errcode: str, **more: object) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"errcode": errcode, "error": "no", **more}, status=status)

    return answer


def proxy_error(status: int) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="<html>Bad Gateway</html>")

    return answer


def redirect(location: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"Location": location})

    return answer


def stream(data: bytes, *, promised: int | None) -> Answer:
    """Bytes without a length, or with a length that is not kept."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = promised
        await response.prepare(request)
        await response.write(data)
        if promised is not None and request.transport is not None:
            request.transport.abort()
        return response

    return answer


def config_for(address: str) -> Config:
    return Config(
        data_dir=Path("unused"),
        homeserver=Homeserver(address=WebUrl.parse(address), server_name=ServerName.parse("vandijk.example")),
        appservice=Appservice(as_token=Secret.parse(TOKEN), hs_token=Secret.parse("hs_token_of_the_tests")),
        encryption=Encryption(pickle_key=Secret.parse("pickle_key_of_the_tests")),
    )


@asynccontextmanager
async def serving(repository: Repository, port: int = 0) -> AsyncIterator[Repository]:
    application = web.Application()
    application.router.add_get("/{path:.*}", repository.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        repository.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield repository
    finally:
        await runner.cleanup()


@asynccontextmanager
async def source_for(address: str) -> AsyncIterator[HomeserverMedia]:
    async with aiohttp.ClientSession() as session:
        yield HomeserverMedia(session, config_for(address))
