"""Attachments after a crash, a rebuild, an erasure, and while the database is away."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from bridge.archive.blobs import FileBlobs
from bridge.archive.consumer import rebuild
from bridge.archive.media import MediaConsumer, delete_unused
from bridge.storage.db import open_db
from bridge.storage.embedded import embedded_server
from bridge.storage.migrations import migrate
from tests.media_repository import Repository, give, serving
from tests.storage.media_help import MB, arrive, consume, content_of, files, row, rows, until, until_state, working

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.archive.media import MediaWorker
    from bridge.storage.db import Db
    from tests.media_repository import Answer

DATA = os.urandom(3 * MB)
DIGEST = sha256(DATA).hexdigest()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=6) as db:
        yield db


@pytest.fixture
async def repository() -> AsyncIterator[Repository]:
    async with serving(Repository(answers={"a": [give(DATA)]})) as repository:
        yield repository


def slowly(started: asyncio.Event, go_on: asyncio.Event) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(DATA[: 2 * MB])
        started.set()
        await go_on.wait()
        await response.write(DATA[2 * MB :])
        return response

    return answer


async def erase(db: Db, media_id: str) -> None:
    async with db.connection() as connection:
        await connection.execute("UPDATE media SET state = 'erased' WHERE mxc LIKE '%/' || $1", media_id)


WORKER = """
import asyncio, sys
from pathlib import Path
from bridge.archive.blobs import FileBlobs
from bridge.archive.media import MediaWorker
from bridge.storage.db import open_db
from tests.media_repository import source_for

async def main(database, folder, address):
    async with open_db(database, size=4) as db, source_for(address) as source:
        await MediaWorker(db, FileBlobs(Path(folder)), source, max_size=10**9).run()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_while_fetching(db: Db, repository: Repository, tmp_path: Path, database_url: str) -> None:
    started = asyncio.Event()
    repository.answers["a"].insert(0, slowly(started, asyncio.Event()))
    await arrive(db, "$1", content_of("a"))
    await consume(db)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, database_url, tmp_path, repository.url, cwd=Path(__file__).parents[2]
    )
    async with asyncio.timeout(30):
        await started.wait()
    process.kill()
    await process.wait()
    assert (await row(db, "a"))["state"] == "pending"
    blobs = FileBlobs(tmp_path)
    async with working(db, blobs, repository.url):
        await until_state(db, "a", "stored")
    assert files(tmp_path) == [blobs.path(DIGEST)]
    assert blobs.path(DIGEST).read_bytes() == DATA


async def test_killed_between_the_file_and_the_row(db: Db, repository: Repository, tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    await arrive(db, "$1", content_of("a"))
    await consume(db)
    async with working(db, blobs, repository.url):
        await until_state(db, "a", "stored")
    async with db.connection() as connection:
        await connection.execute("UPDATE media SET state = 'pending', stored_at = NULL")
    async with working(db, blobs, repository.url):
        await until_state(db, "a", "stored")
    assert repository.asked_for("a") == 1


async def test_a_rebuild_keeps_what_the_homeserver_may_have_deleted(
    db: Db, repository: Repository, tmp_path: Path
) -> None:
    repository.answers["b"] = [give(b"b")]
    blobs = FileBlobs(tmp_path)
    for name in ("a", "b", "c"):
        await arrive(db, f"${name}", content_of(name))
    await consume(db)
    async with working(db, blobs, repository.url):
        for name in ("a", "b"):
            await until_state(db, name, "stored")
    before = await rows(db)
    await blobs.delete(sha256(b"b").hexdigest())
    await rebuild(db, MediaConsumer())
    assert len(await rows(db)) == 2
    await consume(db)
    async with working(db, blobs, repository.url):
        for name in ("a", "b"):
            await until_state(db, name, "stored")
    ignored = ("next_at", "stored_at", "attempts", "reason")
    after = await rows(db)
    assert [{k: v for k, v in row.items() if k not in ignored} for _, row in sorted(after.items())] == [
        {k: v for k, v in row.items() if k not in ignored} for _, row in sorted(before.items())
    ]
    assert (repository.asked_for("a"), repository.asked_for("b")) == (1, 2)


async def test_erased_while_it_is_fetched(db: Db, repository: Repository, tmp_path: Path) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    repository.answers = {"a": [slowly(started, go_on)], "b": [give(b"b")]}
    await arrive(db, "$1", content_of("a"))
    await consume(db)
    async with working(db, FileBlobs(tmp_path), repository.url) as worker:
        await started.wait()
        await erase(db, "a")
        go_on.set()
        await arrive(db, "$2", content_of("b"))
        await consume(db)
        worker.wake()
        await until_state(db, "b", "stored")
    assert (await row(db, "a"))["state"] == "erased"
    assert [path.name for path in files(tmp_path)] == [sha256(b"b").hexdigest()]


async def test_only_what_nobody_has_is_deleted(db: Db, repository: Repository, tmp_path: Path) -> None:
    repository.answers["b"] = repository.answers["a"]
    blobs = FileBlobs(tmp_path)
    await arrive(db, "$1", content_of("a"))
    await arrive(db, "$2", content_of("b"))
    await consume(db)
    async with working(db, blobs, repository.url):
        for name in ("a", "b"):
            await until_state(db, name, "stored")
    await erase(db, "a")
    assert not await delete_unused(db, blobs, DIGEST)
    assert await blobs.exists(DIGEST)
    await erase(db, "b")
    assert await delete_unused(db, blobs, DIGEST)
    assert await delete_unused(db, blobs, DIGEST), "again after a crash"
    assert files(tmp_path) == []


async def test_a_new_event_brings_an_erased_file_back(db: Db, repository: Repository, tmp_path: Path) -> None:
    await arrive(db, "$1", content_of("a"))
    await consume(db)
    await erase(db, "a")
    await arrive(db, "$2", content_of("a"))
    await consume(db)
    async with working(db, FileBlobs(tmp_path), repository.url):
        assert (await until_state(db, "a", "stored"))["event_id"] == "$2"


async def _noticed(worker: MediaWorker) -> bool:
    return worker.failing is not None


async def test_database_away(repository: Repository, tmp_path: Path) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()
    repository.answers["a"] = [slowly(started, go_on), give(DATA)]
    async with AsyncExitStack() as up:
        server = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="postkamer-tests-")))
        async with embedded_server(server, durable=False) as url:
            await migrate(url)
            db = await up.enter_async_context(open_db(url))
            await arrive(db, "$1", content_of("a"))
            await consume(db)
            worker = await up.enter_async_context(working(db, FileBlobs(tmp_path), repository.url))
            await started.wait()
        go_on.set()
        await until(lambda: _noticed(worker))
        async with embedded_server(server, durable=False):
            assert (await until_state(db, "a", "stored"))["attempts"] == 0
            await up.aclose()
    assert [path.name for path in files(tmp_path)] == [DIGEST]
