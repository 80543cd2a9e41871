"""`postkamer rebuild`: empty what a consumer has made, and make it again from the inbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.app import consumers
from bridge.archive.consumer import Follower, rebuild
from bridge.cli.catch_up import follow
from bridge.cli.common import open_archive
from bridge.storage.roles import claim_role

if TYPE_CHECKING:
    import argparse

    from bridge.storage.roles import Role

ROLES: dict[str, Role] = {"recorder": "recorder", "media": "media", "reader": "bots"}


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("rebuild", help="make what a consumer keeps again from the inbox")
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
            print(f"{name}: made again from {await follow(db, follower)} rows of the inbox")
    return 0
