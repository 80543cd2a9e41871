"""`postkamer search`: what a line finds, as somebody may read it."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from bridge.app import bots, searching
from bridge.archive.access import AuditRefusedError
from bridge.cli.catch_up import NO_PROGRESS_SECONDS, catch_up
from bridge.cli.common import open_archive, operator
from bridge.cli.coverage import printable
from bridge.config.ids import MatrixId
from bridge.errors import PostkamerError
from bridge.search.consumer import Indexer
from bridge.search.excerpt import plain
from bridge.search.process import FOLDER
from bridge.search.proposals import proposals
from bridge.search.results import BusyError, Seeker
from bridge.storage import audit, indexing, members
from bridge.storage.roles import claim_role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.config.schema import Config
    from bridge.search.excerpt import Parts
    from bridge.search.results import Hit, Results
    from bridge.search.service import Search
    from bridge.storage.db import Db
    from bridge.storage.finding import Unread

_MOST: Final = 1_000
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_POLL_SECONDS: Final = 0.1
_LACKING: Final = {
    "no_bot": "encrypted rooms without a bot",
    "no_bot_events": "messages in them",
    "no_key": "encrypted messages whose key has not come",
    "files_waiting": "attachments whose text is not read yet",
    "files_unreadable": "attachments whose text cannot be read",
}


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("search", help="search everything that somebody may read")
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.add_argument(
        "--as",
        dest="user",
        type=user_id,
        required=True,
        metavar="@USER:SERVER",
        help="as whom; written to the audit log",
    )
    command.add_argument("--json", action="store_true", help="a JSON object a line, for programs")
    command.add_argument(
        "--limit", type=limit, default=20, metavar="N", help=f"so many messages at the most: 1 to {_MOST}, otherwise 20"
    )
    command.add_argument("--auditor", action="store_true", help="in everything; for who is one of rights.auditors")
    command.add_argument("--purpose", metavar="TEXT", help="what an auditor searches for; written to the audit log")
    command.add_argument("query", nargs="+", metavar="QUERY", help="what is looked for; after -- when it begins with -")
    command.set_defaults(run=run, error=command.error)


def user_id(text: str) -> str:
    """A Matrix id of a person, as an argument."""
    try:
        return MatrixId.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no Matrix id; write @anna:example.com") from None


def limit(text: str) -> int:
    """A number of messages, as an argument."""
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {_MOST}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Print what is found; 0 when something is, otherwise 1."""
    if args.auditor != bool((args.purpose or "").strip()):
        args.error("--auditor and --purpose TEXT go together")
    return asyncio.run(_search(args, " ".join(args.query)))


async def _search(args: argparse.Namespace, line: str) -> int:
    async with AsyncExitStack() as up:
        config, db = await up.enter_async_context(open_archive(args.config))
        search = await up.enter_async_context(searching(config, db, bots(config).values()))
        seeker = Seeker(args.user, ZoneInfo(config.bots.timezone), purpose=args.purpose)
        await _write_down(db, args.user, line)
        await catch_up(config, db)
        await _index(config, db, search)
        try:
            found = await search.find(seeker, line, limit=args.limit)
            for shown in _lines(found, as_json=args.json):
                print(shown)
            for remark in _remarks(found):
                print(f"postkamer: {printable(remark)}", file=sys.stderr)
            if not found.hits:
                await _say_nothing_found(db, args.user)
                for other in await proposals(search, seeker, line):
                    print(f"postkamer: perhaps {printable(other.line)}", file=sys.stderr)
            if seeker.purpose is None:
                _say_what_lacks(await search.lacking(seeker))
        except AuditRefusedError as error:
            raise PostkamerError(
                f"{args.user} is no auditor", "auditors are those of rights.auditors in the config"
            ) from error
        except BusyError as error:
            raise PostkamerError("the search took too long", "ask for less, or try again later") from error
    return 0 if found.hits else 1


async def _say_nothing_found(db: Db, user: str) -> None:
    print("postkamer: nothing found", file=sys.stderr)
    async with db.connection() as connection:
        if not await members.is_known(connection, user):
            print(f"postkamer: the archive knows nobody with the id {printable(user)}", file=sys.stderr)


async def _write_down(db: Db, user: str, line: str) -> None:
    async with db.tx() as tx:
        await audit.append(tx, operator(), audit.SEARCH_AS, None, {"as": user, "line": line})


async def _index(config: Config, db: Db, search: Search) -> None:
    """Have the index hold what was recorded: a Postkamer that runs does that, otherwise it is done here."""
    async with claim_role(db.url, "indexer") as ours:
        if ours:
            await Indexer(db, config.data_dir / FOLDER, search.analysis).catch_up()
            return
    last, deadline = -1, 0.0
    while True:
        async with db.connection() as connection:
            behind = (await indexing.status(connection)).behind
        if not behind:
            return
        if behind != last:
            last, deadline = behind, time.monotonic() + NO_PROGRESS_SECONDS
        elif time.monotonic() > deadline:
            return  # it is said what is lacking
        await asyncio.sleep(_POLL_SECONDS)


def _lines(found: Results, *, as_json: bool) -> Iterator[str]:
    for hit in found.hits:
        if as_json:
            yield json.dumps(_json(hit), ensure_ascii=False)
        else:
            room, name = printable(hit.room_name or hit.room_id), printable(hit.sender_name or hit.sender)
            yield f"{hit.sent_at.astimezone():%Y-%m-%d %H:%M}  {room}  {name}"
            yield f"    {_shown(hit.excerpt)}"
            yield f"    {printable(hit.link)}"


def _json(hit: Hit) -> dict[str, Any]:
    return {
        "event_id": hit.event_id,
        "room_id": hit.room_id,
        "room_name": hit.room_name,
        "sender": hit.sender,
        "sent_at": hit.sent_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "excerpt": plain(hit.excerpt),
        "link": hit.link,
    }


def _shown(excerpt: Parts) -> str:
    """On a terminal what was found stands out."""
    bold, end = (_BOLD, _PLAIN) if sys.stdout.isatty() else ("", "")
    return "".join(f"{bold}{printable(text)}{end}" if marked else printable(text) for text, marked in excerpt)


def _remarks(found: Results) -> Iterator[str]:
    """What is to be known of the answer."""
    for problem in found.problems:
        proposal = f" (perhaps: {problem.proposal})" if problem.proposal else ""
        yield f"at character {problem.place.start + 1}: {problem.key.replace('_', ' ')}: {problem.got}{proposal}"
    for note in found.notes:
        names = f" ({note.count}: {', '.join(note.names)})" if note.names else ""
        yield f"{note.key.replace('_', ' ')}: {note.got}{names}"
    if found.asks_nothing:
        yield "there is nothing in the line to look for"
    elif not found.standing.ready:
        yield "the index is still being made"
    elif found.standing.behind:
        yield f"up to {found.standing.behind} events are not in the index yet"
    if found.next is not None:
        yield f"there are more than these; in all {'over a hundred' if found.total is None else found.total}"


def _say_what_lacks(lacking: Unread) -> None:
    for name, what in _LACKING.items():
        if count := getattr(lacking, name):
            print(f"postkamer: not searched: {count} {what}", file=sys.stderr)
