"""A real server's refusals, as a person can act on them; never with the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from bridge.errors import PostkamerError
from bridge.storage.embedded import embedded_server
from bridge.storage.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ROLE = "CREATE ROLE klerk LOGIN PASSWORD 'juist'"


@pytest.fixture
async def strict_url(tmp_path: Path) -> AsyncIterator[str]:
    """A server that asks user klerk for a password; the URL has PASSWORD in its place."""
    async with embedded_server(tmp_path, durable=False) as url:
        connection = await asyncpg.connect(url)
        await connection.execute(ROLE)
        hba = await connection.fetchval("SHOW hba_file")
        with open(hba, "r+") as file:  # noqa: ASYNC230, PTH123 (a small file)
            rest = file.read()
            file.seek(0)
            file.write("local all klerk scram-sha-256\n" + rest)
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
        user = url.partition("://")[2].partition("@")[0]
        yield url.replace(f"://{user}@", "://klerk:PASSWORD@")


async def test_a_wrong_password_and_a_missing_right(strict_url: str) -> None:
    with pytest.raises(PostkamerError, match="refuses the password of user klerk") as refused:
        await migrate(strict_url.replace("PASSWORD", "verkeerd"))
    assert "verkeerd" not in str(refused.value)
    with pytest.raises(PostkamerError, match="GRANT CREATE"):
        await migrate(strict_url.replace("PASSWORD", "juist"))
