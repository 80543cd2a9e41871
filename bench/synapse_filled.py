"""The reference for search: Synapse on PostgreSQL, with chat that stands in its tables as it would have put it there.

Rooms and people are made by its API. Messages would take hours so (it takes some 80 a second): while it is stopped
their rows are copied into its tables `events`, `event_json`, `event_to_state_groups` and `event_search`, each event
with the id that Synapse reckons of it. Its index of the texts is made after that: it is as good as it can be.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp
import asyncpg
from synapse.api.room_versions import KNOWN_ROOM_VERSIONS
from synapse.events import make_event_from_dict

from bench import pip
from bench.chatter import Person
from bench.corpus import ONE, SERVER, THIRTY
from bridge.demo.synapse import LocalSynapse, local_synapse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path

    from bench.corpus import Corpus

DRIVER = "psycopg2-binary==2.9.13"
DATABASE = "synapse"
SEEKERS = (THIRTY, ONE)  # whether `LATER` sees a message is not in the index of Synapse either
BATCH = 5_000
_PARALLEL = 8
_LIMIT = 10
_POLL_SECONDS = 0.2

_LAST = """
SELECT DISTINCT ON (e.room_id) e.room_id, e.event_id, e.depth, g.state_group, r.room_version
FROM events e JOIN event_to_state_groups g USING (event_id) JOIN rooms r ON r.room_id = e.room_id
ORDER BY e.room_id, e.stream_ordering DESC
"""
_AUTH = "SELECT room_id, event_id FROM current_state_events WHERE type IN ('m.room.power_levels', 'm.room.join_rules')"
_HEAD = "SELECT max(stream_ordering) FROM events"
_TEXTS = "CREATE TEMP TABLE texts (event_id text, room_id text, body text, at bigint, place bigint)"
_SEARCHABLE = """
INSERT INTO event_search (event_id, room_id, key, vector, stream_ordering, origin_server_ts)
SELECT event_id, room_id, 'content.body', to_tsvector('english', body), place, at FROM texts
"""
_INDEX = "CREATE INDEX event_search_fts_idx ON event_search USING gin (vector)"
_AT_WORK = "SELECT EXISTS (SELECT FROM background_updates)"


@dataclass(frozen=True, slots=True)
class Reference:
    """A Synapse that runs, and who may search in it.

    Attributes:
        rooms: ids by the short name.
    """

    people: Mapping[str, Person]
    rooms: Mapping[str, str]

    async def find(
        self, user_id: str, term: str, *, room: str | None = None, sender: str | None = None
    ) -> Mapping[str, Any]:
        """The newest messages with a term; `count` and `results`."""
        chosen: dict[str, Any] = {"limit": _LIMIT}
        if room is not None:
            chosen["rooms"] = [self.rooms[room]]
        if sender is not None:
            chosen["senders"] = [f"@{sender}:{SERVER}"]
        asked = {"search_term": term, "keys": ["content.body"], "order_by": "recent", "filter": chosen}
        answer = await self.people[user_id].call(
            "POST", "/_matrix/client/v3/search", {"search_categories": {"room_events": asked}}
        )
        found: Mapping[str, Any] = answer["search_categories"]["room_events"]
        return found


@asynccontextmanager
async def reference(folder: Path, server_url: str, corpus: Corpus) -> AsyncIterator[Reference]:
    """A Synapse with all of the chat.

    Args:
        server_url: of a PostgreSQL, in which it gets a database of its own.
    """
    os.environ["PYTHONPATH"] = str(await pip.target(DRIVER))
    url = await _database(server_url)
    database = {"name": "psycopg2", "args": {**_arguments(url), "cp_min": 2, "cp_max": 10}}
    async with (
        local_synapse(folder, server_name=SERVER, database=database) as synapse,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)) as session,
    ):
        people = {user_id: await _person(session, synapse, user_id) for user_id in (f"@owner:{SERVER}", *SEEKERS)}
        rooms = await _rooms(folder, people, corpus)
        await _idle(url)
        if not (folder / "filled").exists():
            await synapse.stop()
            await _fill(url, corpus, rooms)
            (folder / "filled").touch()
            await synapse.start()
        yield Reference(people, rooms)


async def _database(server_url: str) -> str:
    connection = await asyncpg.connect(server_url)
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", DATABASE):
            await connection.execute(
                f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
            )
    finally:
        await connection.close()
    return urlsplit(server_url)._replace(path=f"/{DATABASE}").geturl()


def _arguments(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {"user": parts.username or "", "dbname": parts.path[1:], "host": parse_qs(parts.query)["host"][0]}


async def _person(session: aiohttp.ClientSession, synapse: LocalSynapse, user_id: str) -> Person:
    name = user_id[1:].partition(":")[0]
    return Person(session, synapse.url, await synapse.register(name, "password"), f"{name}-")


async def _rooms(folder: Path, people: Mapping[str, Person], corpus: Corpus) -> Mapping[str, str]:
    """By the short name their ids; they are made when they are not there yet."""
    kept = folder / "rooms.json"
    if kept.exists():
        known: dict[str, str] = json.loads(kept.read_text())
        return known
    owner, turn = next(iter(people.values())), asyncio.Semaphore(_PARALLEL)

    async def made(room: str) -> str:
        async with turn:
            body = {"name": f"Kamer {room}", "preset": "public_chat", "visibility": "private"}
            room_id = str((await owner.call("POST", "/_matrix/client/v3/createRoom", body))["room_id"])
            for user_id in SEEKERS:
                if room in corpus.rooms_of(user_id):
                    await people[user_id].call("POST", f"/_matrix/client/v3/join/{quote(room_id)}", {})
        return room_id

    ids = await asyncio.gather(*(made(room) for room in corpus.rooms))
    rooms = dict(zip(corpus.rooms, ids, strict=True))
    kept.write_text(json.dumps(rooms))
    return rooms


async def _idle(url: str) -> None:
    """Wait until Synapse has brought its tables up to date."""
    connection = await asyncpg.connect(url)
    try:
        while await connection.fetchval(_AT_WORK):  # noqa: ASYNC110 (another process)
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        await connection.close()


async def _fill(url: str, corpus: Corpus, rooms: Mapping[str, str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP INDEX event_search_fts_idx")
        await connection.execute(_TEXTS)
        lines = _lines(
            corpus,
            rooms,
            {row[0]: tuple(row)[1:] for row in await connection.fetch(_LAST)},
            [tuple(row) for row in await connection.fetch(_AUTH)],
            await connection.fetchval(_HEAD),
        )
        while batch := list(itertools.islice(lines, BATCH)):
            await _copy(connection, batch)
        await connection.execute("SELECT setval('events_stream_seq', (SELECT max(stream_ordering) FROM events))")
        await connection.execute(_INDEX)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def _lines(
    corpus: Corpus,
    rooms: Mapping[str, str],
    last: dict[str, tuple[Any, ...]],
    auth: Sequence[tuple[str, str]],
    head: int,
) -> Iterator[tuple[Any, ...]]:
    """Of each message: event, its id, its place in the stream, state group, form.

    Args:
        last: by room its last event: id, depth, state group, version of the room.
        auth: (room, event that a message refers to).
        head: the last place in the stream.
    """
    by_room: dict[str, list[str]] = {}
    for room_id, event_id in auth:
        by_room.setdefault(room_id, []).append(event_id)
    for place, one in enumerate(corpus.said(), head + 1):
        room_id = rooms[one["room"]]
        previous, depth, group, version = last[room_id]
        event = {
            "auth_events": by_room[room_id],
            "content": {"body": one["body"].replace("\0", " "), "msgtype": "m.text", "m.mentions": {}},
            "depth": depth + 1,
            "hashes": {"sha256": ""},
            "origin_server_ts": one["ts"] * 1000,
            "prev_events": [previous],
            "room_id": room_id,
            "sender": f"@{one['sender']}:{SERVER}",
            "signatures": {},
            "type": "m.room.message",
            "unsigned": {},
        }
        known = KNOWN_ROOM_VERSIONS[version]
        event_id = make_event_from_dict(event, known).event_id
        last[room_id] = (event_id, depth + 1, group, version)
        yield event, event_id, place, group, known.event_format


async def _copy(connection: asyncpg.Connection[Any], batch: Sequence[tuple[Any, ...]]) -> None:
    columns = (
        "instance_name stream_ordering topological_ordering depth event_id room_id type processed outlier "
        "origin_server_ts received_ts sender contains_url"
    ).split()
    events = [
        (
            *("master", place, one["depth"], one["depth"], event_id, one["room_id"], one["type"], True, False),
            *(one["origin_server_ts"], one["origin_server_ts"], one["sender"], False),
        )
        for one, event_id, place, _, _ in batch
    ]
    texts = [
        (event_id, one["room_id"], one["content"]["body"], one["origin_server_ts"], place)
        for one, event_id, place, _, _ in batch
    ]
    async with connection.transaction():
        await connection.copy_records_to_table("events", records=events, columns=columns)
        await connection.copy_records_to_table(
            "event_json",
            records=[(event_id, one["room_id"], "{}", json.dumps(one), form) for one, event_id, _, _, form in batch],
            columns=("event_id", "room_id", "internal_metadata", "json", "format_version"),
        )
        await connection.copy_records_to_table(
            "event_to_state_groups",
            records=[(event_id, group) for _, event_id, _, group, _ in batch],
            columns=("event_id", "state_group"),
        )
        await connection.copy_records_to_table("texts", records=texts)
        await connection.execute(_SEARCHABLE)
        await connection.execute("TRUNCATE texts")
