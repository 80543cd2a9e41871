"""Which transaction is not taken, so that the homeserver sends what it holds back."""

from __future__ import annotations

from bridge.matrix.held_back import QUIET_SECONDS, HeldBack


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_one_after_a_quiet_start() -> None:
    clock = Clock()
    held = HeldBack(clock)
    clock.now += QUIET_SECONDS
    assert held.refuse()
    clock.now += QUIET_SECONDS
    assert not held.refuse(), "once is enough"


def test_not_while_much_is_coming() -> None:
    clock = Clock()
    held = HeldBack(clock)
    for _ in range(100):
        clock.now += QUIET_SECONDS - 1
        assert not held.refuse()
    clock.now += QUIET_SECONDS
    assert held.refuse()


def test_again_after_each_outage() -> None:
    clock = Clock()
    held = HeldBack(clock)
    clock.now += QUIET_SECONDS
    assert held.refuse()
    held.outage()
    assert not held.refuse(), "it is sending"
    clock.now += QUIET_SECONDS
    assert held.refuse()
