"""The service of search: what it finds, for whom, and what it says with it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive.access import AuditRefusedError
from bridge.search.excerpt import plain
from bridge.search.results import BusyError
from bridge.search.service import NotInRoomError
from bridge.storage.db import open_db
from tests.storage.finder import finder, ids, seeker
from tests.storage.post import OTHER, ROOM, archive, edit, event, member, message, redaction, rows
from tests.storage.searching import index
from tests.storage.stories import PEOPLE, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.storage.db import Db

ROOM_OF_THREE = "begin, name Kantoor, anna join, bas join, cora join"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as opened:
        yield opened


async def test_newest_first_with_all_that_is_shown(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(f"{ROOM_OF_THREE}, de offerte is klaar, iets anders, een offerte van gisteren"))
    await archive(db, member("$new", PEOPLE["anna"], "join", "Anna Bakker"))
    await archive(db, message("$last", "Offertes!", sender=PEOPLE["anna"], minute=30))
    async with finder(db, tmp_path) as search:
        found = await search.find(seeker("bas"), "offerte")
    assert ids(found) == ["$last", "een offerte van gisteren", "de offerte is klaar"]
    assert (found.total, found.next, found.problems, found.notes) == (3, None, (), ())
    assert (found.standing.ready, found.standing.behind, found.standing.percent) == (True, 0, None)
    first = found.hits[0]
    assert (first.room_id, first.room_name) == (ROOM, "Kantoor")
    assert (first.sender, first.sender_name) == (PEOPLE["anna"], "Anna Bakker")
    assert first.excerpt == (("Offertes", True), ("!", False))
    assert first.link == "https://matrix.to/#/!algemeen:example.com/$last?via=example.com"
    assert not first.encrypted


async def test_pages(db: Db, tmp_path: Path) -> None:
    said = ", ".join(f"bericht {number} kozijn" for number in range(25))
    await archive(db, *told(f"{ROOM_OF_THREE}, {said}"))
    async with finder(db, tmp_path) as search:
        for line, order in (("kozijn", range(24, -1, -1)), ("kozijn sorteer:oud", range(25))):
            seen: list[str] = []
            after = None
            for size in (10, 10, 5):
                page = await search.find(seeker("anna"), line, after=after)
                assert (len(page.hits), page.total) == (size, 25)
                seen += ids(page)
                after = page.next
            assert after is None
            assert seen == [f"bericht {number} kozijn" for number in order]
        by_relevance: list[str] = []
        after = None
        for _ in range(3):
            page = await search.find(seeker("anna"), "kozijn sorteer:relevant", after=after)
            by_relevance += ids(page)
            after = page.next
        assert after is None
        assert sorted(by_relevance) == sorted(seen)


async def test_many_are_not_counted_to_the_end(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(ROOM_OF_THREE))
    await archive(db, *(message(f"$m{number}", "kozijn", minute=10) for number in range(101)))
    async with finder(db, tmp_path) as search:
        assert (await search.find(seeker("anna"), "kozijn")).total is None
        await archive(db, redaction("$r", "$m0", minute=11))
        await index(db, tmp_path)
        found = await search.find(seeker("anna"), "kozijn", limit=100)
    assert (found.total, len(found.hits), found.next) == (100, 100, None)


async def test_the_text_that_stands_now(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(f"{ROOM_OF_THREE}, een offerte"), edit("$edit", "een offerte", "een factuur", minute=20))
    async with finder(db, tmp_path) as search:
        assert ids(await search.find(seeker("bas"), "offerte")) == []
        (hit,) = (await search.find(seeker("bas"), "factuur")).hits
    assert (plain(hit.excerpt), hit.edited) == ("een factuur", True)


async def test_in_the_text_of_a_file(db: Db, tmp_path: Path) -> None:
    content = {
        "msgtype": "m.file",
        "body": "offerte.pdf",
        "url": "mxc://example.com/a",
        "info": {"size": 1234, "mimetype": "application/pdf"},
    }
    await archive(db, *told(ROOM_OF_THREE), event("$file", "m.room.message", content, minute=20))
    text = "niets " * 2000 + "de levertijd is zes weken " + "niets " * 500
    await rows(db, "INSERT INTO media (media_id, mxc, state, sha256) VALUES ($1, $1, 'stored', 'abc')", content["url"])
    await rows(db, "INSERT INTO extracted (sha256, state, text) VALUES ('abc', 'done', $1)", text)
    async with finder(db, tmp_path) as search:
        (hit,) = (await search.find(seeker("bas"), "levertijd")).hits
        assert hit.in_file
        assert ("levertijd", True) in hit.excerpt
        assert hit.file is not None
        assert (hit.file.name, hit.file.size, hit.file.mimetype) == (
            (("offerte.pdf", False),),
            1234,
            "application/pdf",
        )
        found = await search.find(seeker("bas"), "offerte")
        assert [(one.in_file, one.kind) for one in found.hits] == [(False, "file")]
        assert found.hits[0].file is not None
        assert found.hits[0].file.name == (("offerte", True), (".pdf", False))


async def test_mistakes_in_the_line_are_told(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(f"{ROOM_OF_THREE}, een offerte"))
    async with finder(db, tmp_path) as search:
        found = await search.find(seeker("bas"), "vann:anna offerte van:niemand")
        assert [(one.key, one.got) for one in found.problems] == [("unknown_operator", "vann")]
        assert [(one.key, one.got) for one in found.notes] == [("nobody", "niemand")]
        for nothing in ("", "   ", "-", '""', "()"):
            assert (await search.find(seeker("bas"), nothing)).asks_nothing


async def test_what_was_said_just_now_is_waited_for(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(f"{ROOM_OF_THREE}, een offerte"))
    async with finder(db, tmp_path) as search:
        await archive(db, *told("kozijnen"))
        search._patience = 60.0
        found, _ = await asyncio.gather(search.find(seeker("bas"), "kozijn"), index(db, tmp_path))
        search._patience = 0.1
        assert (ids(found), found.standing.behind) == (["kozijnen"], 0)
        await archive(db, *told("sloten"))
        assert (await search.find(seeker("bas"), "offerte")).standing.behind == 1
        found = await search.find(seeker("bas"), "slot")
        assert (ids(found), found.standing.behind) == ([], 1)


async def test_without_an_index(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(f"{ROOM_OF_THREE}, een offerte"))
    async with finder(db, tmp_path / "search") as search:
        search.index.close()
        (tmp_path / "search" / "current").unlink()
        found = await search.find(seeker("bas"), "offerte")
    assert (ids(found), found.standing.ready) == ([], False)


async def test_a_search_that_takes_too_long(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(f"{ROOM_OF_THREE}, een offerte"))
    async with finder(db, tmp_path) as search:
        search._seconds = 0.0
        with pytest.raises(BusyError):
            await search.find(seeker("bas"), "offerte")


async def test_another_room_is_not_found_and_does_not_count(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(f"{ROOM_OF_THREE}, een offerte"))
    await archive(db, *told("begin 2, cora join 2, geheime offerte", OTHER))
    async with finder(db, tmp_path) as search:
        for who, seen in (("anna", ["een offerte"]), ("cora", ["een offerte", "geheime offerte"]), ("vreemde", [])):
            for line in ("offerte", "*", "in:directie offerte", "van:cora"):
                found = await search.find(seeker(who), line)
                assert set(ids(found)) <= set(seen), (who, line)
                assert (found.total or 0) <= len(seen)
            assert sorted(ids(await search.find(seeker(who), "offerte"))) == seen


async def test_who_joined_later_and_who_left(db: Db, tmp_path: Path) -> None:
    story = "begin, history joined, anna join, offerte een, bas join, offerte twee, bas leave, offerte drie"
    await archive(db, *told(story), edit("$edit", "offerte twee", "offerte vier", minute=20))
    async with finder(db, tmp_path) as search:
        found = await search.find(seeker("bas"), "offerte")
        assert ids(found) == ["offerte twee"]
        assert found.total == 1
        assert plain(found.hits[0].excerpt) == "offerte twee"
        assert ids(await search.find(seeker("bas"), "vier")) == []
        assert [plain(hit.excerpt) for hit in (await search.find(seeker("anna"), "vier")).hits] == ["offerte vier"]


async def test_who_left_does_not_learn_the_new_name_of_the_room(db: Db, tmp_path: Path) -> None:
    await archive(db, *told("begin, name Oud, anna join, bas join, offerte een, bas leave, name Nieuw"))
    async with finder(db, tmp_path) as search:
        assert [hit.room_name for hit in (await search.find(seeker("bas"), "offerte")).hits] == [None]
        assert [hit.room_name for hit in (await search.find(seeker("anna"), "offerte")).hits] == ["Nieuw"]


async def test_what_was_removed_is_not_shown_even_before_the_index_knows(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(f"{ROOM_OF_THREE}, offerte een, offerte twee"))
    async with finder(db, tmp_path) as search:
        await archive(db, redaction("$r", "offerte een", minute=20))
        found = await search.find(seeker("bas"), "offerte")
        assert (ids(found), found.total, found.next) == (["offerte twee"], 1, None)
        await index(db, tmp_path)
        assert ids(await search.find(seeker("bas"), "offerte")) == ["offerte twee"]
        assert ids(await search.find(seeker("anna", purpose="melding 3"), "offerte sorteer:oud")) == [
            "offerte een",
            "offerte twee",
        ]


async def test_for_everybody_in_a_room(db: Db, tmp_path: Path) -> None:
    await archive(db, *told("begin, history joined, anna join, bas join, offerte een, cora join, offerte twee"))
    await archive(db, *told("begin 2, anna join 2, bas join 2, cora join 2, offerte elders", OTHER))
    async with finder(db, tmp_path) as search:
        assert ids(await search.find(seeker("anna", ROOM), "offerte")) == ["offerte twee"]
        assert len(ids(await search.find(seeker("anna"), "offerte"))) == 3
        with pytest.raises(NotInRoomError):
            await search.find(seeker("gast", ROOM), "offerte")


async def test_an_auditor_needs_a_purpose_and_is_written_down(db: Db, tmp_path: Path) -> None:
    await archive(db, *told("begin, bas join, offerte een"))
    async with finder(db, tmp_path) as search:
        assert ids(await search.find(seeker("anna"), "offerte")) == []
        assert ids(await search.find(seeker("anna", purpose=" melding 3 "), "offerte")) == ["offerte een"]
        for who, purpose in (("anna", " "), ("bas", "nieuwsgierig")):
            with pytest.raises(AuditRefusedError):
                await search.find(seeker(who, purpose=purpose), "offerte")
    audited = await rows(db, "SELECT who, what, purpose, detail::text FROM audit")
    assert [(*one[:3], json.loads(one[3])) for one in audited] == [
        (PEOPLE["anna"], "search", "melding 3", {"line": "offerte", "after": None})
    ]


async def test_what_is_said_to_our_bots_is_only_found_when_asked_for(db: Db, tmp_path: Path) -> None:
    bot = PEOPLE["postkamer"]

    def says(event_id: str, body: str, reply: str | None = None, **outer: Any) -> dict[str, Any]:
        relates = {"m.relates_to": {"m.in_reply_to": {"event_id": reply}}} if reply else {}
        content = {"msgtype": "m.notice", "body": body, **relates}
        return event(event_id, "m.room.message", content, sender=bot, minute=30, **outer)

    await archive(
        db,
        *told(f"{ROOM_OF_THREE}, postkamer join, een offerte, !zoek offerte, ! Search: offerte, !offerte"),
        says("$answer", "Gevonden: een offerte", reply="!zoek offerte"),
        says("$hook", "Nieuwe offerte van de website"),
    )
    await archive(db, *told("begin 2, anna join 2, postkamer join 2, zoek offerte", OTHER))
    await rows(
        db,
        "INSERT INTO bot_room (room_id, user_id, membership, seq, direct) VALUES ($1, $2, 'join', 1, true)",
        OTHER,
        bot,
    )
    async with finder(db, tmp_path) as search:
        assert ids(await search.find(seeker("anna"), "offerte")) == ["$hook", "!offerte", "een offerte"]
        assert ids(await search.find(seeker("anna"), "offerte van:@postkamer:example.com")) == ["$hook", "$answer"]
        assert "zoek offerte" in ids(await search.find(seeker("anna"), f"offerte in:{OTHER}"))
        assert len(ids(await search.find(seeker("anna", purpose="x"), "offerte"))) == 7


async def test_what_could_not_be_searched(db: Db, tmp_path: Path) -> None:
    encryption = event("$enc", "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}, state_key="", minute=9)
    await archive(db, *told("begin, anna join, bas leave"), encryption)
    locked = [event(f"$l{number}", "m.room.encrypted", {}, minute=10) for number in range(3)]
    file = {"msgtype": "m.file", "body": "a.pdf", "url": "mxc://example.com/a"}
    bad = {"msgtype": "m.file", "body": "b.pdf", "url": "mxc://example.com/b"}
    await archive(
        db,
        *locked,
        event("$f", "m.room.message", file, minute=11),
        event("$b", "m.room.message", bad, minute=11),
        redaction("$r", "$l2", minute=12),
    )
    for number in range(3):
        await rows(
            db,
            "INSERT INTO undecrypted (event_id, seq, room_id, session_id) VALUES ($1, $2, $3, 's')",
            f"$l{number}",
            number,
            ROOM,
        )
    await rows(db, "INSERT INTO media (media_id, mxc, state) VALUES ($1, $1, 'too_large')", bad["url"])
    async with finder(db, tmp_path) as search:
        found = await search.lacking(seeker("anna"))
        assert found == (1, 2, 0, 1, 1)
        assert await search.lacking(seeker("bas")) == (0, 0, 0, 0, 0)
        await archive(db, *told("postkamer join"))
        assert await search.lacking(seeker("anna")) == (0, 0, 2, 1, 1)
