"""Whatever is typed: an answer, or what is wrong with it; and nothing that is not the asker's."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.search.proposals import proposals
from bridge.search.query import Note, Problem
from bridge.search.words import OPERATORS, SORTS, STATES, THINGS
from bridge.storage.db import open_db
from tests.storage.finder import finder, seeker
from tests.storage.post import OTHER, ROOM, archive, edit, event, member, reaction, redaction
from tests.storage.stories import PEOPLE, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.search.service import Search

BATCH, BATCHES = 40, 250  # 10,000 lines
WORDS = [
    "offerte",
    "offertes",
    "kozijn",
    "een",
    "de",
    "PO-2026/114",
    "C++",
    "foo_bar",
    "0612345678",
    "NL91ABNA0417164300",
    "café",
    "ﬁets",
    "🎉",
    "mij",
    "me",
    "anna",
    "bas",
    "kantoor",
    "directie",
    "gisteren",
    "vandaag",
    "yesterday",
    "2026-03-02",
    "02-03-2026",
    "2026-01..2026-03",
    "juli",
    "30d",
    "2w",
    "1y",
    "10M",
    "3K",
    "pdf",
    ":+1:",
    "👍",
    "$een",
    "@anna:example.com",
    "#kantoor:example.com",
    "!algemeen:example.com",
    "https://matrix.to/#/!algemeen:example.com/$een",
    "AROUND",
    "OR",
    "OF",
    "AND",
    "EN",
    "5",
    "(",
    ")",
    "{",
    "}",
    '"',
    "“",
    "”",
    "«",
    "-",
    "--",
    "+",
    "*",
    "**",
    ":",
    "#x",
    "#",
    "a*",
    "*b",
    "*c*",
    "%",
    "_",
    "\\",
    "'",
    ";",
    "<",
    ">",
    "&",
    "|",
    "~",
    "^",
    "?",
    "=",
    "\x00",
    "�",
    "\u202e",
    "\u200b",
]
operators = st.sampled_from([f"{word}:" for words in OPERATORS.values() for word in words])
values = st.sampled_from([word for table in (THINGS, STATES, SORTS) for words in table.values() for word in words])
pieces = st.sampled_from(WORDS) | operators | values | st.text(max_size=8)
lines = st.lists(pieces, max_size=9).flatmap(
    lambda some: st.sampled_from([" ", "", "  "]).map(lambda glue: glue.join(some))
)
KEYS = {*get_args(get_type_hints(Problem)["key"]), *get_args(get_type_hints(Note)["key"])}


@pytest.fixture
async def search(database_url: str, tmp_path: Path) -> AsyncIterator[Search]:
    async with open_db(database_url, size=4) as db:
        file = {"msgtype": "m.file", "body": "offerte.pdf", "url": "mxc://example.com/a", "info": {"size": 9}}
        await archive(
            db,
            *told("begin, name Kantoor, anna join, bas join, een, offerte PO-2026/114, C++ café foo_bar 🎉, weg"),
            member("$name", PEOPLE["anna"], "join", "Anna Bakker", minute=20),
            event("$file", "m.room.message", file, minute=21),
            edit("$edit", "een", "een kozijn #x bel 06 12345678", minute=22),
            reaction("$like", "een", "👍", minute=23),
            redaction("$gone", "weg", minute=24),
        )
        await archive(db, *told("begin 2, name Directie, cora join 2, geheime offerte", OTHER))
        async with finder(db, tmp_path) as made:
            yield made


@settings(max_examples=BATCHES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(some=st.lists(lines, min_size=BATCH, max_size=BATCH))
async def test_ten_thousand_lines(search: Search, some: list[str]) -> None:
    for line in some:
        found = await search.find(seeker("bas"), line)
        assert all(hit.room_id == ROOM and hit.event_id != "weg" and not hit.removed for hit in found.hits), line
        assert found.total is not None
        assert len(found.hits) == min(found.total, 10)
        assert {*(one.key for one in found.problems), *(one.key for one in found.notes)} <= KEYS
        for problem in found.problems:
            assert 0 <= problem.place.start <= problem.place.end <= len(line)
        if found.asks_nothing:
            assert not found.hits
    other = await proposals(search, seeker("bas"), some[0])
    assert all("geheim" not in one.line or "geheim" in some[0] for one in other)
