"""Fixtures with a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.storage.db import open_db
from tests.storage.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """The engine on a database of its own."""
    async with open_db(database_url, size=4) as db:
        yield Stage(db)
