"""Where an export is written: standard output, a file, or a folder with the attachments beside the lines."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import asynccontextmanager, contextmanager, suppress
from hashlib import sha256
from mimetypes import MimeTypes
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from bridge.archive.blobs import BlobError
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bridge.archive.blobs import BlobStore
    from bridge.archive.export import Files
    from bridge.storage.export import AttachmentRow

NAME = "messages"  # of the file in a folder, without its extension
_TYPES = MimeTypes()  # Python's own table: the same on every machine; it lacks what voice messages are
_TYPES.add_type("audio/ogg", ".ogg")
_TYPES.add_type("audio/wav", ".wav")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}")


class Output(Protocol):
    """A place for lines and attachments."""

    files: Files

    async def write(self, lines: bytes) -> None:
        """Add lines."""


class NoFiles:
    """Attachments are only named."""

    async def keep(self, attachment: AttachmentRow) -> str | None:
        del attachment
        return None


def extension(name: str, mimetype: str | None) -> str:
    """The extension of a file's name, in small letters, or the usual one of its type; '' when neither is plain."""
    own = Path(name).suffix
    usual = _TYPES.guess_extension(mimetype) if mimetype else None
    return next((one.lower() for one in (own, usual) if one and _EXTENSION.fullmatch(one)), "")


class Folder:
    """Copies attachments into a folder, each content once a kind of name.

    They are copies and no hard links: who changes an exported file must not change the archive.
    """

    def __init__(self, folder: Path, blobs: BlobStore) -> None:
        self.lacking = 0  # files that the store should hold and does not, or not as it was
        self._folder = folder
        self._blobs = blobs

    async def keep(self, attachment: AttachmentRow) -> str | None:
        if attachment.sha256 is None:
            return None
        name = attachment.sha256 + extension(attachment.name, attachment.mimetype)
        path = self._folder / "attachments" / name
        if not await asyncio.to_thread(_is_there, path, attachment.size) and not await self._copy(
            attachment.sha256, path
        ):
            self.lacking += 1
            return None
        return f"attachments/{name}"

    async def _copy(self, digest: str, path: Path) -> bool:
        unfinished = path.with_name(f"{path.name}.part")
        copied = sha256()
        with _open(unfinished) as file:
            try:
                async for chunk in self._blobs.read(digest):
                    copied.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
            except BlobError:
                pass
        if copied.hexdigest() != digest:
            unfinished.unlink()
            return False
        unfinished.replace(path)
        return True


def _is_there(path: Path, size: int | None) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


class Stream:
    """Lines to a file descriptor that is open already."""

    def __init__(self, descriptor: int, files: Files) -> None:
        self.files = files
        self._descriptor = descriptor

    async def write(self, lines: bytes) -> None:
        await asyncio.to_thread(self._write, lines)

    def _write(self, lines: bytes) -> None:
        view = memoryview(lines)
        while view:
            view = view[os.write(self._descriptor, view) :]


@asynccontextmanager
async def to_file(path: Path, files: Files) -> AsyncIterator[Output]:
    """Write under a name ending in `.part`, which becomes the real one only when everything was written.

    Raises:
        PostkamerError: the file cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.part")
    with writing(path):
        with _open(unfinished) as file:
            try:
                yield Stream(file.fileno(), files)
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    unfinished.unlink()
                raise
        unfinished.replace(path)


@contextmanager
def writing(what: object) -> Iterator[None]:
    """Say what cannot be written, and why.

    Raises:
        PostkamerError: for an OSError of a file.
    """
    try:
        yield
    except (ConnectionError, TimeoutError):  # of the database, or of who reads the other end of a pipe
        raise
    except OSError as error:
        raise PostkamerError(
            f"cannot write {error.filename or what}: {error.strerror}", "look at the path, its owner and the free space"
        ) from error


@asynccontextmanager
async def to_folder(folder: Path, blobs: BlobStore, fmt: str = "jsonl") -> AsyncIterator[tuple[Output, Folder]]:
    """Write `messages.FMT` and `attachments/SHA256.EXT` into a folder, which is made when it is not there.

    Raises:
        PostkamerError: the folder cannot be written.
    """
    try:
        (folder / "attachments").mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise PostkamerError(f"cannot make {folder}: {error.strerror}", "give another path to -o") from error
    files = Folder(folder, blobs)
    async with to_file(folder / f"{NAME}.{fmt}", files) as output:
        yield output, files


def _open(path: Path) -> BinaryIO:
    """A file that only we can read: an export shows everything that the archive holds."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
