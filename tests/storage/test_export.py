from __future__ import annotations

import json
import os
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive.blobs import FileBlobs
from bridge.archive.export import PAGE, Selection, batches
from bridge.archive.export_output import NoFiles, to_file, to_folder
from bridge.errors import PostkamerError
from bridge.storage.db import open_db
from bridge.storage.export import snapshot
from tests.storage.scribe import ANNA, BAS, OTHER, ROOM, START, Scribe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.archive.export import Files

KEYS = [
    *("event_id", "room_id", "sender", "sent_at", "type", "msgtype", "body", "formatted_body", "reply_to", "thread"),
    *("edits", "redacted", "reactions", "attachments", "encrypted", "decrypted"),
]


@pytest.fixture
async def scribe(database_url: str) -> AsyncIterator[Scribe]:
    async with open_db(database_url, size=4) as db:
        yield Scribe(db)


async def exported(scribe: Scribe, *rooms: str, files: Files | None = None, **limits: Any) -> list[dict[str, Any]]:
    async with snapshot(scribe.db) as tx:
        selection = Selection(rooms or None, **limits)
        text = b"".join([batch.lines async for batch in batches(tx, selection, files or NoFiles())])
    return [json.loads(line) for line in text.splitlines()]


async def test_a_message_holds_its_edits_and_reactions(scribe: Scribe) -> None:
    first = await scribe.message("vergadering om 9 uur", formatted_body="<b>9</b>", thread_id="$root", reply_to="$x")
    edits = [await scribe.edit(first, "om 10 uur"), await scribe.edit(first, "om 11 uur")]
    await scribe.reaction(first, "👀", sender=BAS)
    (line,) = await exported(scribe)
    assert list(line) == KEYS
    assert (line["body"], line["formatted_body"]) == ("vergadering om 9 uur", "<b>9</b>")
    assert (line["thread"], line["reply_to"], line["sent_at"]) == ("$root", "$x", "2026-03-02T08:01:00.000Z")
    assert [(edit["event_id"], edit["body"]) for edit in line["edits"]] == list(
        zip(edits, ["om 10 uur", "om 11 uur"], strict=True)
    )
    assert line["reactions"] == [{"sender": BAS, "key": "👀", "sent_at": "2026-03-02T08:04:00.000Z"}]
    assert (line["redacted"], line["attachments"], line["encrypted"], line["decrypted"]) == (None, [], False, False)


async def test_what_belongs_together_may_be_pages_apart(scribe: Scribe) -> None:
    first = await scribe.message("eerste")
    await scribe.execute(
        "INSERT INTO event SELECT 'f' || n, 1000 + n, 1000 + n, 0, $1, $2, 'org.example.ping', NULL, $3, NULL, NULL, "
        "false, false FROM generate_series(1, $4) n",
        ROOM,
        ANNA,
        START,
        2 * PAGE,
    )
    last = await scribe.edit(first, "laatste")
    await scribe.execute("UPDATE event SET ord = 10000 WHERE event_id = $1", last)
    lines = await exported(scribe)
    assert len(lines) == 1 + 2 * PAGE
    assert [edit["event_id"] for edit in lines[0]["edits"]] == [last]
    assert len({line["event_id"] for line in lines}) == len(lines)


async def test_redacted_content_is_nowhere(scribe: Scribe) -> None:
    first = await scribe.message("geheim", formatted_body="geheim")
    await scribe.edit(first, "geheim 2")
    await scribe.file(first, "geheim.pdf")
    await scribe.redaction(first, "per ongeluk", sender=BAS)
    await scribe.redaction(first, "nog eens")
    lines = await exported(scribe)
    assert "geheim" not in json.dumps(lines)
    message, edit, again = lines
    redacted = {"by": BAS, "at": "2026-03-02T08:03:00.000Z", "reason": "per ongeluk"}
    assert (message["redacted"], message["body"], message["edits"], message["attachments"]) == (redacted, None, [], [])
    assert (edit["redacted"], edit["body"], edit["content"]) == (redacted, None, None)
    assert (message["msgtype"], message["reply_to"]) == (None, None)  # as they are after the erasure
    assert again["content"] == {"reason": "nog eens"}


async def test_a_withdrawn_reaction_and_edit_are_lines_of_their_own(scribe: Scribe) -> None:
    first = await scribe.message("tekst")
    edit = await scribe.edit(first, "ingetrokken")
    reaction = await scribe.reaction(first, "✅")
    await scribe.redaction(edit)
    await scribe.redaction(reaction)
    lines = await exported(scribe)
    assert [line["event_id"] for line in lines] == [first, edit, reaction]
    assert (lines[0]["edits"], lines[0]["reactions"]) == ([], [])
    assert all(line["redacted"]["by"] == ANNA and line["content"] is None for line in lines[1:])


async def test_redactions_of_redactions_end(scribe: Scribe) -> None:
    first = await scribe.message("tekst")
    one = await scribe.redaction(first, "reden")
    two = await scribe.redaction(one, "reden 2")
    three = await scribe.redaction(two, "reden 3")
    lines = await exported(scribe)
    assert [line["event_id"] for line in lines] == [first, two, three]
    assert lines[0]["redacted"]["reason"] is None  # its text was removed too
    assert (lines[1]["redacted"]["by"], lines[1]["content"]) == (ANNA, None)


async def test_what_is_no_message_has_its_content(scribe: Scribe) -> None:
    state = await scribe.event("m.room.topic", {"topic": "Machines\n2"}, state_key="")
    foreign = await scribe.edit("$unknown", "van wie?")
    lines = await exported(scribe)
    assert [line["event_id"] for line in lines] == [state, foreign]
    assert list(lines[0]) == [*KEYS, "state_key", "content"]
    assert (lines[0]["state_key"], lines[0]["content"]) == ("", {"topic": "Machines\n2"})
    assert lines[1]["content"] == {"m.new_content": {"body": "van wie?"}}


async def test_an_edit_by_somebody_else_is_not_the_message(scribe: Scribe) -> None:
    first = await scribe.message("van Anna")
    foreign = await scribe.edit(first, "van Bas", sender=BAS)
    lines = await exported(scribe)
    assert [(line["event_id"], line["edits"]) for line in lines] == [(first, []), (foreign, [])]


async def test_undecrypted_and_decrypted_events(scribe: Scribe) -> None:
    await scribe.event("m.room.encrypted", {"ciphertext": "x"}, encrypted=True, table="message")
    read = await scribe.event("m.room.encrypted", {"ciphertext": "y"}, encrypted=True)
    await scribe.execute("UPDATE event SET type = 'm.poll.response', decrypted = true WHERE event_id = $1", read)
    payload = b'{"type": "m.poll.response", "content": {"answers": ["a"]}}'
    await scribe.execute("INSERT INTO inbox (kind, key, raw) VALUES ('decrypted', $1, $2)", read, payload)
    locked, vote = await exported(scribe)
    assert (locked["body"], locked["encrypted"], locked["decrypted"]) == (None, True, False)
    assert (vote["content"], vote["decrypted"]) == ({"answers": ["a"]}, True)
    assert "ciphertext" not in json.dumps([locked, vote])


async def test_another_room_does_not_leak(scribe: Scribe) -> None:
    public = await scribe.message("openbaar")
    secret = await scribe.message("SALARIS", room=OTHER)
    for room, target in ((OTHER, public), (ROOM, secret)):  # relations across rooms count in neither
        await scribe.edit(target, f"SALARIS of {room}", room=room)
        await scribe.reaction(target, f"SALARIS of {room}", room=room)
        await scribe.redaction(target, f"SALARIS of {room}", room=room)
    await scribe.file(secret, "SALARIS.xlsx", room=OTHER)
    text = json.dumps(await exported(scribe, ROOM))
    assert OTHER not in text.replace("SALARIS of", "")
    assert "SALARIS of !directie" not in text
    assert "SALARIS.xlsx" not in text
    lines = await exported(scribe, OTHER)
    assert {line["room_id"] for line in lines} == {OTHER}
    assert lines[0]["body"] == "SALARIS"
    assert lines[0]["redacted"] is None
    assert (lines[0]["edits"], lines[0]["reactions"]) == ([], [])


async def test_rooms_by_id_then_the_order_of_the_room(scribe: Scribe) -> None:
    sent = [await scribe.message(str(number), room=room) for number, room in enumerate([ROOM, OTHER, ROOM])]
    await scribe.execute("UPDATE event SET ord = 1, sub = -1 WHERE event_id = $1", sent[2])
    assert [line["event_id"] for line in await exported(scribe)] == [sent[2], sent[0], sent[1]]
    assert [line["event_id"] for line in await exported(scribe, OTHER, ROOM)] == [sent[2], sent[0], sent[1]]


async def test_from_is_inclusive_and_to_is_not(scribe: Scribe) -> None:
    sent = [await scribe.message(str(number)) for number in range(4)]
    minute = timedelta(minutes=1)
    lines = await exported(scribe, since=START + 2 * minute, until=START + 4 * minute)
    assert [line["event_id"] for line in lines] == sent[1:3]


async def test_attachments_are_copied_beside_the_lines(scribe: Scribe, tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"hallo"

    blobs = FileBlobs(tmp_path / "data", reserve=0)
    await blobs.prepare()
    async with blobs.stage(chunks()) as staged:
        await staged.publish()
    gone = sha256(b"gone").hexdigest()
    first = await scribe.message("bijlage")
    edit = await scribe.edit(first, "andere bijlage")
    await scribe.file(first, "Offerte.PDF", state="stored", sha256=staged.sha256, size=5)
    await scribe.file(edit, "weg.txt", state="stored", sha256=gone, size=4)
    waiting = await scribe.message("nog niet")
    await scribe.file(waiting, "straks.txt", state="pending")
    folder = tmp_path / "export"
    async with to_folder(folder, blobs) as (output, files):
        lines = await exported(scribe, files=files)
        await output.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    path = f"attachments/{staged.sha256}.pdf"
    assert lines[0]["attachments"] == [
        {"name": "Offerte.PDF", "mimetype": "text/plain", "size": 5, "sha256": staged.sha256, "path": path},
        {"name": "weg.txt", "mimetype": "text/plain", "size": 4, "sha256": gone, "path": None},
    ]
    assert lines[1]["attachments"][0] == {
        "name": "straks.txt", "mimetype": "text/plain", "size": 5, "sha256": None, "path": None,
    }  # fmt: skip
    assert (folder / path).read_bytes() == b"hallo"
    assert files.lacking == 1
    assert sorted(one.name for one in folder.rglob("*") if one.is_file()) == sorted(
        ["messages.jsonl", f"{staged.sha256}.pdf"]
    )


async def fails_half_way(path: Path) -> None:
    async with to_file(path, NoFiles()) as output:
        await output.write(b"half")
        raise RuntimeError


async def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("of yesterday")
    with pytest.raises(RuntimeError):
        await fails_half_way(path)
    assert os.listdir(tmp_path) == ["out.jsonl"]  # noqa: PTH208
    assert path.read_text() == "of yesterday"
    async with to_file(path, NoFiles()) as output:
        await output.write(b"whole\n")
    assert path.read_text() == "whole\n"
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PostkamerError, match="cannot make"):
        async with to_folder(tmp_path / "file" / "x", FileBlobs(tmp_path)):
            pass
