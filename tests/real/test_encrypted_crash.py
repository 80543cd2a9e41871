"""Killed at random moments while people write in an encrypted room: nothing is lost, nothing is read twice."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.real.rooms import scene, text
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.demo.person import Person
    from tests.real.rooms import Scene
    from tests.real.server import Installation

ROUNDS = 6
_COUNT = "SELECT count(*) FROM inbox WHERE kind = 'decrypted' AND room_id = $1"
_GREETED = """
    SELECT 1 FROM inbox JOIN event ON event_id = key WHERE kind = 'decrypted' AND event.room_id = $1 AND sender = $2
"""


@asynccontextmanager
async def process(installation: Installation) -> AsyncIterator[asyncio.subprocess.Process]:
    """`postkamer run`; killed at the end of the block."""
    command = (sys.executable, "-c", "from bridge.cli import main; main()", "run", "-c", str(installation.path))
    log = installation.path.with_suffix(".log")
    with log.open("ab") as file:
        running = await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGKILL)
        await running.wait()


async def talk(person: Person, room_id: str, sent: list[str], chance: random.Random, enough: asyncio.Event) -> None:
    """Write until it is enough, often with a new key."""
    while not enough.is_set():
        if chance.random() < 0.5:
            await person.new_key(room_id)
        sent.append(await person.send(room_id, text(f"bericht {len(sent)}"), encrypted=True))


async def newcomer(s: Scene, host: Person, room_id: str, sent: list[str]) -> None:
    """Somebody new, whose device begins an Olm session with the bot."""
    guest = await s.person()
    await host.invite(room_id, guest.user_id)
    await guest.join(room_id)
    sent.append(await guest.send(room_id, text("hallo"), encrypted=True))


async def greeted(s: Scene, room_id: str) -> bool:
    """Whether the bot's greeting has been read."""
    async with s.held.db.connection() as connection:
        return await connection.fetchval(_GREETED, room_id, s.bot) is not None


async def test_kill_9_while_people_write(installation: Installation) -> None:
    chance = random.Random(20261124)
    sent: list[str] = []
    async with scene(installation) as s:
        anna = await s.person()
        async with process(installation):
            room = await s.room_with_bot(anna)
        for _ in range(ROUNDS):
            async with process(installation), asyncio.timeout(60):
                enough = asyncio.Event()
                writing = asyncio.create_task(talk(anna, room, sent, chance, enough))
                await newcomer(s, anna, room, sent)
                # From within the start to well after it.
                await asyncio.sleep(chance.uniform(0.5, 3.0))
            enough.set()
            await writing
        async with process(installation):
            await s.held.read(*sent)
            await until(lambda: greeted(s, room))
        async with s.held.db.connection() as connection:
            assert await connection.fetchval(_COUNT, room) == len(sent) + 1, "and the greeting, once"
            assert await connection.fetchval("SELECT count(*) FROM undecrypted WHERE room_id = $1", room) == 0
    assert len(sent) > ROUNDS
