"""The whole program beside a real Synapse: who gets in, what is lost when a side is away, and who works."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from bridge.app import application
from bridge.config.checks import HostPort, Secret
from bridge.demo.synapse import free_port
from bridge.storage import inbox
from bridge.storage import intake as storage
from bridge.storage.db import open_db
from tests.proxy import proxy
from tests.real.client import logged_in
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.config.schema import Config
    from bridge.storage.db import Db
    from tests.real.server import Installation

PATH = "/_matrix/app/v1/transactions/1"
BODY = {"events": [{"event_id": "$1", "type": "m.x", "room_id": "!r", "sender": "@a:x", "content": {}}]}


@asynccontextmanager
async def archive(installation: Installation) -> AsyncIterator[Db]:
    async with open_db(installation.database_url, size=4) as db:
        yield db


async def keys(db: Db) -> set[str]:
    async with db.connection() as connection:
        return {row.key for row in await inbox.after(connection, 0, 100_000)}


async def holds(db: Db, *event_ids: str) -> None:
    async def all_held() -> bool:
        return set(event_ids) <= await keys(db)

    await until(all_held)


def moved(config: Config) -> Config:
    """The same installation on other ports."""
    return replace(
        config,
        appservice=replace(config.appservice, listen=HostPort("127.0.0.1", free_port())),
        monitoring=replace(config.monitoring, listen=HostPort("127.0.0.1", free_port())),
    )


@pytest.mark.parametrize(
    ("headers", "query", "status", "errcode"),
    [
        ({}, {}, 401, "M_MISSING_TOKEN"),
        ({"Authorization": "Bearer wrong"}, {}, 403, "M_FORBIDDEN"),
        ({"Authorization": "Basic wrong"}, {}, 401, "M_MISSING_TOKEN"),
        ({}, {"access_token": "wrong"}, 403, "M_FORBIDDEN"),
        ({"Authorization": "Bearer wrong"}, {"access_token": "TOKEN"}, 403, "M_FORBIDDEN"),
        ({}, {"access_token": ""}, 403, "M_FORBIDDEN"),
        ({"Authorization": "Bearer TOKEN"}, {}, 200, None),
        ({"Authorization": "bearer TOKEN"}, {"access_token": "wrong"}, 200, None),
        ({}, {"access_token": "TOKEN"}, 200, None),
    ],
)
async def test_only_the_homeservers_token_gets_in(
    installation: Installation, headers: dict[str, str], query: dict[str, str], status: int, errcode: str | None
) -> None:
    token = installation.synapse.appservice.hs_token
    config = moved(installation.config)
    async with application(config), archive(installation) as db, aiohttp.ClientSession() as session:
        for prefix in ("/_matrix/app/v1", ""):
            async with session.put(
                f"http://{config.appservice.listen}{prefix}/transactions/1",
                json=BODY,
                headers={name: value.replace("TOKEN", token) for name, value in headers.items()},
                params={name: value.replace("TOKEN", token) for name, value in query.items()},
            ) as response:
                assert response.status == status
                assert (await response.json()).get("errcode") == errcode
        if status == 200:
            await holds(db, "$1")
        else:
            async with db.connection() as connection:
                assert await storage.peek(connection, 10, 10**9) == {}
            assert "$1" not in await keys(db)


@pytest.mark.parametrize(
    ("method", "path", "data", "status"),
    [
        ("PUT", PATH, b"no json", 400),
        ("PUT", PATH, b"[]", 400),
        ("PUT", PATH, b'{"events": 5}', 400),
        ("PUT", PATH, b"{}", 200),
        ("POST", PATH, b"{}", 405),
        ("GET", "/_matrix/app/v1/users/@x:y", b"", 404),
        ("GET", "/_matrix/app/v1/rooms/%23x:y", b"", 404),
        ("GET", "/_matrix/app/v1/nothing", b"", 404),
        ("POST", "/_matrix/app/v1/ping", b'{"transaction_id": "1"}', 200),
    ],
)
async def test_every_request_is_answered_as_the_specification_says(
    installation: Installation, method: str, path: str, data: bytes, status: int
) -> None:
    config = moved(installation.config)
    headers = {"Authorization": f"Bearer {installation.synapse.appservice.hs_token}"}
    async with application(config, roles=("inbox",)), aiohttp.ClientSession() as session:
        url = f"http://{config.appservice.listen}{path}"
        async with session.request(method, url, data=data, headers=headers) as response:
            assert response.status == status
            assert isinstance(await response.json(), dict)


async def test_no_token_and_no_text_in_the_log(
    installation: Installation, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    token = installation.synapse.appservice.hs_token
    config = moved(installation.config)
    async with application(config), archive(installation) as db, aiohttp.ClientSession() as session:
        secret = {**BODY["events"][0], "event_id": "$s", "type": "m.room.message", "content": {"body": "zeer geheim"}}
        for body in (json.dumps({"events": [secret]}), "zeer geheim"):
            url = f"http://{config.appservice.listen}{PATH}"
            async with session.put(url, data=body, params={"access_token": token}):
                pass
        await holds(db, "$s")
    seen = "".join((*capfd.readouterr(), caplog.text))
    assert "transaction is not JSON" in seen
    assert token not in seen
    assert "geheim" not in seen


async def test_what_was_sent_while_we_were_away_comes_at_once(installation: Installation) -> None:
    async with logged_in(installation.synapse, "anna") as (anna,), archive(installation) as db:
        async with application(installation.config):
            room = await anna.create_room("Away")
            await holds(db, await anna.say(room, "voor"))
        sent = [await anna.say(room, f"tijdens {n}") for n in range(5)]
        async with application(installation.config):
            await holds(db, *sent)


async def test_the_database_away_loses_nothing(installation: Installation) -> None:
    place = urlsplit(installation.database_url)
    path = f"{parse_qs(place.query)['host'][0]}/.s.PGSQL.5432"
    async with logged_in(installation.synapse, "anna") as (anna,), archive(installation) as db, proxy(path) as between:
        login = f"{place.username or 'postgres'}{f':{place.password}' if place.password else ''}"
        url = f"postgresql://{login}@127.0.0.1:{between.port}{place.path}?sslmode=disable"
        config = replace(installation.config, database=replace(installation.config.database, url=Secret(url)))
        async with application(config) as app:
            room = await anna.create_room("Database")
            await holds(db, await anna.say(room, "voor"))
            await between.cut()
            sent = [await anna.say(room, f"tijdens {n}") for n in range(3)]

            async def noticed() -> bool:
                await app.refresh()
                return not app.health.ready

            await until(noticed)
            await asyncio.sleep(10)  # the outage itself
            await between.join()
            await holds(db, *sent)

            async def recorded() -> bool:
                async with db.connection() as connection:
                    rows = await connection.fetch("SELECT event_id FROM event WHERE event_id = ANY($1)", sent)
                await app.refresh()
                return len(rows) == len(sent) and app.health.ready

            await until(recorded)


async def test_the_homeserver_away_loses_nothing(installation: Installation) -> None:
    synapse = installation.synapse
    async with (
        logged_in(synapse, "anna") as (anna,),
        archive(installation) as db,
        application(installation.config) as app,
    ):
        room = await anna.create_room("Homeserver")
        await holds(db, await anna.say(room, "voor"))
        await synapse.local.stop()
        await asyncio.sleep(30)  # the outage itself
        await synapse.local.start()
        await holds(db, *[await anna.say(room, f"na {n}") for n in range(3)])
        await app.refresh()
        assert app.health.ready


async def test_a_second_instance_waits_and_then_takes_over(installation: Installation) -> None:
    first, second = installation.config, moved(installation.config)
    started = asyncio.Event()

    async def run_second(stop: asyncio.Event) -> None:
        async with application(second):
            started.set()
            await stop.wait()

    stop = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        async with application(first):
            waiting = asyncio.create_task(run_second(stop))

            async def on_standby() -> bool:
                try:
                    async with session.get(f"http://{second.monitoring.listen}/ready") as response:
                        return response.status == 503
                except aiohttp.ClientConnectionError:
                    return False

            await until(on_standby)
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.put(f"http://{second.appservice.listen}{PATH}", json=BODY)
            assert not started.is_set()
        await asyncio.wait_for(started.wait(), 20)
        stop.set()
        await waiting


async def test_health_ready_and_metrics(installation: Installation) -> None:
    config = moved(installation.config)

    async def get(session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
        async with session.get(f"http://{config.monitoring.listen}{path}") as response:
            return response.status, await (response.text() if path == "/metrics" else response.json())

    async with application(config), aiohttp.ClientSession() as session:
        assert await get(session, "/health") == (200, {"status": "ok"})
        status, body = await get(session, "/ready")
        assert status == 200
        assert {"database", "inbox", "recorder", "media", "reader"} <= body["parts"].keys()
        status, text = await get(session, "/metrics")
        assert status == 200
        assert 'postkamer_ready{part="database"} 1.0' in text
        assert "process_resident_memory_bytes" in text


async def test_roles_in_processes_of_their_own(installation: Installation) -> None:
    """From one config on one machine, where only the first can have the port of the monitoring."""
    config = installation.config
    async with (
        application(config, roles=("inbox",)),
        application(config, roles=("recorder",)),
        application(config, roles=("media",)),
        application(config, roles=("bots",)),
        logged_in(installation.synapse, "anna") as (anna,),
        archive(installation) as db,
    ):
        room = await anna.create_room("Rollen")
        sent = await anna.say(room, "hallo")

        async def recorded() -> bool:
            async with db.connection() as connection:
                return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM message WHERE event_id = $1)", sent))

        await until(recorded)
