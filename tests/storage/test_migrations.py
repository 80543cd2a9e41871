"""Bringing the tables of a database up to date, and what is said when that cannot be done."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from bridge.errors import PostkamerError
from bridge.storage import migrations
from bridge.storage.migrations import HEAD, alembic_config, migrate
from tests.postgres import with_database
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.postgres import Databases

PASSWORD = "not-to-be-shown"


async def ask(url: str, query: str, *args: object) -> object:
    connection = await asyncpg.connect(url)
    try:
        answer: object = await connection.fetchval(query, *args)
        return answer
    finally:
        await connection.close()


def as_user(url: str, user: str) -> str:
    return url.replace("postkamer@", f"{user}:{PASSWORD}@")


async def asks_for_a_password(url: str, user: str) -> bool:
    try:
        await ask(url.replace("postkamer@", f"{user}:not the password@"), "SELECT 1")
    except asyncpg.InvalidPasswordError:
        return True
    return False


@asynccontextmanager
async def user(databases: Databases, name: str, *, password: str) -> AsyncIterator[None]:
    """Somebody of the company's database server: an ordinary user who needs a password."""
    await databases.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    rules = Path(str(await ask(databases.url, "SHOW hba_file")))
    before = rules.read_text()
    rules.write_text(f"local all {name} scram-sha-256\n{before}")
    await databases.execute("SELECT pg_reload_conf()")
    await until(lambda: asks_for_a_password(databases.url, name))
    try:
        yield
    finally:
        rules.write_text(before)
        await databases.execute("SELECT pg_reload_conf()")
        await databases.execute(f"DROP ROLE {name}")


async def problem(url: str) -> str:
    with pytest.raises(PostkamerError) as caught:
        await migrate(url)
    assert PASSWORD not in str(caught.value)
    assert caught.value.hint
    return str(caught.value)


async def test_the_newest_revision_is_the_one_that_the_program_names() -> None:
    assert ScriptDirectory.from_config(alembic_config("")).get_heads() == [HEAD]


async def test_an_empty_database_gets_the_tables_in_our_schema(databases: Databases) -> None:
    async with databases.fresh(migrated=False) as url:
        await migrate(url)
        assert await ask(url, "SELECT version_num FROM postkamer.alembic_version") == HEAD
        assert await ask(url, "SELECT count(*) FROM postkamer.inbox") == 0
        assert await ask(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await migrate(url)


async def test_two_at_once(databases: Databases) -> None:
    async with databases.fresh(migrated=False) as url:
        await asyncio.gather(migrate(url), migrate(url), migrate(url))
        assert await ask(url, "SELECT count(*) FROM postkamer.alembic_version") == 1


async def test_a_migration_that_breaks_leaves_nothing(databases: Databases) -> None:
    async with databases.fresh(migrated=False) as url:
        await ask(url, "CREATE SCHEMA postkamer CREATE TABLE revision (in_the_way int)")
        with pytest.raises(Exception, match="already exists"):
            await migrate(url)
        assert await ask(url, "SELECT array_agg(tablename) FROM pg_tables WHERE schemaname = 'postkamer'") in (
            ["revision"],
            ["alembic_version", "revision"],
            ["revision", "alembic_version"],
        )
        await ask(url, "DROP TABLE postkamer.revision")
        await migrate(url)
        assert await ask(url, "SELECT version_num FROM postkamer.alembic_version") == HEAD


async def test_tables_of_a_newer_program_are_refused(database_url: str) -> None:
    await ask(database_url, "UPDATE postkamer.alembic_version SET version_num = '9999'")
    assert "made by a newer Postkamer" in await problem(database_url)
    assert await ask(database_url, "SELECT version_num FROM postkamer.alembic_version") == "9999"


async def test_an_old_server_is_refused(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "OLDEST_SERVER", 1000)
    assert "which is too old" in await problem(database_url)


async def test_a_database_that_cannot_hold_every_letter_is_refused(databases: Databases) -> None:
    await databases.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        assert "keeps text as LATIN1" in await problem(with_database(databases.url, "latin"))
    finally:
        await databases.execute("DROP DATABASE latin")


def test_alembic_is_not_loaded_when_there_is_nothing_to_do(database_url: str) -> None:
    program = (
        "import asyncio, sys; from bridge.storage.migrations import migrate; asyncio.run(migrate(sys.argv[1]));"
        "print([name for name in ('alembic', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, database_url], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = await problem(f"postgresql://anna:{PASSWORD}@127.0.0.1:{port}/chat")
    assert f"127.0.0.1:{port} cannot be reached" in said


async def test_a_socket_that_is_not_there() -> None:
    said = await problem(f"postgresql://anna:{PASSWORD}@/chat?host=/nonexistent")
    assert "at /nonexistent cannot be reached" in said


async def test_a_name_that_nobody_has() -> None:
    assert "nobody.invalid:5432 cannot be reached" in await problem(f"postgresql://anna:{PASSWORD}@nobody.invalid/chat")


async def test_a_url_that_is_none() -> None:
    for url in ("mysql://anna@host/chat", f"postgresql://anna:{PASSWORD}@host:port/chat", "chat"):
        assert "database.url cannot be used" in await problem(url)


async def test_a_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "CONNECT_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "does not answer" in await problem(f"postgresql://anna:{PASSWORD}@127.0.0.1:{port}/chat?sslmode=disable")


async def test_a_wrong_password(databases: Databases) -> None:
    async with databases.fresh(migrated=False) as url, user(databases, "wrong", password="another"):
        assert "refuses the password of user wrong" in await problem(as_user(url, "wrong"))


async def test_a_database_that_is_not_there(databases: Databases) -> None:
    said = await problem(databases.url.replace("/postgres?", "/chat?"))
    assert "there is no database chat" in said
    assert 'CREATE DATABASE "chat"' in said


async def test_a_user_without_the_right_to_make_a_schema(databases: Databases) -> None:
    async with user(databases, "guest", password=PASSWORD), databases.fresh(migrated=False) as url:
        said = await problem(as_user(url, "guest"))
        assert "user guest lacks a right" in said
        assert "GRANT CREATE" in said


async def test_a_schema_that_was_made_for_us(databases: Databases) -> None:
    async with user(databases, "guest", password=PASSWORD), databases.fresh(migrated=False) as url:
        await ask(url, "CREATE SCHEMA postkamer AUTHORIZATION guest")
        await migrate(as_user(url, "guest"))
        assert await ask(url, "SELECT version_num FROM postkamer.alembic_version") == HEAD
