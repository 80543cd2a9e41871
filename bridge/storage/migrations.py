"""Brings the tables of a database up to date."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import structlog

from bridge.errors import PostkamerError
from bridge.storage.db import CONNECT_TIMEOUT, SCHEMA
from bridge.storage.problems import explain

if TYPE_CHECKING:
    from typing import TypeAlias

    from alembic.config import Config

    Session: TypeAlias = asyncpg.Connection[asyncpg.Record]

log = structlog.get_logger(__name__)

# The newest revision in alembic/versions. It stands here so that Alembic is imported only when there is work for it:
# that takes half a second and 20 MB. A test compares the two.
HEAD = "0004"
OLDEST_SERVER = 15

# Any two numbers that nobody else uses (two-number advisory locks of PostgreSQL).
_LOCK = (0x504B, 0x4D49)
_VERSION_TABLE = "SELECT to_regclass($1) IS NOT NULL"
_REVISIONS = f"SELECT version_num FROM {SCHEMA}.alembic_version"  # noqa: S608
_TRY_LOCK = "SELECT pg_try_advisory_lock($1, $2)"


async def migrate(url: str) -> None:
    """Make or update the tables, one program at a time.

    Args:
        url: `postgresql://…`.

    Raises:
        PostkamerError: the database cannot be used, is not in UTF-8, its server is too old, or a newer program has
            made its tables.
    """
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT)
        try:
            await _migrate(connection, url)
        finally:
            await connection.close(timeout=CONNECT_TIMEOUT)
    except Exception as error:
        known = explain(error, url)
        if known is None:
            raise
        raise known from error


def scripts() -> Path:
    """The folder `alembic`: beside this module when installed, at the root in the repository."""
    here = Path(__file__).resolve()
    installed = here.parent / "alembic"
    return installed if installed.is_dir() else here.parents[2] / "alembic"


async def _migrate(connection: Session, url: str) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise PostkamerError(
            f"the database server is PostgreSQL {version.major}, which is too old",
            f"use PostgreSQL {OLDEST_SERVER} or newer, or leave database.url out to use the server that comes with us",
        )
    encoding = connection.get_settings().server_encoding
    if encoding != "UTF8":
        raise PostkamerError(
            f"the database keeps text as {encoding}, which cannot hold every message",
            "use one that was made with: CREATE DATABASE ... ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0",
        )
    if await _revision(connection) == HEAD:
        return
    if not await connection.fetchval(_TRY_LOCK, *_LOCK):
        log.info("another program updates the database; waiting for it")
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK[0]}, {_LOCK[1]})")
    # The lock ends with the connection.
    revision = await _revision(connection)
    if revision != HEAD:
        log.info("updating the database", revision=revision, to=HEAD)
        await asyncio.to_thread(_upgrade, url, revision)
        log.info("database updated", revision=HEAD)


async def _revision(connection: Session) -> str | None:
    if not await connection.fetchval(_VERSION_TABLE, f"{SCHEMA}.alembic_version"):
        return None
    revision: str | None = await connection.fetchval(_REVISIONS)
    return revision


def alembic_config(url: str) -> Config:
    """What Alembic needs to work on a database; `alembic/env.py` reads the URL from its attributes."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    config.attributes["url"] = url
    return config


def _upgrade(url: str, revision: str | None) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    from alembic import command  # noqa: PLC0415

    config = alembic_config(url)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise PostkamerError(
            f"the database was made by a newer Postkamer (its tables are at revision {revision}, we know {HEAD})",
            "upgrade the program, or restore a backup of the database from before",
        )
    command.upgrade(config, HEAD)
