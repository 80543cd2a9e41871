"""`postkamer demo`: all of it on this machine: homeserver, database, and a small company."""

from __future__ import annotations

import asyncio
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bridge import log as logs
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    import argparse

    from bridge.demo.program import Options

_NEEDED = ("synapse", "fpdf", "openpyxl", "PIL")


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("demo", help="a homeserver, Postkamer and a small company on this machine")
    add = command.add_argument
    add("--dir", type=Path, default=Path("demo-data"), metavar="D", help="where everything is kept (demo-data)")
    add("--seed", type=int, default=0, metavar="N", help="of what is left to chance; of importance at the first start")
    add("--messages", type=Path, metavar="FILE", help="replay chat: JSON lines of room, topic, sender, ts, body")
    add("--exit", action="store_true", help="end after showing coverage")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until Ctrl-C; 1 when the archive lacks something of what was sent."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise PostkamerError(
            f"the demo needs more packages ({', '.join(missing)})", "pip install 'postkamer[demo]', or make setup"
        )
    from bridge.demo.program import Options  # noqa: PLC0415 (needs these packages)

    logs.configure("warning", "text")
    options = Options(
        folder=args.dir, seed=args.seed, messages=args.messages, leave=args.exit, command=sys.argv[0] or "postkamer"
    )
    return asyncio.run(_until_stopped(options))


async def _until_stopped(options: Options) -> int:
    from bridge.demo import program  # noqa: PLC0415

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    working = asyncio.create_task(program.run(options, stop))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        print("Stopping; start the demo again to go on.", file=sys.stderr)
        working.cancel()
    stopping.cancel()
    try:
        return await working
    except asyncio.CancelledError:
        return 0
