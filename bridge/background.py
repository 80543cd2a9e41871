"""Tasks that run as long as the program, or as long as a lock is held."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


async def keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a part that never ends by itself; when it breaks, say so and start it again after a growing pause."""
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE
    while True:
        started = loop.time()
        try:
            await run()
        except Exception:
            log.exception("part broke down, starting it again", part=name, pause_seconds=pause)
        else:
            log.error("part ended, starting it again", part=name, pause_seconds=pause)
        if loop.time() - started > LONGEST_PAUSE:
            pause = FIRST_PAUSE
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


@asynccontextmanager
async def running(parts: Mapping[str, Callable[[], Awaitable[None]]]) -> AsyncIterator[None]:
    """Keep parts running inside the block; they are cancelled and waited for at its end."""
    tasks = [asyncio.create_task(keep_running(name, run), name=name) for name, run in parts.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
