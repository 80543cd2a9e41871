"""A large archive: memory of the program, time to a start, speed and memory of an export.

python -m bench.large [--messages FILE] [--events N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import psutil

from bench import made_up, sender
from bench.program import Program
from bridge.demo.synapse import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 100
MEGABYTE = 1024 * 1024
POLL_SECONDS = 0.01


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=Path, metavar="FILE", help="JSON lines of chat; without it they are made up")
    parser.add_argument("--events", type=int, default=439_285)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="postkamer-large-") as folder:
        program = Program(Path(folder))
        try:
            await _measure(program, args.messages, args.events)
        finally:
            await program.kill(signal.SIGTERM)
    return 0


async def _measure(program: Program, messages: Path | None, events: int) -> None:
    port = free_port()
    await program.init(homeserver="http://127.0.0.1:1", server_name="bench.test", listen=f"127.0.0.1:{port}")
    token, monitoring = program.hs_token(), program.settings()["monitoring"]["listen"]
    print(f"first start, with a new database: {await _start(program, port, token):.1f} s")
    started = time.perf_counter()
    peak = await fill(program, made_up.transactions(messages, run=secrets.token_hex(4), size=SIZE), port, token, events)
    print(f"{events:,} events taken in {time.perf_counter() - started:.0f} s")
    await caught_up(monitoring)
    peak = max(peak, program.memory())
    print(f"recorded after {time.perf_counter() - started:.0f} s; memory of the program at most {peak:.0f} MB")
    times = []
    for _ in range(5):
        await program.kill()
        times.append(await _start(program, port, token))
    print("starts after kill -9, until a transaction is taken: " + ", ".join(f"{one:.2f}" for one in times) + " s")
    await asyncio.sleep(5)
    print(f"memory of the program after a start: {program.memory():.0f} MB")
    await _export(program)


async def fill(program: Program, bodies: Iterator[bytes], port: int, token: str, events: int) -> float:
    """Put events to the endpoint; the most memory that the program had meanwhile."""
    peak = 0.0
    with socket.create_connection(("127.0.0.1", port)) as to:
        for n in range(0, events, SIZE):
            body = next(bodies) if events - n >= SIZE else _first(next(bodies), events - n)
            assert await asyncio.to_thread(sender.put, to, sender.request(body, token=token, txn_id=f"l{n}")) == 200
            peak = max(peak, program.memory())
    return peak


def _first(body: bytes, count: int) -> bytes:
    return json.dumps({"events": json.loads(body)["events"][:count]}).encode()


async def _start(program: Program, port: int, token: str) -> float:
    """Start, and say after how many seconds a transaction is taken."""
    request = sender.request(b'{"events": []}', token=token, txn_id=secrets.token_hex(4))
    started = time.perf_counter()
    await program.start()
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as to:
                if await asyncio.to_thread(sender.put, to, request) == 200:
                    return time.perf_counter() - started
        except OSError:
            await asyncio.sleep(POLL_SECONDS)


async def caught_up(monitoring: str) -> None:
    """Wait until everything that has come in is recorded; `monitoring` is the address in the config."""
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientConnectionError):  # it has just been started
                async with session.get(f"http://{monitoring}/metrics") as response:
                    lines = (await response.text()).splitlines()
                behind = [line for line in lines if line.startswith(("postkamer_consumer_behind", "postkamer_intake"))]
                if all(line.endswith(" 0.0") for line in behind):
                    return
            await asyncio.sleep(1)


async def _export(program: Program) -> None:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "export", "-c", str(program.config), "--format", "jsonl",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    watched, peak, lines = psutil.Process(process.pid), 0.0, 0
    while block := await process.stdout.read(MEGABYTE):
        lines += block.count(b"\n")
        peak = max(peak, watched.memory_info().rss / MEGABYTE)
    await process.wait()
    seconds = time.perf_counter() - started
    print(
        f"export: {lines:,} lines in {seconds:.0f} s, {lines / seconds:,.0f} lines/s, memory at the most {peak:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
