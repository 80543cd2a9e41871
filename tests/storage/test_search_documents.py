"""What of a message can be asked for: the fields of its document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.storage.post import ANNA, BAS, archive, event, message, rows
from tests.storage.searching import content, found, index

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.storage.db import Db

PDF = {
    "msgtype": "m.file",
    "body": "zie bijlage",
    "filename": "Offerte_Kozijn-v2.PDF",
    "url": "mxc://x/pdf",
    "info": {"mimetype": "application/pdf", "size": 4_000},
}
VOICE = {
    "msgtype": "m.audio",
    "body": "opname.ogg",
    "url": "mxc://x/ogg",
    "info": {"mimetype": "audio/ogg"},
    "org.matrix.msc3245.voice": {},
}
LOCATION = {"msgtype": "m.location", "body": "bouwplaats", "geo_uri": "geo:52.1,5.1"}
POLL = {"m.poll": {"question": {"m.text": [{"body": "Wanneer"}]}, "answers": [
    {"m.id": "1", "m.text": [{"body": "maandag"}]}, {"m.id": "2", "m.text": [{"body": "dinsdag"}]},
]}}  # fmt: skip
MENTION = {
    "msgtype": "m.text",
    "body": "Cora en Bas",
    "format": "org.matrix.custom.html",
    "formatted_body": '<a href="https://matrix.to/#/%40cora:example.com">Cora</a> en Bas',
    "m.mentions": {"user_ids": [BAS]},
}
LINK = {"msgtype": "m.text", "body": "hier", "formatted_body": '<a href="https://example.com/x">hier</a>'}


async def fields(db: Db, folder: Path, *what: dict[str, Any]) -> dict[str, set[str]]:
    """The tokens of each field, of all documents together."""
    await archive(db, *what)
    await index(db, folder)
    found: dict[str, set[str]] = {}
    for field, token in content(folder):
        found.setdefault(field, set()).add(token)
    return found


@pytest.mark.parametrize(
    ("kind", "told", "field", "tokens"),
    [
        ("m.room.message", PDF, "has", {"file"}),
        ("m.room.message", PDF, "type", {"file", "pdf", "application/pdf", "application"}),
        ("m.room.message", PDF, "filename", {"offerte", "kozijn", "v2", "pdf"}),
        ("m.room.message", PDF, "name", {"offerte_kozijn-v2.pdf"}),
        ("m.room.message", PDF, "words", {"zie", "bijlage", "offerte", "kozijn", "v2", "pdf"}),
        ("m.room.message", VOICE, "has", {"file", "audio", "voice"}),
        ("m.room.message", LOCATION, "has", {"location"}),
        ("m.poll.start", POLL, "has", {"poll"}),
        ("m.poll.start", POLL, "words", {"wanneer", "maandag", "dinsdag"}),
        ("m.room.message", MENTION, "mentions", {BAS, "@cora:example.com"}),
        ("m.room.message", LINK, "has", {"link"}),
        ("m.sticker", {"body": "lachend", "url": "mxc://x/s"}, "words", {"lachend"}),
    ],
)
async def test_what_a_message_holds(
    db: Db, tmp_path: Path, *, kind: str, told: dict[str, Any], field: str, tokens: set[str]
) -> None:
    assert (await fields(db, tmp_path, event("$1", kind, told)))[field] == tokens


@pytest.mark.parametrize(
    ("body", "field", "tokens"),
    [
        ("bel 06-12345678 of mail", "has", {"phone"}),
        ("bel 06-12345678 of mail", "numbers", {"612345678"}),
        ("NL91 ABNA 0417 1643 00", "has", {"iban"}),
        ("zie www.example.com", "has", {"link"}),
        ("#Urgent #klant-7 prijs#1 x#y", "label", {"urgent", "klant-7"}),
        ("de vergaderverslagen", "parts", {"vergader", "verslag"}),
        ("verslag", "ends", {"erslag", "rslag", "slag", "lag"}),
        ("draai C++ op 10.0.0.7.", "code", {"c", "+", "10", ".", "0", "7"}),
        ("👍 mooi", "code", {"👍"}),
    ],
)
async def test_what_a_text_holds(db: Db, tmp_path: Path, body: str, field: str, tokens: set[str]) -> None:
    assert (await fields(db, tmp_path, message("$1", body)))[field] == tokens


async def test_a_thread_a_reply_and_who_wrote_it(db: Db, tmp_path: Path) -> None:
    thread = {"rel_type": "m.thread", "event_id": "$1"}
    reply = {"m.in_reply_to": {"event_id": "$1"}}
    await archive(
        db,
        message("$1", "begin"),
        message("$2", "vervolg", relates=thread, sender=BAS),
        message("$3", "> <@anna:example.com> begin\n\nantwoord", relates=reply),
    )
    await index(db, tmp_path)
    seqs = {row[0]: row[1] for row in await rows(db, "SELECT event_id, seq FROM event")}
    assert found(tmp_path, "thread", "$1") == [seqs["$2"]]
    assert found(tmp_path, "sender", ANNA) == [seqs["$3"], seqs["$1"]]
    assert found(tmp_path, "words", "begin") == [seqs["$1"]]
    assert found(tmp_path, "words", "antwoord") == [seqs["$3"]]


async def test_the_text_of_a_file_is_a_document_of_its_own(db: Db, tmp_path: Path) -> None:
    await archive(db, event("$1", "m.room.message", PDF))
    async with db.tx() as tx:
        await tx.execute(
            "INSERT INTO media (media_id, mxc, state, sha256) VALUES ('mxc://x/pdf', 'mxc://x/pdf', 'stored', 'ab')"
        )
        await tx.execute("INSERT INTO extracted (sha256, state, text) VALUES ('ab', 'done', 'hardglas driedubbel')")
    await index(db, tmp_path)
    held = content(tmp_path)
    assert [key[1] for key in held["", ""]] == [-1, 0]
    assert [key[1] for key in held["words", "hardglas"]] == [0]
    assert [key[1] for key in held["type", "pdf"]] == [-1, 0]


async def test_messages_of_the_same_moment_keep_their_order(db: Db, tmp_path: Path) -> None:
    await archive(db, *(message(f"${n}", "gelijk", minute=0) for n in range(9)))
    await index(db, tmp_path)
    seqs = [row[0] for row in await rows(db, "SELECT seq FROM event ORDER BY seq DESC")]
    assert found(tmp_path, "words", "gelijk") == seqs
