"""Whether the files of an index are as they were written.

Each file of a segment ends with a footer of tantivy: JSON with the CRC-32 of what stands before it, the length of that
JSON, and a magic number (both of 32 bits, little-endian).
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Final

import tantivy

if TYPE_CHECKING:
    from pathlib import Path

_TAIL: Final = struct.Struct("<II")
_MAGIC: Final = 1337
_LONGEST_FOOTER: Final = 1_000
_CHUNK: Final = 1 << 20


def is_whole(path: Path) -> bool:
    """Read all of a generation. Files that are replaced meanwhile do not count.

    Returns:
        False when one of its files is damaged or missing.
    """
    try:
        index = tantivy.Index.open(str(path))
        index.config_reader("manual")
        index.reload()
        wanted = _files(path)
    except (ValueError, OSError, KeyError):
        return False
    return all(_is_sound(file) or file not in _files_now(path) for file in wanted)


def _files(path: Path) -> set[Path]:
    """The files of the segments that were committed last."""
    segments = {
        segment["segment_id"].replace("-", "") for segment in json.loads((path / "meta.json").read_bytes())["segments"]
    }
    return {file for file in path.iterdir() if file.name.partition(".")[0] in segments}


def _files_now(path: Path) -> set[Path]:
    try:
        return _files(path)
    except (ValueError, OSError, KeyError):
        return set(path.iterdir())


def _is_sound(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL.size))
            length, magic = _TAIL.unpack(file.read(_TAIL.size))
            if magic != _MAGIC or length > min(_LONGEST_FOOTER, size - _TAIL.size):
                return False
            file.seek(size - _TAIL.size - length)
            footer = json.loads(file.read(length))
            left, found = size - _TAIL.size - length, 0
            file.seek(0)
            while left > 0 and (chunk := file.read(min(left, _CHUNK))):
                found, left = zlib.crc32(chunk, found), left - len(chunk)
            return left == 0 and found == int(footer["crc"])
    except (OSError, ValueError, KeyError, struct.error):
        return False
