"""The commands that look into the archive, on a real database."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive.consumer import Follower
from bridge.archive.recorder import Recorder
from bridge.cli import main
from bridge.storage import consumers, inbox, indexing, intake
from bridge.storage.db import Db, open_db
from bridge.storage.embedded import embedded_server
from bridge.storage.migrations import migrate
from bridge.storage.roles import claim_role
from tests.config_file import write_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

ROOM = "!algemeen:example.com"


def raw(number: int, event_type: str, content: dict[str, Any], **more: Any) -> inbox.Arrival:
    event: dict[str, Any] = {
        "event_id": f"${number}",
        "type": event_type,
        "room_id": ROOM,
        "sender": "@anna:example.com",
    }
    event |= {"origin_server_ts": 1_772_000_000_000 + number * 1000, "content": content, **more}
    return inbox.Arrival("event", f"${number}", ROOM, event_type, json.dumps(event).encode())


EVENTS = [
    raw(1, "m.room.create", {"room_version": "11"}, state_key=""),
    raw(2, "m.room.message", {"msgtype": "m.text", "body": "een"}),
    raw(3, "m.room.message", {"msgtype": "m.text", "body": "twee"}),
]


async def fill(db: Db) -> None:
    async with db.tx() as tx:
        await inbox.append(tx, EVENTS)
    follower = Follower(db, Recorder())
    while await follower.step():
        pass


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as db:
        await fill(db)
        yield db


@pytest.fixture
def config(db: Db, tmp_path: Path) -> str:
    return str(write_config(tmp_path, db.url))


async def run(*words: str) -> int:
    """A command, as its own process would run it."""
    return await asyncio.to_thread(main, list(words))


async def test_export_to_standard_output_and_to_files(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert await run("export", "-c", config, "--format", "jsonl") == 0
    out, errors = capfd.readouterr()
    assert errors == ""
    assert [json.loads(line)["event_id"] for line in out.splitlines()] == ["$1", "$2", "$3"]
    file, folder = tmp_path / "all.jsonl", tmp_path / "export"
    assert await run("export", "-c", config, "--format", "jsonl", "-o", str(file)) == 0
    assert await run("export", "-c", config, "--format", "jsonl", "-o", f"{folder}/", "--room", ROOM) == 0
    assert await run("export", "-c", config, "--format", "jsonl", "-o", str(folder)) == 0
    assert file.read_text() == (folder / "messages.jsonl").read_text() == out
    assert capfd.readouterr().out == ""


async def test_each_export_is_written_down(config: str, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    period = ("--from", "2026-02-01", "--to", "2026-02-28")
    assert await run("export", "-c", config, "--format", "html", "--room", ROOM, *period) == 0

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert await run("export", "-c", config, "--format", "jsonl") == 0
    async with db.connection() as connection:
        written = await connection.fetch("SELECT who, what, detail::text FROM audit ORDER BY id")
    assert [json.loads(row[2]) for row in written] == [
        {"rooms": [ROOM], "format": "html", "from": "2026-02-01T00:00:00+00:00", "to": "2026-03-01T00:00:00+00:00"},
        {"rooms": None, "format": "jsonl", "from": None, "to": None},
    ]
    assert {row[1] for row in written} == {"export"}
    assert written[1][0] == f"{os.getuid()}@{socket.gethostname()}"


async def test_export_as_a_page(config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert await run("export", "-c", config, "--format", "html", "-o", f"{tmp_path}/page/") == 0
    page = (tmp_path / "page" / "messages.html").read_text()
    assert '<p class="text" dir="auto">twee</p>' in page
    assert "Berichten: 2, van 25 februari 2026 07:13" in page
    assert await run("export", "-c", config, "--format", "html", "--room", ROOM, "--from", "2099-01-01") == 0
    assert "Geen berichten." in capfd.readouterr().out


async def test_export_records_first_what_came_in(config: str, db: Db, capfd: pytest.CaptureFixture[str]) -> None:
    late = raw(4, "m.room.message", {"body": "drie"})
    async with db.tx() as tx:
        await intake.put(tx, [b'{"events": [' + late.raw + b"]}"])
    assert await run("export", "-c", config, "--format", "jsonl") == 0
    assert [line["event_id"] for line in map(json.loads, capfd.readouterr().out.splitlines())].count(late.key) == 1


async def test_export_says_what_is_not_recorded_yet(
    config: str, db: Db, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.cli.catch_up.NO_PROGRESS_SECONDS", 0.2)
    async with db.tx() as tx:
        await inbox.append(tx, [raw(4, "m.room.message", {"body": "drie"})])
        await intake.put(tx, [b'{"events": []}'])
        await consumers.set_aside(tx, "recorder", 4, "no sender")
    async with claim_role(db.url, "recorder"):  # a Postkamer that runs, but does not get on
        assert await run("export", "-c", config, "--format", "jsonl", "--from", "2099-01-01") == 0
    out, errors = capfd.readouterr()
    assert out == ""
    assert "1 transactions came in that are not sorted yet" in errors
    assert "up to 1 events came in that are not recorded yet" in errors
    assert "1 events are set aside" in errors


@pytest.mark.parametrize(
    "words",
    [
        ("--format", "csv"),
        (),
        ("--format", "jsonl", "--room", "#algemeen:example.com"),
        ("--format", "jsonl", "--from", "yesterday"),
    ],
)
async def test_export_used_wrongly(config: str, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        await run("export", "-c", config, *words)
    assert ended.value.code == 2
    assert "usage: postkamer export" in capfd.readouterr().err


async def test_export_of_an_unknown_room_and_to_an_impossible_place(
    config: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.jsonl"
    assert await run("export", "-c", config, "--format", "jsonl", "--room", "!x:example.com", "-o", str(file)) == 1
    assert "the archive has no room !x:example.com" in capfd.readouterr().err
    assert not file.exists()
    assert await run("export", "-c", config, "--format", "jsonl", "-o", str(tmp_path / "no" / "x.jsonl")) == 1
    assert "cannot write" in capfd.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["config.yaml"]  # noqa: PTH208


def nobody_reads() -> int:
    reads, writes = os.pipe()
    os.close(reads)
    return writes


def disk_is_full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize(
    ("output", "says"),
    [(nobody_reads, ""), (disk_is_full, "postkamer: cannot write to standard output: No space left on device")],
)
async def test_export_to_an_output_that_takes_nothing(config: str, output: Callable[[], int], says: str) -> None:
    descriptor = output()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", "export", "-c", config, "--format", "jsonl"),
            stdout=descriptor,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
    finally:
        os.close(descriptor)
    assert process.returncode == 1
    assert errors.decode().partition("\n")[0] == says


async def test_coverage(config: str, db: Db, capfd: pytest.CaptureFixture[str]) -> None:
    assert await run("coverage", "-c", config, "--json") == 0
    assert json.loads(capfd.readouterr().out)["totals"]["messages"] == 2
    async with db.tx() as tx:
        await consumers.set_aside(tx, "recorder", 2, "no sender", room_id=ROOM)
    assert await run("coverage", "-c", config) == 1
    assert "1 set aside by recorder: no sender" in capfd.readouterr().out


async def test_retry(config: str, db: Db, capfd: pytest.CaptureFixture[str]) -> None:
    async with db.tx() as tx:
        await consumers.set_aside(tx, "recorder", 2, "a bug of yesterday")
        await consumers.set_aside(tx, "recorder", 99, "not in the inbox")
    assert await run("retry", "-c", config, "recorder") == 1
    assert capfd.readouterr().out == "recorder: 1 handled now, 1 still set aside\n"
    async with db.tx() as tx:
        await consumers.drop_set_aside(tx, "recorder", 99)
        await tx.execute("INSERT INTO media (media_id, mxc, state) VALUES ('m', 'mxc://a/b', 'failed')")
    assert await run("retry", "-c", config) == 0
    said = capfd.readouterr().out
    assert "media: 1 attachments will be fetched again" in said
    assert "bots: 0 jobs will be done again" in said
    assert await run("retry", "-c", config, "nobody") == 1
    assert "there is no consumer 'nobody'" in capfd.readouterr().err


async def events(db: Db) -> list[tuple[str, int]]:
    async with db.connection() as connection:
        return [tuple(row) for row in await connection.fetch("SELECT event_id, seq FROM event ORDER BY seq")]


async def test_rebuild(config: str, db: Db, capfd: pytest.CaptureFixture[str]) -> None:
    before = await events(db)
    async with db.connection() as connection:
        await connection.execute("DELETE FROM event WHERE event_id = '$2'")
    assert await run("rebuild", "-c", config, "recorder") == 0
    assert capfd.readouterr().out == "recorder: made again from 3 rows of the inbox\n"
    assert await events(db) == before


@pytest.mark.parametrize("name", ["recorder", "media", "reader"])
async def test_any_consumer_can_be_rebuilt(config: str, capfd: pytest.CaptureFixture[str], name: str) -> None:
    assert await run("rebuild", "-c", config, name) == 0
    assert f"{name}: made again from 3 rows" in capfd.readouterr().out


async def test_the_search_index_can_be_rebuilt(config: str, db: Db, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert await run("rebuild", "-c", config, "search") == 0
        assert capfd.readouterr().out == "search: made again, 2 documents\n"
    async with claim_role(db.url, "indexer") as ours:
        assert ours
        assert await run("rebuild", "-c", config, "search") == 0
    assert "beside the one in use" in capfd.readouterr().out
    async with db.connection() as connection:
        assert (await indexing.follows(connection)).rebuild


async def test_rebuild_while_postkamer_runs_leaves_the_work_to_it(
    config: str, db: Db, capfd: pytest.CaptureFixture[str]
) -> None:
    async with claim_role(db.url, "recorder") as ours:
        assert ours
        assert await run("rebuild", "-c", config, "recorder") == 0
    assert "the Postkamer that runs makes it again" in capfd.readouterr().out
    assert await events(db) == []
    async with db.connection() as connection:
        assert await consumers.register(connection, "recorder") == 0


async def test_our_own_server_is_joined_while_postkamer_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = str(write_config(tmp_path, None))
    async with embedded_server(tmp_path / "data", durable=False) as url:
        await migrate(url)
        async with open_db(url, size=2) as db:
            await fill(db)
        capfd.readouterr()  # what the server said at its start
        assert await run("export", "-c", config, "--format", "jsonl") == 0
        assert len(capfd.readouterr().out.splitlines()) == 3
    assert await run("coverage", "-c", config) == 0  # it is started for the command
    assert "All that the homeserver sent is held." in capfd.readouterr().out
