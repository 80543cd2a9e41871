"""Searches made from the messages, each compared with a slow scan of all of them: what is found, and in what order.

Each is asked of the index by somebody who may read everything and by the three people of `bench.search`, and of the
whole path by those three.

    python -m bench.search_recall [--messages FILE | --made-up N] [--queries N] [--keep FOLDER]
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bench import filled, stage
from bench.corpus import SEEKERS
from bench.scan import Line, Scan
from bridge.search import schema
from bridge.search.compile import compiled
from bridge.search.parser import parse
from bridge.search.resolve import Asker, understand
from bridge.storage.readable import Readable, seal_for_access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.stage import Stage
    from bridge.search.service import Search
    from bridge.storage.db import Db

NOW = datetime(2026, 1, 1, tzinfo=filled.ZONE)
_PAGE = 10
_PLAIN = re.compile(r"\b[^\W\d_]{2,20}\b")
_LINES = """
SELECT e.seq, m.event_id, m.room_id, m.sender, m.sent_at, m.ord, m.sub, m.body
FROM message m JOIN event e ON e.event_id = m.event_id
"""


@dataclass
class Outcome:
    """What came of it."""

    asked: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    wrong: list[str] = field(default_factory=list)


async def main() -> int:
    parser = stage.parser(__doc__)
    parser.add_argument("--queries", type=int, default=500)
    args = parser.parse_args()
    async with stage.stage(args) as ours:
        scan = await _scan(ours.db, ours.search)
        started, outcome = time.perf_counter(), Outcome()
        for n, (kind, line) in enumerate(_lines(scan, random.Random(1), args.queries)):
            known = len(outcome.wrong)
            await _compare(ours, scan, line, outcome)
            outcome.asked[kind] += 1
            for text in outcome.wrong[known:]:
                print(f"  {text}", flush=True)
            if n % 50 == 49:
                print(f"{n + 1} queries, {len(outcome.wrong)} wrong, {time.perf_counter() - started:.0f} s", flush=True)
    print(
        f"{outcome.asked.total()} queries ({', '.join(f'{n} {kind}' for kind, n in outcome.asked.items())}), each for"
    )
    print(f"{1 + len(SEEKERS)} people: {outcome.messages:,} messages to find, {len(outcome.wrong)} answers wrong")
    return 1 if outcome.wrong else 0


async def _scan(db: Db, service: Search) -> Scan:
    async with db.connection() as connection:
        rows = await connection.fetch(_LINES)
    lines = [Line(row[0], row[1], row[2], row[3], row[4], (row[5], row[6]), row[7] or "") for row in rows]
    return await asyncio.to_thread(Scan, lines, service.analysis)


def _lines(scan: Scan, choice: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Queries of all kinds in turn."""
    makers = _makers(scan, choice)
    for n in range(count):
        kind = list(makers)[n % len(makers)]
        yield kind, makers[kind]()


def _makers(scan: Scan, choice: random.Random) -> dict[str, Callable[[], str]]:
    def some(number: int) -> list[str]:
        """Words that follow each other somewhere."""
        while True:
            words = _PLAIN.findall(choice.choice(scan.lines).text)
            words = [word for word in words if word.upper() not in ("OR", "OF", "AROUND")]
            if len(words) >= number:
                at = choice.randrange(len(words) - number + 1)
                return words[at : at + number]

    def word() -> str:
        return some(1)[0]

    def long() -> str:
        while len(found := word()) < 6:
            pass
        return found

    def days() -> str:
        day = choice.choice(scan.lines).sent_at.date()
        return f"after:{day} before:{day + timedelta(days=choice.randrange(2, 400))}"

    def sender() -> str:
        return f"from:{choice.choice(scan.lines).sender}"

    def room() -> str:
        return f"in:{choice.choice(scan.lines).room_id}"

    return {
        "word": word,
        "two words": lambda: " ".join(some(2)),
        "phrase": lambda: '"{}"'.format(" ".join(some(choice.choice((2, 3, 4))))),
        "beginning": lambda: f"{long()[: choice.choice((3, 4, 5))]}*",
        "end": lambda: f"*{long()[-4:]}",
        "part": lambda: f"*{long()[1:5]}*",
        "as written": lambda: f"+{word()}",
        "not": lambda: "{} -{}".format(*some(2)),
        "either": lambda: "{} OR {}".format(*some(2)),
        "near": lambda: "{0} AROUND {2} {1}".format(*some(2), choice.randrange(4)),
        "sender": lambda: f"{word()} {sender()}",
        "room": lambda: f"{word()} {room()}",
        "days": lambda: f"{word()} {days()}",
        "link": lambda: f"{word()} has:link",
        "all of these": lambda: f"{word()} {room()} {sender()} {days()} -{word()}",
    }


async def _compare(ours: Stage, scan: Scan, line: str, outcome: Outcome) -> None:
    root = parse(line, NOW).root
    assert root is not None
    matching = scan.matching(root)
    service, everything = ours.search, Readable(seal_for_access(), {}, everything=True)
    for user_id in ("", *SEEKERS):
        readable = everything
        async with ours.db.connection() as db:
            if user_id:
                readable = await service.readable(db, filled.seeker(user_id))
            understood = await understand(db, Asker(user_id, readable, service.bots), line, NOW)
        asked = compiled(understood, service.analysis, schema.schema(), NOW)
        wanted = scan.readable(matching, readable)
        outcome.messages += len(wanted)
        found: Sequence[str] = []
        if asked.query is not None:
            documents = service.index.search(asked.query, readable, sort="new", limit=len(scan.lines))
            found = [scan.by_seq[hit.seq] for hit in documents.hits]
        if found != wanted:
            outcome.wrong.append(_difference(line, user_id, found, wanted))
        if user_id:
            page = await service.find(filled.seeker(user_id), line, limit=_PAGE)
            if [hit.event_id for hit in page.hits] != wanted[:_PAGE]:
                outcome.wrong.append(f"{line} for {user_id}: the page is another one")


def _difference(line: str, user_id: str, found: Sequence[str], wanted: Sequence[str]) -> str:
    missing, more = set(wanted) - set(found), set(found) - set(wanted)
    who = user_id or "everything"
    if not missing and not more:
        return f"{line} for {who}: another order"
    some = ", ".join(sorted(missing | more)[:3])
    return f"{line} for {who}: {len(missing)} missing, {len(more)} too many: {some}"


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
