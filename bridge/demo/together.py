"""Several things at once, of which the first that fails ends the others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable


async def all_of(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all.

    Raises:
        the error of the first that failed, as it is; the others are cancelled.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
