"""`postkamer backfill`: what the homeserver has and we lack, with a server admin's token given for the occasion."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bridge.archive.backfill import Backfill
from bridge.cli.common import open_archive
from bridge.cli.export import room_id
from bridge.errors import PostkamerError
from bridge.matrix.admin import AdminHistory
from bridge.storage.roles import claim_role

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Sequence

    from bridge.archive.backfill import RoomResult

VARIABLE = "POSTKAMER_ADMIN_TOKEN"


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser(
        "backfill",
        help="read what is missing, such as history from before us, through the homeserver's admin API",
        epilog=f"Without --admin-token-file the token is taken from the environment ({VARIABLE}), or asked for.",
    )
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.add_argument(
        "--room",
        type=room_id,
        action="append",
        metavar="ID",
        help="only this room, and to its beginning even if it was read before; may be given again",
    )
    command.add_argument(
        "--admin-token-file", type=Path, metavar="PATH", help="a file with the access token of a server admin"
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check every room, or those that were named; 0 when all could be read."""
    token = admin_token(args.admin_token_file)
    return asyncio.run(_backfill(args.config, token, args.room))


def admin_token(path: Path | None) -> str:
    """The token, which never stands on the command line, where every user of the machine could read it.

    Raises:
        PostkamerError: there is none.
    """
    if path is not None:
        try:
            token = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            raise PostkamerError(f"cannot read {path}", "give the path of a file with the token alone") from error
    elif VARIABLE in os.environ:
        token = os.environ[VARIABLE].strip()
    elif sys.stdin.isatty():
        token = getpass.getpass("Access token of a server admin: ").strip()
    else:
        token = ""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise PostkamerError(
            "no access token of a server admin",
            f"give --admin-token-file PATH, or set {VARIABLE}; it is one word of printable characters",
        )
    return token


async def _backfill(config_path: Path, token: str, rooms: Sequence[str] | None) -> int:
    async with (
        open_archive(config_path) as (config, db),
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        claim_role(db.url, "backfill") as alone,
    ):
        if not alone:
            raise PostkamerError("another backfill is running", "wait until it is done; it can be stopped at any time")
        history = AdminHistory(session, config.homeserver.address, token)
        backfill = Backfill(db, history, _show if sys.stderr.isatty() else _silent)
        results = backfill.all_rooms() if rooms is None else _named(backfill, history, rooms)
        return await _report(results)


async def _named(backfill: Backfill, history: AdminHistory, rooms: Sequence[str]) -> AsyncIterator[RoomResult]:
    for room in dict.fromkeys(rooms):
        if not await history.known(room):
            raise PostkamerError(f"the homeserver has no room {room}", "`postkamer coverage` lists the rooms we know")
        yield await backfill.room(room, again=True)


async def _report(results: AsyncIterator[RoomResult]) -> int:
    checked = added = failed = 0
    async for result in results:
        added += result.added
        if result.reason is None:
            checked += 1
        else:
            failed += 1
            print(f"{_start()}{result.room_id}: {result.reason}", file=sys.stderr)
    print(
        f"{_start()}{checked:,} rooms checked, {added:,} events were missing and are held now"
        + (f", {failed:,} rooms failed: run it again to go on" if failed else "")
    )
    return 1 if failed else 0


def _show(room: str, seen: int, added: int) -> None:
    print(f"{_start()}{room}: {seen} events seen, {added} added", end="", file=sys.stderr, flush=True)


def _silent(room: str, seen: int, added: int) -> None:
    del room, seen, added


def _start() -> str:
    """The start of a line, over the progress that stands there on a terminal."""
    return "\r\x1b[K" if sys.stderr.isatty() else ""
