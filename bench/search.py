"""How fast a search is answered, beside Synapse's own `/search` on the same messages, in one run.

We: a line through the whole path (parser, names, access, index, rows, excerpts), ten hits, newest first. Synapse: its
`/search` over HTTP, ten hits, newest first, on PostgreSQL. The two in turn, one search at a time.

    python -m bench.search [--messages FILE | --made-up N] [--rounds N] [--keep FOLDER] [--alone]
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import filled, stage
from bench.corpus import ONE, SEEKERS, THIRTY
from bench.questions import COMMON, KINDS, stock
from bench.stage import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.questions import Question, Stock
    from bench.stage import Stage
    from bench.synapse_filled import Reference
    from bridge.search.service import Search

WARM_UP = 10
BAR, RATIO_BAR = 10.0, 20.0  # ms at the 95th percentile, and how much faster for a common word
THEIR_PART = 5  # Synapse is asked every so manieth question


@dataclass
class Times:
    """Milliseconds of one kind of search."""

    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """At the 95th percentile."""
        return percentile(self.theirs, 95) / percentile(self.ours, 95)


async def main() -> int:
    parser = stage.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="searches of each kind for each person")
    parser.add_argument("--alone", action="store_true", help="without Synapse")
    args = parser.parse_args()
    async with stage.stage(args) as ours, AsyncExitStack() as up:
        theirs = None if args.alone else await _reference(up, ours)
        return await _measure(ours.search, theirs, await stock(ours.db, ours.corpus), args.rounds)


async def _reference(up: AsyncExitStack, ours: Stage) -> Reference:
    from bench.synapse_filled import reference  # noqa: PLC0415 (Synapse takes a second to import)

    started = time.perf_counter()
    found = await up.enter_async_context(reference(ours.folder / "synapse", ours.url, ours.corpus))
    print(f"Synapse is ready after {time.perf_counter() - started:.0f} s", flush=True)
    return found


async def _measure(search: Search, theirs: Reference | None, some: Stock, rounds: int) -> int:
    worst, ratios = 0.0, []
    for user_id, who in SEEKERS.items():
        print(f"\n{who}; load {load()}")
        print(f"{'':28}|{'ours p50':>9}{'p95':>8}{'p99':>8} |{'Synapse p50':>12}{'p95':>8} | ratio")
        for kind in KINDS:
            questions = some.questions(user_id, kind, rounds, random.Random(kind))
            asked = [questions[n % len(questions)] for n in range(rounds)] if questions else []
            times = await _in_turn(search, theirs if user_id in (THIRTY, ONE) else None, user_id, asked)
            _tell(kind, times)
            worst = max(worst, percentile(times.ours, 95))
            if kind == COMMON and times.theirs and user_id == THIRTY:
                ratios.append(times.ratio)
    told = f"; {min(ratios):.0f} times as fast as Synapse for a common word (bar {RATIO_BAR:.0f})" if ratios else ""
    print(f"\nslowest p95 {worst:.1f} ms (bar {BAR:.0f}){told}; load {load()}")
    return 0


async def _in_turn(search: Search, theirs: Reference | None, user_id: str, asked: Sequence[Question]) -> Times:
    times, seeker = Times(), filled.seeker(user_id)
    for n, question in enumerate([*asked[:WARM_UP], *asked], -min(WARM_UP, len(asked))):
        started = time.perf_counter()
        found = await search.find(seeker, question.line)
        took = 1000 * (time.perf_counter() - started)
        assert not found.problems
        assert not found.notes, (question, found.notes)
        if n >= 0:
            times.ours.append(took)
        if theirs is not None and question.term is not None and n % THEIR_PART == 0:
            started = time.perf_counter()
            await theirs.find(user_id, question.term, room=question.room, sender=question.sender)
            if n >= 0:
                times.theirs.append(1000 * (time.perf_counter() - started))
    return times


def percentile(times: Sequence[float], hundredths: int) -> float:
    """Of unsorted times."""
    return sorted(times)[min(len(times) * hundredths // 100, len(times) - 1)]


def _tell(kind: str, times: Times) -> None:
    ours = "".join(f"{percentile(times.ours, part):{width}.1f}" for part, width in ((50, 9), (95, 8), (99, 8)))
    theirs = f"{'-':>12}{'':8} |"
    if times.theirs:
        p50, p95 = (percentile(times.theirs, part) for part in (50, 95))
        theirs = f"{p50:12.0f}{p95:8.0f} | {times.ratio:.0f}"
    print(f"{kind:28}|{ours} |{theirs}", flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
