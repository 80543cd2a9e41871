"""Kill -9 at random moments, of Postkamer mostly and of PostgreSQL now and then, while people ask it things.

At the end every question has exactly one answer on the homeserver, and each private answer is once in one direct chat.

    python -m bench.ask_kill --rounds 100
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter, defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from bench.asker import PRIVATE, Asker, Question
from bench.chatter import Person
from bench.kill import kill_rounds, shared_room, tell
from bench.program import Program
from bridge.demo.person import Person as Device
from bridge.demo.synapse import LocalSynapse, free_port, local_synapse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SERVER_NAME = "ask.test"
BOT = "postkamer"
PEOPLE, ROOMS = 5, 3  # plain ones; the last of the people also writes in an encrypted one
POLL_SECONDS = 1.0
READY_SECONDS, SETTLE_SECONDS = 120.0, 300.0
VICTIMS = ("postkamer", "postkamer", "postkamer", "postkamer", "postgresql", "both")
LIVES = (0.5, 2.0, 4.0, 8.0)  # seconds; the program needs one or two to start


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left after the rounds."""

    kills: Counter[str]
    asked: int
    private: int
    wrong: list[str]


async def rounds(number: int, directory: Path, *, seed: int) -> Outcome:
    """Run the rounds, wait for every answer, and count."""
    choice = random.Random(seed)
    program, port = Program(directory / "postkamer"), free_port()
    url = f"http://127.0.0.1:{port}"
    await program.init(homeserver=url, server_name=SERVER_NAME, listen=f"127.0.0.1:{free_port()}")
    program.set("bots", commands_per_minute=10_000)
    program.set("monitoring", listen=f"127.0.0.1:{free_port()}")
    registrations = [program.registration]
    async with AsyncExitStack() as up:
        synapse = await up.enter_async_context(
            local_synapse(directory / "synapse", registrations=registrations, port=port, server_name=SERVER_NAME)
        )
        session = await up.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)))
        up.push_async_callback(program.kill)
        await program.start()
        askers = await _askers(synapse, session, up)
        stop = asyncio.Event()
        asking = [asyncio.create_task(asker.go_on(random.Random(seed + n), stop)) for n, asker in enumerate(askers, 1)]
        kills = await kill_rounds(number, program, choice, asking, victims=VICTIMS, lives=LIVES)
        stop.set()
        await asyncio.gather(*asking)
        await _answered(program, askers)
        for asker in askers:  # answers in a room come in order: after these nothing is under way there
            for room in asker.rooms:
                await asker.ask(room, "!help")
        await _answered(program, askers)
        wrong = await _differences(askers)
        for asker in askers:
            wrong += await asker.private_differences(synapse.user_id(BOT))
        await program.kill()
    asked = [question for asker in askers for question in asker.asked]
    return Outcome(kills, len(asked), sum(question.text == PRIVATE for question in asked), wrong)


async def _askers(synapse: LocalSynapse, session: aiohttp.ClientSession, up: AsyncExitStack) -> list[Asker]:
    """People in rooms that Postkamer has joined."""
    people = [
        Person(session, synapse.url, await synapse.register(f"person{n}", "password"), f"p{n}-") for n in range(PEOPLE)
    ]
    rooms = [await shared_room(synapse, people, n) for n in range(ROOMS)]
    user_id, bot = synapse.user_id(f"person{PEOPLE - 1}"), synapse.user_id(BOT)
    device = await up.enter_async_context(Device.login(synapse.url, user_id, "password"))
    secret = await device.create_room("versleuteld", invite=[synapse.user_id("person0")], encrypted=True)
    await people[0].join(secret)  # with two people in it, it is no direct chat
    async with asyncio.timeout(READY_SECONDS):
        for room in (*rooms, secret):
            await people[-1].invite(room, bot)
            await people[-1].until_joined(room, bot)
    askers = [Asker(person, rooms) for person in people]
    askers[-1] = Asker(people[-1], [*rooms, secret], {secret: device})
    return askers


async def _answered(program: Program, askers: Sequence[Asker]) -> None:
    """Wait until every question has an answer."""
    async with asyncio.timeout(SETTLE_SECONDS):
        while True:
            if program.ended:
                await program.start()
            answers = await _answers(askers)
            missing = sum(question.event_id not in answers for asker in askers for question in asker.asked)
            tell(f"questions without an answer: {missing}")
            if not missing:
                return
            await asyncio.sleep(POLL_SECONDS)


async def _answers(askers: Sequence[Asker]) -> dict[str, list[str | None]]:
    """What was replied to each event, by its id: texts, None for what is encrypted."""
    found: defaultdict[str, list[str | None]] = defaultdict(list)
    by_room = {room: asker.person for asker in askers for room in asker.rooms}
    for room, person in by_room.items():
        for event in await person.history(room):
            target = event["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id")
            if target is not None:
                found[target].append(event["content"].get("body"))
    return dict(found)


async def _differences(askers: Sequence[Asker]) -> list[str]:
    answers = await _answers(askers)
    questions = [question for asker in askers for question in asker.asked]
    known = {question.event_id for question in questions}
    wrong = [f"an answer to nothing: {target}" for target in answers if target not in known]
    return wrong + [text for question in questions for text in _wrong(question, answers.get(question.event_id, ()))]


def _wrong(question: Question, texts: Iterable[str | None]) -> list[str]:
    found = list(texts)
    if len(found) != 1:
        return [f"{len(found)} answers: {question.text} {question.event_id}"]
    if question.answer is not None and question.answer not in (found[0] or ""):
        return [f"another answer: {question.text} {question.event_id}: {found[0]}"]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="postkamer-ask-") as folder:
        outcome = asyncio.run(rounds(args.rounds, Path(folder), seed=args.seed))
    print(f"\nkilled: {dict(outcome.kills)}")
    print(f"questions: {outcome.asked}, of which answered in private: {outcome.private}")
    print(f"not answered, answered twice, or wrongly: {len(outcome.wrong)}")
    for text in outcome.wrong[:20]:
        print(f"  {text}")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
