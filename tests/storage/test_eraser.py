"""What was removed is erased everywhere once the time for auditors is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from bridge.archive.blobs import BlobError, FileBlobs
from bridge.archive.consumer import rebuild
from bridge.archive.eraser import Eraser, erase_due
from bridge.archive.recorder import Recorder
from bridge.background import running
from bridge.storage import consumers, erasure
from bridge.storage.inbox import Arrival
from tests.storage.histories import histories
from tests.storage.post import (
    BAS,
    ROOM,
    archive,
    edit,
    empty,
    event,
    message,
    payload,
    receive,
    record,
    redaction,
    rows,
    tables,
)
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.storage.db import Db

MONTH = timedelta(days=30)
SECRET = "geheim"
SHA = "ab" * 32


@pytest.fixture
async def blobs(tmp_path: Path) -> FileBlobs:
    blobs = FileBlobs(tmp_path)
    await blobs.prepare()
    return blobs


async def later(db: Db, blobs: FileBlobs, after: timedelta = MONTH + timedelta(minutes=1)) -> int:
    return await erase_due(db, blobs, MONTH, datetime.now(UTC) + after)


async def where(db: Db, text: str = SECRET) -> set[str]:
    """The tables that hold a text."""
    found = {name for name, everything in (await tables(db)).items() if text in repr(everything)}
    for name in ("inbox", "set_aside"):
        raw = await rows(db, f"SELECT raw FROM {name}")  # noqa: S608
        found |= {name for (one,) in raw if one is not None and text.encode() in one}
    return found


async def test_a_removed_message_is_erased_with_its_edits(db: Db, blobs: FileBlobs) -> None:
    reply = {"m.in_reply_to": {"event_id": "$0"}, "rel_type": "m.thread", "event_id": "$0"}
    await archive(
        db,
        message("$1", SECRET, relates=reply),
        edit("$2", "$1", SECRET),
        edit("$3", "$1", "van Bas", sender=BAS),
        redaction("$4", "$1"),
        message("$5", "blijft"),
    )
    ((seq,),) = await rows(db, "SELECT seq FROM inbox WHERE key = '$1'")
    async with db.tx() as tx:
        await consumers.set_aside(tx, "inbox", seq, "other", digest=b"x", raw=SECRET.encode())
    assert await later(db, blobs, MONTH - timedelta(minutes=1)) == 0
    assert await where(db) == {"inbox", "message", "revision", "set_aside"}

    assert await later(db, blobs) == 2
    assert await where(db) == set()
    assert await rows(db, "SELECT event_id, body, thread_id FROM message ORDER BY event_id") == [
        ("$1", None, "$0"),
        ("$5", "blijft", None),
    ]
    assert await rows(db, "SELECT event_id, target_id, body FROM revision ORDER BY event_id") == [
        ("$2", "$1", None),
        ("$3", "$1", "van Bas"),
    ]
    assert await rows(db, "SELECT key FROM inbox WHERE erased_at IS NOT NULL ORDER BY key") == [("$1",), ("$2",)]
    assert await later(db, blobs) == 0


async def test_what_comes_after_the_erasure_is_erased_too(db: Db, blobs: FileBlobs) -> None:
    """An edit from history, and the key of a message that nobody could read before."""
    await archive(db, event("$1", "m.room.encrypted", {"ciphertext": SECRET}), redaction("$2", "$1"))
    assert await later(db, blobs) == 1
    await archive(db, edit("$3", "$1", SECRET), payload("$1", "m.room.message", {"body": SECRET}))
    assert await later(db, blobs) == 2
    assert await where(db) == set()
    assert await rows(db, "SELECT event_id, type, encrypted, decrypted FROM event WHERE event_id = '$1'") == [
        ("$1", "m.room.message", True, True)
    ]


async def test_state_and_what_was_set_aside(db: Db, blobs: FileBlobs) -> None:
    deep = json.dumps(event("$3", "m.room.message", {"body": SECRET, "x": "DEEP"})).replace(
        '"DEEP"', "[" * 500 + "]" * 500
    )
    await archive(
        db,
        event("$1", "m.room.topic", {"topic": SECRET}, state_key=""),
        event("$2", "m.room.member", {"membership": "join", "displayname": SECRET}, state_key=BAS),
        Arrival("event", "$3", ROOM, "m.room.message", deep.encode()),
        *(redaction(f"$1{n}", f"${n}") for n in (1, 2, 3)),
    )
    assert await rows(db, "SELECT reason FROM set_aside") == [("nested too deeply",)]
    assert await later(db, blobs) == 3
    assert await where(db) == set()
    assert await rows(db, "SELECT count(*) FROM set_aside") == [(0,)]
    assert await rows(db, "SELECT membership, display_name FROM membership") == [("join", None)]
    assert await rows(db, "SELECT event_id FROM message") == [("$3",)]


async def test_what_the_recorder_has_not_reached_waits(db: Db, blobs: FileBlobs) -> None:
    """It may have been read already, and would be recorded after it was erased."""
    await archive(db, event("$1", "m.room.encrypted", {}), redaction("$2", "$1"))
    await receive(db, payload("$1", "m.room.message", {"body": SECRET}))
    assert await later(db, blobs) == 0
    await record(db)
    assert await where(db) == {"inbox", "message"}
    assert await later(db, blobs) == 1
    assert await where(db) == set()


def file(event_id: str) -> dict[str, object]:
    return event(event_id, "m.room.message", {"msgtype": "m.file", "body": SECRET, "url": "mxc://example.com/f"})


async def store(db: Db, blobs: FileBlobs, media_id: str = "mxc://example.com/f") -> None:
    blobs.path(SHA).parent.mkdir(parents=True, exist_ok=True)
    blobs.path(SHA).write_bytes(b"x")
    async with db.tx() as tx:
        await tx.execute(
            "INSERT INTO media (media_id, mxc, state, sha256) VALUES ($1, $1, 'stored', $2)", media_id, SHA
        )


MEDIA = "SELECT media_id, state, sha256 FROM media ORDER BY media_id"


async def test_the_content_of_a_file_goes_with_the_last_message_that_has_it(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1"), file("$2"), redaction("$3", "$1"))
    await store(db, blobs)
    assert await later(db, blobs) == 1
    assert await rows(db, MEDIA) == [("mxc://example.com/f", "stored", SHA)]
    await receive(db, file("$4"))
    await record(db)
    await archive(db, redaction("$5", "$2"))
    await receive(db, file("$6"))  # not recorded yet, but it has the file
    await archive(db, redaction("$7", "$4"), redaction("$8", "$6"))
    assert await later(db, blobs) == 3
    assert await rows(db, MEDIA) == [("mxc://example.com/f", "erased", None)]
    assert not blobs.path(SHA).exists()


async def test_a_file_that_is_named_ahead_of_the_recorder_waits(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1"), redaction("$2", "$1"))
    await store(db, blobs)
    await receive(db, file("$3"))
    assert await later(db, blobs) == 0
    await record(db)
    assert await later(db, blobs) == 1
    assert await blobs.exists(SHA)


async def test_the_same_content_under_another_name_stays(db: Db, blobs: FileBlobs) -> None:
    await archive(db, file("$1"), redaction("$2", "$1"))
    await store(db, blobs)
    await store(db, blobs, "mxc://example.com/g")
    assert await later(db, blobs) == 1
    assert await rows(db, MEDIA) == [("mxc://example.com/f", "erased", None), ("mxc://example.com/g", "stored", SHA)]
    assert await blobs.exists(SHA)


class _Broken(FileBlobs):
    async def delete(self, sha256: str) -> bool:
        raise BlobError(sha256)


async def test_a_content_that_was_left_is_deleted_by_the_next_pass(db: Db, blobs: FileBlobs, tmp_path: Path) -> None:
    await archive(db, file("$1"), redaction("$2", "$1"))
    await store(db, blobs)
    assert await later(db, _Broken(tmp_path)) == 1
    assert await rows(db, MEDIA) == [("mxc://example.com/f", "erased", SHA)]
    async with db.connection() as connection:
        assert await erasure.next_left_content(connection, "") == SHA
    assert await later(db, blobs) == 0
    assert not blobs.path(SHA).exists()
    assert await rows(db, MEDIA) == [("mxc://example.com/f", "erased", None)]


@settings(max_examples=40)
@given(history=histories())
async def test_a_rebuild_after_the_erasure_gives_the_same_archive(
    module_db: Db, tmp_path_factory: pytest.TempPathFactory, history: list[Arrival]
) -> None:
    await empty(module_db)
    await archive(module_db, *history)
    await later(module_db, FileBlobs(tmp_path_factory.getbasetemp()))
    erased = await tables(module_db)
    await rebuild(module_db, Recorder())
    await record(module_db)
    assert await tables(module_db) == erased


async def test_it_comes_by_itself(db: Db, blobs: FileBlobs) -> None:
    """Also for what is removed after its first pass."""
    async with running({"eraser": Eraser(db, blobs, timedelta(0)).run}):
        for n in ("1", "2"):
            await archive(db, message(f"$m{n}", SECRET), redaction(f"$r{n}", f"$m{n}"))

            async def erased() -> bool:
                return await where(db) == set()

            await until(erased)
