"""Kill -9 of either side, at random moments, loses nothing and doubles nothing (200 rounds: `make soak`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.kill import rounds

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 10


async def test_kill_9_loses_and_doubles_nothing(tmp_path: Path) -> None:
    outcome = await rounds(ROUNDS, tmp_path, seed=7)
    assert outcome.wrong == []
    assert outcome.set_aside == 0
    assert outcome.events > ROUNDS
    assert sum(outcome.kills.values()) >= ROUNDS / 2
    assert outcome.attachments["failed"] == 0
