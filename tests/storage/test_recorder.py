"""What the recorder makes of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.storage import messages
from tests.storage.post import (
    ANNA,
    BAS,
    CORA,
    OTHER,
    ROOM,
    archive,
    arrival,
    edit,
    event,
    fresh_db,
    member,
    message,
    payload,
    reaction,
    redaction,
    rows,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.db import Db
    from tests.postgres import Databases


@pytest.fixture
async def db(databases: Databases) -> AsyncIterator[Db]:
    async with fresh_db(databases) as db:
        yield db


async def texts(db: Db) -> list[tuple[object, ...]]:
    return await rows(db, "SELECT event_id, type, msgtype, body FROM message ORDER BY event_id")


async def edits_of(db: Db, *event_ids: str) -> list[str]:
    async with db.connection() as connection:
        return [one.body for one in await messages.revisions_of(connection, event_ids)]


async def test_messages_of_every_kind(db: Db) -> None:
    question = {"org.matrix.msc1767.text": "Taart?"}
    answers = [{"id": "1", "org.matrix.msc1767.text": "ja"}, {"id": "2", "org.matrix.msc1767.text": "nee"}, "?"]
    poll = {"question": question, "kind": "org.matrix.msc3381.poll.disclosed", "answers": answers}
    voice = {"org.matrix.msc3245.voice": {}, "org.matrix.msc1767.audio": {"duration": 2000}}
    await archive(
        db,
        message("$1", "hallo"),
        event("$2", "m.room.message", {"msgtype": "com.example.cnc", "body": "program 7"}),
        event("$3", "m.sticker", {"body": "duim", "url": "mxc://example.com/duim", "info": {}}),
        event("$4", "m.room.message", {"msgtype": "m.location", "body": "Venlo", "geo_uri": "geo:51.37,6.17"}),
        event("$5", "m.room.message", {"msgtype": "m.audio", "body": "spraak", "url": "mxc://example.com/a", **voice}),
        event("$6", "org.matrix.msc3381.poll.start", {"org.matrix.msc3381.poll.start": poll}),
        event("$7", "m.message", {"m.text": [{"body": "<b>kort</b>", "mimetype": "text/html"}, {"body": "kort"}]}),
        event("$8", "m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA"}),
        event("$9", "com.example.unknown", {"body": "geen bericht"}),
    )
    assert await texts(db) == [
        ("$1", "m.room.message", "m.text", "hallo"),
        ("$2", "m.room.message", "com.example.cnc", "program 7"),
        ("$3", "m.sticker", None, "duim"),
        ("$4", "m.room.message", "m.location", "Venlo"),
        ("$5", "m.room.message", "m.audio", "spraak"),
        ("$6", "m.poll.start", None, "Taart?"),
        ("$7", "m.room.message", "m.text", "kort"),
        ("$8", "m.room.encrypted", None, None),
    ]
    found = await rows(db, "SELECT event_id, kind, media_id FROM attachment ORDER BY event_id")
    assert found == [("$3", "sticker", "mxc://example.com/duim"), ("$5", "voice", "mxc://example.com/a")]
    path = "SELECT detail #>> $2::text[] FROM message WHERE event_id = $1"
    assert await rows(db, path, "$4", ["location", "geo_uri"]) == [("geo:51.37,6.17",)]
    assert await rows(db, path, "$5", ["voice", "duration"]) == [("2000",)]
    assert await rows(db, path, "$6", ["poll", "answers", "1", "text"]) == [("nee",)]
    assert await rows(db, "SELECT formatted_body FROM message WHERE event_id = '$7'") == [("<b>kort</b>",)]
    assert await rows(db, "SELECT count(*) FROM event") == [(9,)]


async def test_replies_and_threads(db: Db) -> None:
    reply = {"m.in_reply_to": {"event_id": "$1"}}
    thread = {"rel_type": "m.thread", "event_id": "$1"}
    await archive(
        db,
        message("$2", "antwoord", relates=reply),
        message("$3", "in de draad", relates={**thread, **reply, "is_falling_back": True}),
        message("$4", "antwoord in de draad", relates={**thread, "m.in_reply_to": {"event_id": "$3"}}),
        message("$5", "kapot", relates={"m.in_reply_to": "$1", "rel_type": 5, "event_id": "$1"}),
    )
    assert await rows(db, "SELECT event_id, reply_to, thread_id FROM message ORDER BY event_id") == [
        ("$2", "$1", None),
        ("$3", None, "$1"),
        ("$4", "$3", "$1"),
        ("$5", None, None),
    ]


async def test_only_valid_edits_count(db: Db) -> None:
    no_new_content = {"body": "* x", "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}}
    await archive(
        db,
        edit("$3", "$1", "tweede", minute=3),
        edit("$2", "$1", "eerste", minute=2),
        message("$1", "hallo"),
        edit("$4", "$1", "van een ander", sender=BAS, minute=4),
        edit("$5", "$1", "uit een andere kamer", room_id=OTHER, minute=5),
        edit("$6", "$2", "van een bewerking", minute=6),
        event("$7", "m.room.message", no_new_content, minute=7),
        edit("$8", "$1", "ingetrokken", minute=8),
        redaction("$9", "$8"),
        event("$10", "m.sticker", {"m.new_content": {"body": "x"}, "m.relates_to": no_new_content["m.relates_to"]}),
        edit("$11", "$7", "van een bewerking zonder tekst"),
        event("$12", "m.room.name", {"name": "x"}, state_key=""),
        edit("$13", "$12", "van een toestand"),
    )
    assert await edits_of(db, "$1", "$2", "$7", "$12") == ["eerste", "tweede"]


async def test_reactions_and_their_withdrawal(db: Db) -> None:
    await archive(
        db,
        reaction("$2", "$1", "👀", sender=BAS),
        reaction("$3", "$1", "✅", sender=CORA, minute=1),
        reaction("$4", "$1", "👍", room_id=OTHER),
        redaction("$5", "$3", sender=CORA),
        message("$1", "hallo"),
        event("$6", "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$1", "key": ["👍"]}}),
    )
    async with db.connection() as connection:
        found = await messages.reactions_of(connection, ["$1"])
    assert [(one.event_id, one.sender, one.key) for one in found] == [("$2", BAS, "👀")]


async def test_what_is_removed_is_hidden_at_once_with_its_edits(db: Db) -> None:
    old = event("$20", "m.room.redaction", {"reason": "dubbel"}, redacts="$5")
    await archive(
        db,
        redaction("$9", "$1", sender=BAS),
        message("$1", "geheim"),
        edit("$2", "$1", "ook geheim"),
        edit("$3", "$1", "van Bas, dus geen bewerking", sender=BAS),
        message("$4", "blijft"),
        message("$5", "oude kamerversie"),
        old,
        redaction("$6", "$4", room_id=OTHER),
        edit("$7", "$8", "bewerking van iets dat wij niet hebben"),
        redaction("$10", "$8"),
    )
    async with db.connection() as connection:
        every = [f"${n}" for n in range(1, 21)]
        assert await messages.hidden(connection, every) == {"$1", "$2", "$5", "$7"}
        found = await messages.redactions_of(connection, every)
        assert [(one.target_id, one.sender, one.reason) for one in found] == [
            ("$1", BAS, "vergissing"),
            ("$5", ANNA, "dubbel"),
        ]
        assert await messages.revisions_of(connection, every) == []


async def test_redactions_of_redactions(db: Db) -> None:
    """They stay removed; only the reason is hidden."""
    await archive(
        db,
        redaction("$1", "$2"),
        redaction("$2", "$1"),
        redaction("$3", "$3"),
        message("$4", "x"),
        redaction("$5", "$4"),
    )
    await archive(db, redaction("$6", "$5"))
    async with db.connection() as connection:
        assert await messages.hidden(connection, ["$1", "$2", "$3", "$4"]) == {"$1", "$2", "$4"}
        (found,) = await messages.redactions_of(connection, ["$4"])
    assert found.reason is None


async def test_the_last_vote_before_the_end_counts(db: Db) -> None:
    def about(rel: str = "m.reference") -> dict[str, object]:
        return {"m.relates_to": {"rel_type": rel, "event_id": "$1"}}

    def vote(event_id: str, sender: str, minute: int, answers: object) -> dict[str, object]:
        inside = {"org.matrix.msc3381.poll.response": {"answers": answers}}
        kind = "org.matrix.msc3381.poll.response"
        return event(event_id, kind, {**inside, **about()}, sender=sender, minute=minute)

    await archive(
        db,
        event("$1", "m.poll.start", {"m.poll": {"question": {"m.text": [{"body": "Taart?"}]}, "answers": []}}),
        vote("$2", BAS, 1, ["1"]),
        vote("$3", BAS, 2, ["2"]),
        vote("$4", CORA, 3, ["1", 5]),
        event("$5", "m.poll.end", about(), sender=BAS, minute=1),  # not his poll
        event("$6", "m.poll.end", about(), minute=5),
        vote("$7", BAS, 6, ["1"]),
        event("$8", "m.poll.response", {"m.selections": ["1"], **about()}, sender=ANNA, minute=4),
        vote("$9", ANNA, 5, ["2"]),
        redaction("$10", "$9"),
    )
    async with db.connection() as connection:
        found = await messages.votes_of(connection, ["$1"])
    assert [(one.sender, one.answers) for one in found] == [(ANNA, ("1",)), (BAS, ("2",)), (CORA, ())]


async def test_memberships_are_intervals_with_the_names_of_their_time(db: Db) -> None:
    await archive(db, member("$1", BAS, "invite", minute=1), member("$2", BAS, "join", "Bas", minute=2))
    await archive(db, member("$3", BAS, "join", "Bas (inkoop)", minute=3), member("$4", BAS, "leave", minute=4))
    await archive(db, arrival(member("$0", BAS, "leave", minute=0), before_seq=1, before_sub=-1))
    await archive(db, redaction("$9", "$2"))
    found = await rows(
        db,
        "SELECT membership, display_name, extract(minute FROM from_at)::int, extract(minute FROM to_at)::int, to_ord "
        "FROM membership ORDER BY ord, sub",
    )
    assert found == [
        ("leave", None, 0, 1, 1),
        ("invite", None, 1, 2, 2),
        ("join", None, 2, 3, 3),  # the redaction took the name
        ("join", "Bas (inkoop)", 3, 4, 4),
        ("leave", None, 4, None, None),
    ]


async def test_rooms(db: Db) -> None:
    def state(event_id: str, kind: str, content: object, state_key: str = "") -> dict[str, object]:
        return event(event_id, kind, content, state_key=state_key)

    await archive(
        db,
        state("$1", "m.room.create", {"room_version": "12", "type": "m.space", "predecessor": {"room_id": OTHER}}),
        state("$2", "m.room.name", {"name": "Productie"}),
        state("$3", "m.room.topic", {"topic": "Hal 2"}),
        state("$4", "m.room.canonical_alias", {"alias": "#p:example.com", "alt_aliases": ["#q:example.com", 3]}),
        state("$5", "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}),
        state("$6", "m.room.history_visibility", {"history_visibility": "shared"}),
        state("$7", "m.room.tombstone", {"replacement_room": "!nieuw"}),
        state("$8", "m.space.child", {"via": ["example.com"]}, "!b"),
        state("$9", "m.space.child", {"via": ["example.com"]}, "!a"),
        state("$10", "m.space.child", {}, "!c"),
        state("$11", "m.space.parent", {"via": ["example.com"]}, "!ouder"),
        state("$12", "m.room.name", {"name": "van een ander"}, "met sleutel"),
    )
    everything = (
        "SELECT type, version, creator, name, topic, canonical_alias, alt_aliases, encryption, history_visibility, "
        "predecessor, successor, parents, children FROM room"
    )
    assert await rows(db, everything) == [
        (
            *("m.space", "12", ANNA, "Productie", "Hal 2", "#p:example.com", ["#q:example.com"]),
            *("m.megolm.v1.aes-sha2", "shared", OTHER, "!nieuw", ["!ouder"], ["!a", "!b"]),
        )
    ]
    await archive(db, arrival(state("$13", "m.room.name", {"name": "van vroeger"}), before_seq=1, before_sub=-1))
    assert await rows(db, "SELECT name FROM room") == [("Productie",)]
    await archive(db, redaction("$14", "$2"))
    assert await rows(db, "SELECT name FROM room") == [(None,)]


async def test_encrypted_events_that_were_read(db: Db) -> None:
    cipher = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA"}
    outside = {"m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}}
    inside = {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$1", "key": "👍"}}
    await archive(db, *(event(f"${n}", "m.room.encrypted", cipher) for n in (1, 3, 4, 5, 6)))
    await archive(db, event("$2", "m.room.encrypted", {**cipher, **outside}))
    assert await rows(db, "SELECT count(*) FROM message") == [(5,)]
    await archive(
        db,
        payload("$1", "m.room.message", {"msgtype": "m.text", "body": "geheim"}),
        payload("$2", "m.room.message", {"body": "* x", "m.new_content": {"msgtype": "m.text", "body": "later"}}),
        payload("$3", "m.reaction", inside),
        payload("$4", "m.room.message", {"msgtype": "m.text", "body": "van elders"}, room=OTHER),
        payload("$5", "m.room.redaction", {"redacts": "$1"}),
        payload("$7", "m.room.message", {"msgtype": "m.text", "body": "eerder dan de envelop"}),
    )
    await archive(db, event("$7", "m.room.encrypted", cipher))
    assert await rows(db, "SELECT event_id, body, type FROM message ORDER BY event_id") == [
        ("$1", "geheim", "m.room.message"),
        ("$4", None, "m.room.encrypted"),
        ("$6", None, "m.room.encrypted"),
        ("$7", "eerder dan de envelop", "m.room.message"),
    ]
    assert await edits_of(db, "$1") == ["later"]
    assert await rows(db, "SELECT event_id, decrypted FROM event WHERE encrypted ORDER BY event_id") == [
        *(("$1", True), ("$2", True), ("$3", True), ("$4", False), ("$5", True), ("$6", False), ("$7", True))
    ]
    async with db.connection() as connection:
        assert [one.key for one in await messages.reactions_of(connection, ["$1"])] == ["👍"]
        assert await messages.hidden(connection, ["$1"]) == set()


async def test_the_latest_public_receipt_holds(db: Db) -> None:
    def receipt(event_id: str, said: object) -> dict[str, Any]:
        return {"type": "m.receipt", "room_id": ROOM, "content": {event_id: said}}

    what = [
        receipt("$2", {"m.read": {BAS: {"ts": 2000}}, "m.read.private": {CORA: {"ts": 1}}}),
        receipt("$1", {"m.read": {BAS: {"ts": 1000}, CORA: {"ts": 5}}}),
        receipt("$1", {"m.read": {BAS: {"ts": 3000, "thread_id": "main"}}}),
        {"type": "com.example.ephemeral", "room_id": ROOM, "content": {"$9": {"m.read": {BAS: {"ts": 9000}}}}},
    ]
    await archive(db, *(arrival(one, "ephemeral") for one in what))
    assert await rows(db, "SELECT user_id, thread_id, event_id FROM receipt ORDER BY user_id, thread_id") == [
        (BAS, "", "$2"),
        (BAS, "main", "$1"),
        (CORA, "", "$1"),
    ]
