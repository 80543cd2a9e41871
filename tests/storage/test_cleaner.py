"""What is forgotten, and what is not."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bridge.engine.cleaner import UNSENT, Cleaner
from bridge.storage import outbox
from bridge.storage.db import open_db
from bridge.storage.outbox import NewPost

if TYPE_CHECKING:
    from pathlib import Path

BOT = "@postkamer:x"
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def made(path: Path, age: timedelta) -> Path:
    path.write_text("{}")
    os.utime(path, times=((NOW - age).timestamp(), (NOW - age).timestamp()))
    return path


async def test_files_that_nobody_will_send_are_deleted(database_url: str, tmp_path: Path) -> None:
    async with open_db(database_url, size=2) as db:
        await Cleaner(db, tmp_path / "nowhere", [BOT]).clean(NOW)
        fresh = made(tmp_path / "fresh.html", UNSENT / 2)
        old = made(tmp_path / "old.html.part", UNSENT * 2)
        due = made(tmp_path / "due.html", UNSENT * 20)
        file = json.dumps({"path": str(due), "name": "due.html", "mimetype": "text/html"})
        async with db.tx() as tx:
            post = NewPost("t", "$1", BOT, "!a", None, sealed=False, type="m.room.message", content="{}")
            await outbox.add(tx, [post._replace(file=file)])
        await Cleaner(db, tmp_path, [BOT]).clean(NOW)
        assert sorted(tmp_path.iterdir()) == [due, fresh]
        assert not old.exists()
