"""One process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ClaimedError(PostkamerError):
    """Another process has the folder."""

    def __init__(self, folder: Path, pid: str) -> None:
        super().__init__(
            f"another Postkamer works in {folder} (process {pid})",
            "stop that one first, or give this one a data_dir of its own",
        )


@contextmanager
def claim(folder: Path, *, name: str = "postkamer.lock") -> Iterator[None]:
    """Have a folder to ourselves inside the block.

    It is a lock of the kernel on a file in the folder, so it ends with the process, however that ends. Programs that we
    start do not inherit it. Works between containers that share the folder; not over NFS without locks.

    Raises:
        ClaimedError: another process, or another block in this one, has it.
        PostkamerError: the folder cannot be made or written.
    """
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PostkamerError(
            f"cannot write in {folder}: {error.strerror}", "check data_dir, its owner and its permissions"
        ) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClaimedError(folder, os.pread(lock, 20, 0).decode().strip() or "unknown") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)
