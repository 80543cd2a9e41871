"""What the tests of attachments share."""

from __future__ import annotations

import asyncio
import json
import resource
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from bridge.archive.consumer import Follower
from bridge.archive.media import MediaConsumer, MediaWorker
from bridge.storage import inbox
from tests.media_repository import source_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    import asyncpg

    from bridge.archive.blobs import FileBlobs
    from bridge.archive.media_source import MediaSource
    from bridge.storage.db import Db
    from bridge.storage.inbox import Kind

ROOM = "!room:vandijk.example"
MB = 1024 * 1024


def mxc(media_id: str) -> str:
    return f"mxc://vandijk.example/{media_id}"


def content_of(media_id: str, **more: Any) -> dict[str, Any]:
    return {"msgtype": "m.file", "body": f"{media_id}.pdf", "url": mxc(media_id), **more}


async def arrive(db: Db, key: str, content: object, *, kind: Kind = "event", type_: str = "m.room.message") -> None:
    raw = json.dumps({"type": type_, "content": content, "room_id": ROOM}).encode()
    await arrive_raw(db, key, raw, kind=kind, type_=type_)


async def arrive_raw(db: Db, key: str, raw: bytes, *, kind: Kind = "event", type_: str = "m.room.message") -> None:
    async with db.tx() as tx:
        await inbox.append(tx, [inbox.Arrival(kind=kind, key=key, room_id=ROOM, type=type_, raw=raw)])


async def consume(db: Db) -> None:
    follower = Follower(db, MediaConsumer())
    while await follower.step():
        pass


async def rows(db: Db) -> dict[str, asyncpg.Record]:
    async with db.connection() as connection:
        return {row["media_id"]: row for row in await connection.fetch("SELECT * FROM media")}


async def row(db: Db, media_id: str) -> asyncpg.Record:
    return (await rows(db))[mxc(media_id)]


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 (what changes is in the database)
            await asyncio.sleep(0.02)


async def until_state(db: Db, media_id: str, state: str) -> asyncpg.Record:
    async def reached() -> bool:
        return bool((await row(db, media_id))["state"] == state)

    await until(reached)
    return await row(db, media_id)


@asynccontextmanager
async def working_with(
    db: Db, blobs: FileBlobs, source: MediaSource, *, max_size: int = 10 * MB
) -> AsyncIterator[MediaWorker]:
    worker = MediaWorker(db, blobs, source, max_size=max_size, first_retry=0.02)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError), outcome


@asynccontextmanager
async def working(db: Db, blobs: FileBlobs, address: str, *, max_size: int = 10 * MB) -> AsyncIterator[MediaWorker]:
    async with source_for(address) as source, working_with(db, blobs, source, max_size=max_size) as worker:
        yield worker


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@contextmanager
def disk_full_after(size: int) -> Iterator[Callable[[], None]]:
    """The kernel refuses to let a file of this process grow further, as a full disk does. Yields what makes room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def make_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield make_room
    finally:
        make_room()
