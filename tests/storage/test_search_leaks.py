"""A search shows, counts and proposes nothing that the asker may not read; all of it is in `bench.search_leaks`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from bridge.storage.db import open_db
from tests.storage.leaks import differences

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", range(3))
async def test_nothing_but_what_may_be_read(database_url: str, tmp_path: Path, number: int) -> None:
    async with open_db(database_url, size=4) as db:
        assert await differences(db, tmp_path, random.randrange(2**32), 200) == [], number
