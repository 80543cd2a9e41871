"""Random pairs of person and search, in random stories, against the oracle of access: all that is found is theirs.

python -m bench.search_leaks [--pairs N] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import structlog

from bench import filled
from bridge.storage.embedded import embedded_server
from tests.storage.leaks import differences

OF_A_STORY = 500


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    choice, wrong, started = random.Random(args.seed), 0, time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="postkamer-leaks-") as folder:
        async with embedded_server(Path(folder), durable=False) as url, filled.archive(url) as db:
            for done in range(0, args.pairs, OF_A_STORY):
                index = Path(folder) / "search"
                some = await differences(db, index, choice.randrange(2**32), OF_A_STORY)
                print(*some, sep="\n", end="\n" if some else "", flush=True)
                wrong += len(some)
                await asyncio.to_thread(shutil.rmtree, index)
                if done % 10_000 == 0:
                    seconds = time.perf_counter() - started
                    print(f"{done + OF_A_STORY:,} pairs, {wrong} wrong, {seconds:.0f} s", flush=True)
    print(f"{args.pairs:,} pairs of person and search: {wrong} answers other than the oracle's")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
