"""What Synapse has written down and forgotten to send comes after the next outage, of which we make one."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from bridge.app import application
from bridge.matrix import held_back
from bridge.storage import inbox
from bridge.storage.db import open_db
from tests.real.client import logged_in
from tests.waiting import until

if TYPE_CHECKING:
    import pytest

    from bridge.storage.db import Db
    from tests.real.server import Installation


async def holds(db: Db, *event_ids: str) -> bool:
    async with db.connection() as connection:
        return len(await inbox.by_key(connection, "event", event_ids)) == len(event_ids)


async def test_what_the_homeserver_holds_back(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_back, "QUIET_SECONDS", 0.0)
    synapse = installation.synapse
    async with (
        open_db(installation.database_url, size=2) as db,
        logged_in(synapse, "anna") as (anna,),
    ):
        async with application(installation.config):
            room_id = await anna.create_room("Werkplaats")
            lost = await anna.say(room_id, "dit raakt kwijt")
            await until(lambda: holds(db, lost))
        async with db.tx() as tx:
            await tx.execute("DELETE FROM inbox WHERE key = $1", lost)
        with sqlite3.connect(synapse.local.directory / "homeserver.db", timeout=30) as theirs:
            row = (synapse.appservice.id, 0, json.dumps([lost]))
            theirs.execute("INSERT INTO application_services_txns (as_id, txn_id, event_ids) VALUES (?, ?, ?)", row)
        async with application(installation.config):
            refused = await anna.say(room_id, "en verder")
            await until(lambda: holds(db, lost, refused))
