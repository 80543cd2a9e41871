"""Random histories, exported for somebody who was in the room for a part of it: nothing that came before or after."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.archive import export_html
from bridge.archive.export import Selection, batches
from bridge.archive.export_html import Look
from bridge.archive.export_output import NoFiles
from bridge.archive.export_words import EN
from bridge.storage.db import Db, open_db
from bridge.storage.export import snapshot
from tests.storage.desk import file
from tests.storage.post import ROOM, archive, edit, event, member, message, reaction, redaction
from tests.storage.stories import PEOPLE, access, told
from tests.storage.test_export_property import STEPS, Step, record, token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BAS = PEOPLE["bas"]
LOOK = Look(EN, ZoneInfo("Europe/Amsterdam"), datetime(2026, 3, 2, 8, tzinfo=UTC))


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as db:
        yield db


async def exported(db: Db, room_id: str) -> tuple[str, str]:
    """For Bas, as lines and as a page."""
    async with snapshot(db) as tx:
        readable = await access().for_room(tx, BAS, room_id)
        selection = Selection((room_id,))
        lines = [batch.lines async for batch in batches(tx, selection, NoFiles(), readable)]
        pieces = [batch.lines async for batch in export_html.batches(tx, selection, NoFiles(), LOOK, readable)]
    return b"".join(lines).decode(), b"".join(pieces).decode()


def state(event_id: str, kind: str, content: dict[str, Any], key: str = "") -> dict[str, Any]:
    plain = {"event_id": event_id, "type": kind, "room_id": "!a", "sender": BAS, "origin_server_ts": 1_772_000_000_000}
    return {**plain, "state_key": key, "content": content}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=1, max_size=12), st.integers(0, 12), st.integers(0, 12))
async def test_nothing_from_outside_of_a_stay(db: Db, steps: list[Step], one: int, other: int) -> None:
    joins, leaves = sorted((min(one, len(steps)), min(other, len(steps))))
    said = [step.raw(number, len(steps)) for number, step in enumerate(steps)]
    begun = [
        state("$create", "m.room.create", {}),
        state("$history", "m.room.history_visibility", {"history_visibility": "joined"}),
    ]
    join = state("$join", "m.room.member", {"membership": "join"}, BAS)
    leave = state("$leave", "m.room.member", {"membership": "leave"}, BAS)
    await record(db, [*begun, *said[:joins], join, *said[joins:leaves], leave, *said[leaves:]])

    lines, page = await exported(db, "!a")

    inside = {event["event_id"] for event in said[joins:leaves] if event["room_id"] == "!a"}
    removed = {event["content"].get("redacts") for event in said if event["room_id"] == "!a"}
    for number, event_ in enumerate(said):
        text, step = token(number), steps[number]
        if event_["event_id"] not in inside:
            assert text not in lines
            assert export_html.text(text) not in page
        elif event_["event_id"] not in removed and step.kind in {"text", "vote", "state"}:
            assert text in lines
            assert (export_html.text(text) in page) == (step.kind == "text")
    ids = [line["event_id"] for line in map(json.loads, lines.splitlines())]
    assert len(ids) == len(set(ids))
    assert set(ids) <= inside | {"$create", "$history", "$join", "$leave"}


async def test_what_came_after_leaving_is_not_there_but_its_effect_when_it_removes(db: Db) -> None:
    await archive(
        db,
        *told("begin, history joined, anna join, bas join, een, twee, bas leave"),
        redaction("r", "een", minute=20),
        edit("e", "twee", "later", minute=21),
        reaction("x", "twee", "👍", minute=22),
    )
    lines, page = await exported(db, ROOM)
    found = {line["event_id"]: line for line in map(json.loads, lines.splitlines())}
    assert found["een"]["redacted"] == {"by": None, "at": None, "reason": None}
    assert found["een"]["body"] is None
    assert (found["twee"]["body"], found["twee"]["edits"], found["twee"]["reactions"]) == ("twee", [], [])
    assert not {"r", "e", "x"} & found.keys()
    assert "removed" in page
    assert "later" not in page


async def test_the_page_has_names_of_that_time_people_and_files(db: Db) -> None:
    outer = {"sender": BAS}
    await archive(
        db,
        event("c", "m.room.create", {}, state_key=""),
        event("n", "m.room.name", {"name": "Werk & <plaats>"}, state_key=""),
        member("b1", BAS, "join", "Bas", minute=1, **outer),
        message("$1", "een", minute=2, **outer),
        member("b2", BAS, "join", "Bas (ziek)", minute=3, **outer),
        edit("$2", "$1", "een, beter", minute=4, **outer),
        file("$3", "offerte.txt", minute=5, **outer),
    )
    _, page = await exported(db, ROOM)
    assert "<h1>Archive of Werk &amp; &lt;plaats&gt;</h1>" in page
    assert "<b><bdi>Bas</bdi></b> <time>09:02</time>" in page
    assert "<b><bdi>Bas (ziek)</bdi></b> <time>09:05</time>" in page
    assert "People: <bdi>Bas (ziek)</bdi> (2)" in page
    assert "Messages: 2, from 2 March 2026 09:02 to 2 March 2026 09:05" in page
    assert "een, beter" in page
    assert "<bdi>offerte.txt</bdi> (1.2 kB) not in the archive" in page
    assert "jsonl: 4" in page
    assert page.startswith("<!doctype html>")
    assert page.endswith("</body></html>\n")
