"""Fixtures with a real PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.storage.db import open_db
from tests.storage import company
from tests.storage.post import empty, fresh_db
from tests.storage.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.db import Db
    from tests.postgres import Databases
    from tests.storage.company import Office


@pytest.fixture(scope="module")
async def module_db(databases: Databases) -> AsyncIterator[Db]:
    """One database for all tests of a file."""
    async with fresh_db(databases) as db:
        yield db


@pytest.fixture
async def db(module_db: Db) -> Db:
    """The same, without what earlier tests have left."""
    await empty(module_db)
    return module_db


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """The engine on a database of its own."""
    async with open_db(database_url, size=4) as db:
        yield Stage(db)


@pytest.fixture(scope="session")
async def office(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """The small company of docs/search.*.md, with an index. Nobody writes in it."""
    async with fresh_db(databases) as db, company.opened(db, tmp_path_factory.mktemp("search")) as found:
        yield found
