"""An archive and an index, filled with chat as the program does it: inbox, recorder, indexer."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bench.corpus import LATER, SEEKERS, SERVER
from bridge.archive.access import Access
from bridge.archive.consumer import Follower
from bridge.archive.recorder import Recorder
from bridge.config.schema import Access as AccessSettings
from bridge.search.analysis import Analysis
from bridge.search.consumer import Indexer
from bridge.search.index import TantivyIndex
from bridge.search.results import Seeker
from bridge.search.service import Search
from bridge.storage import inbox
from bridge.storage.db import open_db
from bridge.storage.inbox import Arrival
from bridge.storage.migrations import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from bench.corpus import Corpus
    from bridge.storage.db import Db

BOT = f"@postkamer:{SERVER}"
BATCH = 2_000
MEGABYTE = 2**20
ZONE = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True, slots=True)
class Filled:
    """What it took.

    Attributes:
        recorded, indexed: seconds, of the recorder and the indexer alone.
        index_bytes, text_bytes: of the folder of the index, and of the messages' texts.
    """

    messages: int
    documents: int
    recorded: float
    indexed: float
    index_bytes: int
    text_bytes: int

    def __str__(self) -> str:
        million = 1_000_000 / self.messages
        return (
            f"recorded in {self.recorded:.0f} s; {self.documents:,} documents indexed in {self.indexed:.0f} s, "
            f"{self.index_bytes / MEGABYTE:.0f} MB for {self.text_bytes / MEGABYTE:.0f} MB of text; "
            f"per million messages {self.indexed * million:.0f} s and {self.index_bytes * million / MEGABYTE:.0f} MB"
        )


def seeker(user_id: str) -> Seeker:
    """Somebody who asks."""
    return Seeker(user_id, ZONE)


def events(corpus: Corpus, ids: Iterator[str], room_ids: dict[str, str]) -> Iterator[dict[str, Any]]:
    """All of it as events: each room with who has written in it and with those of the seekers who see it.

    Args:
        ids: of the messages, in their order.
        room_ids: by the short name.
    """
    members: dict[str, set[str]] = {room: set() for room in corpus.rooms}
    for one in corpus.said():
        members[one["room"]].add(f"@{one['sender']}:{SERVER}")
    number = itertools.count()

    def state(kind: str, room: str, key: str, content: dict[str, Any], sender: str = BOT) -> dict[str, Any]:
        outer = {"event_id": f"$state-{next(number)}", "room_id": room_ids[room], "sender": sender, "state_key": key}
        return {**outer, "type": kind, "origin_server_ts": 1_400_000_000_000, "content": content}

    def joining(room: str, user_id: str) -> dict[str, Any]:
        content = {"membership": "join", "displayname": user_id[1:].partition(":")[0].capitalize()}
        return state("m.room.member", room, user_id, content, user_id)

    since = {user_id: set(corpus.rooms_since(user_id)) for user_id in SEEKERS}
    for room in corpus.rooms:
        yield state("m.room.create", room, "", {"room_version": "11"})
        yield state("m.room.name", room, "", {"name": f"Kamer {room}"})
        if room in since[LATER]:
            yield state("m.room.history_visibility", room, "", {"history_visibility": "joined"})
        seeing = {one for one in SEEKERS if room in corpus.rooms_of(one) and room not in since[one]}
        for user_id in sorted(members[room] | seeing):
            yield joining(room, user_id)
    for n, one in enumerate(corpus.said()):
        if n == corpus.size // 2:
            yield from (joining(room, LATER) for room in since[LATER])
        yield {
            "event_id": next(ids),
            "room_id": room_ids[one["room"]],
            "sender": f"@{one['sender']}:{SERVER}",
            "type": "m.room.message",
            "origin_server_ts": one["ts"] * 1000,
            "content": {"body": one["body"], "msgtype": "m.text", "m.mentions": {}},
        }


async def fill(db: Db, folder: Path, corpus: Corpus, source: Iterable[dict[str, Any]]) -> Filled:
    """Put events into the inbox, record and index them.

    Args:
        folder: of the index.
    """
    recorder, recorded, text_bytes = Follower(db, Recorder(), attempts=1), 0.0, 0
    events = iter(source)
    while batch := list(itertools.islice(events, BATCH)):
        text_bytes += sum(len(one["content"].get("body", "").encode()) for one in batch)
        async with db.tx() as tx:
            await inbox.append_new(tx, [_arrival(one) for one in batch])
        started = time.perf_counter()
        while await recorder.step():
            pass
        recorded += time.perf_counter() - started
    async with db.connection() as connection:
        await connection.execute("VACUUM (ANALYZE)")  # as autovacuum does in the course of a day
    started = time.perf_counter()
    await Indexer(db, folder, Analysis()).catch_up()
    indexed = time.perf_counter() - started
    size = await asyncio.to_thread(_size, folder)
    async with db.connection() as connection:
        documents = await connection.fetchval("SELECT documents FROM index_state")
    return Filled(corpus.size, documents, recorded, indexed, size, text_bytes)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


def _arrival(event: dict[str, Any]) -> Arrival:
    raw = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    return Arrival("event", event["event_id"], event["room_id"], event["type"], raw)


@asynccontextmanager
async def archive(url: str) -> AsyncIterator[Db]:
    """A database as the program has it, with all tables."""
    await migrate(url)
    async with open_db(url) as db:
        yield db


@asynccontextmanager
async def service(db: Db, folder: Path) -> AsyncIterator[Search]:
    """The service of search, as bots and commands use it."""
    index = TantivyIndex(folder)
    access = Access(AccessSettings(), lambda _: {"staff"}, {BOT})
    search = Search(db, index, access, Analysis(), bots=(BOT,), commands=("zoek", "search"))
    try:
        yield search
    finally:
        search.close()
        index.close()
