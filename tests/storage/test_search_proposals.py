"""Proposals for misspelt words: of the seeker's own messages, and of nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.search.proposals import distance, proposals
from bridge.storage.db import open_db
from tests.storage.finder import finder, seeker
from tests.storage.post import OTHER, ROOM, archive, redaction
from tests.storage.stories import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.storage.db import Db

STORY = "begin, anna join, bas join, de offerte is klaar, een offerte, kozijnen besteld, de offertes"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as opened:
        yield opened


@pytest.mark.parametrize(
    ("one", "other", "most", "found"),
    [
        ("offerte", "offerte", 1, 0),
        ("ofefrte", "offerte", 1, 1),
        ("offert", "offerte", 1, 1),
        ("offfertes", "offerte", 2, 2),
        ("fiets", "niets", 1, 1),
        ("abc", "xyz", 2, 3),
        ("", "ab", 2, 2),
        ("a", "abcd", 2, 3),
    ],
)
def test_how_far_words_are_apart(one: str, other: str, most: int, found: int) -> None:
    assert distance(one, other, most) == distance(other, one, most) == found


async def test_a_misspelt_word(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(STORY))
    async with finder(db, tmp_path) as search:

        async def proposed(line: str, who: str = "bas", room: str | None = None) -> list[tuple[str, str]]:
            return [(one.line, one.word) for one in await proposals(search, seeker(who, room), line)]

        assert await proposed("ofefrte") == [("offerte", "offerte")]
        assert ("van:anna Offerte", "offerte") not in await proposed("van:anna Offerte")
        assert await proposed("van:anna +Oferte") == [("van:anna +offerte", "offerte")]
        assert await proposed("koziinen") == [("kozijnen", "kozijnen")]
        assert await proposed("kkoziinen besteld") == [("kozijnen besteld", "kozijnen")]
        assert await proposed("oferte", room=ROOM) == [("offerte", "offerte")]
        for nothing in ("offerte", "xyzzy", "ofefrte van:niemand", "iin", "-oferte besteld", "PO-123", ""):
            assert await proposed(nothing) == [], nothing


async def test_words_of_others_are_never_proposed(db: Db, tmp_path: Path) -> None:
    await archive(db, *told(STORY))
    await archive(db, *told("begin 2, cora join 2, het ontslag van piet, nog een geheimpje", OTHER))
    await archive(db, redaction("$r", "kozijnen besteld", minute=30))
    async with finder(db, tmp_path) as search:
        assert [one.word for one in await proposals(search, seeker("cora"), "onstlag")] == ["ontslag"]
        for who in ("anna", "bas", "vreemde"):
            for line in ("onstlag", "ontslga", "geheimpie", "koziinen"):
                assert not await proposals(search, seeker(who), line)
        assert not await proposals(search, seeker("anna", ROOM), "onstlag")
