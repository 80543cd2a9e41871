"""The process that opens the files of strangers: `python -m bridge.search.extract.child [--tesseract PATH]`.

Standard input is a Unix socket. Each file comes as one byte with an open descriptor; the answer is a line of JSON,
`{"state", "reason", "pages", "again", "size"}`, and then `size` bytes of UTF-8. Before the first file it says hello,
with what this kernel cannot take away from it: `{"open": [...]}`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import socket
import sys
import sysconfig
import time
from pathlib import Path
from typing import Final

from bridge.search.extract import confine
from bridge.search.extract.ocr import PAGE_SECONDS, Tesseract
from bridge.search.extract.outcome import Extracted
from bridge.search.extract.reading import extract

MEMORY: Final = 1024**3  # bytes of address space
SECONDS: Final = 60  # of processor time and by the clock; OCR has more by the clock, a page at a time
_NICE: Final = 10
_EVERYWHERE: Final = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/zero", "/dev/urandom",
)  # fmt: skip


def main() -> None:
    """Read files until nobody sends any more."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--tesseract", type=Path)
    program: Path | None = arguments.parse_args().tesseract
    confine.die_with_parent()
    os.nice(_NICE)
    confine.limit(MEMORY)
    missing = confine.confine(_needed(program))
    ocr = None if program is None else Tesseract(program, before=lambda: _give_time(PAGE_SECONDS + SECONDS))
    with socket.socket(fileno=0) as parent:
        parent.sendall(json.dumps({"open": missing}).encode() + b"\n")
        while True:
            _, descriptors, _, _ = socket.recv_fds(parent, 1, 1)
            if not descriptors:
                return
            found = _read(descriptors[0], ocr)
            _answer(parent, found)
            if found.again:
                return


def _needed(program: Path | None) -> list[Path]:
    """What has to be read while we work: Python's own modules, and all that tesseract needs."""
    paths = [Path(one) for one in _EVERYWHERE]
    paths += [Path(one) for one in {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix}]
    paths.append(Path(__file__).parents[2])
    if program is not None:
        paths += [program.resolve().parent, *(Path(one) for one in [os.environ.get("TESSDATA_PREFIX")] if one)]
    return paths


def _give_time(seconds: int) -> None:
    """End us (SIGALRM) when it is over: a library that hangs cannot be stopped in any other way."""
    signal.alarm(seconds)


def _read(descriptor: int, ocr: Tesseract | None) -> Extracted:
    _give_time(SECONDS)
    used = int(time.process_time()) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + SECONDS, resource.RLIM_INFINITY))
    try:
        with open(descriptor, "rb") as file:
            return extract(file, ocr)
    except MemoryError:
        return Extracted("too_large", reason=f"needs more than {MEMORY // 1024**2} MB of memory", again=True)
    finally:
        signal.alarm(0)


def _answer(parent: socket.socket, found: Extracted) -> None:
    text = (found.text or "").encode()
    header = {"state": found.state, "reason": found.reason, "pages": found.pages, "again": found.again}
    parent.sendall(json.dumps({**header, "size": len(text)}).encode() + b"\n" + text)


if __name__ == "__main__":
    main()
