"""`postkamer retry`: try again what was set aside, the attachments that failed, and the jobs that were given up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.app import bots, consumers
from bridge.archive.consumer import retry
from bridge.cli.common import open_archive
from bridge.engine.listener import Listener
from bridge.errors import PostkamerError
from bridge.storage import extracted, indexing, media, trouble

if TYPE_CHECKING:
    import argparse

SEARCH = "search"


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("retry", help="try again what was set aside, attachments and jobs that failed")
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.add_argument("consumer", nargs="?", metavar="CONSUMER", help="recorder, media, ...; without it: all")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Try again, whether Postkamer runs or not; 0 when nothing is left."""
    return asyncio.run(_retry(args.config, args.consumer))


async def _retry(config_path: Path, wanted: str | None) -> int:
    remaining = 0
    async with open_archive(config_path) as (config, db):
        every = consumers(config)
        if wanted is not None and wanted not in (*every, SEARCH):
            raise PostkamerError(f"there is no consumer {wanted!r}", f"one of: {', '.join((*every, SEARCH))}")
        for name, consumer in every.items():
            if wanted in (None, name):
                done, left = await retry(db, consumer)
                remaining += left
                print(f"{name}: {done} handled now, {left} still set aside")
        if wanted in (None, "media"):
            async with db.connection() as connection:
                count = await media.retry_failed(connection)
                texts = await extracted.retry_failed(connection)
            print(f"media: {count} attachments will be fetched again while Postkamer runs, the text of {texts} be read")
        if wanted in (None, SEARCH):
            async with db.connection() as connection:
                count = await indexing.retry(connection)
            print(f"search: {count} messages will be indexed again while Postkamer runs")
        if wanted in (None, Listener.name):
            hosted = [bot.name for runner in bots(config).values() for bot in runner.bots]
            async with db.connection() as connection:
                count = await trouble.do_jobs_again(connection, hosted)
            print(f"bots: {count} jobs will be done again while Postkamer runs")
    return 1 if remaining else 0
