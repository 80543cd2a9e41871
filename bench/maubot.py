"""The reference for answers: maubot with a plugin that echoes, in a virtual environment of its own.

Source: https://docs.mau.fi/maubot/usage/standalone.html.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

VERSION = "0.6.0"

_META = {
    "maubot": "0.1.0",
    "id": "test.bench.echo",
    "version": "1.0.0",
    "license": "AGPL-3.0-or-later",
    "modules": ["echo_plugin"],
    "main_class": "EchoBot",
}
_PLUGIN = """\
from maubot import MessageEvent, Plugin
from maubot.handlers import command


class EchoBot(Plugin):
    @command.new("echo")
    @command.argument("message", pass_raw=True)
    async def echo(self, event: MessageEvent, message: str) -> None:
        await event.respond(message)
"""


@asynccontextmanager
async def echo_bot(folder: Path, *, url: str, user_id: str, token: str) -> AsyncIterator[None]:
    """maubot, logged in as somebody, from its start (it is not ready yet) to its end."""
    python = await _installed()
    _write(folder, _config(url, user_id, token))
    with (folder / "maubot.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(python), "-m", "maubot.standalone", cwd=folder, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _write(folder: Path, config: dict[str, Any]) -> None:
    folder.mkdir()
    (folder / "maubot.yaml").write_text(json.dumps(_META))
    (folder / "echo_plugin.py").write_text(_PLUGIN)
    (folder / "config.yaml").write_text(json.dumps(config))


async def _installed() -> Path:
    """The Python of the environment; it is made at the first run, and kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "postkamer-bench" / f"maubot-{VERSION}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        await _run(sys.executable, "-m", "venv", "--clear", str(folder))
        await _run(str(python), "-m", "pip", "install", "--quiet", f"maubot=={VERSION}")
        done.touch()
    return python


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise RuntimeError(f"failed: {' '.join(command)}")


def _config(url: str, user_id: str, token: str) -> dict[str, Any]:
    # Only warnings are logged: at its default level it would be slower than it need be.
    return {
        "user": {
            "credentials": {"id": user_id, "homeserver": url, "access_token": token, "device_id": None},
            "sync": True,
            "appservice": False,
            "autojoin": True,
            "displayname": "disable",
            "avatar_url": "disable",
            "ignore_initial_sync": False,
            "ignore_first_sync": False,
        },
        "database": "sqlite:bot.db",
        "logging": {"version": 1, "root": {"level": "WARNING"}},
    }
