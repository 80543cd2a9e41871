"""How soon a message can be found after it was sent, and no longer after it was taken back.

Through a real Synapse and the whole program. From the start of the PUT until a search by its word shows it, and from
the start of the PUT of the redaction until that shows nothing.

    python -m bench.search_fresh [--rounds N] [--archived N] [--messages FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import aiohttp

from bench import large, made_up
from bench.chatter import Person
from bench.program import Program
from bench.search import percentile
from bench.stage import load
from bridge.app import bots, searching
from bridge.config.loader import load as load_config
from bridge.demo.synapse import free_port, local_synapse
from bridge.search.results import Seeker
from bridge.storage.db import open_db
from bridge.storage.embedded import joined_server

if TYPE_CHECKING:
    from bridge.search.service import Search

SERVER_NAME = "fresh.test"
PEOPLE = ("anna", "bram")
BAR = 1.0  # seconds
LATEST = 60.0
POLL_SECONDS = 0.005


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--archived", type=int, default=0, metavar="N", help="first fill the archive with N messages")
    parser.add_argument("--messages", type=Path, metavar="FILE", help="JSON lines of chat; without it they are made up")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="postkamer-fresh-") as folder:
        program, port, listen = Program(Path(folder) / "postkamer"), free_port(), free_port()
        url = f"http://127.0.0.1:{port}"
        await program.init(homeserver=url, server_name=SERVER_NAME, listen=f"127.0.0.1:{listen}")
        program.set("monitoring", listen=f"127.0.0.1:{free_port()}")
        async with AsyncExitStack() as up:
            registrations, place = [program.registration], Path(folder) / "synapse"
            synapse = await up.enter_async_context(
                local_synapse(place, registrations=registrations, port=port, server_name=SERVER_NAME)
            )
            session = await up.enter_async_context(aiohttp.ClientSession())
            people = [Person(session, url, await synapse.register(one, "password"), f"{one}-") for one in PEOPLE]
            up.push_async_callback(program.kill)
            await program.start()
            room = await people[0].create_room("meting", synapse.user_id("bram"))
            await people[1].join(room)
            monitoring = program.settings()["monitoring"]["listen"]
            await large.caught_up(monitoring)
            if args.archived:
                bodies = made_up.transactions(args.messages, run=secrets.token_hex(4), size=large.SIZE)
                await large.fill(program, bodies, listen, program.hs_token(), args.archived)
                await large.caught_up(monitoring)
            config = load_config(program.config)
            database = await up.enter_async_context(joined_server(config.data_dir))
            db = await up.enter_async_context(open_db(database))
            search = await up.enter_async_context(searching(config, db, bots(config).values()))
            seeker = Seeker(synapse.user_id("bram"), ZoneInfo("Europe/Amsterdam"))
            print(f"{args.archived:,} messages archived before; load of the machine {load()}", flush=True)
            await _measure(people[0], room, search, seeker, args.rounds)
    return 0


async def _measure(person: Person, room: str, search: Search, seeker: Seeker, rounds: int) -> None:
    found, gone = [], []
    for n in range(-3, rounds):
        word = "".join(secrets.choice("bdfgklmnprst") for _ in range(12))
        started = time.perf_counter()
        sent = await person.send(room, {"msgtype": "m.text", "body": f"bericht {word}"})
        await _until(search, seeker, word, [sent])
        if n >= 0:
            found.append(time.perf_counter() - started)
        started = time.perf_counter()
        await person.redact(room, sent)
        await _until(search, seeker, word, [])
        if n >= 0:
            gone.append(time.perf_counter() - started)
    for what, times in (("found after it was sent", found), ("not found after it was removed", gone)):
        parts = ", ".join(f"p{part} {percentile(times, part):.3f}" for part in (50, 95))
        print(f"{what}: {parts}, at most {max(times):.3f} s (bar {BAR:.0f}), {rounds} rounds; load {load()}")


async def _until(search: Search, seeker: Seeker, word: str, wanted: list[str]) -> None:
    async with asyncio.timeout(LATEST):
        while [hit.event_id for hit in (await search.find(seeker, word)).hits] != wanted:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
