"""How often something may be done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.engine import pace
from bridge.engine.pace import Pace


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_some_at_once_and_then_one_after_the_other() -> None:
    clock = Clock()
    limit = Pace(per_minute=60, burst=3, clock=clock)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") == 1.0
    assert limit.take("b") == 0
    clock.now += 0.4
    assert round(limit.take("a"), 3) == 0.6
    clock.now += 0.6
    assert limit.take("a") == 0
    assert limit.take("a") > 0
    clock.now += 100
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 1.0]


@given(st.lists(st.floats(0, 5), max_size=200))
def test_never_more_than_promised(pauses: list[float]) -> None:
    """And who waits as long as it says is let in."""
    clock = Clock()
    limit = Pace(per_minute=60, burst=5, clock=clock)
    for taken, pause in enumerate(pauses, 1):
        clock.now += pause
        wait = limit.take("a")
        if wait:
            clock.now += wait + 0.001
            assert limit.take("a") == 0
        assert taken <= 5 + (clock.now - Clock.now) + 0.001


def test_it_forgets_who_has_waited_long_enough() -> None:
    clock = Clock()
    limit = Pace(per_minute=60, burst=5, clock=clock)
    for number in range(pace._TIDY_AT):
        limit.take(str(number))
    clock.now += 2
    limit.take("last")
    assert len(limit._free_at) == 1
