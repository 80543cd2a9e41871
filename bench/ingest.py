"""How fast we take transactions, beside (a) a server that parses and drops them, and (b) what Synapse itself sends.

One run on one machine, the two servers in turn. Then the whole program with a steady 1,000 events a second: how long an
event takes from the answer to the archive.

    python -m bench.ingest [--messages FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import secrets
import socket
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp

from bench import made_up, sender
from bench.chatter import Person
from bench.program import Program
from bridge.demo.synapse import free_port, local_synapse
from bridge.storage import consumers, inbox
from bridge.storage.db import connect
from bridge.storage.embedded import embedded_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SIZE = 100  # events in a transaction
TRANSACTIONS = 1_000  # in one measurement
TURNS = 5
CONNECTIONS = (1, 8)
STEADY_RATE, STEADY_SECONDS = 1_000, 20
SYNAPSE_MESSAGES = 200
SYNAPSE_PARALLEL = 16


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=Path, metavar="FILE", help="JSON lines of chat; without it they are made up")
    args = parser.parse_args()
    bodies = made_up.transactions(args.messages, run=secrets.token_hex(4), size=SIZE)
    with tempfile.TemporaryDirectory(prefix="postkamer-ingest-") as folder:
        async with AsyncExitStack() as up:
            url = await up.enter_async_context(embedded_server(Path(folder) / "postgres"))
            ours, token = await up.enter_async_context(_postkamer(Path(folder) / "inbox", url, only="inbox"))
            reference = await up.enter_async_context(_parse_and_drop())
            best = await _side_by_side(bodies, ours, reference, token, url)
        async with AsyncExitStack() as up:
            url = await up.enter_async_context(embedded_server(Path(folder) / "steady"))
            ours, token = await up.enter_async_context(_postkamer(Path(folder) / "all", url))
            await _steady(bodies, ours, token, url)
        synapse = await _synapse(Path(folder) / "synapse")
    print(
        f"(b) Synapse sends {synapse:.0f} messages/s ({SYNAPSE_PARALLEL} in parallel); "
        f"we take {best / synapse:.0f} times that"
    )
    return 0


@asynccontextmanager
async def _postkamer(folder: Path, url: str, *, only: str | None = None) -> AsyncIterator[tuple[int, str]]:
    """The program on a database of its own; (port, hs_token)."""
    program = Program(folder)
    port = free_port()
    await program.init(
        homeserver="http://127.0.0.1:1", server_name="bench.test", listen=f"127.0.0.1:{port}", database=url
    )
    await program.start(*(("--only", only) if only else ()))
    try:
        await _listening(port)
        yield port, program.hs_token()
    finally:
        await program.kill()


@asynccontextmanager
async def _parse_and_drop() -> AsyncIterator[int]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("parse_and_drop.py")), str(port)
    )
    try:
        await _listening(port)
        yield port
    finally:
        process.kill()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                await asyncio.sleep(0.05)
            else:
                return


async def _side_by_side(bodies: Iterator[bytes], ours: int, reference: int, token: str, url: str) -> float:
    best = 0.0
    # The first one after a quiet start is refused, so that the homeserver sends all that it has.
    first = sender.request(next(bodies), token=token, txn_id="first")
    await asyncio.to_thread(sender.send, ours, [first, first], connections=1)
    for connections in CONNECTIONS:
        rates: list[tuple[float, float]] = []
        sorted_rates: list[float] = []
        for turn in range(TURNS):
            some = list(itertools.islice(bodies, TRANSACTIONS))
            requests = [sender.request(body, token=token, txn_id=f"{turn}-{n}") for n, body in enumerate(some)]
            pair = []
            for port in (reference, ours):
                sent = await asyncio.to_thread(sender.send, port, requests, connections=connections)
                assert not sent.refused, "a transaction was refused"
                pair.append(SIZE * sent.requests / sent.seconds)
            rates.append((pair[0], pair[1]))
            sorted_rates.append(SIZE * TRANSACTIONS / (sent.seconds + await _until_sorted(url)))
        ratio = statistics.median(b / a for a, b in rates)
        theirs, mine = (statistics.median(column) for column in zip(*rates, strict=True))
        best = max(best, mine)
        print(
            f"(a) {connections} connection(s): parse and drop {theirs:,.0f} events/s, Postkamer {mine:,.0f} committed "
            f"({statistics.median(sorted_rates):,.0f} until all are in the inbox); ratio {ratio:.2f} "
            f"({min(b / a for a, b in rates):.2f} to {max(b / a for a, b in rates):.2f})"
        )
    return best


async def _until_sorted(url: str) -> float:
    """Seconds until no transaction waits any more."""
    connection = await connect(url)
    started = time.perf_counter()
    try:
        while await connection.fetchval("SELECT EXISTS (SELECT FROM intake)"):  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.01)
    finally:
        await connection.close()
    return time.perf_counter() - started


async def _steady(bodies: Iterator[bytes], port: int, token: str, url: str) -> None:
    """A steady rate, in small transactions as Synapse makes them; the lag of the recorder behind the answers."""
    events = [
        event
        for body in itertools.islice(bodies, STEADY_RATE * STEADY_SECONDS // SIZE)
        for event in json.loads(body)["events"]
    ]
    size = 10
    requests = [
        sender.request(json.dumps({"events": events[n : n + size]}).encode(), token=token, txn_id=f"s{n}")
        for n in range(0, len(events), size)
    ]
    answered: list[tuple[float, int]] = []  # (when, events up to here)
    handled: list[tuple[float, int]] = []
    connection = await connect(url)
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set() or handled[-1][1] < len(events):
            position = await consumers.register(connection, "recorder")
            count = await connection.fetchval("SELECT count(*) FROM inbox WHERE seq <= $1", position)
            handled.append((time.perf_counter(), count))
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as to:
        for n, request in enumerate(requests):
            await asyncio.sleep(max(0.0, started + n * size / STEADY_RATE - time.perf_counter()))
            assert await asyncio.to_thread(sender.put, to, request) == 200
            answered.append((time.perf_counter(), (n + 1) * size))
    seconds = time.perf_counter() - started
    done.set()
    await watching
    head = await inbox.head(connection)
    await connection.close()
    lags = sorted(next(at for at, count in handled if count >= upto) - when for when, upto in answered)
    print(
        f"steady {len(events) / seconds:,.0f} events/s for {seconds:.0f} s ({head:,} rows), all roles: from the answer "
        f"to the archive p50 {lags[len(lags) // 2]:.3f} s, p95 {lags[len(lags) * 95 // 100]:.3f} s, "
        f"max {lags[-1]:.3f} s (read every 0.02 s)"
    )


async def _synapse(folder: Path) -> float:
    """Messages a second that Synapse takes from clients."""
    async with local_synapse(folder) as synapse, aiohttp.ClientSession() as session:
        person = Person(session, synapse.url, await synapse.register("anna", "password"), "m")
        room = await person.create_room("meting")
        numbers = iter(range(SYNAPSE_MESSAGES))

        async def some() -> None:
            for n in numbers:
                path = f"/_matrix/client/v3/rooms/{quote(room)}/send/m.room.message/b{n}"
                await person.call("PUT", path, {"msgtype": "m.text", "body": f"bericht {n}"})

        started = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(SYNAPSE_PARALLEL)))
        return SYNAPSE_MESSAGES / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
