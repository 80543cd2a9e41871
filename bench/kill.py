"""Kill -9 at random moments, of Postkamer and of PostgreSQL, while people send through a real Synapse.

At the end the archive is compared, event by event, with what Synapse's `/messages` says.

    python -m bench.kill --rounds 200
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from bench.chatter import Person
from bench.compare import differences
from bench.program import Program
from bridge.demo.synapse import LocalSynapse, free_port, local_synapse

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER_NAME = "kill.test"
ROOMS, PEOPLE = 3, 4
POLL_SECONDS = 0.2
SETTLE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left after the rounds."""

    kills: Counter[str]
    events: int
    lines: int
    wrong: list[str]
    attachments: dict[str, Any]
    set_aside: int


async def rounds(number: int, directory: Path, *, seed: int) -> Outcome:
    """Run the rounds, let everything settle, and compare."""
    choice = random.Random(seed)
    program = Program(directory / "postkamer")
    port = free_port()
    await program.init(
        homeserver=f"http://127.0.0.1:{port}", server_name=SERVER_NAME, listen=f"127.0.0.1:{free_port()}"
    )
    async with AsyncExitStack() as up:
        synapse = await up.enter_async_context(
            local_synapse(
                directory / "synapse", registrations=[program.registration], port=port, server_name=SERVER_NAME
            )
        )
        session = await up.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)))
        up.push_async_callback(program.kill)
        await program.start()
        people = [
            Person(session, synapse.url, await synapse.register(f"person{n}", "password"), f"p{n}-")
            for n in range(PEOPLE)
        ]
        rooms = [await shared_room(synapse, people, n) for n in range(ROOMS)]
        await _settled(program, 1, rooms)
        stop = asyncio.Event()
        chats = [
            asyncio.create_task(person.chat(rooms[n % ROOMS], random.Random(seed + n), stop))
            for n, person in enumerate(people)
        ]
        kills = await kill_rounds(number, program, choice, chats)
        stop.set()
        await asyncio.gather(*chats)
        history = [event for room in rooms for event in await people[0].history(room)]
        coverage = await _settled(program, len(history), rooms)
        lines = [line for line in await program.export() if line["room_id"] in rooms]
        await program.kill()
    return Outcome(
        kills,
        len(history),
        len(lines),
        differences(history, lines),
        coverage["totals"]["attachments"],
        coverage["totals"]["set_aside"],
    )


async def shared_room(synapse: LocalSynapse, people: Sequence[Person], number: int) -> str:
    """A room that all people are in."""
    room = await people[0].create_room(
        f"kamer {number}", *(synapse.user_id(f"person{n}") for n in range(1, len(people)))
    )
    for person in people[1:]:
        await person.join(room)
    return room


async def kill_rounds(
    number: int,
    program: Program,
    choice: random.Random,
    chats: Sequence[asyncio.Task[None]],
    *,
    victims: Sequence[str] = ("postkamer", "postgresql", "both"),
    lives: Sequence[float] = (0.1, 0.5, 1.0, 2.0),
) -> Counter[str]:
    """Kill -9, again and again, while `chats` go on.

    Args:
        victims: one is chosen each round.
        lives: seconds that a round lasts at most, beside the first 0.2; one is chosen each round.

    Returns:
        how often each program was killed.
    """
    kills: Counter[str] = Counter()
    for done in range(number):
        await asyncio.sleep(choice.choice(lives) * choice.random() + 0.2)
        for chat in chats:
            if chat.done():
                chat.result()
        victim = choice.choice(victims)
        if victim != "postkamer" and program.kill_database():
            kills["postgresql"] += 1
        if victim != "postgresql" or program.ended:
            kills["postkamer"] += not program.ended
            await program.kill()
            await program.start()
        tell(f"round {done + 1} of {number}: {victim}")
    return kills


async def _settled(program: Program, expected: int, rooms: Sequence[str]) -> dict[str, Any]:
    """Wait until nothing is under way any more."""
    coverage: dict[str, Any] = {}
    async with asyncio.timeout(SETTLE_SECONDS):
        while True:
            if program.ended:
                await program.start()
            coverage = await program.coverage()
            if coverage:
                held = sum(room["events"] for room in coverage["rooms"] if room["room_id"] in rooms)
                behind = sum(consumer["behind"] for consumer in coverage["consumers"])
                pending = coverage["totals"]["attachments"]["pending"]
                tell(f"held {held} of {expected}, behind {behind}, attachments pending {pending}")
                if held >= expected and not behind and not pending:
                    return coverage
            await asyncio.sleep(POLL_SECONDS)


def tell(text: str) -> None:
    """Say on a terminal how far it is, on one line."""
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="postkamer-kill-") as folder:
        outcome = asyncio.run(rounds(args.rounds, Path(folder), seed=args.seed))
    print(f"\nkilled: {dict(outcome.kills)}")
    print(f"events on the homeserver: {outcome.events}; lines of the export: {outcome.lines}")
    print(f"attachments: {outcome.attachments}; set aside: {outcome.set_aside}")
    print(f"lost, doubled or wrong: {len(outcome.wrong)}")
    for text in outcome.wrong[:20]:
        print(f"  {text}")
    return 1 if outcome.wrong or outcome.set_aside else 0


if __name__ == "__main__":
    sys.exit(main())
