"""The archive depends on what arrived, not on when, in what order, how often and in what portions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.archive.consumer import rebuild
from bridge.archive.recorder import Recorder
from bridge.storage import inbox
from tests.storage.histories import histories
from tests.storage.post import archive, empty, fresh_db, record, rows, tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.db import Db
    from bridge.storage.inbox import Arrival
    from tests.postgres import Databases


@pytest.fixture(scope="module")
async def db(databases: Databases) -> AsyncIterator[Db]:
    async with fresh_db(databases) as db:
        yield db


@settings(max_examples=150)
@given(history=histories(), data=st.data())
async def test_any_order_gives_the_same_archive(db: Db, history: list[Arrival], data: st.DataObject) -> None:
    await empty(db)
    await archive(db, *history)
    expected = await tables(db)

    await empty(db)
    shuffled = data.draw(st.permutations(history), label="order of arrival")
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)), label="portion")
        async with db.tx() as tx:
            await inbox.append(tx, shuffled[:size])
        await record(db, data.draw(st.integers(1, 9), label="batch"))
        shuffled = shuffled[size:]
    assert await tables(db) == expected

    seqs = [row[0] for row in await rows(db, "SELECT seq FROM inbox WHERE seq NOT IN (SELECT seq FROM set_aside)")]
    if seqs:
        again = data.draw(st.lists(st.sampled_from(seqs)), label="handled again")
        async with db.tx() as tx:
            await Recorder().apply(tx, await inbox.by_seq(tx, again))
    assert await tables(db) == expected


@settings(max_examples=30)
@given(history=histories())
async def test_a_rebuild_gives_the_same_archive(db: Db, history: list[Arrival]) -> None:
    await empty(db)
    await archive(db, *history)
    before = await tables(db)
    rejected = await rows(db, "SELECT seq, reason FROM set_aside ORDER BY seq")
    await rebuild(db, Recorder())
    assert not any((await tables(db)).values())
    await record(db)
    assert await tables(db) == before
    assert await rows(db, "SELECT seq, reason FROM set_aside ORDER BY seq") == rejected
