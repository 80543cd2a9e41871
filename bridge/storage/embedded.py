"""A PostgreSQL of our own under the data directory, for who has set no database URL."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import structlog

from bridge.errors import PostkamerError
from bridge.storage import leftovers
from bridge.storage.claim import ClaimedError, claim
from bridge.storage.cluster import Cluster, locate, prepare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

log = structlog.get_logger(__name__)

LOCK = "postgres.lock"
# Replaying what was not yet written when the power went can take minutes.
START_SECONDS = 600.0
# Before it is started again: nothing after a server that had worked, more and more while it dies at once.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
STEADY_SECONDS = 1.0
# A server that another process is just starting.
JOIN_SECONDS = 30.0
# Asked to stop it disconnects everybody and writes out its memory; told to quit it leaves that to the next start.
STOP_STEPS = ((signal.SIGINT, 6.0), (signal.SIGQUIT, 2.0))
_POLL_SECONDS = 0.02
_FIRST_WORDS = "postgres-start.log"

# For 2 cores and little memory. On the command line, so that an upgrade of the program changes them.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "40",
    "shared_buffers": "96MB",
    "wal_sync_method": "open_datasync",  # a commit is one write instead of a write and a sync
    "synchronous_commit": "on",
    "io_method": "sync",
    "timezone": "UTC",
    # What is logged holds no text of a message: neither statements, nor their parameters, nor the values in details.
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}  # survives kill -9 all the same


@asynccontextmanager
async def embedded_server(data_dir: Path, *, durable: bool = True) -> AsyncIterator[str]:
    """A database server as long as the block lasts; it is started again when it dies.

    It ends with us: asked at the end of the block, by a signal from the kernel (Linux) when we are killed. The event
    loop must run in a thread that lives as long as the block.

    Args:
        data_dir: the server's files are in its folder `postgres`, made when it is not there.
        durable: False for tests: what was committed may be lost when the machine stops.

    Yields:
        the URL of a database in which we may do everything.

    Raises:
        ClaimedError: another process has a server there; see `joined_server`.
        PostkamerError: it cannot be made or started.
    """
    with claim(data_dir, name=LOCK):
        cluster = locate(data_dir)
        server = _Server(cluster, durable=durable)
        try:
            await _first_start(server, cluster, durable=durable)
            keeper = asyncio.create_task(server.keep(), name="database server")
            try:
                yield cluster.url
            finally:
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
        finally:
            await server.stop()


@asynccontextmanager
async def joined_server(data_dir: Path) -> AsyncIterator[str]:
    """The server that another process runs on this data_dir, or else one of our own inside the block.

    For commands that work whether Postkamer runs or not. When the other process stops, so does the server.

    Yields:
        its URL.
    """
    async with AsyncExitStack() as ours:
        try:
            url = await ours.enter_async_context(embedded_server(data_dir))
        except ClaimedError:
            url = await _join(data_dir)
        yield url


async def _join(data_dir: Path) -> str:
    cluster = locate(data_dir)
    deadline = asyncio.get_running_loop().time() + JOIN_SECONDS
    while not await _answers(cluster.url):
        if asyncio.get_running_loop().time() > deadline:
            raise PostkamerError(
                f"the database server in {data_dir} is another process's, and does not answer",
                "stop that process, and try again",
            )
        await asyncio.sleep(_POLL_SECONDS)
    return cluster.url


async def _first_start(server: _Server, cluster: Cluster, *, durable: bool) -> None:
    try:
        await prepare(cluster, durable=durable)
        await server.start()
    except OSError as error:
        raise PostkamerError(
            f"the database server cannot be started: {error.strerror}: {error.filename or cluster.data}",
            "make room or mend the permissions under data_dir, or set database.url to a server of your own",
        ) from error


class _Server:
    """The postmaster: start, watch, stop."""

    def __init__(self, cluster: Cluster, *, durable: bool) -> None:
        self._cluster = cluster
        self._settings = SETTINGS | ({} if durable else NOT_DURABLE)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        cluster = self._cluster
        await leftovers.clear(cluster.account, cluster.data, cluster.sockets, cluster.name)
        settings = self._settings | {"unix_socket_directories": str(cluster.sockets), "cluster_name": cluster.name}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        # A fast shutdown, should we be killed.
        command = cluster.command("postgres", "-D", str(cluster.data), *words, on_our_death=signal.SIGINT)
        # What it says before its own log is open. A new session: Ctrl-C is for us, and we stop it in our own time.
        with cluster.data.parent.joinpath(_FIRST_WORDS).open("wb") as first_words:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                env=cluster.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=first_words,
                stderr=first_words,
                start_new_session=True,
            )
        await self._until_ready(self._process)
        log.info("database server started", pid=self._process.pid, path=str(cluster.data))

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while not (_says_ready(self._cluster, process.pid) and await _answers(self._cluster.url)):
            if process.returncode is not None:
                raise PostkamerError(
                    f"the database server did not start: {self._last_words()}",
                    f"see {self._cluster.data / 'log'} and {self._cluster.data.parent / _FIRST_WORDS}",
                )
            if asyncio.get_running_loop().time() > deadline:
                raise PostkamerError(
                    f"the database server is not ready after {START_SECONDS:.0f} seconds",
                    f"see {self._cluster.data / 'log'}",
                )
            await asyncio.sleep(_POLL_SECONDS)

    def _last_words(self) -> str:
        lines = self._cluster.data.parent.joinpath(_FIRST_WORDS).read_text(errors="replace").splitlines()
        return (
            next((line for line in reversed(lines) if "FATAL" in line), " / ".join(lines[-3:])) or "(it said nothing)"
        )

    async def keep(self) -> None:
        """Start it again whenever it dies, until cancelled."""
        loop = asyncio.get_running_loop()
        pause = 0.0
        while self._process is not None:
            started = loop.time()
            code = await self._process.wait()
            if loop.time() - started > STEADY_SECONDS:
                pause = 0.0
            log.error("database server died; starting it again", code=code, pause_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(max(pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
            try:
                await self.start()
            except Exception:
                log.exception("database server cannot be started")

    async def stop(self) -> None:
        """Stop it, more and more firmly, within 10 seconds."""
        process = self._process
        if process is None:
            return
        for number, seconds in STOP_STEPS:
            if process.returncode is None:
                process.send_signal(number)
            try:
                async with asyncio.timeout(seconds):
                    await process.wait()
            except TimeoutError:
                log.warning("the database server takes long to stop", signal=number.name)
            else:
                log.info("database server stopped")
                return
        process.kill()
        await process.wait()


def _says_ready(cluster: Cluster, pid: int) -> bool:
    """Whether this very server has written that it takes connections (the same lines that pg_ctl reads)."""
    try:
        lines = cluster.data.joinpath("postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return bool(lines) and lines[0].strip() == str(pid) and lines[-1].strip() == "ready"


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except PermissionError as error:
        raise PostkamerError(
            "the database server is another user's", "run this command as the user who runs Postkamer, or as root"
        ) from error
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError):
        return False
    await connection.close()
    return True
