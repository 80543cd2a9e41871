"""What bots could not do is told to IT, with how to go on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bridge.archive.coverage import measure
from bridge.cli.check import look_for_left_over
from bridge.cli.coverage import table
from bridge.cli.report import Report
from bridge.engine.cleaner import LEFT_OVER, Cleaner
from bridge.engine.courier import RefusedError
from bridge.engine.jobs import ATTEMPTS as JOB_ATTEMPTS
from bridge.engine.worker import ATTEMPTS
from bridge.storage import jobs, trouble
from bridge.storage.export import snapshot
from bridge.storage.jobs import JobRow
from tests.storage.stage import ANNA, BAS, NEWS, POST, ROOM, Stage, answer, drain, says

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.archive.coverage import Coverage
    from bridge.botapi.ask import Ask
    from bridge.botapi.render import Answer

GONE = "@oud:example.com"


async def measured(stage: Stage, *users: str) -> Coverage:
    async with snapshot(stage.db) as tx:
        return await measure(tx, users or (POST, NEWS))


async def lines(stage: Stage, *users: str) -> list[str]:
    found = list(table(await measured(stage, *users)))
    start = next((at for at, line in enumerate(found) if line.startswith("What bots could not do")), len(found))
    return [line.strip() for line in found[start + 1 :] if line.startswith("  ")]


async def test_nothing_is_said_when_all_is_well(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo")
    await stage.step()
    assert await lines(stage) == []
    empty: list[Any] = []
    assert (await measured(stage)).as_json()["bots"] == dict.fromkeys(
        ("unanswered", "unsent", "jobs", "left_over"), empty
    )


async def test_messages_that_cannot_be_sent(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    stage.post.does["!vraag"] = says(answer("welke?", buttons=("✅",)))

    def refuse(what: str, _: str) -> None:
        if what == "send":
            raise RefusedError("403 M_FORBIDDEN\x1b")

    stage.server.trouble = refuse
    for _ in range(2):
        await stage.say("!vraag")
        await stage.step()
    found = await measured(stage)
    assert not [room for room in found.rooms if "sent" in " ".join(room.problems())]
    (unsent,) = found.as_json()["bots"]["unsent"]
    assert (unsent["who"], unsent["count"], unsent["reason"]) == (POST, 2, "403 M_FORBIDDEN\x1b")
    first, hint = await lines(stage)
    assert first.startswith(f"{POST}: messages not sent: 2, the newest of {datetime.now(UTC):%Y-%m-%d}")
    assert first.endswith("UTC (403 M_FORBIDDEN\N{REPLACEMENT CHARACTER})")
    assert "not tried again" in hint


async def test_questions_that_were_given_up(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)

    async def broken(ask: Ask) -> Answer | None:
        raise RuntimeError(ask.cause)

    stage.post.does["!vraag"] = broken
    await stage.say("!vraag")
    await stage.listen()
    for _ in range(ATTEMPTS):
        await drain(stage.worker)
    first, hint = await lines(stage)
    assert first.startswith(f"{POST}: questions not answered: 1")
    assert first.endswith("(RuntimeError)")
    assert "people can ask again" in hint


async def test_jobs_that_were_given_up_can_be_done_again(stage: Stage) -> None:
    await stage.room(ANNA, POST, BAS)
    broken = True

    async def ring(ask: Ask) -> Answer | None:
        if broken:
            raise RuntimeError(ask.cause)
        return answer("tring")

    stage.post.does["ring"] = ring
    async with stage.db.tx() as tx:
        await jobs.put(tx, [JobRow("echo", "ring", "k", "{}", None, ROOM, ANNA, stage.now)])
    for _ in range(JOB_ATTEMPTS):
        await stage.execute("UPDATE job SET next_at = now()")
        await drain(stage.jobs)
    first, hint = await lines(stage)
    assert first.startswith("echo.ring: jobs given up: 1")
    assert "postkamer retry" in hint

    broken = False
    async with stage.db.connection() as connection:
        assert await trouble.do_jobs_again(connection, ["elsewhere"]) == 0
        assert await trouble.do_jobs_again(connection, ["echo"]) == 1
    await drain(stage.jobs)
    assert (await lines(stage), await stage.rows("SELECT * FROM job")) == ([], [])


async def left_over(stage: Stage) -> None:
    """A message and a question of a bot user that is gone."""
    await stage.room(ANNA, POST, BAS)
    await stage.say("!echo een")
    await stage.listen()
    await drain(stage.worker)
    await stage.say("!echo twee")
    await stage.listen()
    await stage.execute("UPDATE outbox SET user_id = $1", GONE)
    await stage.execute("UPDATE ask SET user_id = $1 WHERE state = 'due'", GONE)


async def test_what_a_bot_user_leaves_that_is_not_in_the_config_any_more(stage: Stage, tmp_path: Path) -> None:
    await left_over(stage)
    first, hint = await lines(stage)
    assert first.startswith(f"{GONE}: questions and messages left over: 2")
    assert "put it back" in hint
    assert await lines(stage, POST, NEWS, GONE) == [], "it is in the config"
    said: list[str] = []
    async with stage.db.connection() as connection:
        await look_for_left_over(connection, (POST, NEWS), Report(said.append))
    assert len(said) == 1
    assert said[0].startswith(f"warning  {GONE} is not in bots.users, and has left over questions and messages: 2")

    cleaner = Cleaner(stage.db, tmp_path, (POST, NEWS))
    await cleaner.clean(stage.now)
    assert len(await lines(stage)) == 2
    await cleaner.clean(stage.now + LEFT_OVER + timedelta(minutes=1))
    assert await lines(stage) == []
    for table_name in ("outbox", "ask"):
        rows = await stage.rows(f"SELECT state, reason FROM {table_name} WHERE user_id = $1", GONE)  # noqa: S608
        assert set(rows) == {("failed", trouble.NOT_OURS)}
    assert json.loads((await stage.rows("SELECT content::text FROM outbox"))[0][0]) == {}
