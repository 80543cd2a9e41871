"""Writes an archive by hand: the rows that the recorder makes, without the recorder."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bridge.storage import inbox
from bridge.storage.inbox import Arrival

if TYPE_CHECKING:
    from bridge.storage.db import Connection, Db

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ROOM, OTHER = "!algemeen", "!directie"
ANNA, BAS = "@anna:example.com", "@bas:example.com"


class Scribe:
    """Each event is sent a minute after the one before it, and gets the id `$1`, `$2`, ..."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self.now = START
        self._numbers = itertools.count(1)

    async def event(
        self,
        type: str,  # noqa: A002 (the word of the specification)
        content: dict[str, Any],
        *,
        room: str = ROOM,
        sender: str = ANNA,
        relation: tuple[str | None, str] | None = None,
        state_key: str | None = None,
        encrypted: bool = False,
        **row: Any,
    ) -> str:
        """An event, and one row more when `row` names its `table`."""
        event_id = f"${next(self._numbers)}"
        self.now += timedelta(minutes=1)
        raw = {"event_id": event_id, "type": type, "room_id": room, "sender": sender, "content": content}
        table = row.pop("table", None)
        rel_type, target = relation or (None, None)
        async with self.db.tx() as tx:
            await inbox.append(tx, [Arrival("event", event_id, room, type, json.dumps(raw).encode())])
            seq = await inbox.head(tx)
            event = {
                "event_id": event_id, "seq": seq, "ord": seq, "sub": 0, "room_id": room, "sender": sender, "type": type,
                "state_key": state_key, "sent_at": self.now, "rel_type": rel_type, "target_id": target,
                "encrypted": encrypted, "decrypted": False,
            }  # fmt: skip
            await insert(tx, "event", event)
            if table is not None:
                own = {"event_id": event_id, "room_id": room, "sender": sender, "sent_at": self.now, **row}
                if table in ("message", "revision"):
                    own |= {"ord": seq, "sub": 0, "type": type}
                await insert(tx, table, own)
        return event_id

    async def message(self, body: str | None, **more: Any) -> str:
        """A text."""
        content = {"msgtype": "m.text", "body": body}
        return await self.event("m.room.message", content, table="message", msgtype="m.text", body=body, **more)

    async def edit(self, target: str, body: str, **more: Any) -> str:
        """A later text."""
        content = {"m.new_content": {"body": body}}
        relation = ("m.replace", target)
        return await self.event(
            "m.room.message", content, relation=relation, table="revision", target_id=target, body=body, **more
        )

    async def reaction(self, target: str, key: str, **more: Any) -> str:
        """A reaction."""
        relation = ("m.annotation", target)
        return await self.event(
            "m.reaction", {"key": key}, relation=relation, table="reaction", target_id=target, key=key, **more
        )

    async def redaction(self, target: str, reason: str | None = None, **more: Any) -> str:
        """The removal of an event."""
        return await self.event(
            "m.room.redaction",
            {"reason": reason},
            relation=(None, target),
            table="redaction",
            target_id=target,
            reason=reason,
            received_at=self.now,
            **more,
        )

    async def file(self, event_id: str, name: str, *, room: str = ROOM, **media: Any) -> None:
        """An attachment, with its row in `media` when there is anything to say about it."""
        media_id = f"mxc://example.com/{event_id[1:]}{name.replace('.', '')}"
        async with self.db.tx() as tx:
            attachment = {"event_id": event_id, "n": 0, "room_id": room, "media_id": media_id, "kind": "file"}
            await insert(tx, "attachment", {**attachment, "name": name, "mimetype": "text/plain", "declared_size": 5})
            if media:
                await insert(tx, "media", {"media_id": media_id, "mxc": media_id, **media})

    async def execute(self, statement: str, *values: Any) -> None:
        """Anything else."""
        async with self.db.connection() as connection:
            await connection.execute(statement, *values)


async def insert(tx: Connection, table: str, row: dict[str, Any]) -> None:
    """One row."""
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await tx.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())  # noqa: S608
