"""The embedded PostgreSQL in ordinary use."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import psutil
import pytest

from bridge.errors import PostkamerError
from bridge.storage.claim import ClaimedError, claim
from bridge.storage.cluster import MAJOR, locate
from bridge.storage.embedded import embedded_server, joined_server
from tests.postgres import ask

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that only its owner may enter, as mkdtemp makes them."""
    with tempfile.TemporaryDirectory(prefix="postkamer-test-") as name:
        yield Path(name)


def postmaster(folder: Path) -> psutil.Process:
    return psutil.Process(int(locate(folder).data.joinpath("postmaster.pid").read_text().split()[0]))


async def test_it_runs_as_an_ordinary_user_on_a_socket_alone(folder: Path) -> None:
    async with embedded_server(folder, durable=False) as url:
        process = postmaster(folder)
        assert process.uids().effective != 0
        assert process.net_connections("inet") == []
        sockets = locate(folder).sockets
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert sockets.stat().st_uid == process.uids().effective
        assert str(await ask(url, "SELECT version()")).startswith(f"PostgreSQL {MAJOR}.")
    assert not process.is_running()
    assert not sockets.joinpath(".s.PGSQL.5432").exists()


async def test_settings(folder: Path) -> None:
    async with embedded_server(folder) as url:
        assert await ask(url, "SHOW data_checksums") == "on"
        assert await ask(url, "SHOW fsync") == "on"
        assert await ask(url, "SHOW synchronous_commit") == "on"
        assert await ask(url, "SHOW server_encoding") == "UTF8"
        # By code point: capitals first, and what is no letter of English last.
        words = "SELECT string_agg(w, ' ' ORDER BY w) FROM unnest('{é,a,Z,z,😀}'::text[]) w"
        assert await ask(url, words) == "Z a z é 😀"
        assert await ask(url, "SELECT upper('é')") == "É"


async def test_what_was_committed_is_there_at_the_next_start(folder: Path) -> None:
    async with embedded_server(folder, durable=False) as url:
        await ask(url, "CREATE TABLE t AS SELECT 7 AS n")
    async with embedded_server(folder, durable=False) as url:
        assert await ask(url, "SELECT n FROM t") == 7


@pytest.mark.parametrize(
    "name",
    ["/".join(["a-long-name-of-a-folder"] * 12), 'with space, comma\' "quote" %41 and é', "%(here)s"],
    ids=["deep", "odd", "percent"],
)
async def test_any_path(folder: Path, name: str) -> None:
    async with embedded_server(folder / name, durable=False) as url:
        assert await ask(url, "SELECT 1") == 1
        sockets = locate(folder / name).sockets
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    sockets.rmdir()


async def test_folders_that_are_closed_to_the_server(folder: Path) -> None:
    deep = folder / "closed" / "closed" / "data"
    deep.mkdir(parents=True)
    for path in (deep, *deep.parents[:2]):
        path.chmod(0o700)
    async with embedded_server(deep, durable=False) as url:
        assert await ask(url, "SELECT 1") == 1
    assert deep.parent.stat().st_mode & 0o066 == 0  # nobody can list or write it


async def test_a_second_one_is_refused_with_the_number_of_the_first(folder: Path) -> None:
    async with embedded_server(folder, durable=False) as url:
        with pytest.raises(ClaimedError, match=f"process {os.getpid()}"):
            async with embedded_server(folder, durable=False):
                pass
        async with joined_server(folder) as joined:
            assert joined == url
            assert await ask(joined, "SELECT 1") == 1
        assert await ask(url, "SELECT 1") == 1  # it runs on


async def test_a_command_alone_has_a_server_of_its_own(folder: Path) -> None:
    async with joined_server(folder) as url:
        process = postmaster(folder)
        assert await ask(url, "SELECT 1") == 1
    assert not process.is_running()


async def test_the_log_holds_no_text(folder: Path) -> None:
    async with embedded_server(folder, durable=False) as url:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE t (words text PRIMARY KEY)")
        await connection.execute("INSERT INTO t VALUES ($1)", "geheim")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO t VALUES ($1)", "geheim")
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("INSERT INTO t SELECT $1::json ->> 'a'", "geheim")
        await connection.close()
    logs = [path.read_text() for path in locate(folder).data.joinpath("log").iterdir()]
    assert any("duplicate key" in log for log in logs)
    assert not any("geheim" in log for log in logs)


async def test_the_data_of_another_version_is_refused(folder: Path) -> None:
    async with embedded_server(folder, durable=False):
        pass
    locate(folder).data.joinpath("PG_VERSION").write_text("16\n")
    with pytest.raises(PostkamerError, match="made by PostgreSQL 16"):
        async with embedded_server(folder, durable=False):
            pass


async def test_a_folder_of_something_else_is_refused(folder: Path) -> None:
    folder.joinpath("postgres").mkdir()
    with pytest.raises(PostkamerError, match="not a database"):
        async with embedded_server(folder, durable=False):
            pass


async def test_why_it_does_not_start_is_told(folder: Path) -> None:
    async with embedded_server(folder, durable=False):
        pass
    locate(folder).data.joinpath("postgresql.conf").write_text("nonsense = on\n")
    with pytest.raises(PostkamerError, match=r"did not start: .*FATAL: .*configuration file"):
        async with embedded_server(folder, durable=False):
            pass


async def test_a_socket_folder_that_somebody_else_was_first_to_make(folder: Path) -> None:
    deep = folder / "/".join(["a-long-name-of-a-folder"] * 12)
    sockets = locate(deep).sockets
    sockets.symlink_to(folder)
    try:
        with pytest.raises(PostkamerError, match="is in the way"):
            async with embedded_server(deep, durable=False):
                pass
    finally:
        sockets.unlink()


def test_a_claim_lasts_as_long_as_its_block(folder: Path) -> None:
    with claim(folder), pytest.raises(ClaimedError, match="another Postkamer works in"), claim(folder):
        pass
    with claim(folder):
        pass
