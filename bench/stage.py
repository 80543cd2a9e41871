"""What the measurements of search stand on: chat in an archive with an index, and the service."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import filled
from bench.corpus import SERVER, Corpus
from bridge.storage.embedded import embedded_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.search.service import Search
    from bridge.storage.db import Db

MADE_UP = 20_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One archive.

    Attributes:
        url: of its database server.
    """

    corpus: Corpus
    folder: Path
    url: str
    db: Db
    search: Search


def parser(about: str) -> argparse.ArgumentParser:
    """The arguments that all have."""
    found = argparse.ArgumentParser(description=about.partition("\n")[0])
    source = found.add_mutually_exclusive_group()
    source.add_argument("--messages", type=Path, metavar="FILE", help="JSON lines of chat; without it they are made up")
    source.add_argument("--made-up", type=int, default=MADE_UP, metavar="N", help="how many messages are made up")
    found.add_argument("--keep", type=Path, metavar="FOLDER", help="fill this once, and use it again")
    return found


@asynccontextmanager
async def stage(args: argparse.Namespace) -> AsyncIterator[Stage]:
    """An archive that is filled, as the arguments say."""
    corpus = Corpus(args.messages, None if args.messages else args.made_up)
    with tempfile.TemporaryDirectory(prefix="postkamer-search-") as temporary:
        folder: Path = args.keep or Path(temporary)
        await asyncio.to_thread(folder.mkdir, exist_ok=True)
        async with embedded_server(folder) as url, filled.archive(url) as db:
            print(f"{corpus.name}; load of the machine {load()}", flush=True)
            if not (folder / "filled").exists():
                ids = (f"${n}" for n in itertools.count())
                source = filled.events(corpus, ids, {room: f"!{room}:{SERVER}" for room in corpus.rooms})
                print(await filled.fill(db, folder / "search", corpus, source), flush=True)
                (folder / "filled").touch()
            async with filled.service(db, folder / "search") as search:
                yield Stage(corpus, folder, url, db, search)


def load() -> str:
    """How many programs want the processor, over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"
