"""Bringing the archive up to what has come in, for the commands that look into it."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from bridge.app import consumers
from bridge.archive.consumer import Follower
from bridge.archive.intake import Intake, Sorter
from bridge.matrix.transaction import arrivals
from bridge.storage import inbox
from bridge.storage.numbers import numbers
from bridge.storage.roles import claim_role

if TYPE_CHECKING:
    from bridge.config.schema import Config
    from bridge.storage.db import Db

NO_PROGRESS_SECONDS = 10.0
_POLL_SECONDS = 0.1
_SHOW_SECONDS = 0.2


async def catch_up(config: Config, db: Db) -> None:
    """Record what had come in before, so that the command sees it.

    Where a Postkamer runs it is doing that, and we wait for it as long as it gets on; otherwise it is done here.
    """
    # While we have the role, a Postkamer that starts waits for us.
    async with claim_role(db.url, "recorder") as ours:
        if ours:
            await Sorter(db, Intake(db, arrivals), arrivals, attempts=config.archive.attempts).drain()
            await follow(db, Follower(db, consumers(config)["recorder"], attempts=config.archive.attempts))
        else:
            await _wait(db)


async def follow(db: Db, follower: Follower) -> int:
    """Handle the inbox to its end; returns the number of the last row."""
    shown = 0.0
    async with db.connection() as connection:
        head = await inbox.head(connection)
    told = False
    while await follower.step():
        if sys.stderr.isatty() and time.monotonic() >= shown + _SHOW_SECONDS:
            shown, told = time.monotonic(), True
            print(f"\r{follower.position:,} of {head:,} rows", end="", file=sys.stderr, flush=True)
    if told:
        print(f"\r{follower.position:,} of {follower.position:,} rows", file=sys.stderr)
    return follower.position


async def _wait(db: Db) -> None:
    goal = -1  # the row of the inbox that has to be recorded, once all that waited before it is sorted
    last: tuple[int, int] | None = None
    deadline = 0.0
    while True:
        async with db.connection() as connection:
            now = await numbers(connection)
            head = await inbox.head(connection)
        if goal < 0 and not now.unsorted:
            goal = head
        position = head - now.behind.get("recorder", head)
        if 0 <= goal <= position:
            return
        if (now.unsorted, position) != last:
            last = (now.unsorted, position)
            deadline = time.monotonic() + NO_PROGRESS_SECONDS
        elif time.monotonic() > deadline:
            return  # the command says what it lacks
        await asyncio.sleep(_POLL_SECONDS)
