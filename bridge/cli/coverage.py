"""`postkamer coverage`: what the archive holds and what it cannot."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.archive.coverage import READ_STATES, TEXT_STATES, Coverage, measure
from bridge.cli.catch_up import catch_up
from bridge.cli.common import open_archive
from bridge.config.users import bot_ids
from bridge.storage.export import snapshot

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from bridge.archive.coverage import Room
    from bridge.storage.indexing import Status
    from bridge.storage.trouble import Troubles

_HEADINGS = ("Room", "Events", "Messages", "From", "To", "Encrypted", "Files", "")
_WIDEST_NAME = 40


def add_parser(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = sub.add_parser("coverage", help="say what the archive holds and what it does not, and why")
    command.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="config.yaml")
    command.add_argument("--json", action="store_true", help="for programs")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print it; 0 when all is held, 1 when something is not."""
    found = asyncio.run(look(args.config))
    if args.json:
        print(json.dumps(found.as_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(table(found)))
    return 0 if found.complete else 1


async def look(config_path: Path) -> Coverage:
    """Measure the archive of a config."""
    async with open_archive(config_path) as (config, db):
        await catch_up(config, db)
        async with snapshot(db) as tx:
            return await measure(tx, bot_ids(config))


def table(found: Coverage) -> Iterator[str]:
    """Lines for people."""
    yield from _aligned([_HEADINGS, *(_room(room) for room in found.rooms)])
    yield ""
    yield from _lacking(found)
    totals = found.totals()
    yield (
        f"{totals['rooms']:,} rooms, {totals['events']:,} events, {totals['messages']:,} messages, "
        f"{totals['attachments']['stored']:,} attachments"
    )
    yield from _texts(totals["texts"])
    if found.unsorted:
        yield f"{found.unsorted:,} transactions came in that are not sorted yet"
    for row in found.consumers:
        yield f"{row.name}: " + (f"{row.behind:,} behind" if row.behind else "up to date")
    yield from _search(found.index)
    yield from _bots(found.bots)
    if not found.rooms:
        yield "The archive is empty."
    elif found.complete:
        yield "All that the homeserver sent is held."
    if found.checked_at is not None:
        yield f"Last compared with what the homeserver has: {found.checked_at:%Y-%m-%d %H:%M} UTC"
    elif found.rooms:
        yield "Never compared with what the homeserver has: postkamer backfill"


def _search(index: Status) -> Iterator[str]:
    if index.ready:
        yield f"search index: {index.documents:,} documents"
        if index.unreadable or index.unread:
            yield f"text of attachments: {index.unreadable:,} cannot be read, {index.unread:,} still to be read"


def _bots(found: Troubles) -> Iterator[str]:
    """What bots could not do, and how to go on."""
    lines = [
        f"{one.who}: {what}: {one.count:,}, the newest of {one.newest:%Y-%m-%d %H:%M} UTC"
        + (f" ({printable(one.reason)})" if one.reason else "")
        for what, some in (
            ("questions not answered", found.unanswered),
            ("messages not sent", found.unsent),
            ("jobs given up", found.jobs),
            ("questions and messages left over", found.left_over),
        )
        for one in some
    ]
    if not lines:
        return
    yield "What bots could not do (kept for 90 days):"
    yield from (f"  {line}" for line in lines)
    if found.unanswered or found.unsent:
        yield "  (these are not tried again; the log has the error at that time, and people can ask again)"
    if found.jobs:
        yield "  (the jobs are done again by `postkamer retry`)"
    if found.left_over:
        yield "  (a bot user that is not in bots.users; put it back, or these are given up a day after they came)"


def _lacking(found: Coverage) -> Iterator[str]:
    lines = [f"{label(room)}: {problem}" for room in found.rooms for problem in room.problems()]
    lines += [
        f"{printable(room_id)}: nothing held ({reason or 'backfill stopped'})" for room_id, reason in found.not_read
    ]
    of_rooms = sum((room.set_aside for room in found.rooms), start=type(found.set_aside)())
    for (consumer, reason), count in sorted((found.set_aside - of_rooms).items()):
        lines.append(f"{count} set aside by {consumer}: {reason}")
    if lines:
        yield "Not held:"
        yield from (f"  {line}" for line in lines)
        if found.set_aside:
            yield "  (what is set aside is tried again by `postkamer retry`)"
        yield ""


def _texts(counts: dict[str, Any]) -> Iterator[str]:
    """How much of the stored attachments can be searched."""
    unreadable = sum(counts[state] for state in TEXT_STATES if state not in READ_STATES)
    if not (unreadable or any(counts[state] for state in READ_STATES)):
        return
    yield (
        f"Text of attachments: {counts['done']:,} read, {counts['no_text']:,} have none, {unreadable:,} could not be "
        f"read, {counts['due']:,} waiting"
    )
    yield from (f"  {count:,} not read: {reason}" for reason, count in counts["reasons"].items())


def _room(room: Room) -> tuple[str, ...]:
    row, files = room.row, room.as_json()["attachments"]
    encrypted = "no"
    if row.encrypted or row.encrypted_events:
        encrypted = f"{row.read_events:,} of {row.encrypted_events:,} read" + ("" if row.has_bot else ", no bot")
    stored, other = files["stored"], files["pending"] + files["too_large"] + files["failed"]
    return (
        label(room),
        f"{row.events:,}",
        f"{row.messages:,}",
        f"{row.first_at:%Y-%m-%d}",
        f"{row.last_at:%Y-%m-%d}",
        encrypted,
        f"{stored:,} of {stored + other:,}" if stored or other else "-",
        "!" if any(True for _ in room.problems()) else "",
    )


def label(room: Room) -> str:
    """A room as people know it."""
    name = printable(room.row.name or "")
    if not name:
        return printable(room.row.room_id)
    return name if len(name) <= _WIDEST_NAME else name[: _WIDEST_NAME - 1] + "…"


def printable(text: str) -> str:
    """The text without what could steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        cells = [
            cell.rjust(width) if 0 < column < 3 else cell.ljust(width)  # noqa: PLR2004 (the two numbers)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
