"""Makes the file of a room for who asked: in a job, since a large room takes minutes."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import zipfile
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bridge.archive import export_html
from bridge.archive.blobs import RESERVE
from bridge.archive.export import Selection
from bridge.archive.export import batches as lines
from bridge.archive.export_html import Look
from bridge.archive.export_output import NoFiles, to_file
from bridge.archive.export_words import words_in
from bridge.botapi.ports import Exported, TooLarge
from bridge.storage import export
from bridge.storage import reading as rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.archive.export import Batch
    from bridge.botapi.ports import ExportWish
    from bridge.storage.db import Connection
    from bridge.storage.readable import Readable

PACKED: Final = 15  # chat gets about this many times smaller at the most: what is longer need not be tried
_MIMETYPES: Final = {"html": "text/html", "jsonl": "application/jsonl"}
_ZIP: Final = "application/zip"
_UNFIT: Final = re.compile(r"[^\w. -]+")  # in the name of a file
_LONGEST_NAME: Final = 80
_PIECE: Final = 2**20


class _TooLongError(Exception):
    """However well it is packed, it would not fit."""


async def make(
    db: Connection, folder: Path, wish: ExportWish, readable: Readable, most: int | None
) -> Exported | TooLarge:
    """Write the file; one that is too large for the homeserver is packed.

    Args:
        db: see `storage.export.snapshot`.
        readable: of the room, what the asker may read.
        most: bytes that the homeserver takes; None: not known.

    Raises:
        PostkamerError, OSError: there is no room for it.
    """
    now, room_id = datetime.now(UTC), wish.room_id
    path = folder / f"{sha256(wish.cause.encode()).hexdigest()[:32]}.{wish.fmt}"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    written = await export.writers(db, room_id, readable.spans(room_id), wish.since, None)
    encrypted = await rows.is_encrypted(db, room_id) or await rows.any_encrypted(db, readable, room_id)
    name = await export.room_name(db, room_id) or "export"
    title = f"{_UNFIT.sub('_', name)[:_LONGEST_NAME].strip(' ._') or 'export'} {now.astimezone(wish.timezone):%Y-%m-%d}"
    try:
        size = await _write(path, _batches(db, wish, readable, now), None if most is None else PACKED * most)
    except _TooLongError:
        return TooLarge(most or 0)
    plain, mimetype, packed = f"{title}.{wish.fmt}", _MIMETYPES[wish.fmt], False
    if most is not None and size > most:
        path = await _pack(path, plain, size)
        if path.stat().st_size > most:
            path.unlink()
            return TooLarge(most)
        mimetype, packed = _ZIP, True
    shown = f"{title}.zip" if packed else plain
    return Exported(path, shown, mimetype, sum(one.messages for one in written), encrypted, packed)


async def _write(path: Path, batches: AsyncIterator[Batch], longest: int | None) -> int:
    """The size in bytes."""
    size = 0
    async with to_file(path, NoFiles()) as output:
        async for batch in batches:
            size += len(batch.lines)
            if longest is not None and size > longest:
                raise _TooLongError
            _need(path.parent, len(batch.lines))
            await output.write(batch.lines)
    return size


def _batches(db: Connection, wish: ExportWish, readable: Readable, now: datetime) -> AsyncIterator[Batch]:
    selection = Selection((wish.room_id,), since=wish.since)
    if wish.fmt == "html":
        look = Look(words_in(wish.language), wish.timezone, now)
        return export_html.batches(db, selection, NoFiles(), look, readable)
    return lines(db, selection, NoFiles(), readable)


async def _pack(path: Path, name: str, size: int) -> Path:
    """Put a file into a ZIP file, in its place; in pieces, so that it can be given up at any of them."""
    _need(path.parent, size)
    packed = path.with_suffix(".zip")
    packed.touch(mode=0o600)
    try:
        with (
            path.open("rb") as plain,
            zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(name, "w", force_zip64=True) as inside,
        ):
            while piece := await asyncio.to_thread(plain.read, _PIECE):
                await asyncio.to_thread(inside.write, piece)
    except BaseException:
        packed.unlink()
        raise
    path.unlink()  # noqa: ASYNC240 (a moment)
    return packed


def _need(folder: Path, size: int) -> None:
    """Leave to the database what it needs, as the attachments do.

    Raises:
        OSError: there is not so much room.
    """
    room = os.statvfs(folder)
    if room.f_bavail * room.f_frsize < RESERVE + size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
