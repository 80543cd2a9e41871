"""Putting arrivals into the inbox: several transactions that wait at the same time share one commit."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import structlog

from bridge.storage import consumers, inbox
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.storage.db import Connection, Db
    from bridge.storage.inbox import Arrival, InboxRow

log = structlog.get_logger(__name__)

MAX_GROUP = 5_000  # arrivals in one commit
CONFLICT = "the same event id with other content"
_ESSENTIAL = ("type", "room_id", "sender", "state_key", "content", "origin_server_ts")


async def store(tx: Connection, arrivals: Sequence[Arrival]) -> int:
    """Append arrivals to the inbox, and set aside what claims a known event id with other content.

    Call it in a transaction of its own, or with what must be committed together with the arrivals.

    Returns:
        how many rows were new.
    """
    known = await inbox.append(tx, arrivals) if arrivals else []
    events = [arrival for arrival in known if arrival.kind == "event"]
    if events:
        held = {row.key: row for row in await inbox.by_key(tx, "event", [event.key for event in events])}
        for event in events:
            row = held[event.key]
            if not _same(row, event.raw):
                log.warning("event id came again with other content", event_id=event.key, seq=row.seq)
                await consumers.set_aside(
                    tx,
                    "inbox",
                    row.seq,
                    CONFLICT,
                    room_id=event.room_id,
                    digest=sha256(event.raw).digest(),
                    raw=event.raw,
                )
    return len(arrivals) - len(known)


def _same(row: InboxRow, raw: bytes) -> bool:
    """Whether both are the same event, although `unsigned` differs with the time and the API it came through.

    A homeserver sends a removed event without its content: that is no other event. What we have erased must not come
    back by this way either.
    """
    if row.raw == raw or row.erased_at is not None:
        return True
    try:
        held, new = json.loads(row.raw), json.loads(raw)
    except (ValueError, RecursionError):
        return False
    if not isinstance(held, dict) or not isinstance(new, dict):
        return bool(held == new)
    return _is_redacted(new) or all(held.get(key) == new.get(key) for key in _ESSENTIAL)


def _is_redacted(event: dict[str, Any]) -> bool:
    unsigned = event.get("unsigned")
    return isinstance(unsigned, dict) and "redacted_because" in unsigned


class Intake:
    """The one writer of a process: what waits while a commit is under way shares the next one."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._waiting: deque[tuple[list[Arrival], asyncio.Future[int]]] = deque()
        self._news = asyncio.Event()

    async def put(self, arrivals: list[Arrival]) -> int:
        """Store arrivals; returns after the commit.

        Returns:
            how many rows were new in the commit, which others may share.

        Raises:
            one of `storage.db.UNAVAILABLE`: nothing was stored, the same call may work later.
        """
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrivals, done))
        self._news.set()
        return await done

    async def run(self) -> None:
        """Write what comes until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                group = [self._waiting.popleft()]
                while self._waiting and sum(len(arrivals) for arrivals, _ in group) < MAX_GROUP:
                    group.append(self._waiting.popleft())
                await self._write(group)

    async def _write(self, group: Sequence[tuple[list[Arrival], asyncio.Future[int]]]) -> None:
        try:
            async with self._db.tx() as tx:
                added = await store(tx, [arrival for arrivals, _ in group for arrival in arrivals])
        except asyncio.CancelledError:
            for _, done in group:
                done.cancel()
            raise
        except Exception as error:  # noqa: BLE001 (each waiting caller gets it)
            if len(group) > 1 and not isinstance(error, UNAVAILABLE):
                for one in group:
                    await self._write([one])
                return
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
        else:
            for _, done in group:
                if not done.done():
                    done.set_result(added)
