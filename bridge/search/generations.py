"""The folder of the index: `current` names the generation in use, each generation is a folder of its own.

    data_dir/search/current            the name of the generation in use
    data_dir/search/g-3f9a…/           one index of tantivy
    data_dir/search/g-3f9a…/state.json version of its fields, and up to where it follows the inbox
    data_dir/search/g-3f9a…/readers    locked (shared) by every process that reads it

A generation that nobody reads and that `current` does not name is deleted.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.search import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CURRENT, _STATE, _READERS, _DOUBTED = "current", "state.json", "readers", "doubted"
_PREFIX: Final = "g-"


@dataclass(frozen=True, slots=True)
class State:
    """What a generation holds.

    Attributes:
        position: the last row of the inbox that it knows of.
        key: of that row, so that an index of another database, or of a later time of this one, is recognized.
    """

    position: int
    key: str
    version: int = schema.VERSION


class Generations:
    """The folder.

    Args:
        folder: `data_dir/search`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def current(self) -> Path | None:
        """The generation in use, if it is one that we understand."""
        try:
            name = (self.folder / _CURRENT).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None
        path = self.folder / name
        return path if name.startswith(_PREFIX) and "/" not in name and read_state(path) is not None else None

    def new(self) -> Path:
        """A folder for another generation."""
        path = self.folder / f"{_PREFIX}{secrets.token_hex(8)}"
        path.mkdir(mode=0o700, parents=True)
        path.joinpath(_READERS).touch(0o600)
        return path

    def use(self, path: Path) -> None:
        """From now on this generation is the one in use."""
        _replace(self.folder / _CURRENT, f"{path.name}\n")

    def drop(self) -> None:
        """No generation is in use any more."""
        (self.folder / _CURRENT).unlink(missing_ok=True)

    def tidy(self, *keep: Path) -> None:
        """Delete all generations but the one in use, those to keep, and those that somebody still reads."""
        wanted = {self.current(), *keep}
        for path in self.folder.glob(f"{_PREFIX}*"):
            if path not in wanted:
                _delete_unread(path)


def read_state(path: Path) -> State | None:
    """What a generation holds; None when it has no state, or one of another version."""
    try:
        found: Any = json.loads((path / _STATE).read_bytes())
        state = State(int(found["position"]), str(found["key"]), int(found["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state if state.version == schema.VERSION else None


def write_state(path: Path, state: State) -> None:
    """Say what a generation holds, after that is on disk."""
    _replace(path / _STATE, json.dumps({"position": state.position, "key": state.key, "version": state.version}))


def doubt(path: Path) -> None:
    """Ask the indexer to look at a generation that could not be read."""
    path.joinpath(_DOUBTED).touch()


def is_doubted(path: Path) -> bool:
    """Whether somebody could not read it."""
    return path.joinpath(_DOUBTED).exists()


def trust(path: Path) -> None:
    """It was looked at and is whole."""
    path.joinpath(_DOUBTED).unlink(missing_ok=True)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Keep a generation from being deleted.

    Raises:
        OSError: it is gone, or about to go.
    """
    lock = os.open(path / _READERS, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        (path / _READERS).stat()
        yield
    finally:
        os.close(lock)


def _delete_unread(path: Path) -> None:
    try:
        lock = os.open(path / _READERS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path, ignore_errors=True)
    except BlockingIOError:
        return  # the next time
    finally:
        os.close(lock)


def _replace(path: Path, text: str) -> None:
    """Write a file so that a crash leaves the old or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
