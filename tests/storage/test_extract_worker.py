"""The text of what is stored: read once a content, kept by it, indexed with its messages, and gone with the last."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive.blobs import FileBlobs
from bridge.background import running
from bridge.search.extract import worker as worker_module
from bridge.search.extract.outcome import LOCKED, VERSION
from bridge.search.extract.reader import Reader, command
from bridge.search.extract.worker import ATTEMPTS, MOST_ATTEMPTS, ExtractWorker
from bridge.storage import extracted, media
from bridge.storage.db import open_db
from tests import extract_files as files
from tests.extract_files import WORDS
from tests.storage.post import archive, event, redaction, rows
from tests.storage.test_eraser import later
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.storage.db import Db

STATES = "SELECT state, reason, pages, attempts, text FROM extracted ORDER BY sha256"
DUE = "SELECT event_id FROM index_due ORDER BY id"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as db:
        yield db


@pytest.fixture
async def blobs(tmp_path: Path) -> FileBlobs:
    blobs = FileBlobs(tmp_path)
    await blobs.prepare()
    return blobs


def file(event_id: str, media_id: str, name: str = "bijlage") -> dict[str, Any]:
    content = {"msgtype": "m.file", "body": name, "url": f"mxc://example.com/{media_id}"}
    return event(event_id, "m.room.message", content)


async def store(db: Db, blobs: FileBlobs, media_id: str, data: bytes) -> str:
    """As the media worker does; returns the SHA-256."""

    async def chunks() -> AsyncIterator[bytes]:
        yield data

    mxc = f"mxc://example.com/{media_id}"
    async with blobs.stage(chunks()) as staged, db.tx() as tx:
        await tx.execute("INSERT INTO media (media_id, mxc) VALUES ($1, $1) ON CONFLICT DO NOTHING", mxc)
        await media.intend(tx, mxc, staged.sha256, staged.size, None)
        await staged.publish()
        await media.stored(tx, mxc)
    return staged.sha256


@asynccontextmanager
async def working(db: Db, blobs: FileBlobs, **more: Any) -> AsyncIterator[ExtractWorker]:
    worker = ExtractWorker(db, blobs, **{"again": 0.0, **more})
    async with running({"worker": worker.run}):
        yield worker


async def nothing_due(db: Db) -> bool:
    return await rows(db, "SELECT count(*) FROM extracted WHERE state = 'due'") == [(0,)]


async def read_all(db: Db, blobs: FileBlobs, **more: Any) -> None:
    async with working(db, blobs, **more):
        await until(lambda: nothing_due(db))


async def forget_due(db: Db) -> None:
    async with db.tx() as tx:
        await tx.execute("DELETE FROM index_due")


async def test_the_text_of_what_is_stored(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1", "a"), file("$2", "b"), file("$3", "c"))
    for media_id, data in (("a", files.docx()), ("b", files.opendocument(locked=True)), ("c", b"\0")):
        await store(db, blobs, media_id, data)
    await forget_due(db)  # the sizes, which the senders did not say
    await read_all(db, blobs)
    found = {row[0]: row[1:] for row in await rows(db, STATES)}
    assert WORDS in found["done"][3]
    assert found["done"][:3] == (None, None, 1)
    assert found["locked"] == (LOCKED, None, 1, None)
    assert found["no_text"][3] is None
    assert await rows(db, "SELECT DISTINCT version FROM extracted") == [(VERSION,)]
    assert await rows(db, DUE) == [("$1",)]  # nothing changes for the index where there is no text


async def test_the_same_content_is_read_once_and_indexed_with_every_message(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1", "a"), file("$2", "a"), file("$3", "b"))
    await store(db, blobs, "a", b"tekst")
    await store(db, blobs, "b", b"tekst")
    await forget_due(db)  # the sizes, which the senders did not say
    await read_all(db, blobs)
    assert await rows(db, STATES) == [("done", None, None, 1, "tekst")]
    assert sorted(await rows(db, DUE)) == [("$1",), ("$2",), ("$3",)]
    await forget_due(db)
    await archive(db, file("$4", "c"))
    await store(db, blobs, "c", b"tekst")
    assert await rows(db, DUE) == [("$4",)]
    assert await nothing_due(db)


async def test_what_was_fetched_before_it_was_recorded(db: Db, blobs: FileBlobs) -> None:
    await store(db, blobs, "a", b"tekst")
    await read_all(db, blobs)
    assert await rows(db, DUE) == []  # the indexer sees the text when the message is recorded
    await archive(db, file("$1", "a"))
    assert await rows(db, "SELECT text FROM extracted JOIN media USING (sha256) JOIN attachment USING (media_id)") == [
        ("tekst",)
    ]


async def test_many_files_by_two_processes(db: Db, blobs: FileBlobs) -> None:
    made: list[Reader] = []

    def reader() -> Reader:
        made.append(Reader(command(None)))
        return made[-1]

    for number in range(40):
        await store(db, blobs, f"m{number}", f"tekst {number}".encode())
    await read_all(db, blobs, reader=reader)
    assert {row[4] for row in await rows(db, STATES)} == {f"tekst {number}" for number in range(40)}
    assert [one.started for one in made] == [1, 1]
    assert [one.pid for one in made] == [None, None]


async def test_a_file_that_kills_its_reader_is_given_up(db: Db, blobs: FileBlobs) -> None:
    code = (
        "import os, signal\nfrom bridge.search.extract import child\nreal = child.extract\n"
        "def extract(file, ocr):\n    if file.read(4) == b'kill':\n        os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    return real(file, ocr)\nchild.extract = extract\nchild.main()"
    )
    await store(db, blobs, "a", b"kill")
    await store(db, blobs, "b", b"tekst")
    await read_all(db, blobs, reader=lambda: Reader([sys.executable, "-I", "-c", code]))
    assert sorted(await rows(db, STATES)) == [
        ("done", None, None, 1, "tekst"),
        ("failed", "its reader crashed (SIGSEGV)", None, ATTEMPTS, None),
    ]
    async with db.connection() as connection:
        assert await extracted.retry_failed(connection) == 1
    await read_all(db, blobs)
    assert {row[4] for row in await rows(db, STATES)} == {"kill", "tekst"}


async def test_a_file_that_ends_the_program_each_time_is_given_up(db: Db, blobs: FileBlobs) -> None:
    sha = await store(db, blobs, "a", b"tekst")
    async with db.connection() as connection:
        for _ in range(MOST_ATTEMPTS):
            await extracted.begin(connection, sha, 0.0)
    await read_all(db, blobs)
    assert await rows(db, STATES) == [("failed", "this program ended each time", None, MOST_ATTEMPTS, None)]


async def test_a_content_that_is_gone(db: Db, blobs: FileBlobs) -> None:
    sha = await store(db, blobs, "a", b"tekst")
    await blobs.delete(sha)
    await read_all(db, blobs)
    assert await rows(db, STATES) == [("failed", "cannot be opened (No such file or directory)", None, ATTEMPTS, None)]


async def test_when_we_are_stopped_the_file_is_not_to_blame(db: Db, blobs: FileBlobs) -> None:
    await store(db, blobs, "a", b"tekst")
    code = (
        "import time\nfrom bridge.search.extract import child\nchild.extract = lambda *_: time.sleep(60)\nchild.main()"
    )

    async def begun() -> bool:
        return await rows(db, "SELECT attempts FROM extracted") == [(1,)]

    for _ in range(MOST_ATTEMPTS + 1):
        async with working(db, blobs, reader=lambda: Reader([sys.executable, "-I", "-c", code])):
            await until(begun)
        assert await rows(db, "SELECT state, attempts FROM extracted") == [("due", 0)]
        async with db.tx() as tx:
            await tx.execute("UPDATE extracted SET next_at = now()")
    await read_all(db, blobs)
    assert await rows(db, STATES) == [("done", None, None, 1, "tekst")]


async def test_no_reader_no_attempt(db: Db, blobs: FileBlobs) -> None:
    await store(db, blobs, "a", b"tekst")
    programs = [["false"], ["false"], command(None)]

    class Late(Reader):
        async def _start(self) -> None:
            self._program = programs.pop(0) if len(programs) > 1 else programs[0]
            await super()._start()

    async with working(db, blobs, reader=lambda: Late(["false"])) as worker:
        await until(lambda: worker.failing is not None)
        assert worker.failing is not None
        assert "does not start" in worker.failing
        async with db.tx() as tx:
            await tx.execute("UPDATE extracted SET next_at = now()")
        await until(lambda: nothing_due(db))
    assert await rows(db, STATES) == [("done", None, None, 1, "tekst")]
    assert worker.failing is None


async def test_today_does_not_wait_behind_years(db: Db, blobs: FileBlobs) -> None:
    for number in range(60):
        await store(db, blobs, f"m{number}", f"oud {number}".encode())
    async with db.tx() as tx:
        await tx.execute("UPDATE extracted SET next_at = now() - interval '1 day'")
    code = (
        "import time\nfrom bridge.search.extract import child\nreal = child.extract\n"
        "def extract(*given):\n    time.sleep(0.1)\n    return real(*given)\nchild.extract = extract\nchild.main()"
    )
    async with working(db, blobs, reader=lambda: Reader([sys.executable, "-I", "-c", code])):
        await store(db, blobs, "new", b"nieuw")

        async def found() -> bool:
            return bool(await rows(db, "SELECT 1 FROM extracted WHERE text = 'nieuw'"))

        await until(found)
        assert not await nothing_due(db)


async def test_idle_processes_end(db: Db, blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(worker_module, "POLL_SECONDS", 0.02)
    made: list[Reader] = []

    def reader() -> Reader:
        made.append(Reader(command(None)))
        return made[-1]

    async with working(db, blobs, reader=reader):
        for text in ("een", "twee"):
            await store(db, blobs, text, text.encode())
            await until(lambda: nothing_due(db))
            await until(lambda: all(one.pid is None for one in made))
    assert sum(one.started for one in made) == 2


async def test_a_better_reader_reads_again(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1", "a"), file("$2", "b"))
    await store(db, blobs, "a", files.csv())
    await store(db, blobs, "b", b"twee")
    await read_all(db, blobs)
    await forget_due(db)
    async with db.tx() as tx:
        await tx.execute("UPDATE extracted SET version = version - 1, text = 'van vroeger' WHERE text <> 'twee'")
    async with db.connection() as connection:
        assert await extracted.read_again(connection, VERSION, ocr=False) == 1
    assert ("due", None, None, 0, "van vroeger") in await rows(db, STATES)
    await read_all(db, blobs)
    assert WORDS in str(await rows(db, STATES))
    assert await rows(db, DUE) == [("$1",)]
    await read_all(db, blobs)
    assert await rows(db, DUE) == [("$1",)]


async def test_scans_are_read_once_tesseract_is_there(db: Db, blobs: FileBlobs, tmp_path: Path) -> None:
    await store(db, blobs, "a", files.scan())
    await read_all(db, blobs)
    assert [row[0] for row in await rows(db, STATES)] == ["no_ocr"]
    program = tmp_path / "tesseract"
    table = "x\\n" + "5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t96\\tgescand\\n"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = --list-langs ] && printf 'x\\nnld\\n' || printf '{table}'\n")
    program.chmod(0o755)

    async def read() -> bool:
        return await rows(db, STATES) == [("done", None, None, 1, "gescand")]

    async with working(db, blobs, tesseract=program):
        await until(read)


async def test_the_text_goes_with_the_last_message_that_has_it(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1", "a"), file("$2", "b"), redaction("$3", "$1"))
    await store(db, blobs, "a", b"geheim")
    await store(db, blobs, "b", b"geheim")
    await read_all(db, blobs)
    assert await later(db, blobs) == 1
    assert [row[4] for row in await rows(db, STATES)] == ["geheim"]
    await archive(db, redaction("$4", "$2"))
    assert await later(db, blobs) == 1
    assert await rows(db, STATES) == []
    assert not await blobs.exists(sha256(b"geheim").hexdigest())


async def test_the_text_goes_in_the_transaction_that_erases(
    db: Db, blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive(db, file("$1", "a"), redaction("$2", "$1"))
    await store(db, blobs, "a", b"geheim")
    await read_all(db, blobs)

    async def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bridge.archive.eraser._delete_contents", stopped)
    with pytest.raises(KeyboardInterrupt):
        await later(db, blobs)
    assert await rows(db, "SELECT state FROM media") == [("erased",)]
    assert await rows(db, STATES) == []


async def test_what_was_erased_while_it_was_read_is_not_kept(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1", "a"), redaction("$2", "$1"))
    sha = await store(db, blobs, "a", b"geheim")
    assert await later(db, blobs) == 1
    await forget_due(db)
    async with db.tx() as tx:
        await extracted.store(tx, sha, state="done", version=VERSION, text="geheim")
    assert await rows(db, STATES) == []
    assert await rows(db, DUE) == []


async def test_a_content_that_comes_back_is_read_again(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1", "a"), redaction("$2", "$1"))
    await store(db, blobs, "a", b"tekst")
    await read_all(db, blobs)
    await later(db, blobs)
    await archive(db, file("$3", "b"))
    await store(db, blobs, "b", b"tekst")
    await read_all(db, blobs)
    assert [row[4] for row in await rows(db, STATES)] == ["tekst"]


async def test_nothing_of_a_file_is_logged(db: Db, blobs: FileBlobs, capfd: pytest.CaptureFixture[str]) -> None:
    await archive(db, file("$1", "a", "geheimenaam.txt"))
    await store(db, blobs, "a", b"geheim woord")
    await store(db, blobs, "b", b"%PDF-1.4 geheim")
    await store(db, blobs, "c", files.docx(**{"word/footer1.xml": "<geheim"}))
    await read_all(db, blobs)
    assert "geheim" not in "".join(capfd.readouterr())


async def test_it_goes_on_when_the_database_was_away(db: Db, blobs: FileBlobs) -> None:
    async with working(db, blobs) as worker:
        async with db.connection() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database()"
            )
        await store(db, blobs, "a", b"tekst")
        await until(lambda: nothing_due(db))
    assert worker.failing is None
