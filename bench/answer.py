"""How fast a command is answered, beside what the homeserver itself takes, and beside maubot.

One local Synapse, one run, all in turn: (a) from the PUT of a message until a second client has it by /sync; (b) from
the PUT of `!archief status`, which looks into the archive, until the asker has the answer of Postkamer by /sync; (c)
the same with `!taal nl`, which only keeps a setting; (d) with `!echo` and maubot. Postkamer archives all rooms. Before
it starts, (a) and (d) are measured without it.

    python -m bench.answer [--rounds N] [--archived N] [--messages FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from bench import large, made_up
from bench.chatter import Person
from bench.maubot import VERSION, echo_bot
from bench.program import Program
from bench.watching import Watcher, watching
from bridge.demo.synapse import LocalSynapse, free_port, local_synapse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

SERVER_NAME = "answer.test"
OURS, PLAIN, THEIRS = "postkamer", "postkamer plain", "maubot"
WARM_UP = 20
READY_SECONDS = 60.0
# Nobody asks this often: what is measured is one question at a time.
COMMANDS_PER_MINUTE = 10_000


@dataclass(frozen=True, slots=True)
class Course:
    """What is timed: `person` says something in a room, until `watcher` has what comes of it."""

    name: str
    person: Person
    room: str
    text: str  # with `{n}`, the number of the round
    watcher: Watcher
    sender: str  # of what comes

    async def once(self, number: int) -> float:
        """Seconds from the PUT until it is there."""
        text = self.text.format(n=number)

        def ours(content: dict[str, Any]) -> bool:
            return "m.in_reply_to" in content.get("m.relates_to", {}) or text.endswith(content["body"])

        async with asyncio.timeout(READY_SECONDS):
            coming = self.watcher.message(self.room, self.sender, ours)
            started = time.perf_counter()
            asked = await self.person.send(self.room, {"msgtype": "m.text", "body": text})
            seen = await coming
        replied_to = seen.content.get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id", asked)
        assert replied_to == asked, "an answer to another question"
        return seen.at - started


@dataclass(frozen=True, slots=True)
class Stage:
    """A Synapse with a Postkamer beside it that is not started, and people."""

    synapse: LocalSynapse
    program: Program
    listen: int  # the port on which Postkamer takes transactions
    people: dict[str, Person]

    async def room(self, *bots: str) -> str:
        """A room of Anna and Bram, and of bots, which join by themselves."""
        anna, bram = self.people["anna"], self.people["bram"]
        room = await anna.create_room("meting", *(self.synapse.user_id(name) for name in ("bram", *bots)))
        await bram.join(room)
        async with asyncio.timeout(READY_SECONDS):
            for name in bots:
                await anna.until_joined(room, self.synapse.user_id(name))
        return room


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--archived", type=int, default=0, metavar="N", help="first fill the archive with N messages")
    parser.add_argument("--messages", type=Path, metavar="FILE", help="JSON lines of chat; without it they are made up")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="postkamer-answer-") as folder:
        async with AsyncExitStack() as up:
            stage = await up.enter_async_context(_stage(Path(folder)))
            anna, bram, maubot = (stage.people[name] for name in ("anna", "bram", THEIRS))
            by_anna, by_bram = [await up.enter_async_context(watching(person)) for person in (anna, bram)]
            user_ids = {name: stage.synapse.user_id(name) for name in ("anna", OURS, THEIRS)}
            await up.enter_async_context(
                echo_bot(Path(folder) / THEIRS, url=anna.url, user_id=user_ids[THEIRS], token=maubot.token)
            )
            carry = Course("carry", anna, await stage.room(), "nummer {n}", by_bram, user_ids["anna"])
            echo = Course(THEIRS, anna, await stage.room(THEIRS), "!echo nummer {n}", by_anna, user_ids[THEIRS])
            print(f"medians of {args.rounds} rounds in ms (95th percentile); Synapse on SQLite, maubot {VERSION}")
            _tell("without Postkamer", await _in_turn((carry, echo), args.rounds))
            up.push_async_callback(stage.program.kill, signal.SIGTERM)
            await stage.program.start()
            room = await stage.room(OURS)
            if args.archived:
                await _fill(stage, room, args.archived, args.messages)
            ask = Course(OURS, anna, room, "!archief status", by_anna, user_ids[OURS])
            plain = Course(PLAIN, anna, room, "!taal nl", by_anna, user_ids[OURS])
            took = await _in_turn((carry, ask, plain, echo), args.rounds)
            _tell(f"{args.archived:,} messages archived before", took)
            _ratios(took)
    return 0


@asynccontextmanager
async def _stage(folder: Path) -> AsyncIterator[Stage]:
    program, port, listen = Program(folder / "postkamer"), free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    await program.init(homeserver=url, server_name=SERVER_NAME, listen=f"127.0.0.1:{listen}")
    program.set("bots", commands_per_minute=COMMANDS_PER_MINUTE)
    program.set("monitoring", listen=f"127.0.0.1:{free_port()}")
    registrations = [program.registration]
    async with (
        local_synapse(folder / "synapse", registrations=registrations, port=port, server_name=SERVER_NAME) as synapse,
        aiohttp.ClientSession() as session,
    ):
        people = {
            name: Person(session, url, await synapse.register(name, "password"), f"{name}-")
            for name in ("anna", "bram", THEIRS)
        }
        yield Stage(synapse, program, listen, people)


async def _fill(stage: Stage, room: str, count: int, messages: Path | None) -> None:
    bodies = made_up.transactions(messages, run=secrets.token_hex(4), size=large.SIZE, busy_room=room)
    await large.fill(stage.program, bodies, stage.listen, stage.program.hs_token(), count)
    await large.caught_up(stage.program.settings()["monitoring"]["listen"])


async def _in_turn(courses: Sequence[Course], rounds: int) -> dict[str, list[float]]:
    """Seconds of each round after the warm-up, sorted."""
    took: dict[str, list[float]] = {course.name: [] for course in courses}
    for number in range(WARM_UP + rounds):
        for course in courses:
            seconds = await course.once(number)
            if number >= WARM_UP:
                took[course.name].append(seconds)
    return {name: sorted(times) for name, times in took.items()}


def _tell(what: str, took: dict[str, list[float]]) -> None:
    shown = (
        f"{name} {1000 * statistics.median(times):.1f} ({1000 * times[len(times) * 95 // 100]:.1f})"
        for name, times in took.items()
    )
    print(f"{what}: {', '.join(shown)}", flush=True)


def _ratios(took: dict[str, list[float]]) -> None:
    carry, ours, plain, theirs = (statistics.median(took[name]) for name in ("carry", OURS, PLAIN, THEIRS))
    print(
        f"Postkamer / carry {ours / carry:.2f}, plain / carry {plain / carry:.2f} (bar 3); "
        f"Postkamer / maubot {ours / theirs:.2f}, plain / maubot {plain / theirs:.2f} (bar 1)"
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
