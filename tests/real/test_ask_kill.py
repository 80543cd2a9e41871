"""Kill -9 while people ask: every question is answered exactly once (100 rounds: `make soak`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.ask_kill import rounds

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 6


async def test_kill_9_answers_every_question_once(tmp_path: Path) -> None:
    outcome = await rounds(ROUNDS, tmp_path, seed=7)
    assert outcome.wrong == []
    assert outcome.asked > ROUNDS
    assert sum(outcome.kills.values()) >= ROUNDS / 2
