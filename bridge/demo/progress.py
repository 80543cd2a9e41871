"""What of a script has been done: a file to which each result is added, so that a second start goes on."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import TextIOWrapper
    from pathlib import Path


class Progress:
    """Results by the place in the script. One process at a time."""

    def __init__(self, done: dict[str, Any], file: TextIOWrapper) -> None:
        self._done = done
        self._file = file
        self.resumed = bool(done)

    def __contains__(self, key: str) -> bool:
        return key in self._done

    def __getitem__(self, key: str) -> Any:
        return self._done[key]

    def get(self, key: str) -> Any:
        """The result of a step, None when it is not done."""
        return self._done.get(key)

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """The result of a step that takes no time, made at the first call."""
        if key not in self._done:
            self.done(key, make())
        return self._done[key]

    def done(self, key: str, result: Any = None) -> None:
        """A step is done; kept when this process is killed the next moment."""
        self._done[key] = result
        self._file.write(json.dumps([key, result]) + "\n")
        self._file.flush()


@contextmanager
def open_progress(path: Path) -> Iterator[Progress]:
    """The progress that a file holds; made when it is not there."""
    done: dict[str, Any] = {}
    for line in whole_lines(path):
        key, result = json.loads(line)
        done[key] = result
    path.touch(mode=0o600)  # it holds the password of the demo's users
    with path.open("a", encoding="utf-8") as file:
        yield Progress(done, file)


def whole_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file; one that was cut off by a crash is removed from it."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        end = 0
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(end)
                return
            end += len(line)
            yield line
