"""Runs migrations on the database whose URL `bridge.storage.migrations` puts in the config's attributes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from alembic import context

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCHEMA = "postkamer"

# A migration that waits for a lock stops everybody who comes after it, so it gives up soon. One that works may take
# long on a large archive.
SETTINGS = {
    "search_path": SCHEMA,
    "application_name": "postkamer migration",
    "timezone": "UTC",
    "lock_timeout": "10s",
    "statement_timeout": "1h",
}


def run(connection: Connection) -> None:
    # CREATE SCHEMA IF NOT EXISTS needs the right to create even where somebody has made the schema for us.
    if connection.scalar(text("SELECT to_regnamespace(:name)"), {"name": SCHEMA}) is None:
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    connection.commit()  # inside an open transaction Alembic would leave the commit to us
    context.configure(connection=connection, version_table_schema=SCHEMA, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def main(url: str) -> None:
    # The driver itself reads the URL, so that everything that it understands works here too.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(url, timeout=10, server_settings=SETTINGS),
        poolclass=NullPool,
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


asyncio.run(main(context.config.attributes["url"]))
