"""ZIP files as Office and OpenDocument use them, opened without trusting what they say of themselves."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, BinaryIO, Final

from bridge.search.extract.outcome import LOCKED, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_UNPACKED: Final = 400_000_000  # bytes that are unpacked of one file, whatever it says
MAX_ENTRIES: Final = 50_000
CHUNK: Final = 65536
_ENCRYPTED: Final = 0x1  # of the flags of an entry


class Zip:
    """One file.

    Raises:
        UnreadableError: more entries than any document has.
        zipfile.BadZipFile: damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file)
        self._left = MAX_UNPACKED
        if len(self._zip.filelist) > MAX_ENTRIES:
            raise UnreadableError("too_large", f"more than {MAX_ENTRIES} parts")
        self.names = tuple(dict.fromkeys(self._zip.namelist()))

    def chunks(self, name: str) -> Iterator[bytes]:
        """What is in an entry, unpacked in constant memory.

        Raises:
            UnreadableError: it needs a password, or all together unpacks to too much.
            zipfile.BadZipFile, zlib.error, ...: damaged.
        """
        if self._zip.getinfo(name).flag_bits & _ENCRYPTED:
            raise UnreadableError("locked", LOCKED)
        with self._zip.open(name) as entry:
            while chunk := entry.read(CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise UnreadableError("too_large", f"unpacks to more than {MAX_UNPACKED // 1_000_000} MB")
                yield chunk

    def start(self, name: str, size: int) -> bytes:
        """At most `size` bytes of an entry; b'' when there is none of that name."""
        found = b""
        if name in self.names:
            for chunk in self.chunks(name):
                found += chunk
                if len(found) >= size:
                    break
        return found[:size]
