from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from bridge.archive.blobs import FileBlobs
from bridge.archive.media import MediaConsumer, MediaWorker
from bridge.demo.synapse import free_port
from bridge.storage import consumers, inbox, media
from bridge.storage.db import open_db
from tests.media_repository import Repository, give, proxy_error, refuse, serving, source_for, stream
from tests.storage.media_help import (
    MB,
    ROOM,
    arrive,
    arrive_raw,
    consume,
    content_of,
    disk_full_after,
    files,
    mxc,
    row,
    rows,
    until,
    until_state,
    working,
)
from tests.storage.test_media_source import encrypt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.storage.db import Db


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=6) as db:
        yield db


@pytest.fixture
async def repository() -> AsyncIterator[Repository]:
    async with serving(Repository()) as repository:
        yield repository


async def test_what_is_noted(db: Db) -> None:
    await arrive(db, "$1", content_of("a", info={"size": 7}))
    await arrive(db, "$2", content_of("a"))
    await arrive(db, "$3", content_of("b"), type_="m.sticker")
    await arrive(db, "$4", {"m.new_content": content_of("c")})
    await arrive(db, "$5", {"ciphertext": "x"}, type_="m.room.encrypted")
    await arrive(db, "$5", {"file": {"url": mxc("d")}}, kind="decrypted", type_="m.room.message")
    await arrive(db, "$6", content_of("x"), type_="m.room.avatar")
    await arrive(db, "$7", content_of("y"), kind="ephemeral")
    await consume(db)
    found = await rows(db)
    assert sorted(key.partition("#")[0] for key in found) == [mxc(name) for name in "abcd"]
    first = found[mxc("a")]
    assert (first["event_id"], first["size_hint"], first["room_id"]) == ("$1", 7, ROOM)
    assert (first["state"], first["attempts"], first["file"]) == ("pending", 0, None)


async def test_rows_of_no_use_do_not_stop_it(db: Db) -> None:
    deep = b'{"type": "m.room.message", "content": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    await arrive_raw(db, "$1", deep)
    await arrive_raw(db, "$2", b'{"type": "m.room.message", "content": {"size": ' + b"9" * 5000 + b"}}")
    await arrive_raw(db, "$3", b'["no event"]')
    await arrive(db, "$4", "no content")
    await arrive(db, "$5", content_of("a", body="\ud800\0", filename="\0"))
    await consume(db)
    assert list(await rows(db)) == [mxc("a")]
    async with db.connection() as connection:
        aside = await consumers.list_set_aside(connection)
    assert [(one.key, one.reason) for one in aside] == [(key, "not JSON that can be read") for key in ("$1", "$2")]


async def test_an_erased_event_names_nothing(db: Db) -> None:
    await arrive(db, "$1", content_of("a"))
    async with db.tx() as tx:
        (read_before,) = await inbox.by_key(tx, "event", ["$1"])
        await inbox.erase(tx, "event", "$1", b"{}")
    async with db.tx() as tx:
        await MediaConsumer().apply(tx, [read_before])
    await consume(db)
    assert await rows(db) == {}


async def test_fetches_at_once(db: Db, repository: Repository, tmp_path: Path) -> None:
    data = os.urandom(2 * MB)
    repository.answers = {"a": [give(data)], "b": [give(data)]}
    blobs = FileBlobs(tmp_path)
    async with working(db, blobs, repository.url) as worker:
        await arrive(db, "$1", content_of("a", info={"size": 10**15}))
        await arrive(db, "$2", content_of("b"))
        await consume(db)
        worker.wake()
        async with asyncio.timeout(4):
            stored = await until_state(db, "a", "stored")
            await until_state(db, "b", "stored")
        assert worker.failing is None
    digest = sha256(data).hexdigest()
    assert (stored["sha256"], stored["size"], stored["mimetype"]) == (digest, len(data), "application/pdf")
    assert stored["stored_at"] is not None
    assert blobs.path(digest).read_bytes() == data
    assert len(files(tmp_path)) == 1


async def test_new_files_do_not_wait_behind_a_backlog(db: Db, repository: Repository, tmp_path: Path) -> None:
    contents = {f"m{number}": b"%d" % number for number in range(300)}
    repository.answers = {name: [give(data)] for name, data in contents.items()} | {"new": [give(b"new")]}
    for name in contents:
        await arrive(db, f"${name}", content_of(name))
    await consume(db)
    async with working(db, FileBlobs(tmp_path), repository.url):
        await until(lambda: _asked(repository, 8))
        await arrive(db, "$new", content_of("new"))
        await consume(db)
        await until_state(db, "new", "stored")
        states = [row["state"] for row in (await rows(db)).values()]
        assert states.count("pending") > 100


async def _asked(repository: Repository, times: int) -> bool:
    return len(repository.requests) >= times


async def test_encrypted_file_is_stored_decrypted(db: Db, repository: Repository, tmp_path: Path) -> None:
    data = os.urandom(MB + 5)
    cipher, file = encrypt(data)
    repository.answers = {"a": [give(cipher, "application/octet-stream")]}
    wrong = {**file, "hashes": {"sha256": "A" * 43}}
    for key, it in (("$1", wrong), ("$2", file), ("$3", {**file, "key": None})):
        await arrive(db, key, {"file": {**it, "url": mxc("a")}}, kind="decrypted")
    await consume(db)
    blobs = FileBlobs(tmp_path)
    async with working(db, blobs, repository.url):

        async def finished() -> bool:
            return all(row["state"] != "pending" for row in (await rows(db)).values())

        await until(finished)
    by_event = {row["event_id"]: row for row in (await rows(db)).values()}
    assert (by_event["$2"]["state"], by_event["$2"]["mimetype"]) == ("stored", None)
    assert blobs.path(sha256(data).hexdigest()).read_bytes() == data
    assert (by_event["$1"]["state"], by_event["$1"]["attempts"]) == ("failed", 5)
    assert "not those" in by_event["$1"]["reason"]
    assert (by_event["$3"]["state"], by_event["$3"]["attempts"]) == ("failed", 1)


async def test_too_large(db: Db, repository: Repository, tmp_path: Path) -> None:
    repository.answers = {
        "a": [give(b"x" * 1001)],
        "b": [stream(b"x" * 1001, promised=None)],
        "c": [refuse(502, "M_TOO_LARGE")],
        "d": [give(b"x" * 1000)],
    }
    for name in repository.answers:
        await arrive(db, f"${name}", content_of(name))
    await consume(db)
    async with working(db, FileBlobs(tmp_path), repository.url, max_size=1000) as worker:
        first = await until_state(db, "a", "too_large")
        assert (first["size"], first["reason"]) == (1001, "larger than the limit of 1000 bytes")
        assert (await until_state(db, "b", "too_large"))["size"] is None
        await until_state(db, "c", "too_large")
        await until_state(db, "d", "stored")
        repository.answers["a"] = [give(b"x")]
        async with db.connection() as connection:
            assert await media.retry_failed(connection) == 3
        worker.wake()
        await until_state(db, "a", "stored")


async def test_failures_are_tried_again(db: Db, repository: Repository, tmp_path: Path) -> None:
    repository.answers["a"] = [
        refuse(404, "M_NOT_FOUND"),
        stream(b"half", promised=8),
        refuse(504, "M_NOT_YET_UPLOADED"),
        give(b"whole"),
    ]
    await arrive(db, "$1", content_of("a"))
    await consume(db)
    async with working(db, FileBlobs(tmp_path), repository.url):
        stored = await until_state(db, "a", "stored")
    assert (stored["attempts"], stored["reason"]) == (3, None)
    assert repository.asked_for("a") == 4


async def test_pauses_grow_and_end(db: Db, repository: Repository, tmp_path: Path) -> None:
    await arrive(db, "$1", content_of("a"))
    await consume(db)
    async with db.connection() as connection, source_for(repository.url) as source:
        worker = MediaWorker(db, FileBlobs(tmp_path), source, max_size=MB)
        pauses: list[float] = []
        while (item := await media.next_pending(connection, [])) is not None:
            await worker._handle(item)
            pauses.append(await connection.fetchval("SELECT extract(epoch FROM next_at - now())::float8 FROM media"))
    assert [round(pause) for pause in pauses[:8]] == [5, 15, 45, 135, 405, 1215, 3600, 3600]
    assert 6.5 * 86400 < sum(pauses[:-1]) < 8 * 86400
    failed = await row(db, "a")
    assert (failed["state"], failed["reason"]) == ("failed", "not there, or not yet (404 M_NOT_FOUND)")


async def test_disk_full(db: Db, repository: Repository, tmp_path: Path) -> None:
    large = os.urandom(5 * MB)
    repository.answers = {"large": [give(large)], "small": [give(b"small")]}
    await arrive(db, "$1", content_of("large"))
    await consume(db)
    blobs = FileBlobs(tmp_path)
    with disk_full_after(2 * MB) as make_room:
        async with working(db, blobs, repository.url) as worker:

            async def met() -> bool:
                return bool((await row(db, "large"))["reason"] == "disk full")

            await until(met)
            assert worker.failing is not None
            assert not files(tmp_path)
            await arrive(db, "$2", content_of("small"))
            await consume(db)
            await until_state(db, "small", "stored")
            make_room()
            stored = await until_state(db, "large", "stored")
    assert stored["attempts"] == 0
    assert blobs.path(stored["sha256"]).read_bytes() == large


async def test_homeserver_away(db: Db, tmp_path: Path) -> None:
    for number in range(10):
        await arrive(db, f"${number}", content_of(f"m{number}"))
    await consume(db)
    port = free_port()
    repository = Repository(answers={f"m{number}": [give(b"%d" % number)] for number in range(10)})
    repository.answers["m0"].insert(0, proxy_error(502))
    async with working(db, FileBlobs(tmp_path), f"http://127.0.0.1:{port}") as worker:

        async def met() -> bool:
            return worker.failing is not None

        await until(met)
        async with serving(repository, port):
            for number in range(10):
                assert (await until_state(db, f"m{number}", "stored"))["attempts"] == 0
