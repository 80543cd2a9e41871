"""The other end of `child`: starts it when there is something to read, and ends it when it hangs or lies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec
import structlog

from bridge.search.extract.outcome import Extracted, State
from bridge.search.extract.text import MAX_TEXT
from bridge.text import clean

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence
    from pathlib import Path

T = TypeVar("T")
log = structlog.get_logger(__name__)

SECONDS: Final = 90.0  # by the clock for one file, a little more than the child gives itself
OCR_SECONDS: Final = 1800.0  # the same, when it may read 100 pages of a scan
START_SECONDS: Final = 60.0
TOO_LONG: Final = "takes too long"
_CHUNK: Final = 1024 * 1024
_MAX_HEADER: Final = 4096  # bytes
_MAX_BYTES: Final = 4 * MAX_TEXT
_PASSED_ON: Final = ("PATH", "TESSDATA_PREFIX")


class _Hello(msgspec.Struct):
    open: list[str]


class _Header(msgspec.Struct):
    state: State
    reason: Annotated[str, msgspec.Meta(max_length=200)] | None
    pages: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] | None
    again: bool
    size: Annotated[int, msgspec.Meta(ge=0, le=_MAX_BYTES)]


class NoReaderError(Exception):
    """No process can be started that reads files; no file is to blame."""


class _DiedError(Exception):
    """The child has ended, or says what it never says."""


def command(tesseract: Path | None) -> list[str]:
    """The program of the child."""
    ocr = [] if tesseract is None else ["--tesseract", str(tesseract)]
    return [sys.executable, "-I", "-X", "utf8", "-m", "bridge.search.extract.child", *ocr]


class Reader:
    """One child, and another one when that has died. For one file at a time.

    Args:
        program: what is started.
        seconds: by the clock for one file.
    """

    def __init__(self, program: Sequence[str], seconds: float = SECONDS) -> None:
        self.started = 0  # children so far
        self._program = program
        self._seconds = seconds
        self._child: Process | None = None
        self._socket: socket.socket | None = None
        self._rest = bytearray()

    @property
    def pid(self) -> int | None:
        """Of the child that waits for files or reads one."""
        return None if self._child is None else self._child.pid

    async def read(self, descriptor: int) -> Extracted:
        """The text of an open file. Whatever is in it, this returns.

        Raises:
            NoReaderError: nothing can be read now.
        """
        if self._socket is None:
            await self._start()
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._ask(descriptor)
        except TimeoutError:
            await self.close()
            return Extracted("failed", reason=TOO_LONG, again=True)
        except (_DiedError, OSError):
            return Extracted("failed", reason=_cause(await self.close()), again=True)
        except BaseException:
            await self.close()
            raise
        if found.again:
            await self.close()
        return found

    async def close(self) -> int:
        """End the child at once, if there is one; the next file starts another.

        Returns:
            its exit status; negative: the signal that ended it.
        """
        child, self._child = self._child, None
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()
        if child is None:
            return 0
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # with the tesseract that it may have started
        return await asyncio.shield(child.wait())

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._socket, self._rest = ours, bytearray()
        self.started += 1
        try:
            with theirs:
                self._child = await self._spawn(theirs)
            async with asyncio.timeout(START_SECONDS):
                hello = await self._line(_Hello)
        except (_DiedError, OSError) as error:  # also TimeoutError
            status = await self.close()
            raise NoReaderError(f"the reader of attachments does not start (exit status {status})") from error
        except BaseException:
            await self.close()
            raise
        if hello.open and self.started == 1:
            log.info("this kernel confines the readers of attachments less", missing=hello.open)

    async def _spawn(self, stdin: socket.socket) -> Process:
        inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return await asyncio.create_subprocess_exec(
            *self._program,
            stdin=stdin.fileno(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            env={**inherited, "LANG": "C.UTF-8", "OMP_THREAD_LIMIT": "1"},
            start_new_session=True,
        )

    async def _ask(self, descriptor: int) -> Extracted:
        socket.send_fds(self._open_socket(), [b"f"], [descriptor])
        header = await self._line(_Header)
        while len(self._rest) < header.size:
            self._rest += await self._receive()
        try:
            text = bytes(self._rest[: header.size]).decode()
        except UnicodeDecodeError as error:
            raise _DiedError from error
        del self._rest[: header.size]
        return Extracted(header.state, clean(text) or None, header.pages, header.reason, header.again)

    async def _line(self, kind: type[T]) -> T:
        while b"\n" not in self._rest:
            if len(self._rest) > _MAX_HEADER:
                raise _DiedError
            self._rest += await self._receive()
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            return msgspec.json.decode(line, type=kind)
        except msgspec.MsgspecError as error:
            raise _DiedError from error

    async def _receive(self) -> bytes:
        chunk = await asyncio.get_running_loop().sock_recv(self._open_socket(), _CHUNK)
        if not chunk:
            raise _DiedError
        return chunk

    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise _DiedError
        return self._socket


def _cause(status: int) -> str:
    """Why a child has ended, in words."""
    if -status in (signal.SIGALRM, signal.SIGXCPU):
        return TOO_LONG
    if status >= 0:
        return "its reader ended"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = str(-status)
    return f"its reader crashed ({name})"
