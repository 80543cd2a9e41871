"""The process that reads files: what it may not do, and what becomes of it and of us when a file does it harm."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.search.extract import confine
from bridge.search.extract.outcome import Extracted
from bridge.search.extract.reader import TOO_LONG, NoReaderError, Reader, command
from tests import extract_files as files
from tests.extract_files import WORDS
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REAL = (*files.everything().values(), files.filled_form(), files.scanned_pdf(None, "x"), files.old_office()[:9999])
STATES = {"done", "no_text", "locked", "failed", "too_large", "no_ocr"}
LIE = "import socket; s = socket.socket(fileno=0); s.sendall(b'{{\"open\": []}}\\n'); s.recv(1); s.sendall({})"


@asynccontextmanager
async def reader_of(program: list[str] | None = None, seconds: float = 60) -> AsyncIterator[Reader]:
    reader = Reader(program or command(None), seconds)
    try:
        yield reader
    finally:
        await reader.close()


async def read(reader: Reader, data: bytes) -> Extracted:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return await reader.read(file.fileno())


def doing(what: str) -> list[str]:
    """The child, with something else in the place of reading."""
    lines = [
        "import os, signal, socket, time",
        "from bridge.search.extract import child",
        "from bridge.search.extract.outcome import Extracted",
        "child.SECONDS = 1",
        "def extract(file, ocr):",
        *(f"    {line}" for line in what.splitlines()),
        "child.extract = extract",
        "child.main()",
    ]
    return [sys.executable, "-I", "-c", "\n".join(lines)]


async def test_one_process_reads_one_file_after_the_other() -> None:
    async with reader_of() as reader:
        for name, data in files.everything().items():
            found = await read(reader, data)
            assert WORDS in (found.text or ""), name
        assert reader.started == 1
        pid = reader.pid
        assert pid is not None
        await reader.close()
        assert not psutil.pid_exists(pid)
        assert (await read(reader, b"tekst")).text == "tekst"
        assert reader.started == 2


async def test_it_is_polite() -> None:
    async with reader_of() as reader:
        await read(reader, b"tekst")
        child = psutil.Process(reader.pid)
        assert child.nice() == 10
        assert child.rlimit(psutil.RLIMIT_AS)[1] == 1024**3
        assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert set(child.environ()) <= {"PATH", "LANG", "OMP_THREAD_LIMIT", "TESSDATA_PREFIX", "LC_CTYPE"}
        assert Path(f"/proc/{reader.pid}/oom_score_adj").read_text().strip() == "1000"


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "its reader crashed (SIGSEGV)"),
        ("os.abort()", "its reader crashed (SIGABRT)"),
        ("os._exit(3)", "its reader ended"),
        ("while True: pass", TOO_LONG),
        ("time.sleep(60)", TOO_LONG),
        ("return Extracted('done', bytearray(2 * 1024**3))", "needs more than 1024 MB of memory"),
    ],
)
async def test_a_file_that_does_harm_costs_that_file(what: str, reason: str) -> None:
    harmful = f"if file.read(1) == b'!':\n    {what}\nreturn Extracted('done', 'goed')"
    async with reader_of(doing(harmful)) as reader:
        assert (await read(reader, b".")).text == "goed"
        found = await read(reader, b"!")
        assert (found.state in ("failed", "too_large"), found.reason, found.again) == (True, reason, True)
        assert (await read(reader, b".")).text == "goed"
        assert reader.started == 2


async def test_one_that_hangs_for_good_is_killed() -> None:
    async with reader_of(seconds=0.5) as reader:
        await read(reader, b"tekst")
        pid = reader.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        assert await read(reader, b"tekst") == Extracted("failed", reason=TOO_LONG, again=True)
        assert not psutil.pid_exists(pid)
        assert (await read(reader, b"tekst")).text == "tekst"


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\n",
        b"x" * 100_000,
        b'{"state": "done", "reason": null, "pages": 1, "again": false, "size": 99999999999}\n',
        b'{"state": "done", "reason": null, "pages": -1, "again": false, "size": 0}\n',
        b'{"state": "other", "reason": null, "pages": null, "again": false, "size": 0}\n',
        b'{"state": "done", "reason": "' + b"x" * 300 + b'", "pages": null, "again": false, "size": 0}\n',
        b'{"state": "done", "reason": null, "pages": null, "again": false, "size": 2}\n\xff\xff',
        b'{"state": "done", "reason": null, "pages": null, "again": false, "size": 2}\nx',
    ],
)
async def test_a_child_that_lies_is_not_believed(answer: bytes) -> None:
    async with reader_of([sys.executable, "-c", LIE.format(answer)]) as reader:
        found = await read(reader, b"tekst")
        assert (found.state, found.text, found.again) == ("failed", None, True)
        assert reader.pid is None


async def test_what_cannot_be_stored_is_not_taken() -> None:
    answer = b'{"state": "done", "reason": null, "pages": null, "again": false, "size": 3}\na\0b'
    async with reader_of([sys.executable, "-c", LIE.format(answer)]) as reader:
        assert (await read(reader, b"tekst")).text == "a\ufffdb"


@pytest.mark.parametrize("program", [["/no/such/program"], ["false"], ["echo"]])
async def test_no_reader_is_nobodys_fault(program: list[str]) -> None:
    async with reader_of(program) as reader:
        with pytest.raises(NoReaderError):
            await read(reader, b"tekst")


async def test_who_is_stopped_leaves_no_process() -> None:
    async with reader_of(doing("time.sleep(60)")) as reader:
        reading = asyncio.create_task(read(reader, b"tekst"))
        await until(lambda: reader.pid is not None)
        pid = reader.pid
        assert pid is not None
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert reading.cancelled()
        assert not psutil.pid_exists(pid)


async def test_it_does_not_outlive_us() -> None:
    code = (
        "import asyncio, os, tempfile\nfrom bridge.search.extract.reader import Reader, command\n"
        "async def main():\n    reader = Reader(command(None))\n    with tempfile.TemporaryFile() as file:\n"
        "        await reader.read(file.fileno())\n    print(reader.pid, flush=True)\n    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())"
    )
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    await until(lambda: not psutil.pid_exists(int(done.stdout)))


def attempt(what: str, folder: Path) -> str:
    """What a confined process gets of a statement: an error, or what it printed."""
    code = (
        "import os, pathlib, signal, socket, subprocess, sys, sysconfig\n"
        "from bridge.search.extract import confine\nconfine.limit(1024**3)\n"
        f"missing = confine.confine(map(pathlib.Path, [{str(folder / 'open')!r}, '/usr', '/lib', '/lib64']))\n"
        f"try:\n    {what}\nexcept Exception as error:\n    print(type(error).__name__)\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("what", "outcome"),
    [
        ("print(missing)", "[]"),
        ("socket.socket(socket.AF_INET)", "PermissionError"),
        ("socket.socket(socket.AF_UNIX)", "PermissionError"),
        ("print(open('{}/open/file').read())", "te lezen"),
        ("open('{}/closed')", "PermissionError"),
        ("open('/proc/1/environ')", "PermissionError"),
        ("open('{}/open/new', 'w')", "PermissionError"),
        ("os.unlink('{}/open/file')", "PermissionError"),
        ("open('{}/open/file', 'a')", "PermissionError"),
        ("os.listdir('{}')", "PermissionError"),
        ("os.kill(os.getppid(), 0)", "PermissionError"),
        ("print(subprocess.run(['/usr/bin/head', '{}/closed']).returncode)", "1"),
        ("print(subprocess.run(['/usr/bin/head', '{}/open/file']).returncode)", "te lezen0"),
    ],
)
def test_what_a_confined_process_cannot_do(what: str, outcome: str, tmp_path: Path) -> None:
    """On a kernel with Landlock 6 or newer (Linux 6.12); older ones take less away, and say so."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open/file").write_text("te lezen")
    (tmp_path / "closed").write_text("geheim")
    assert attempt(what.replace("{}", str(tmp_path)), tmp_path).replace("\n", "") == outcome


def test_a_kernel_that_has_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class OldKernel:
        def prctl(self, *_: object) -> int:
            return -1

        def syscall(self, *_: object) -> int:
            return -1

    monkeypatch.setattr(confine, "_libc", OldKernel)
    assert confine.confine([Path("/usr")]) == ["landlock", "seccomp"]


async def test_bombs() -> None:
    async with reader_of() as reader:
        for data in (files.flate_bomb(300_000_000), files.laughs()):
            found = await read(reader, data)
            assert (found.state in STATES, found.text) == (True, None)
        found = await read(reader, files.many_pages(100_000))
        assert found.pages == 100_000
        assert WORDS in ((await read(reader, files.docx())).text or "")


@pytest.fixture(scope="module")
async def module_reader() -> AsyncIterator[Reader]:
    async with reader_of() as reader:
        yield reader


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real file of any kind, cut, with bytes changed, and with pieces at other places."""
    data = bytearray(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["byte", "piece", "cut", "zeros"])):
            case "byte":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case "piece":
                start = draw(st.integers(0, max(len(data) - 1, 0)))
                data[at:at] = data[start : start + draw(st.integers(1, 200))]
            case "cut":
                del data[at : at + draw(st.integers(1, max(len(data), 1)))]
            case "zeros":
                data[at : at + 8] = bytes(8)
    return bytes(data)


@settings(max_examples=150)
@given(data=damaged())
async def test_whatever_is_in_a_file_there_is_an_answer(module_reader: Reader, data: bytes) -> None:
    found = await read(module_reader, data)
    assert found.state in STATES
    assert (found.text is not None) == (found.state == "done")
    assert (found.reason is not None) or found.state == "done"
    assert (await read(module_reader, b"tekst")).text == "tekst"
