"""`postkamer rebuild`: empty what a consumer has made, and make it again from the inbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.app import consumers
from bridge.archive.consumer import Follower, rebuild
from bridge.cli.catch_up import catch_up, follow
from bridge.cli.common import open_archive
from bridge.search.analysis import Analysis
from bridge.search.consumer import Indexer
from bridge.search.process import FOLDER
from bridge.storage import indexing
from bridge.storage.roles import claim_role

if TYPE_CHECKING:
    import argparse

    from bridge.config.schema import Config
    from bridge.storage.db import Db
    from bridge.storage.roles import Role

SEARCH = "search"
ROLES: dict[str, Role] = {"recorder": "recorder", "media": "media", "reader": "bots"}


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("rebuild", help="make what a consumer keeps again from the inbox")
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.add_argument("consumer", choices=(*ROLES, SEARCH), metavar="CONSUMER", help=", ".join((*ROLES, SEARCH)))
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Rebuild: a running Postkamer does it, otherwise it is done here and now."""
    return asyncio.run(_rebuild(args.config, args.consumer))


async def _rebuild(config_path: Path, name: str) -> int:
    async with open_archive(config_path) as (config, db):
        if name == SEARCH:
            return await _rebuild_search(config, db)
        consumer = consumers(config)[name]
        # While we have the role, a Postkamer that starts waits for us.
        async with claim_role(db.url, ROLES[name]) as ours:
            await rebuild(db, consumer)
            if name == "recorder":
                await _ask_for_another_index(db)
            if not ours:
                print(f"{name}: emptied; the Postkamer that runs makes it again, beginning within seconds")
                return 0
            follower = Follower(db, consumer, attempts=config.archive.attempts)
            print(f"{name}: made again from {await follow(db, follower)} rows of the inbox")
    return 0


async def _rebuild_search(config: Config, db: Db) -> int:
    """Make another index from the archive; searches go on in the one that there is."""
    await _ask_for_another_index(db)
    async with claim_role(db.url, "indexer") as ours:
        if not ours:
            print("search: the Postkamer that runs makes another index beside the one in use, beginning within seconds")
            return 0
        await catch_up(config, db)
        await Indexer(db, config.data_dir / FOLDER, Analysis()).catch_up()
    async with db.connection() as connection:
        print(f"search: made again, {(await indexing.status(connection)).documents} documents")
    return 0


async def _ask_for_another_index(db: Db) -> None:
    async with db.connection() as connection:
        await indexing.ask_for_another(connection)
