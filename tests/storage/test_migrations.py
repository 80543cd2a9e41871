import asyncpg

from bridge.storage.migrations import HEAD


async def test_a(database_url: str) -> None:
    c = await asyncpg.connect(database_url)
    assert await c.fetchval("select version_num from postkamer.alembic_version") == HEAD
    await c.close()


async def test_b(database_url: str) -> None:
    c = await asyncpg.connect(database_url)
    assert await c.fetchval("select count(*) from postkamer.inbox") == 0
    await c.close()
