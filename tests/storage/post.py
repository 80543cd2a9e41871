"""Events as a homeserver sends them, and the archive that comes of them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bridge.archive.consumer import Follower
from bridge.archive.recorder import Recorder
from bridge.storage import inbox
from bridge.storage.db import open_db
from bridge.storage.inbox import Arrival, digest_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from bridge.storage.db import Db
    from bridge.storage.inbox import Kind
    from tests.postgres import Databases

ROOM, OTHER = "!algemeen:example.com", "!directie:example.com"
ANNA, BAS, CORA = "@anna:example.com", "@bas:example.com", "@cora:example.com"
T0 = 1_772_438_400_000  # 2 March 2026, 8:00 UTC, in milliseconds

TABLES = {
    "event": "event_id, ord, sub, room_id, sender, type, state_key, sent_at, rel_type, target_id, encrypted, decrypted",
    "message": "*",
    "revision": "*",
    "reaction": "*",
    "redaction": "event_id, target_id, room_id, sender, reason, sent_at",
    "poll_vote": "*",
    "poll_end": "*",
    "attachment": "*",
    "room_state": "*",
    "room": "*",
    "membership": "*",
    "history_visibility": "*",
    "receipt": "*",
}


@asynccontextmanager
async def fresh_db(databases: Databases) -> AsyncIterator[Db]:
    """The pool on a database that nobody else uses."""
    async with databases.fresh() as url, open_db(url, size=4) as db:
        yield db


def event(event_id: str, kind: str, content: Any, **outer: Any) -> dict[str, Any]:
    """An event of Anna's; `minute` counts from T0, other arguments are members of the event."""
    sent_at = T0 + outer.pop("minute", 0) * 60_000
    plain = {"event_id": event_id, "type": kind, "room_id": ROOM, "sender": ANNA, "origin_server_ts": sent_at}
    return {**plain, "content": content, **outer}


def message(event_id: str, body: str, **outer: Any) -> dict[str, Any]:
    """A text; `relates` is `m.relates_to`."""
    relates = outer.pop("relates", None)
    content = {"msgtype": "m.text", "body": body} | ({"m.relates_to": relates} if relates else {})
    return event(event_id, "m.room.message", content, **outer)


def edit(event_id: str, target: str, body: str, **outer: Any) -> dict[str, Any]:
    """A later text."""
    new = {"msgtype": "m.text", "body": body}
    relates = {"rel_type": "m.replace", "event_id": target}
    content = {"msgtype": "m.text", "body": f"* {body}", "m.new_content": new, "m.relates_to": relates}
    return event(event_id, "m.room.message", content, **outer)


def reaction(event_id: str, target: str, key: str, **outer: Any) -> dict[str, Any]:
    """A reaction."""
    relates = {"rel_type": "m.annotation", "event_id": target, "key": key}
    return event(event_id, "m.reaction", {"m.relates_to": relates}, **outer)


def redaction(event_id: str, target: str, **outer: Any) -> dict[str, Any]:
    """A redaction, as in room version 11."""
    return event(event_id, "m.room.redaction", {"redacts": target, "reason": "vergissing"}, **outer)


def member(event_id: str, user: str, membership: str, name: str = "", **outer: Any) -> dict[str, Any]:
    """A change of membership."""
    content = {"membership": membership} | ({"displayname": name} if name else {})
    return event(event_id, "m.room.member", content, state_key=user, **outer)


def arrival(what: dict[str, Any], kind: Kind = "event", **place: int) -> Arrival:
    """What the homeserver sends, as it is put into the inbox."""
    raw = json.dumps(what).encode()
    key = what["event_id"] if kind == "event" else digest_key(raw)
    return Arrival(kind, key, what.get("room_id"), what.get("type"), raw, **place)


def payload(event_id: str, kind: str, content: Any, room: str = ROOM) -> Arrival:
    """What was inside an encrypted event."""
    raw = json.dumps({"type": kind, "content": content, "room_id": room}).encode()
    return Arrival("decrypted", event_id, room, kind, raw)


async def receive(db: Db, *what: dict[str, Any] | Arrival) -> None:
    """Put events into the inbox."""
    async with db.tx() as tx:
        await inbox.append(tx, [one if isinstance(one, Arrival) else arrival(one) for one in what])


async def record(db: Db, batch: int = 500) -> None:
    """Let the recorder handle what is in the inbox."""
    follower = Follower(db, Recorder(batch), attempts=1)
    while await follower.step():
        pass


async def archive(db: Db, *what: dict[str, Any] | Arrival) -> None:
    """Receive and record."""
    await receive(db, *what)
    await record(db)


async def empty(db: Db) -> None:
    """Forget everything; faster than another database, and than TRUNCATE."""
    async with db.tx() as tx:
        for table in ("inbox", "consumer", "set_aside", "media", "index_due", "bot_room", "audit", *TABLES):
            await tx.execute(f"DELETE FROM {table}")  # noqa: S608


async def rows(db: Db, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """The result of a query."""
    async with db.connection() as connection:
        return [tuple(row) for row in await connection.fetch(statement, *values)]


async def tables(db: Db, names: Iterable[str] = TABLES) -> dict[str, list[tuple[Any, ...]]]:
    """The archive without what only says when and in what order it arrived."""
    found = {}
    for name in names:
        everything: Sequence[tuple[Any, ...]] = await rows(db, f"SELECT {TABLES[name]} FROM {name}")  # noqa: S608
        found[name] = sorted(everything, key=repr)
    return found
