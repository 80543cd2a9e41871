"""The process of the indexer. It is its own, because committing an index holds the interpreter for long.

python -m bridge.search.process < settings in JSON, see `Settings`
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from bridge import log as logs
from bridge.background import running
from bridge.search.analysis import Analysis
from bridge.search.consumer import Indexer
from bridge.storage.child import dying_with_us
from bridge.storage.db import open_db
from bridge.storage.indexing import CHANNEL
from bridge.storage.roles import Roles

if TYPE_CHECKING:
    from bridge.config.schema import Config

log = structlog.get_logger(__name__)

FOLDER: Final = "search"  # under data_dir
CONNECTIONS: Final = 3
STOP_SECONDS: Final = 5.0


class Settings(msgspec.Struct, frozen=True):
    """What the process has to know."""

    database_url: str
    folder: str
    level: logs.Level
    format: logs.Format


class IndexerProcess:
    """Runs the indexer as a child, which ends with us.

    Args:
        database_url: as the child reaches it.
    """

    def __init__(self, config: Config, database_url: str) -> None:
        folder = str((config.data_dir / FOLDER).resolve())
        self._settings = Settings(database_url, folder, config.logging.level, config.logging.format)

    async def run(self) -> None:
        """Run it until cancelled, or until it ends by itself."""
        words = [sys.executable, "-P", "-m", "bridge.search.process"]
        # A new session: Ctrl-C is for us, and we stop it in our own time.
        process = await asyncio.create_subprocess_exec(
            *dying_with_us(words, signal.SIGTERM), stdin=asyncio.subprocess.PIPE, start_new_session=True
        )
        try:
            await process.communicate(msgspec.json.encode(self._settings))
            log.error("the indexer ended", code=process.returncode)
        finally:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except (TimeoutError, asyncio.CancelledError):
            process.kill()
            await process.wait()
            raise


async def serve(settings: Settings) -> None:
    """Index while the role is ours, until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    working = asyncio.create_task(_work(settings))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    working.cancel()
    try:
        await working
    except asyncio.CancelledError:
        log.info("indexer stopped")


async def _work(settings: Settings) -> None:
    async with open_db(settings.database_url, size=CONNECTIONS) as db:
        indexer = Indexer(db, Path(settings.folder), Analysis())
        locks = Roles(settings.database_url, ("indexer",), lambda _: indexer.wake(), channel=CHANNEL)
        try:
            while True:
                await locks.acquire()
                async with running({"indexer": indexer.run}):
                    await locks.watch()
                    log.warning("lost the lock of the indexer, stopping until we have it again")
        finally:
            locks.release()


if __name__ == "__main__":
    _settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    logs.configure(_settings.level, _settings.format)
    asyncio.run(serve(_settings))
