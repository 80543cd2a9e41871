"""`postkamer run`: all roles, or one, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bridge import __version__
from bridge import log as logs
from bridge.app import application
from bridge.config.loader import load
from bridge.errors import PostkamerError
from bridge.storage.roles import ROLES, Role

if TYPE_CHECKING:
    import argparse

    from bridge.config.schema import Config

log = structlog.get_logger(__name__)


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("run", help="run until SIGTERM or SIGINT")
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.add_argument("--only", choices=ROLES, metavar="ROLE", help=f"one role: {', '.join(ROLES)}")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until a signal comes."""
    config = load(args.config)
    if args.only and config.database.url is None:
        raise PostkamerError(
            "--only needs a database that the other roles can reach too",
            f"set database.url in {args.config}",
        )
    logs.configure(config.logging.level, config.logging.format)
    asyncio.run(serve(config, (args.only,) if args.only else ROLES))
    return 0


async def serve(config: Config, roles: tuple[Role, ...]) -> None:
    """Run until SIGTERM or SIGINT, also while still waiting for a database or for another process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info("starting", version=__version__, roles=list(roles))
    working = asyncio.create_task(_work(config, roles))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    stopping.cancel()
    working.cancel()
    try:
        await working
    except asyncio.CancelledError:
        log.info("stopped")


async def _work(config: Config, roles: tuple[Role, ...]) -> None:
    async with application(config, roles=roles):
        await asyncio.Event().wait()
