"""Jobs: once each time, whatever happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.botapi.ask import NewJob
from bridge.engine.jobs import ATTEMPTS
from bridge.storage import jobs
from bridge.storage.jobs import JobRow
from tests.storage.stage import ANNA, BAS, POST, ROOM, STRANGER, answer, drain, says

if TYPE_CHECKING:
    from bridge.botapi.ask import Ask
    from bridge.botapi.render import Answer
    from tests.storage.stage import Stage


async def plan(stage: Stage, action: str = "ring", schedule: str | None = None, **more: Any) -> None:
    """A job that is due now."""
    row: dict[str, Any] = {"key": "k", "args": {}, "room_id": ROOM, "person": ANNA, "due_at": stage.now} | more
    row["args"] = json.dumps(row["args"])
    new = JobRow(bot="echo", action=action, schedule=schedule, **row)
    async with stage.db.tx() as tx:
        await jobs.put(tx, [new])


async def step(stage: Stage) -> None:
    await drain(stage.jobs)
    await stage.step()


async def planned(stage: Stage) -> list[tuple[Any, ...]]:
    return await stage.rows("SELECT action, due_at, attempts, reason FROM job ORDER BY id")


async def test_once(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await plan(stage, args={"text": "é"}, due_at=datetime.now(UTC) - timedelta(days=3))
    await plan(stage, key="later", due_at=datetime.now(UTC) + timedelta(hours=1))
    await step(stage)
    await step(stage)

    (sent,) = stage.server.sent
    assert sent.content == {"msgtype": "m.notice", "body": "ring {'text': 'é'}", "m.mentions": {}}
    assert len(await planned(stage)) == 1
    (ask,) = [ask for kind, _, ask in stage.post.heard if kind == "job"]
    assert (ask.sender.user_id, ask.room.name, sorted(ask.roles)) == (ANNA, "Kantoor", ["manager", "staff"])
    seconds = await stage.jobs.seconds_to_next()
    assert seconds is not None
    assert 3590 < seconds < 3600


async def test_for_a_person_alone(stage: Stage) -> None:
    await plan(stage, room_id=None)
    await step(stage)

    assert stage.server.bodies() == ["ring {}"]
    assert [where for what, where in stage.server.requests if what == "create_direct"] == [ANNA]


async def test_for_a_room_alone(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await plan(stage, person=None)
    await step(stage)

    assert stage.server.bodies(ROOM) == ["ring {}"]
    assert [ask.roles for *_, ask in stage.post.heard] == [frozenset()]


async def test_a_private_answer_for_nobody_is_never_said_in_the_room(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["ring"] = says(answer("geheim", private=True))
    await plan(stage, person=None)
    await step(stage)

    assert stage.server.sent == []
    ((_, _, attempts, reason),) = await planned(stage)
    assert (attempts, reason) == (1, "ValueError")


async def test_every_some_seconds(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await plan(stage, schedule="every 3600", due_at=stage.now - timedelta(minutes=5))
    await step(stage)
    assert await planned(stage) == [("ring", stage.now + timedelta(minutes=55), 0, None)]

    stage.now += timedelta(hours=10)
    await stage.execute("UPDATE job SET next_at = now()")
    await step(stage)
    assert await planned(stage) == [("ring", stage.now + timedelta(hours=1), 0, None)]
    assert stage.server.bodies() == ["ring {}"] * 2, "times that were missed are done once"


@pytest.mark.parametrize(
    ("due", "now", "following"),
    [
        ("2026-03-27T08:30:00+00:00", "2026-03-27T08:30:01+00:00", "2026-03-28T08:30:00+00:00"),
        ("2026-03-28T08:30:00+00:00", "2026-03-28T08:30:01+00:00", "2026-03-29T07:30:00+00:00"),
        ("2026-10-24T07:30:00+00:00", "2026-10-24T07:30:01+00:00", "2026-10-25T08:30:00+00:00"),
        ("2026-03-01T08:30:00+00:00", "2026-04-01T12:00:00+00:00", "2026-04-02T07:30:00+00:00"),
    ],
)
async def test_cron_follows_the_clock_of_the_company(stage: Stage, due: str, now: str, following: str) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.now = datetime.fromisoformat(now)
    await plan(stage, schedule="cron 30 9 * * *", due_at=datetime.fromisoformat(due))
    await stage.execute("UPDATE job SET next_at = now()")
    (row,) = await stage.jobs.fetch((), 10)
    await stage.jobs.handle(row)

    assert await planned(stage) == [("ring", datetime.fromisoformat(following), 0, None)]
    assert await stage.rows("SELECT next_at = due_at FROM job") == [(True,)]


async def test_a_job_that_fails(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    broken = True

    async def ring(ask: Ask) -> Answer | None:
        ask.effects.jobs.append(NewJob("echo", "other", "x", {}, stage.now, None, ROOM, ANNA))
        if broken:
            raise OSError("away")
        return answer("tring")

    stage.post.does["ring"] = ring
    await plan(stage)
    await step(stage)
    assert await planned(stage) == [("ring", stage.now, 1, "OSError")]
    seconds = await stage.jobs.seconds_to_next()
    assert seconds is not None
    assert 9 < seconds <= 10

    broken = False
    await stage.execute("UPDATE job SET next_at = now()")
    await step(stage)
    assert stage.server.bodies() == ["tring", "other {}"]


@pytest.mark.parametrize("schedule", [None, "every 60", "cron 0 8 * * *", "cron nonsense"])
async def test_a_job_that_always_fails(stage: Stage, schedule: str | None) -> None:
    await stage.room(ANNA, POST, BAS)

    async def ring(ask: Ask) -> Answer | None:
        raise RuntimeError(ask.cause)

    stage.post.does["ring"] = ring
    await plan(stage, schedule=schedule)
    for _ in range(ATTEMPTS + 2):
        await stage.execute("UPDATE job SET next_at = now() WHERE next_at < 'infinity' AND due_at <= $1", stage.now)
        await drain(stage.jobs)

    (attempts, reason, again, ahead), *_ = await stage.rows(
        "SELECT attempts, reason, next_at < 'infinity', due_at > $1 FROM job", stage.now
    )
    assert reason == "RuntimeError", "somebody can see it"
    if schedule is None or "nonsense" in schedule:
        assert (attempts, again) == (ATTEMPTS, False)
        async with stage.db.connection() as connection:
            assert await jobs.counts(connection) == {"planned": 0, "failed": 1}
    else:
        assert (attempts, again, ahead) == (0, True, True), "the next time it is tried again"


@pytest.mark.parametrize("person", [ANNA, None])
async def test_who_waits_for_a_job_that_is_given_up_is_told_alone(stage: Stage, person: str | None) -> None:
    await stage.room(ANNA, POST, BAS)

    async def ring(ask: Ask) -> Answer | None:
        raise RuntimeError(ask.cause)

    stage.post.does["ring"] = ring
    await plan(stage, person=person)
    for _ in range(ATTEMPTS + 2):
        await stage.execute("UPDATE job SET next_at = now() WHERE next_at < 'infinity'")
        await step(stage)

    assert stage.server.bodies() == (["refused: error.job_failed"] if person else [])
    assert stage.server.bodies(ROOM) == []


async def test_slow_jobs_are_done_beside_the_others(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await plan(stage, action="copy")
    await plan(stage, action="copy", key="later", due_at=datetime.now(UTC) + timedelta(hours=1))
    await plan(stage)
    assert [row.action for row in await stage.jobs.fetch((), 10)] == ["ring"]
    assert [row.action for row in await stage.slow_jobs.fetch((), 10)] == ["copy"]
    assert await stage.jobs.seconds_to_next() is None
    assert 3590 < (await stage.slow_jobs.seconds_to_next() or 0) < 3600
    await drain(stage.slow_jobs)
    await step(stage)
    assert stage.server.bodies() == ["copy {}", "ring {}"]


async def test_a_job_that_takes_too_long(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)

    async def ring(ask: Ask) -> Answer | None:
        del ask
        await stage.execute("SELECT pg_sleep(30)")
        return None

    stage.post.does["ring"] = ring
    await plan(stage)
    await step(stage)

    assert [row[2:] for row in await planned(stage)] == [(1, "TimeoutError")]


@pytest.mark.parametrize("change", ["replaced", "cancelled", "itself", "cancels itself"])
async def test_a_job_that_is_changed_meanwhile(stage: Stage, change: str) -> None:
    await stage.room(ANNA, POST, BAS)
    later = stage.now + timedelta(hours=2)
    new = NewJob("echo", "ring", "k", {"n": 2}, later, None, ROOM, ANNA)

    async def ring(ask: Ask) -> Answer | None:
        if change == "replaced":
            await plan(stage, due_at=later)
        elif change == "cancelled":
            await stage.execute("DELETE FROM job")
        elif change == "itself":
            ask.effects.jobs.append(new)
        else:
            ask.effects.cancelled.append(("echo", "ring", "k"))
        return answer("tring")

    stage.post.does["ring"] = ring
    await plan(stage, schedule="every 60")
    await step(stage)

    left = [due for _, due, *_ in await planned(stage)]
    assert left == ([later] if change in ("replaced", "itself") else [])
    assert stage.server.bodies() == ([] if change in ("replaced", "cancelled") else ["tring"])


async def test_a_job_without_meaning_is_dropped(stage: Stage) -> None:
    await plan(stage)
    await plan(stage, key="of a stranger", room_id=None, person=STRANGER, schedule="every 60")
    await drain(stage.jobs)

    assert await planned(stage) == []
    assert stage.post.heard == []


async def test_jobs_of_bots_that_are_not_here_are_left_alone(stage: Stage) -> None:
    row = JobRow("elsewhere", "ring", "k", "{}", None, None, ANNA, stage.now)
    async with stage.db.tx() as tx:
        await jobs.put(tx, [row])
    await drain(stage.jobs)

    assert len(await planned(stage)) == 1
    assert await stage.jobs.seconds_to_next() is None
