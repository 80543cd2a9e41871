"""Fixtures for every layer."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from bridge.storage.embedded import embedded_server
from tests.postgres import Databases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# No test is about time. In CI the same examples each time: one found by chance there would blame the wrong change.
settings.register_profile(
    "postkamer", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("postkamer")


@pytest.fixture(scope="session")
async def databases() -> AsyncIterator[Databases]:
    """A PostgreSQL server for the whole run, with a migrated template."""
    with tempfile.TemporaryDirectory(prefix="postkamer-tests-") as folder:
        async with embedded_server(Path(folder), durable=False) as url:
            databases = Databases(url)
            await databases.make_template()
            yield databases


@pytest.fixture
async def database_url(databases: Databases) -> AsyncIterator[str]:
    """The URL of a migrated database that only this test uses."""
    async with databases.fresh() as url:
        yield url
