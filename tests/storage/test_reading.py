"""Messages and files as people read them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive import reading
from bridge.storage import reading as queries
from tests.storage.desk import LONG_AGO, START, file
from tests.storage.post import (
    ANNA,
    BAS,
    ROOM,
    archive,
    arrival,
    edit,
    event,
    member,
    message,
    payload,
    reaction,
    redaction,
)
from tests.storage.stories import access, places, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.archive.reading import Message
    from bridge.storage.db import Db
    from bridge.storage.inbox import Arrival
    from bridge.storage.reading import FileRow


async def read(db: Db, *what: dict[str, Any] | Arrival, limit: int = 100) -> list[Message]:
    """All pages of a room, as Anna reads it."""
    await archive(db, *told("begin, anna join"), *what)
    found: list[Message] = []
    async with db.connection() as connection:
        readable = await access().for_room(connection, ANNA, ROOM)
        key = queries.start_at(LONG_AGO)
        while True:
            page = await reading.page(connection, readable, ROOM, key, limit)
            found += page.messages
            if page.next is None:
                return found
            key = page.next


async def files(db: Db, *what: dict[str, Any] | Arrival) -> Sequence[FileRow]:
    await archive(db, *told("begin, anna join"), *what)
    async with db.connection() as connection:
        readable = await access().for_room(connection, ANNA, ROOM)
        return await queries.files(connection, readable, ROOM, None, name=None, limit=100)


async def test_the_text_that_stands_is_the_last_edit_that_counts(db: Db) -> None:
    (found,) = await read(
        db,
        message("$1", "om 9 uur", minute=10),
        edit("$2", "$1", "om 10 uur", minute=11),
        edit("$3", "$1", "om 11 uur", minute=12),
        edit("$4", "$1", "nooit", minute=13, sender=BAS),
        redaction("$5", "$3", minute=14),
    )
    assert (found.text, found.edited, found.kind) == ("om 10 uur", True, "text")


async def test_names_are_those_of_that_time(db: Db) -> None:
    found = await read(
        db,
        message("$0", "nog niet binnen", sender=BAS, minute=9),
        member("b1", BAS, "join", "Bas", sender=BAS, minute=10),
        message("$1", "een", sender=BAS, minute=11),
        member("b2", BAS, "join", "Bas (ziek)", sender=BAS, minute=12),
        message("$2", "twee", sender=BAS, minute=13),
        member("b3", BAS, "leave", sender=BAS, minute=14),
        message("$3", "drie", minute=15),
    )
    assert [one.row.sender_name for one in found] == ["Bas", "Bas", "Bas (ziek)", None]


async def test_kinds_and_what_is_said_of_them(db: Db) -> None:
    def said(event_id: str, minute: int, **content: Any) -> dict[str, Any]:
        return event(event_id, "m.room.message", content, minute=minute)

    url = "mxc://example.com/a"
    poll = {"m.poll": {"question": {"m.text": [{"body": "Pizza?"}]}, "answers": []}}
    found = await read(
        db,
        said("$1", 1, msgtype="m.notice", body="gelukt"),
        said("$2", 2, msgtype="m.image", body="foto.png", url=url),
        said("$3", 3, msgtype="m.image", body="kijk!", filename="foto.png", url=url),
        said("$4", 4, **{"msgtype": "m.audio", "body": "a.ogg", "url": url, "org.matrix.msc3245.voice": {}}),
        said("$5", 5, msgtype="m.location", body="hier", geo_uri="geo:1,2"),
        event("$6", "m.sticker", {"body": "hoera", "url": url}, minute=6),
        event("$7", "m.poll.start", poll, minute=7),
        event("$8", "m.room.encrypted", {}, minute=8),
        event("$9", "m.room.encrypted", {}, minute=9),
        payload("$9", "m.room.message", {"msgtype": "m.text", "body": "geheim"}),
    )
    assert [(one.kind, one.text) for one in found] == [
        ("text", "gelukt"),
        ("image", "foto.png"),
        ("image", "foto.png: kijk!"),
        ("voice", "a.ogg"),
        ("location", "hier"),
        ("sticker", "hoera"),
        ("poll", "Pizza?"),
        ("unread", ""),
        ("text", "geheim"),
    ]
    assert [one.row.encrypted for one in found][-3:] == [False, True, True]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_hold_everything_once_in_order_of_time(db: Db, limit: int) -> None:
    times = (5, 3, 3, 9, 3, 1, 7, 3)
    some = [message(f"${n}", str(n), minute=minute) for n, minute in enumerate(times)]
    found = await read(db, *some, reaction("$r", "$1", "x"), edit("$e", "$2", "2", minute=99), limit=limit)
    assert [one.row.event_id for one in found] == ["$5", "$1", "$2", "$4", "$7", "$0", "$6", "$3"]


async def test_threads_and_replies(db: Db) -> None:
    quoted = "> <@bas:example.com> wie komt er?\n> ik niet\n\nik wel"
    replies = {"m.in_reply_to": {"event_id": "$1"}}
    found = await read(
        db,
        message("$1", "wie komt er?\nik niet", minute=1),
        message("$2", quoted, relates=replies, minute=2),
        message("$3", "in de draad", relates={"rel_type": "m.thread", "event_id": "$1"}, minute=3),
        message("$4", "> geen antwoord", minute=4),
    )
    assert [one.text for one in found] == ["wie komt er?\nik niet", "ik wel", "in de draad", "> geen antwoord"]
    assert [one.row.thread_id for one in found] == [None, None, "$1", None]


@pytest.mark.parametrize(
    ("body", "expected"),
    [("> a\n\nb", "b"), ("> a\nb", "b"), ("> a", ""), ("> a\n\n\nb", "\nb"), ("a\n> b", "a\n> b"), ("", "")],
)
def test_the_quotation_of_a_reply_is_left_out(body: str, expected: str) -> None:
    assert reading.without_quote(body, is_reply=True) == expected
    assert reading.without_quote(body, is_reply=False) == body


async def test_history_that_was_read_later_stands_at_its_time(db: Db) -> None:
    old = arrival(message("$0", "van vroeger", minute=-100), before_seq=1, before_sub=-1)
    found = await read(db, message("$1", "nu", minute=1), old)
    assert [one.text for one in found] == ["van vroeger", "nu"]


async def test_an_edit_that_brings_another_file(db: Db) -> None:
    def edited(event_id: str, target: str, name: str, media: str, sender: str = ANNA) -> dict[str, Any]:
        new = {"msgtype": "m.file", "body": name, "url": f"mxc://example.com/{media}"}
        relates = {"rel_type": "m.replace", "event_id": target}
        content = {**new, "m.new_content": new, "m.relates_to": relates}
        return event(event_id, "m.room.message", content, sender=sender, minute=50)

    found = await files(
        db,
        file("$a", "offerte.txt", minute=1),
        edited("$b", "$a", "offerte definitief.txt", "a"),  # the same file with another name
        edited("$c", "$a", "offerte 2.txt", "c"),
        edited("$d", "$a", "vreemd.txt", "d", sender=BAS),
        event("$s", "m.sticker", {"body": "sticker", "url": "mxc://example.com/s"}, minute=60),
    )
    assert [(one.event_id, one.name) for one in found] == [("$a", "offerte 2.txt"), ("$a", "offerte.txt")]


async def test_files_know_what_is_held(db: Db) -> None:
    await archive(db, file("$a", "a.txt", minute=1), file("$b", "b.txt", minute=2))
    async with db.tx() as tx:
        await tx.execute(
            "INSERT INTO media (media_id, mxc, state, size, mimetype) VALUES "
            "('mxc://example.com/a', 'mxc://example.com/a', 'stored', 99, 'text/html'), "
            "('mxc://example.com/b', 'mxc://example.com/b', 'failed', NULL, NULL)"
        )
    found = await files(db)
    assert [(one.name, one.held, one.size, one.mimetype) for one in found] == [
        ("b.txt", False, 1234, "text/plain"),
        ("a.txt", True, 99, "text/plain"),
    ]


async def test_when_places_were_and_where_the_archive_begins(db: Db) -> None:
    await archive(db, message("$1", "een", minute=1), message("$2", "twee", minute=2))
    _, (second, _) = (await places(db))["$2"]
    async with db.connection() as connection:
        assert await queries.first_at(connection, ROOM, (second, 0)) == START + timedelta(minutes=2)
        assert await queries.first_at(connection, ROOM, (second + 1, 0)) is None
        assert await queries.held_from(connection, ROOM) == START + timedelta(minutes=1)
        assert await queries.held_from(connection, "!nowhere") is None
