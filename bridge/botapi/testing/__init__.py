"""Bots in tests, without a homeserver and without a database.

    answer = await ask(ReminderBot(), "remind me tomorrow 9am milk", now=NOON)
    assert answer.reply == say("saved", at=…)
    assert "milk" in answer.text
    later = await press(answer, "❌")

A `Talk` keeps what was set and planned from one question to the next: `talk = Talk([ReminderBot()])`.
"""

from __future__ import annotations

from bridge.botapi.testing.fakes import FakeArchive, FakeDirectory, FakeWebhooks, MemorySettings
from bridge.botapi.testing.finding import FakeSearch
from bridge.botapi.testing.talk import Answered, Talk, answer, ask, press

__all__ = [
    "Answered",
    "FakeArchive",
    "FakeDirectory",
    "FakeSearch",
    "FakeWebhooks",
    "MemorySettings",
    "Talk",
    "answer",
    "ask",
    "press",
]
