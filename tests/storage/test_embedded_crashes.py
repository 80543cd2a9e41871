"""The embedded PostgreSQL after kill -9 of either side, and what that leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import psutil
import pytest

from bridge.storage.cluster import locate
from bridge.storage.embedded import SETTINGS, embedded_server
from tests.postgres import ask
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SERVE = Path(__file__).with_name("serve.py")
ORDINARY = 65534


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="postkamer-test-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@asynccontextmanager
async def owner(folder: Path, *, uid: int | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that has the server; killed at the end when it is still there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVE),
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        user=uid,
        group=uid,
        extra_groups=None if uid is None else [],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def url_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        line = await process.stdout.readline()
    assert line, "it did not start"
    return line.decode().strip()


async def answers(url: str) -> bool:
    try:
        return await ask(url, "SELECT 1") == 1
    except (OSError, asyncpg.PostgresError):
        return False


def postmaster(folder: Path) -> psutil.Process:
    return psutil.Process(int(locate(folder).data.joinpath("postmaster.pid").read_text().split()[0]))


async def test_a_killed_server_is_started_again(folder: Path) -> None:
    async with embedded_server(folder, durable=False) as url:
        await ask(url, "CREATE TABLE t AS SELECT 7 AS n")
        for _ in range(2):
            killed = postmaster(folder)
            killed.kill()
            await until(lambda killed=killed: not killed.is_running())  # type: ignore[misc]
            await until(lambda: answers(url))
            assert postmaster(folder) != killed
        assert await ask(url, "SELECT n FROM t") == 7


async def test_a_backend_in_a_long_statement_does_not_hold_up_the_start(folder: Path) -> None:
    async with embedded_server(folder, durable=False) as url:
        busy = await asyncpg.connect(url)
        backend = psutil.Process(busy.get_server_pid())
        statement = asyncio.create_task(busy.execute("SELECT count(*) FROM generate_series(1, 1000000000000) n"))
        await until(lambda: answers_busy(url))
        postmaster(folder).kill()
        await until(lambda: not backend.is_running())
        await until(lambda: answers(url))
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await statement


async def answers_busy(url: str) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series%'"
    return int(str(await ask(url, query + " AND pid <> pg_backend_pid()"))) == 1


async def test_the_server_ends_when_its_owner_is_killed(folder: Path) -> None:
    async with owner(folder) as process:
        url = await url_of(process)
        await ask(url, "CREATE TABLE t AS SELECT 7 AS n")
        server = postmaster(folder)
        process.kill()
        await until(lambda: not server.is_running())
    async with embedded_server(folder, durable=False) as url:
        assert await ask(url, "SELECT n FROM t") == 7


async def test_a_new_owner_at_once_after_the_old_one_was_killed(folder: Path) -> None:
    async with owner(folder) as process:
        url = await url_of(process)
        await ask(url, "CREATE TABLE t AS SELECT 7 AS n")
        held = await asyncpg.connect(url)
        process.kill()
        await process.wait()
        async with embedded_server(folder, durable=False) as url:
            assert await ask(url, "SELECT n FROM t") == 7
        held.terminate()


async def test_both_killed_at_once(folder: Path) -> None:
    async with owner(folder) as process:
        url = await url_of(process)
        await ask(url, "CREATE TABLE t AS SELECT 7 AS n")
        server = postmaster(folder)
        process.kill()
        server.kill()
        await process.wait()
        async with embedded_server(folder, durable=False) as url:
            assert await ask(url, "SELECT n FROM t") == 7


async def test_a_server_without_an_owner_is_stopped_first(folder: Path) -> None:
    async with embedded_server(folder, durable=False):
        pass
    cluster = locate(folder)
    settings = SETTINGS | {"unix_socket_directories": str(cluster.sockets), "cluster_name": cluster.name}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    # Nobody tells this one that its owner is gone.
    command = cluster.command("postgres", "-D", str(cluster.data), *words, on_our_death=signal.SIGWINCH)
    orphan = await asyncio.create_subprocess_exec(*command, env=cluster.environment, stderr=asyncio.subprocess.DEVNULL)
    await until(lambda: answers(cluster.url))
    async with embedded_server(folder, durable=False) as url:
        assert orphan.returncode == 0
        assert await ask(url, "SELECT 1") == 1
    await orphan.wait()


@pytest.mark.parametrize("content", ["", "{pid}\n/elsewhere\n"], ids=["empty", "a process id in use again"])
async def test_stale_lock_files(folder: Path, content: str) -> None:
    async with embedded_server(folder, durable=False):
        pass
    cluster = locate(folder)
    sleeper = await asyncio.create_subprocess_exec(
        "sleep", "600", user=cluster.account.uid if os.geteuid() == 0 else None
    )
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        cluster.data.joinpath(name).write_text(content.format(pid=sleeper.pid))
        os.chown(cluster.data / name, cluster.account.uid, -1)
    async with embedded_server(folder, durable=False) as url:
        assert await ask(url, "SELECT 1") == 1
    assert sleeper.returncode is None
    sleeper.kill()
    await sleeper.wait()


async def test_killed_while_the_database_was_made(folder: Path) -> None:
    async with owner(folder) as process:
        await until(lambda: any(folder.glob("postgres.new-*/PG_VERSION")))
        process.kill()
        await process.wait()
    assert not folder.joinpath("postgres").exists()
    async with embedded_server(folder, durable=False) as url:
        assert await ask(url, "SELECT 1") == 1
    assert not any(folder.glob("postgres.new-*"))


async def test_a_quiet_end(folder: Path) -> None:
    async with owner(folder) as process:
        url = await url_of(process)
        held = await asyncpg.connect(url)
        server = postmaster(folder)
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        assert not server.is_running()
        held.terminate()


@pytest.fixture
def python_for_everybody() -> Iterator[None]:
    """Python itself may be under /root: others may walk there as long as this test takes."""
    above = {folder for path in (sys.executable, sys.base_prefix) for folder in Path(path).resolve().parents}
    modes = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in above}
    closed = {folder: mode for folder, mode in modes.items() if os.geteuid() == 0 and not mode & stat.S_IXOTH}
    for folder, mode in closed.items():
        folder.chmod(mode | stat.S_IXOTH)
    yield
    for folder, mode in closed.items():
        folder.chmod(mode)


@pytest.mark.usefixtures("python_for_everybody")
async def test_as_an_ordinary_user(folder: Path) -> None:
    root = os.geteuid() == 0
    uid = ORDINARY if root else os.geteuid()
    os.chown(folder, uid, -1)
    async with owner(folder, uid=uid if root else None) as process:
        url = await url_of(process)
        assert postmaster(folder).uids().effective == uid
        assert await ask(url, "SELECT 1") == 1
    # What an ordinary user has made stays that user's, also when root runs it.
    async with embedded_server(folder, durable=False) as url:
        assert postmaster(folder).uids().effective == uid
        assert await ask(url, "SELECT 1") == 1
