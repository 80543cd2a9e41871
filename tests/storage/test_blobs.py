from __future__ import annotations

import asyncio
import os
import resource
import shutil
import stat
import sys
import tracemalloc
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.archive.blobs import CHUNK, BlobError, BlobFullError, FileBlobs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


async def chunks_of(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def store(blobs: FileBlobs, data: bytes) -> str:
    async with blobs.stage(chunks_of(data)) as staged:
        assert (staged.sha256, staged.size) == (sha256(data).hexdigest(), len(data))
        await staged.publish()
        return staged.sha256


async def load(blobs: FileBlobs, digest: str) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(digest)])


def files(data_dir: Path) -> list[Path]:
    return sorted(path for path in data_dir.rglob("*") if path.is_file())


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The kernel refuses to let a file of this process grow further, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, 3 * CHUNK + 7])
async def test_what_was_published_is_there(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    blobs = FileBlobs(tmp_path)
    digest = await store(blobs, data)
    assert await blobs.exists(digest)
    assert await load(FileBlobs(tmp_path), digest) == data
    assert files(tmp_path) == [tmp_path / "media" / digest[:2] / digest[2:4] / digest]
    assert stat.S_IMODE(blobs.path(digest).stat().st_mode) == 0o600
    assert stat.S_IMODE(blobs.path(digest).parent.stat().st_mode) == 0o700


async def test_same_content_is_kept_once(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    assert len(set(await asyncio.gather(*(store(blobs, b"same" * 99_999) for _ in range(6))))) == 1
    assert len(files(tmp_path)) == 1


async def test_a_damaged_file_is_mended(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    digest = await store(blobs, b"whole")
    blobs.path(digest).write_bytes(b"")
    await store(blobs, b"whole")
    assert await load(blobs, digest) == b"whole"


async def test_what_is_not_published_is_gone(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    async with blobs.stage(chunks_of(b"secret")) as staged:
        assert not await blobs.exists(staged.sha256)
    assert files(tmp_path) == []


async def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 3 * CHUNK
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        async with FileBlobs(tmp_path).stage(broken()):
            pytest.fail("staged")
    assert files(tmp_path) == []


async def test_being_cancelled_leaves_nothing(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * CHUNK
            started.set()
            await asyncio.sleep(0)

    async def write() -> None:
        async with FileBlobs(tmp_path).stage(endless()):
            pytest.fail("staged")

    task = asyncio.create_task(write())
    await started.wait()
    before = open_files()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(tmp_path) == []
    assert open_files() < before


async def test_no_room_leaves_nothing_and_recovers(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    data = os.urandom(3 * CHUNK)
    with largest_file(2 * CHUNK), pytest.raises(BlobFullError, match="disk full"):
        await store(blobs, data)
    assert files(tmp_path) == []
    assert await load(blobs, await store(blobs, data)) == data


async def test_a_reserve_stays_free(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path, reserve=shutil.disk_usage(tmp_path).total)
    with pytest.raises(BlobFullError):
        await store(blobs, b"x")
    assert files(tmp_path) == []


async def test_no_space_left_on_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_open = os.open

    def open_full(path: Path, flags: int, mode: int = 0o777) -> int:
        return really_open("/dev/full", os.O_WRONLY) if flags & os.O_EXCL else really_open(path, flags, mode)

    monkeypatch.setattr(os, "open", open_full)
    with pytest.raises(BlobFullError):
        await store(FileBlobs(tmp_path, reserve=0), b"x")


async def test_a_store_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("no folder")
    with pytest.raises(BlobError, match="attachment store: "):
        await FileBlobs(tmp_path).prepare()
    with pytest.raises(BlobError):
        await store(FileBlobs(tmp_path), b"x")


async def test_delete(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    digest = await store(blobs, b"x")
    assert await blobs.delete(digest)
    assert not await blobs.delete(digest)
    assert not await blobs.exists(digest)
    with pytest.raises(BlobError):
        await load(blobs, digest)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
async def test_only_a_digest_is_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        await FileBlobs(tmp_path).exists(name)


KILLED = """
import asyncio, sys
from pathlib import Path
from bridge.archive.blobs import FileBlobs

async def endless():
    while True:
        yield b"x" * 300_000
        print("written", flush=True)
        await asyncio.sleep(0.001)

async def main():
    async with FileBlobs(Path(sys.argv[1])).stage(endless()):
        pass

asyncio.run(main())
"""


async def test_a_process_killed_while_writing_leaves_nothing_after_the_next_start(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(10):
        await process.stdout.readline()
    blobs = FileBlobs(tmp_path)
    await blobs.prepare()
    assert len(files(tmp_path)) == 1, "its writer lives"
    process.kill()
    await process.communicate()
    await blobs.prepare()
    assert files(tmp_path) == []


async def test_constant_memory(tmp_path: Path) -> None:
    async def large() -> AsyncIterator[bytes]:
        for _ in range(400):
            yield bytes(500_000)

    blobs = FileBlobs(tmp_path)
    tracemalloc.start()
    async with blobs.stage(large()) as staged:
        await staged.publish()
    digest = sha256()
    async for chunk in blobs.read(staged.sha256):
        digest.update(chunk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (digest.hexdigest(), staged.size) == (staged.sha256, 200_000_000)
    assert peak < 10 * CHUNK
