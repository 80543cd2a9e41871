"""Exports that bots make: what is in the file, how large it may be, and that it comes once."""

from __future__ import annotations

import asyncio
import itertools
import json
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from bots.archive import ArchiveBot
from bridge.botapi.errors import DeniedError
from bridge.botapi.ports import Exported, ExportWish, TooLarge
from bridge.botapi.runner import Runner
from bridge.engine.archive import ArchiveDesk
from bridge.engine.room_status import RoomStatuses
from bridge.errors import PostkamerError
from tests.storage.desk import START, archive_of, asker
from tests.storage.post import ROOM, archive, message, rows
from tests.storage.stage import ANNA, BAS, POST, Stage, drain
from tests.storage.stage import ROOM as OFFICE
from tests.storage.stories import PEOPLE, access, told
from tests.storage.test_engine_crash import CrashError, Fragile

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.engine.archive import AskersArchive
    from bridge.storage.db import Db
    from tests.fakes import Sent

ZONE = ZoneInfo("Europe/Amsterdam")
LATER = "begin, history joined, anna join, een, bas join, twee"


async def exported(port: AskersArchive, fmt: Any = "jsonl", **more: Any) -> Exported | TooLarge:
    wanted: dict[str, Any] = {"language": "nl", "timezone": ZONE, "cause": "$ask"} | more
    return await port.export(ExportWish(ROOM, fmt, **wanted))


async def made(port: AskersArchive, fmt: Any = "jsonl", **more: Any) -> Exported:
    found = await exported(port, fmt, **more)
    assert isinstance(found, Exported)
    return found


async def test_an_export_is_what_the_asker_may_read(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(LATER))
    port = archive_of(db, asker("bas", "manager"), tmp_path / "outbox")
    data = await made(port)
    lines = [json.loads(line) for line in data.path.read_text().splitlines()]
    assert [line["event_id"] for line in lines] == ["begin", "history joined", "bas join", "twee"]
    assert (data.messages, data.encrypted, data.mimetype) == (1, False, "application/jsonl")
    assert data.path.stat().st_mode & 0o777 == 0o600
    assert data.path.parent.stat().st_mode & 0o777 == 0o700
    page = await made(port, "html", language="en")
    text = page.path.read_text()
    assert ">twee<" in text
    assert ">een<" not in text
    assert "Only what the person who asked for it may read" in text
    assert page.name.endswith(".html")


async def test_each_export_is_written_down(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(LATER))
    with pytest.raises(DeniedError):
        await exported(archive_of(db, asker("bas"), tmp_path))
    await made(archive_of(db, asker("bas", "manager"), tmp_path), since=START)
    ((who, what, detail),) = await rows(db, "SELECT who, what, detail::text FROM audit")
    assert (who, what) == (PEOPLE["bas"], "export")
    assert json.loads(detail) == {"rooms": [ROOM], "format": "jsonl", "from": START.isoformat(), "cause": "$ask"}


async def test_an_export_is_for_managers(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(LATER))
    in_another_room = asker("bas", "manager", room="!elsewhere")
    for who in (asker("bas"), in_another_room):
        port = archive_of(db, who, tmp_path)
        with pytest.raises(DeniedError):
            await port.may_export(ROOM)
        with pytest.raises(DeniedError):
            await exported(port)
    await archive_of(db, asker("bas", "manager"), tmp_path).may_export(ROOM)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fmt", ["html", "jsonl"])
async def test_only_what_was_sent_since_then(db: Db, tmp_path: Path, fmt: str) -> None:
    await archive(db, *told("begin, anna join, appel, peer"))
    port = archive_of(db, asker("anna", "manager"), tmp_path)
    found = await made(port, fmt, since=START + timedelta(minutes=4))
    text = found.path.read_text()
    assert found.messages == 1
    assert "peer" in text
    assert "appel" not in text


async def test_the_same_export_again_takes_the_place_of_the_first(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(LATER))
    port = archive_of(db, asker("anna", "manager"), tmp_path)
    first, again, other = await made(port), await made(port), await made(port, cause="$other")
    assert first.path == again.path
    assert sorted(tmp_path.iterdir()) == sorted({first.path, other.path})


@pytest.mark.parametrize(
    ("most", "packed"), [(None, False), (1_000_000, False), (20_000, True), (5000, None), (100, None)]
)
async def test_what_the_homeserver_does_not_take(db: Db, tmp_path: Path, most: int | None, packed: bool | None) -> None:
    """150 lines of 600 bytes; 5000 are too few for the packed file, and with 100 it is not even tried."""
    said = [message(f"$m{number}", f"bericht {number * 7919 % 9973}" * 15) for number in range(150)]
    await archive(db, *told("begin, anna join"), *said)
    found = await exported(archive_of(db, asker("anna", "manager"), tmp_path, most=most))
    if packed is None:
        assert found == TooLarge(most or 0)
        assert list(tmp_path.iterdir()) == []
        return
    assert isinstance(found, Exported)
    assert (found.packed, list(tmp_path.iterdir())) == (packed, [found.path])
    if packed:
        assert most is not None
        assert found.path.stat().st_size <= most
        assert found.path.stat().st_mode & 0o777 == 0o600
        assert (found.mimetype, found.name[-4:]) == ("application/zip", ".zip")
        with zipfile.ZipFile(found.path) as opened:
            assert opened.namelist() == [found.name.replace(".zip", ".jsonl")]
            assert opened.read(opened.namelist()[0]).count(b"\n") == 152


async def test_packing_can_be_given_up_at_any_piece(db: Db, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the program is told to stop: what was begun is not left, and making it again is no trouble."""
    await archive(db, *told("begin, anna join"), *(message(f"$m{n}", "bericht " * 50) for n in range(100)))
    port = archive_of(db, asker("anna", "manager"), tmp_path, most=20_000)
    monkeypatch.setattr("bridge.engine.exporting._PIECE", 10_000)
    in_thread = asyncio.to_thread

    async def stopped(what: Any, *values: Any) -> Any:
        if list(tmp_path.glob("*.zip")) and isinstance(values[0], bytes):
            raise asyncio.CancelledError
        return await in_thread(what, *values)

    with monkeypatch.context() as patched:
        patched.setattr("asyncio.to_thread", stopped)
        with pytest.raises(asyncio.CancelledError):
            await exported(port)
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]
    again = await made(port)
    assert (again.packed, list(tmp_path.iterdir())) == (True, [again.path])


async def test_the_disk_is_not_filled(db: Db, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await archive(db, *told(LATER))
    monkeypatch.setattr("bridge.engine.exporting.RESERVE", 2**60)
    with pytest.raises(PostkamerError, match="No space left"):
        await exported(archive_of(db, asker("anna", "manager"), tmp_path))
    assert list(tmp_path.iterdir()) == []


def at_work(stage: Stage, outbox: Path, most: int | None = None) -> Stage:
    """The archive bot on the stage."""

    async def upload_limit() -> int | None:
        return most

    statuses = RoomStatuses((POST,))
    stage.archive_for = ArchiveDesk(stage.db, access(), (POST,), outbox, timedelta(days=30), 1, statuses, upload_limit)
    runner: Any = Runner([ArchiveBot()])
    stage.post = runner
    stage.build()
    return stage


async def work(stage: Stage) -> None:
    """All that can be done now."""
    await stage.step()
    await drain(stage.jobs)
    await drain(stage.slow_jobs)
    await stage.step()


def files(stage: Stage) -> list[Sent]:
    return [one for one in stage.server.sent if one.content.get("msgtype") == "m.file"]


async def test_it_comes_in_the_direct_chat_once_it_is_made(stage: Stage, tmp_path: Path) -> None:
    at_work(stage, tmp_path)
    await stage.room(ANNA, POST, BAS)
    await stage.say("!archive export jsonl")
    await stage.step()
    (begun,) = stage.server.sent
    assert begun.room_id == OFFICE
    assert begun.content["body"].startswith("📦 I am making the file.")

    await drain(stage.jobs)
    await stage.step()
    assert len(stage.server.sent) == 1, "no quick job"
    await work(stage)
    _, text, file = stage.server.sent
    assert text.room_id == file.room_id != OFFICE
    assert text.content["body"].startswith("📦 Here is **Kantoor** as data"), "in the language of the command"
    assert file.content["info"]["mimetype"] == "application/jsonl"
    assert list(tmp_path.iterdir()) == []


async def test_who_has_lost_the_right_meanwhile_is_told_so_alone(stage: Stage, tmp_path: Path) -> None:
    at_work(stage, tmp_path)
    await stage.room(ANNA, POST, BAS)
    await stage.say("!archief export")
    await stage.step()
    await stage.member(ANNA, "leave")
    stage.archive_for = ArchiveDesk(
        **{  # the company hides what one has left
            name: getattr(stage.archive_for, name) for name in ArchiveDesk.__slots__
        }
        | {"access": access(left="nothing")}
    )
    stage.build()
    await work(stage)
    _, refused = stage.server.sent
    assert (refused.room_id != OFFICE, refused.content["body"][:1]) == (True, "⛔")
    assert await stage.rows("SELECT * FROM job") == []


async def test_too_large_a_file_is_explained_to_who_asked(stage: Stage, tmp_path: Path) -> None:
    at_work(stage, tmp_path, most=100)
    await stage.room(ANNA, POST, BAS)
    await stage.say("!archief export")
    await work(stage)
    _, told_so = stage.server.sent
    assert told_so.room_id != OFFICE
    for part in ("wordt te groot", "100 bytes", "`!archief export 30 dagen`", "postkamer export", f"--room '{OFFICE}'"):
        assert part.strip("`") in told_so.content["body"]
    assert (files(stage), list(tmp_path.iterdir())) == ([], [])


async def test_a_crash_at_any_moment_gives_one_file(stage: Stage, tmp_path: Path) -> None:
    db = Fragile(stage.db._pool, stage.db.url)
    stage = at_work(Stage(db), tmp_path)
    stage.server.trouble = stage.server.after = db.moment
    await stage.room(ANNA, POST, BAS)
    crashes = 0
    for number in itertools.count(1):
        await stage.say("!archief export")
        db.left = number
        try:
            await work(stage)
        except CrashError:
            crashes += 1
        survived, db.left = db.left > 0, 0
        for _ in range(2):
            stage.build()
            await work(stage)
        assert len(files(stage)) == number
        if survived:
            break
    assert crashes > 30
    assert len(list(tmp_path.iterdir())) <= 1, "one that was sent is left to the cleaner"
    assert len([room for room in stage.server.rooms.values() if room.token]) == 1
