"""Lanes: in order within one, side by side otherwise."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.background import running
from bridge.engine import lanes as module
from bridge.engine.lanes import Lanes
from bridge.storage.db import DatabaseAwayError
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pytest

Row = tuple[str, int]  # (lane, number)


class Heap:
    """Rows in memory."""

    name = "heap"

    def __init__(self, *rows: Row) -> None:
        self.rows = list(rows)
        self.done: list[Row] = []
        self.errors: dict[Row, list[Exception | float]] = {}
        self.away = 0
        self.at_once: set[Row] = set()
        self.most = 0
        self.gate: asyncio.Event | None = None

    async def fetch(self, without_lanes: Collection[str], limit: int) -> Sequence[Row]:
        if self.away:
            self.away -= 1
            raise DatabaseAwayError
        return [row for row in self.rows if row[0] not in without_lanes][:limit]

    def lane(self, row: Row) -> str:
        return row[0]

    async def handle(self, row: Row) -> float:
        self.at_once.add(row)
        self.most = max(self.most, len(self.at_once))
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.errors.get(row):
                found = self.errors[row].pop(0)
                if isinstance(found, Exception):
                    raise found
                return found
        finally:
            self.at_once.discard(row)
        self.rows.remove(row)
        self.done.append(row)
        return 0.0


async def test_in_order_within_a_lane() -> None:
    heap = Heap(("a", 1), ("b", 2), ("a", 3), ("a", 4), ("b", 5))
    async with running({"heap": Lanes(heap, parallel=4).run}):
        await until(lambda: not heap.rows)
    assert [number for lane, number in heap.done if lane == "a"] == [1, 3, 4]
    assert [number for lane, number in heap.done if lane == "b"] == [2, 5]


async def test_side_by_side_and_no_more_than_that() -> None:
    heap = Heap(*[(f"lane {number}", number) for number in range(10)])
    heap.gate = asyncio.Event()
    async with running({"heap": Lanes(heap, parallel=3).run}):
        await until(lambda: len(heap.at_once) == 3)
        heap.gate.set()
        await until(lambda: not heap.rows)
    assert heap.most == 3


async def test_a_long_lane_does_not_hide_the_others() -> None:
    heap = Heap(*[("long", number) for number in range(200)], ("other", 1))
    heap.errors["long", 0] = [60.0]
    lanes = Lanes(heap, parallel=2)
    async with running({"heap": lanes.run}):
        await until(lambda: heap.done == [("other", 1)])
        assert lanes.state() == (True, "1 waiting")


async def test_what_has_to_wait_is_done_later() -> None:
    heap = Heap(("a", 1), ("a", 2))
    heap.errors["a", 1] = [0.01, 0.01]
    async with running({"heap": Lanes(heap, parallel=2).run}):
        await until(lambda: heap.done == [("a", 1), ("a", 2)])


async def test_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    heap = Heap(("a", 1))
    heap.away = 3
    heap.errors["a", 1] = [DatabaseAwayError()]
    lanes = Lanes(heap, parallel=2)
    async with running({"heap": lanes.run}):
        await until(lambda: not lanes.state()[0])
        await until(lambda: heap.done == [("a", 1)])
        assert lanes.state() == (True, "")


async def test_what_breaks_down_leaves_the_others_alone() -> None:
    heap = Heap(("a", 1), ("b", 2))
    heap.errors["a", 1] = [ValueError("a")]
    async with running({"heap": Lanes(heap, parallel=2).run}):
        await until(lambda: heap.done == [("b", 2)])
    assert heap.rows == [("a", 1)]


async def test_wakes_for_what_is_due_later() -> None:
    heap = Heap()

    async def until_next() -> float:
        heap.rows = [("a", 1)] if not heap.done else []
        return 0.02

    async with running({"heap": Lanes(heap, parallel=2, until_next=until_next).run}):
        await until(lambda: heap.done == [("a", 1)], seconds=module.POLL_SECONDS / 2)
