"""What the commands share that look into the archive."""

from __future__ import annotations

import getpass
import os
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from bridge import log as logs
from bridge.config.loader import load
from bridge.errors import PostkamerError
from bridge.storage.db import UNAVAILABLE, open_db
from bridge.storage.embedded import joined_server
from bridge.storage.migrations import migrate
from bridge.storage.problems import explain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.config.schema import Config
    from bridge.storage.db import Db

CONNECTIONS = 4


def operator() -> str:
    """Who runs a command, for the audit log: USER@MACHINE."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container it may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


@asynccontextmanager
async def migrated(config: Config) -> AsyncIterator[str]:
    """The URL of the database with its tables up to date, whether Postkamer runs or not.

    Without a database URL the server of the Postkamer that runs is joined, or one is started for the block.

    Raises:
        PostkamerError: the database cannot be used.
    """
    async with AsyncExitStack() as up:
        if config.database.url is None:
            url = await up.enter_async_context(joined_server(config.data_dir))
        else:
            url = config.database.url.reveal()
        await migrate(url)
        yield url


@asynccontextmanager
async def open_archive(config_path: Path) -> AsyncIterator[tuple[Config, Db]]:
    """The config and its database, see `migrated`.

    Raises:
        PostkamerError: the config is not right, or the database cannot be used.
    """
    config = load(config_path)
    logs.configure("warning", config.logging.format)
    async with migrated(config) as url, open_db(url, size=CONNECTIONS) as db:
        try:
            yield config, db
        except UNAVAILABLE as error:
            if isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError)):
                raise  # of a file
            if isinstance(error, BrokenPipeError):
                raise  # of who reads our output
            known = explain(error, url)
            raise known or PostkamerError("the database went away", "try again once it is back") from error
