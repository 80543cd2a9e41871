"""Where the bytes of attachments are: each content once, named by its SHA-256.

`BlobStore` is all that the rest knows of it; `FileBlobs` keeps files under the data directory.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import secrets
from contextlib import asynccontextmanager, suppress
from hashlib import sha256 as new_sha256
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

P = ParamSpec("P")
T = TypeVar("T")

CHUNK = 1024 * 1024  # bytes in a read or a write
RESERVE = 64 * 1024 * 1024  # bytes that we leave free, since a database on the same disk needs them more than we do
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NAME = re.compile("[0-9a-f]{64}")


class BlobError(Exception):
    """The store cannot do it now; its text is fit for a report."""


class BlobFullError(BlobError):
    """There is no room for the bytes; nothing of them was kept."""


class Staged(Protocol):
    """Bytes that are safely in the store, but not yet under their name."""

    sha256: str  # hexadecimal
    size: int  # bytes

    async def publish(self) -> None:
        """Give them their name; afterwards they survive a crash. Doing it again for the same content is harmless.

        Raises:
            BlobError: they are not there.
        """


class BlobStore(Protocol):
    """A store of contents. Only bytes that were written completely are ever found under a name."""

    async def prepare(self) -> None:
        """Make the store ready, and remove what a process that died has left half written.

        Raises:
            BlobError: it cannot be used.
        """

    def stage(self, chunks: AsyncIterable[bytes]) -> AbstractAsyncContextManager[Staged]:
        """Write what comes, in constant memory. What is not published inside the block is gone after it.

        Raises:
            BlobFullError: no room.
            BlobError: the store cannot be written.
            Any exception of `chunks`.
        """

    async def exists(self, sha256: str) -> bool:
        """Whether the content is there."""

    def read(self, sha256: str) -> AsyncIterator[bytes]:
        """The content, in chunks.

        Raises:
            BlobError: it is not there, or cannot be read.
        """

    async def delete(self, sha256: str) -> bool:
        """Remove a content for good; False when it was not there.

        Raises:
            BlobError: it cannot be removed.
        """


class FileBlobs:
    """Files `media/ab/cd/abcd…` under the data directory, readable for us alone.

    Args:
        reserve: bytes of the file system that stay free.
    """

    def __init__(self, data_dir: Path, *, reserve: int = RESERVE) -> None:
        self._folder = data_dir / "media"
        self._unfinished = self._folder / "unfinished"
        self._reserve = reserve

    async def prepare(self) -> None:
        await _in_thread(self._prepare)

    @asynccontextmanager
    async def stage(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[Staged]:
        file = _UnfinishedFile(self._folder, self._reserve)
        try:
            await _in_thread(file.open, self._unfinished)
            buffer = bytearray()
            async for chunk in chunks:
                buffer += chunk
                if len(buffer) >= CHUNK:
                    await _in_thread(file.write, bytes(buffer))
                    buffer.clear()
            await _in_thread(file.write, bytes(buffer))
            await _in_thread(file.finish)
            yield file
        finally:
            await _in_thread(file.close)

    async def exists(self, sha256: str) -> bool:
        return await _in_thread(self.path(sha256).is_file)

    async def read(self, sha256: str) -> AsyncIterator[bytes]:
        descriptor = await _in_thread(os.open, self.path(sha256), os.O_RDONLY)
        try:
            while chunk := await _in_thread(os.read, descriptor, CHUNK):
                yield chunk
        finally:
            os.close(descriptor)

    def path(self, sha256: str) -> Path:
        """The file that holds the content, if we have it."""
        return blob_path(self._folder, sha256)

    async def delete(self, sha256: str) -> bool:
        return await _in_thread(_delete, self.path(sha256))

    def _prepare(self) -> None:
        _make_folder(self._unfinished)
        for path in self._unfinished.iterdir():
            with suppress(FileNotFoundError, BlockingIOError):  # gone, or its writer lives
                descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(descriptor)


class _UnfinishedFile:
    """A file under a name of no meaning. Its lock says that the writer lives. Runs in threads, one call at a time."""

    def __init__(self, folder: Path, reserve: int) -> None:
        self.size = 0
        self.sha256 = ""
        self._digest = new_sha256()
        self._folder = folder
        self._reserve = reserve
        self._path: Path | None = None
        self._descriptor = -1

    def open(self, unfinished: Path) -> None:
        _make_folder(unfinished)
        while True:
            self._path = unfinished / secrets.token_hex(16)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with suppress(BlockingIOError):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(self._descriptor).st_nlink:
                    return
            self.close()  # somebody who cleaned up was quicker than our lock

    def write(self, data: bytes) -> None:
        room = os.fstatvfs(self._descriptor)
        if room.f_bavail * room.f_frsize < self._reserve + len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._digest.update(data)
        self.size += len(data)

    def finish(self) -> None:
        os.fsync(self._descriptor)
        self.sha256 = self._digest.hexdigest()

    async def publish(self) -> None:
        await _in_thread(self._publish)

    def _publish(self) -> None:
        target = blob_path(self._folder, self.sha256)
        _make_folder(target.parent)
        if self._path is not None:
            self._path.replace(target)  # also over a damaged older file
            self._path = None
        _sync_folder(target.parent)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def blob_path(folder: Path, sha256: str) -> Path:
    """The place of a content under the folder of all.

    Raises:
        ValueError: no hexadecimal SHA-256.
    """
    if not _NAME.fullmatch(sha256):
        raise ValueError(f"not the SHA-256 of a content: {sha256[:80]!r}")
    return folder / sha256[:2] / sha256[2:4] / sha256


def _delete(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    _sync_folder(path.parent)
    return True


def _make_folder(path: Path) -> None:
    """Make a folder and those above it, so that they survive a crash."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run file I/O off the event loop. When we are cancelled, it ends first: nobody may close a file under it.

    Raises:
        BlobError: for an OSError.
    """
    job = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not job.done():
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        job.exception()  # seen
        raise cancelled
    try:
        return job.result()
    except OSError as error:
        if error.errno in _FULL:
            raise BlobFullError("disk full") from error
        raise BlobError(f"attachment store: {os.strerror(error.errno or 0)}") from error
