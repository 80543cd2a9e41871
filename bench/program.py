"""Postkamer as the programs that IT runs: `init`, `run`, `export`, `coverage`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = (sys.executable, "-m", "bridge")


async def call(*arguments: str) -> tuple[int, str]:
    """Run a command to its end.

    Returns:
        (exit status, standard output).
    """
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


class Program:
    """One installation in a directory."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "config.yaml"
        self.registration = directory / "registration.yaml"
        self.data = directory / "data"
        self._log = directory / "postkamer.log"
        self._process: asyncio.subprocess.Process | None = None

    async def init(self, *, homeserver: str, server_name: str, listen: str, database: str | None = None) -> None:
        """`postkamer init`."""
        arguments = ["--homeserver", homeserver, "--server-name", server_name, "--listen", listen]
        if database is not None:
            arguments += ["--database", database]
        status, _ = await call("init", "--dir", str(self.config.parent), *arguments)
        if status:
            raise RuntimeError("postkamer init failed")

    def settings(self) -> Any:
        """What the config says, as plain values."""
        return YAML(typ="safe").load(self.config)

    def set(self, section: str, **values: object) -> None:
        """Change settings of one section of the config."""
        settings = self.settings()
        settings[section] = {**(settings.get(section) or {}), **values}
        YAML(typ="safe").dump(settings, self.config)

    def hs_token(self) -> str:
        """What the homeserver shows us."""
        return str(YAML(typ="safe").load(self.registration)["hs_token"])

    async def start(self, *arguments: str) -> None:
        """`postkamer run`, without waiting until it is ready."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *COMMAND, "run", "-c", str(self.config), *arguments, stderr=log, stdout=log
            )

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._process is None or self._process.returncode is not None

    def memory(self) -> float:
        """Resident memory of our process, in MB."""
        assert self._process is not None
        return float(psutil.Process(self._process.pid).memory_info().rss / 2**20)

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it with a signal."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            await self._process.wait()

    def kill_database(self) -> bool:
        """Kill -9 the embedded PostgreSQL's first process; False when it does not run."""
        for path in self.data.rglob("postmaster.pid"):
            with suppress(OSError, ValueError, IndexError):
                os.kill(int(path.read_text().splitlines()[0]), signal.SIGKILL)
                return True
        return False

    async def coverage(self) -> dict[str, Any]:
        """`postkamer coverage --json`."""
        _, out = await call("coverage", "-c", str(self.config), "--json")
        answer: dict[str, Any] = json.loads(out) if out.strip() else {}
        return answer

    async def export(self) -> list[dict[str, Any]]:
        """`postkamer export`."""
        status, out = await call("export", "-c", str(self.config), "--format", "jsonl")
        if status:
            raise RuntimeError("postkamer export failed")
        return [json.loads(line) for line in out.splitlines()]
