"""`postkamer rebuild`: empty what a consumer has made, and make it again from the inbox."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.app import consumers
from bridge.archive.consumer import Follower, rebuild
from bridge.cli.common import open_archive
from bridge.storage import inbox
from bridge.storage.roles import claim_role

if TYPE_CHECKING:
    import argparse

    from bridge.storage.db import Db
    from bridge.storage.roles import Role

ROLES: dict[str, Role] = {"recorder": "recorder", "media": "media"}
_SHOW_SECONDS = 0.2


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("rebuild", help="make the archive's tables again from the inbox")
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.add_argument("consumer", choices=tuple(ROLES), metavar="CONSUMER", help=", ".join(ROLES))
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Rebuild: a running Postkamer does it, otherwise it is done here and now."""
    return asyncio.run(_rebuild(args.config, args.consumer))


async def _rebuild(config_path: Path, name: str) -> int:
    async with open_archive(config_path) as (config, db):
        consumer = consumers(config)[name]
        # While we have the role, a Postkamer that starts waits for us.
        async with claim_role(db.url, ROLES[name]) as ours:
            await rebuild(db, consumer)
            if not ours:
                print(f"{name}: emptied; the Postkamer that runs makes it again, beginning within seconds")
                return 0
            follower = Follower(db, consumer, attempts=config.archive.attempts)
            print(f"{name}: made again from {await _follow(db, follower)} rows of the inbox")
    return 0


async def _follow(db: Db, follower: Follower) -> int:
    """Handle the inbox to its end; returns the number of the last row."""
    shown = 0.0
    async with db.connection() as connection:
        head = await inbox.head(connection)
    while await follower.step():
        if sys.stderr.isatty() and time.monotonic() >= shown + _SHOW_SECONDS:
            shown = time.monotonic()
            print(f"\r{follower.position:,} of {head:,} rows", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(f"\r{follower.position:,} of {follower.position:,} rows", file=sys.stderr)
    return follower.position
