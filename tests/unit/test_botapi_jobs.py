"""What bots plan: jobs as rows, at the right time also when the clock is put back or forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.botapi import NewJob
from bridge.botapi.schedule import every, next_due
from bridge.botapi.testing import Talk
from bridge.botapi.testing.talk import ANNA, NOW, ROOM
from tests.unit.sample_bot import SampleBot

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


async def test_at_once_again_and_by_cron() -> None:
    talk, bot = Talk([SampleBot()]), SampleBot()
    ask = await talk._new_ask()
    at = datetime(2026, 11, 27, 14, tzinfo=AMSTERDAM)
    bot.at(ask, at, bot.ring, key="a", text="x")
    bot.every(ask, timedelta(minutes=5), bot.ring, key="b", text="x")
    bot.cron(ask, "0 9 * * MON", bot.ring, key="c", text="x")
    args = {"text": "x"}
    place = (ROOM.room_id, ANNA.user_id)
    assert ask.effects.jobs == [
        NewJob("sample", "ring", "a", args, at, None, *place),
        NewJob("sample", "ring", "b", args, NOW + timedelta(minutes=5), "every 300", *place),
        NewJob("sample", "ring", "c", args, datetime(2026, 11, 30, 8, tzinfo=UTC), "cron 0 9 * * MON", *place),
    ]


async def test_the_same_key_replaces_and_cancels() -> None:
    talk, bot = Talk([SampleBot()]), SampleBot()
    ask = await talk._new_ask()
    bot.at(ask, NOW, bot.ring, key="a", text="first")
    bot.at(ask, NOW, bot.ring, key="a", text="second")
    assert [job.args["text"] for job in ask.effects.jobs] == ["second"]
    bot.cancel_job(ask, bot.ring, key="a")
    assert (ask.effects.jobs, ask.effects.cancelled) == ([], [("sample", "ring", "a")])
    bot.at(ask, NOW, bot.ring, key="a", text="third")
    assert ask.effects.cancelled == []


async def test_what_cannot_be_planned_is_a_bug_at_once() -> None:
    talk, bot = Talk([SampleBot()]), SampleBot()
    ask = await talk._new_ask()
    with pytest.raises(TypeError, match="not marked with @job"):
        bot.at(ask, NOW, bot.cancel, key="a")
    with pytest.raises(TypeError):
        bot.at(ask, NOW, bot.ring, key="a", text=object())
    with pytest.raises(ValueError, match="without a zone"):
        bot.at(ask, datetime(2026, 1, 1), bot.ring, key="a", text="x")  # noqa: DTZ001
    with pytest.raises(ValueError, match="cannot run every"):
        bot.every(ask, timedelta(0), bot.ring, key="a", text="x")
    with pytest.raises(ValueError, match="no cron expression"):
        bot.cron(ask, "0 9 31 2 *", bot.ring, key="a", text="x")


async def test_a_job_that_is_due() -> None:
    talk = Talk([SampleBot()])
    await talk.ask("!proef mij vrijdag 14:00 de was")
    (job,) = talk.jobs.values()
    shown = await talk.due(job)
    assert shown.text == "🔔 de was"
    assert shown.answer is not None
    assert shown.answer.messages[0].notify == (ANNA.user_id,)


async def test_a_job_that_nobody_does_fails() -> None:
    talk = Talk([SampleBot()])
    gone = NewJob("sample", "cancel", "a", {}, NOW, None, None, None)
    with pytest.raises(LookupError, match=r"no job sample\.cancel"):
        await talk.due(gone)
    with pytest.raises(LookupError):
        await talk.due(NewJob("gone", "ring", "a", {}, NOW, None, None, None))
    with pytest.raises(TypeError):
        await talk.due(NewJob("sample", "ring", "a", {}, NOW, None, None, None))


def times(expression: str, start: datetime, count: int) -> list[str]:
    found = []
    for _ in range(count):
        start = next_due(f"cron {expression}", start, AMSTERDAM)
        found.append(start.astimezone(AMSTERDAM).isoformat(timespec="minutes"))
    return found


def test_cron_follows_the_clock_on_the_wall() -> None:
    assert times("0 9 * * *", datetime(2026, 3, 28, 7, tzinfo=UTC), 2) == [
        "2026-03-28T09:00+01:00",
        "2026-03-29T09:00+02:00",
    ]
    assert times("0 9 * * *", datetime(2026, 10, 24, 6, tzinfo=UTC), 2) == [
        "2026-10-24T09:00+02:00",
        "2026-10-25T09:00+01:00",
    ]


def test_cron_in_the_hour_that_is_left_out_runs_once_after_it() -> None:
    assert times("30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), 2) == [
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


def test_cron_in_the_hour_that_comes_twice_runs_once() -> None:
    assert times("30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), 2) == [
        "2026-10-25T02:30+02:00",
        "2026-10-26T02:30+01:00",
    ]


def test_every_is_of_real_time() -> None:
    start = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    assert next_due(every(timedelta(hours=1)), start, AMSTERDAM) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("schedule", ["", "cron", "cron x", "sometimes 5", "cron 99 * * * *"])
def test_what_is_no_schedule(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"schedule|cron expression"):
        next_due(schedule, NOW, AMSTERDAM)
