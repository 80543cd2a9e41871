"""A Synapse of our own on this machine, for the demo and for the tests: loopback only, no federation."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import importlib.util
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

import bridge
from bridge.demo.synapse_config import kept_secrets, write_config
from bridge.errors import PostkamerError
from bridge.storage.claim import claim

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

START_SECONDS = 90.0
STOP_SECONDS = 10.0
PORT_SECONDS = 5.0
POLL_SECONDS = 0.05
TAIL_LINES = 20
DEFAULT_SERVER_NAME = "postkamer.example"

_TIMEOUT = aiohttp.ClientTimeout(total=60)
_LAUNCHER = Path(bridge.__file__).parent / "storage" / "launcher.py"


class LocalSynapse:
    """The server of one directory. Its port, secrets, users and rooms stay from one start to the next."""

    def __init__(
        self,
        directory: Path,
        *,
        server_name: str,
        port: int,
        registrations: Sequence[Path],
        database: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.server_name = server_name
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = self.directory / "homeserver.log"
        self._registrations = tuple(registrations)
        self._database = database
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process, None when it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            PostkamerError: it ended, or did not answer in time; with the end of its log.
        """
        write_config(self.directory, self.server_name, self.port, self._registrations, self._database)
        with self.log.open("ab") as log:
            before = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *_command(self.directory / "homeserver.yaml"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in our terminal is not for it
            )
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._answering(self._process, before)
        except TimeoutError as error:
            await self.kill()
            raise self._failed(f"did not answer within {START_SECONDS:.0f} s", before) from error
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """End it in its own way; when that takes too long, kill it."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.kill()
        await self._process.wait()

    async def restart(self) -> None:
        """Stop and start."""
        await self.stop()
        await self.start()

    async def register(self, localpart: str, password: str, *, admin: bool = False) -> str:
        """Make a user, or log in as one that is there already. `admin` is of importance for a new one only.

        Returns:
            an access token, with a device of its own.

        Raises:
            PostkamerError: the server refuses, for instance since the user is there with another password.
        """
        async with aiohttp.ClientSession(self.url, timeout=_TIMEOUT) as session:
            path = "/_synapse/admin/v1/register"
            async with session.get(path) as response:
                nonce = (await response.json())["nonce"]
            # https://element-hq.github.io/synapse/latest/admin_api/register_api.html
            secret = kept_secrets(self.directory).registration_shared_secret.encode()
            parts = (nonce, localpart, password, "admin" if admin else "notadmin")
            mac = hmac.new(secret, "\0".join(parts).encode(), hashlib.sha1).hexdigest()
            body = {"nonce": nonce, "username": localpart, "password": password, "admin": admin, "mac": mac}
            async with session.post(path, json=body) as response:
                answer = await response.json()
            if answer.get("errcode") == "M_USER_IN_USE":
                answer = await _login(session, localpart, password)
        if "access_token" not in answer:
            raise PostkamerError(f"the homeserver does not let us make {localpart}: {answer.get('errcode')}")
        return str(answer["access_token"])

    def user_id(self, localpart: str) -> str:
        """`@localpart:server_name`."""
        return f"@{localpart}:{self.server_name}"

    async def _answering(self, process: asyncio.subprocess.Process, log_from: int) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                if process.returncode is not None:
                    raise self._failed(f"ended with code {process.returncode}", log_from)
                try:
                    async with session.get(f"{self.url}/health") as response:
                        if response.status == 200:  # noqa: PLR2004
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(POLL_SECONDS)

    def _failed(self, what: str, log_from: int) -> PostkamerError:
        with self.log.open("rb") as log:
            log.seek(log_from)
            tail = log.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
        return PostkamerError(
            f"Synapse {what}. The end of {self.log}:\n" + "\n".join(f"    {line}" for line in tail),
            f"when port {self.port} is taken, free it; when {self.directory} is damaged, remove it and start anew",
        )


async def _login(session: aiohttp.ClientSession, localpart: str, password: str) -> dict[str, Any]:
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": localpart},
        "password": password,
    }
    async with session.post("/_matrix/client/v3/login", json=body) as response:
        answer: dict[str, Any] = await response.json()
        return answer


def _command(config: Path) -> list[str]:
    synapse = [sys.executable, "-m", "synapse.app.homeserver", "--config-path", str(config)]
    # The launcher makes it die with us, as a crash: SQLite is made for that, and the next start finds the port free.
    us = [str(number) for number in (os.geteuid(), os.getegid(), os.getpid(), int(signal.SIGKILL))]
    return [sys.executable, str(_LAUNCHER), *us, *synapse]


def free_port(wanted: int = 0) -> int:
    """A port of the loopback interface that nobody uses at this moment: `wanted`, or any other."""
    if wanted and not _taken(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _port_of(directory: Path, wanted: int | None) -> int:
    """The port given, or that of last time when it is still free, or a new one."""
    path = directory / "port"
    last = int(path.read_text()) if path.exists() else None
    port = wanted or last
    free = port is not None and await _comes_free(port)
    if port is None or (wanted is None and not free):
        port = free_port()
    path.write_text(str(port))
    return port


async def _comes_free(port: int) -> bool:
    """Whether a port is free; one of before is given the time to end, as it may have been killed just now."""
    deadline = asyncio.get_running_loop().time() + PORT_SECONDS
    while _taken(port):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


@asynccontextmanager
async def local_synapse(
    directory: Path,
    *,
    registrations: Sequence[Path] = (),
    port: int | None = None,
    server_name: str = DEFAULT_SERVER_NAME,
    database: Mapping[str, Any] | None = None,
) -> AsyncIterator[LocalSynapse]:
    """A running Synapse; it ends with the block, and dies with this process.

    Args:
        directory: where it keeps everything; made when it is not there. Another process cannot use it meanwhile.
        registrations: registration files of application services. They are read at each start.
        port: of the client API; left out: that of last time, or a free one.
        server_name: cannot change once users are there.
        database: `database` of homeserver.yaml; left out: SQLite.

    Raises:
        PostkamerError: it does not start, or another process uses the directory.
    """
    if importlib.util.find_spec("synapse") is None:
        raise PostkamerError(
            "Synapse is not installed", "install Postkamer with its demo: pip install 'postkamer[demo]'"
        )
    with claim(directory, name="synapse.lock"):
        server = LocalSynapse(
            directory,
            server_name=server_name,
            port=await _port_of(directory, port),
            registrations=registrations,
            database=database,
        )
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
