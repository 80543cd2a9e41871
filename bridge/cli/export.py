"""`postkamer export`: the archive as JSON lines, or as a page to read."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from bridge.archive import export_html
from bridge.archive.blobs import FileBlobs
from bridge.archive.export import Selection, batches
from bridge.archive.export_html import Look
from bridge.archive.export_output import NoFiles, Stream, to_file, to_folder, writing
from bridge.archive.export_words import words_in
from bridge.cli.catch_up import catch_up
from bridge.cli.common import open_archive, operator
from bridge.errors import PostkamerError
from bridge.storage import audit, export
from bridge.storage.numbers import numbers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.archive.export import Batch, Files
    from bridge.archive.export_output import Folder, Output
    from bridge.config.schema import Config
    from bridge.storage.db import Connection, Db

_ROOM = re.compile(r"![^\s\x00]{1,254}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SHOW_SECONDS = 0.2


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("export", help="write the archive as JSON lines, or as a page to read")
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.add_argument(
        "--format",
        choices=("jsonl", "html"),
        required=True,
        help="jsonl: JSON lines, one a message or event; html: a page to read and to print",
    )
    command.add_argument(
        "--room", type=room_id, action="append", metavar="ID", help="only this room (!…); may be given again"
    )
    command.add_argument(
        "--from",
        dest="since",
        type=partial(moment, end=False),
        metavar="T",
        help="sent at T or later: a date or a time in ISO 8601, UTC when it has no zone",
    )
    command.add_argument(
        "--to",
        dest="until",
        type=partial(moment, end=True),
        metavar="T",
        help="sent before the time T, or up to and including the date T",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="a file, or a folder (one that exists, or PATH/) to have the attachments too; else standard output",
    )
    command.set_defaults(run=run)


def room_id(text: str) -> str:
    """The id of a room, as an argument."""
    if not _ROOM.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no room id; it begins with '!' (in quotes, for the shell)")
    return text


def moment(text: str, *, end: bool) -> datetime:
    """A point in time, as an argument.

    Args:
        end: it is where something ends, so that a date means the end of that day.
    """
    try:
        if _DATE.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return day + timedelta(days=1) if end else day
        found = datetime.fromisoformat(text)
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 2026-03-01 or 2026-03-01T08:30+01:00") from None


def run(args: argparse.Namespace) -> int:
    """Export what was asked for."""
    selection = Selection(tuple(args.room) if args.room else None, args.since, args.until)
    folder = args.output is not None and (args.output.endswith("/") or Path(args.output).is_dir())
    path = Path(args.output) if args.output is not None else None
    return asyncio.run(_export(args.config, selection, args.format, path, is_folder=folder))


async def _export(config_path: Path, selection: Selection, fmt: str, path: Path | None, *, is_folder: bool) -> int:
    async with AsyncExitStack() as up:
        config, db = await up.enter_async_context(open_archive(config_path))
        await catch_up(config, db)
        await _write_down(db, selection, fmt)
        tx = await up.enter_async_context(export.snapshot(db))
        for room in selection.rooms or ():
            if not await export.has_room(tx, room):
                raise PostkamerError(f"the archive has no room {room}", "`postkamer coverage` lists the rooms")
        shown = Progress(sys.stderr.isatty())
        if shown.wanted:
            shown.total = await export.count(tx, selection.rooms, selection.since, selection.until)
        async with _output(config, path, fmt, is_folder=is_folder) as (output, folder):
            async for batch in _batches(tx, config, selection, output.files, fmt):
                await output.write(batch.lines)
                shown.add(batch.events)
        shown.end()
        await _say_what_lacks(tx)
    if folder is not None and folder.lacking:
        print(f"postkamer: {folder.lacking} attachments are missing or damaged under data_dir", file=sys.stderr)
        return 1
    return 0


async def _write_down(db: Db, selection: Selection, fmt: str) -> None:
    since, until = (moment.isoformat() if moment else None for moment in (selection.since, selection.until))
    detail = {"rooms": selection.rooms, "format": fmt, "from": since, "to": until}
    async with db.tx() as tx:
        await audit.append(tx, operator(), audit.EXPORT, None, detail)


def _batches(tx: Connection, config: Config, selection: Selection, files: Files, fmt: str) -> AsyncIterator[Batch]:
    if fmt == "jsonl":
        return batches(tx, selection, files)
    look = Look(words_in(config.bots.language), ZoneInfo(config.bots.timezone), datetime.now(UTC))
    return export_html.batches(tx, selection, files, look)


@asynccontextmanager
async def _output(
    config: Config, path: Path | None, fmt: str, *, is_folder: bool
) -> AsyncIterator[tuple[Output, Folder | None]]:
    if path is None:
        with writing("to standard output"):
            yield Stream(sys.stdout.fileno(), NoFiles()), None
    elif is_folder:
        async with to_folder(path, FileBlobs(config.data_dir), fmt) as (output, folder):
            yield output, folder
    else:
        async with to_file(path, NoFiles()) as output:
            yield output, None


async def _say_what_lacks(tx: Connection) -> None:
    now = await numbers(tx)
    if now.unsorted:
        print(f"postkamer: {now.unsorted} transactions came in that are not sorted yet", file=sys.stderr)
    behind, aside = now.behind.get("recorder", 0), now.set_aside.get("recorder", 0)
    if behind:
        print(f"postkamer: up to {behind} events came in that are not recorded yet", file=sys.stderr)
    if aside:
        print(f"postkamer: {aside} events are set aside and not in the export, see coverage", file=sys.stderr)


class Progress:
    """How far we are, in one line on a terminal."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.total = 0
        self._done = 0
        self._next = 0.0

    def add(self, count: int) -> None:
        """So much more is done."""
        self._done += count
        if self.wanted and time.monotonic() >= self._next:
            self._next = time.monotonic() + _SHOW_SECONDS
            print(f"\r{self._done:,} of {self.total:,} events", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """All is done."""
        if self.wanted:
            print(f"\r{self._done:,} of {self.total:,} events", file=sys.stderr, flush=True)
