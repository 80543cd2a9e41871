"""Parts that run as long as the program."""

from __future__ import annotations

import asyncio

from bridge.background import running


class Deaf:
    """A part that takes the first word to stop for a mere error."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.told = 0

    async def run(self) -> None:
        """Run until told twice."""
        while self.told < 2:
            try:
                self.started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.told += 1
        raise asyncio.CancelledError


async def test_a_part_that_does_not_listen_is_told_again() -> None:
    part = Deaf()
    async with asyncio.timeout(10):
        async with running({"deaf": part.run}):
            await part.started.wait()
    assert part.told == 2


async def test_who_is_cancelled_while_parts_end_waits_for_them_all_the_same() -> None:
    part, leaving = Deaf(), asyncio.Event()

    async def block() -> None:
        async with running({"deaf": part.run}):
            await part.started.wait()
            leaving.set()

    task = asyncio.create_task(block())
    await leaving.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert part.told == 2
