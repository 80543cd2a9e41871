"""What the recorder keeps for the access rule, and that nobody can hide or forge it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from bridge.archive.pruning import pruned
from bridge.storage import inbox
from bridge.storage.inbox import Arrival
from bridge.storage.readable import FIRST
from tests.storage.post import (
    ANNA,
    BAS,
    OTHER,
    ROOM,
    archive,
    arrival,
    event,
    fresh_db,
    member,
    message,
    payload,
    record,
    redaction,
    rows,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.db import Db
    from tests.postgres import Databases

DEEP = "[" * 5_000 + "]" * 5_000


@pytest.fixture
async def db(databases: Databases) -> AsyncIterator[Db]:
    async with fresh_db(databases) as db:
        yield db


def history(event_id: str, setting: Any, **outer: Any) -> dict[str, Any]:
    content = {"history_visibility": setting}
    return event(event_id, "m.room.history_visibility", content, **{"state_key": "", **outer})


async def settings(db: Db, room: str = ROOM) -> list[tuple[object, ...]]:
    query = (
        "SELECT h.event_id, h.visibility, n.event_id FROM history_visibility h LEFT JOIN history_visibility n "
        "ON n.room_id = h.room_id AND (n.ord, n.sub) = (h.to_ord, h.to_sub) WHERE h.room_id = $1 ORDER BY h.ord, h.sub"
    )
    return await rows(db, query, room)


async def test_settings_of_history_over_time(db: Db) -> None:
    await archive(
        db,
        history("$2", "joined"),
        history("$3", "world_readable"),
        history("$4", ["shared"]),
        history("$5", "invited", state_key="x"),
        history("$6", "invited", room_id=OTHER),
    )
    assert await settings(db) == [("$2", "joined", "$3"), ("$3", "world_readable", "$4"), ("$4", "shared", None)]
    older = [event("$1", "m.room.create", {}, state_key=""), history("$1b", "invited")]
    await archive(db, *(arrival(one, before_seq=1, before_sub=n - 9) for n, one in enumerate(older)))
    assert (await settings(db))[:2] == [("$1", "shared", "$1b"), ("$1b", "invited", "$2")]
    assert await rows(db, "SELECT ord, sub FROM history_visibility WHERE event_id = '$1'") == [FIRST]
    assert await settings(db, OTHER) == [("$6", "invited", None)]


async def test_a_removed_setting_or_membership_still_counts(db: Db) -> None:
    await archive(db, history("$1", "joined"), member("$2", BAS, "join", "Bas"))
    await archive(db, redaction("$3", "$1"), redaction("$4", "$2"))
    for _ in ("removed", "erased"):
        assert await settings(db) == [("$1", "joined", None)]
        assert await rows(db, "SELECT membership, display_name FROM membership") == [("join", None)]
        async with db.tx() as tx:
            for row in await inbox.by_key(tx, "event", ["$1", "$2"]):
                await inbox.erase(tx, row.kind, row.key, pruned(row))
            await tx.execute("UPDATE consumer SET position = 0")
        await record(db)


async def test_nobody_makes_unreadable_what_others_must_know(db: Db) -> None:
    def with_deep_content(what: dict[str, Any]) -> Arrival:
        raw = json.dumps(what).replace('"content": {', f'"content": {{"x": {DEEP}, ')
        return Arrival("event", what["event_id"], ROOM, what["type"], raw.encode())

    await archive(db, message("$1", "weg"), member("$2", BAS, "join"))
    await archive(
        db,
        with_deep_content(member("$3", BAS, "leave")),
        with_deep_content(history("$4", "joined")),
        with_deep_content(redaction("$5", "$1")),
    )
    assert await rows(db, "SELECT membership FROM membership WHERE to_ord IS NULL") == [("leave",)]
    assert await settings(db) == [("$4", "joined", None)]
    assert await rows(db, "SELECT target_id FROM redaction") == [("$1",)]
    assert await rows(db, "SELECT count(*) FROM set_aside") == [(0,)]


async def test_what_is_inside_of_an_encrypted_event_is_no_state(db: Db) -> None:
    await archive(db, history("$1", "joined"), event("$2", "m.room.encrypted", {}, state_key=""))
    await archive(db, event("$3", "m.room.encrypted", {}, state_key=ANNA))
    await archive(
        db,
        payload("$2", "m.room.history_visibility", {"history_visibility": "world_readable"}),
        payload("$3", "m.room.member", {"membership": "join"}),
    )
    assert await settings(db) == [("$1", "joined", None)]
    assert await rows(db, "SELECT count(*) FROM membership") == [(0,)]
