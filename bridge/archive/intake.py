"""From a transaction to the inbox, in two steps.

`Intake` commits the body as it came, which is all that the homeserver has to wait for; `Sorter` takes it apart into
the inbox, each event once, right after that. When much comes at once, accepting goes first; when little comes, it is
taken apart at once.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import structlog

from bridge.archive.consumer import MovedElsewhereError, Together, repr_type
from bridge.storage import consumers, inbox
from bridge.storage import intake as storage
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.archive.consumer import Follower
    from bridge.storage.db import Connection, Db
    from bridge.storage.inbox import Arrival, InboxRow

log = structlog.get_logger(__name__)

WRITERS = 2  # one sends while the other waits for the disk; requests at the same time have no order among them
COMMIT_AT_ONCE, COMMIT_BYTES = 64, 8_000_000  # transactions
SORT_AT_ONCE, SORT_BYTES = 200, 1_000_000
# While transactions come without pause, they have nine tenths of the time and sorting has one.
QUIET_SECONDS = 0.01
LONGEST_LULL_SECONDS = 0.9
SORT_SECONDS = 0.1
STRAIGHT_BYTES, STRAIGHT_EVENTS = 64_000, 20
POLL_SECONDS = 5.0
PAUSE_SECONDS = 0.5

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
                digest = sha256(event.raw).digest()
                await consumers.set_aside(
                    tx, "inbox", row.seq, CONFLICT, room_id=event.room_id, digest=digest, raw=event.raw
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
    """The one writer of a process: what waits while a commit is under way shares the next one.

    A small transaction that comes when all is quiet goes straight into the inbox, so that who asks something is not
    kept waiting.

    Args:
        read: the arrivals of a transaction's body.
        followers: those who may handle at once what goes straight into the inbox.
        arrived: called with what went straight into the inbox, or with nothing when it did not after all.
    """

    def __init__(
        self,
        db: Db,
        read: Callable[[bytes], list[Arrival]],
        *,
        followers: Callable[[], Iterable[Follower]] = tuple,
        arrived: Callable[[Sequence[InboxRow]], None] = lambda _: None,
    ) -> None:
        self.stored = asyncio.Event()  # something was stored since it was cleared
        self.going_straight = False  # at this moment
        self._read = read
        self._followers = followers
        self._arrived = arrived
        self._puts = 0
        self._putting = 0
        self._all_sorted = False
        self._db = db
        self._waiting: deque[tuple[bytes, asyncio.Future[None]]] = deque()
        self._news = asyncio.Event()
        self._last = 0.0

    async def put(self, body: bytes) -> None:
        """Store the body of a transaction; returns after the commit.

        Raises:
            one of `storage.db.UNAVAILABLE`: nothing was stored, the same call may work later.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, done))
        self._news.set()
        await done

    async def run(self) -> None:
        """Write what comes until cancelled."""
        async with asyncio.TaskGroup() as writers:
            for _ in range(WRITERS):
                writers.create_task(self._write_on())

    async def _write_on(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                group, size = [self._waiting.popleft()], 0
                while self._waiting and len(group) < COMMIT_AT_ONCE and size < COMMIT_BYTES:
                    size += len(group[-1][0])
                    group.append(self._waiting.popleft())
                await self._write(group)

    async def _write(self, group: Sequence[tuple[bytes, asyncio.Future[None]]]) -> None:
        try:
            async with self._db.connection() as connection:
                if len(group) > 1 or not await self._went_straight(connection, group[0][0]):
                    await self._put(connection, [body for body, _ in group])
        except asyncio.CancelledError:
            for _, done in group:
                done.cancel()
            raise
        except Exception as error:  # noqa: BLE001 (each waiting caller gets it)
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
        else:
            self._last = asyncio.get_running_loop().time()
            for _, done in group:
                if not done.done():
                    done.set_result(None)

    async def _put(self, connection: Connection, bodies: Sequence[bytes]) -> None:
        self._all_sorted = False
        self._puts += 1
        self._putting += 1
        try:
            await storage.put(connection, bodies)
        finally:
            self._putting -= 1
        self.stored.set()

    async def _went_straight(self, connection: Connection, body: bytes) -> bool:
        """Append the events of a transaction to the inbox; False when it has to be sorted as any other."""
        busy = asyncio.get_running_loop().time() - self._last < QUIET_SECONDS
        if busy or not self._all_sorted or len(body) > STRAIGHT_BYTES:
            return False
        rows: Sequence[InboxRow] = ()
        self.going_straight = True
        try:
            rows = await self._straight(connection, self._read(body))
        except (MovedElsewhereError, *UNAVAILABLE):
            return False
        except Exception as error:  # noqa: BLE001 (the sorter and the followers tell what is wrong)
            log.info("a transaction has to be sorted", error=repr_type(error))
            return False
        finally:
            self.going_straight = False
            self._arrived(rows)
        return bool(rows)

    async def _straight(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[InboxRow]:
        if not 0 < len(arrivals) <= STRAIGHT_EVENTS:
            return ()
        async with Together(self._followers()) as together:
            try:
                async with connection.transaction():
                    rows = await inbox.append_rows(connection, arrivals)
                    await together.apply(connection, rows)
            except inbox.KnownError:
                return ()  # one of them is known
            together.committed(rows)
        return rows

    def mark(self) -> int | None:
        """To be shown to `all_sorted`; None while something is being stored."""
        return None if self._putting else self._puts

    def all_sorted(self, mark: int | None) -> None:
        """Nothing waited to be sorted at some moment since `mark` was made."""
        self._all_sorted = mark is not None and mark == self._puts

    async def lull(self) -> None:
        """Wait until nothing has come for a moment, but not long."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + LONGEST_LULL_SECONDS
        while (now := loop.time()) < latest and (self._waiting or now - self._last < QUIET_SECONDS):  # noqa: ASYNC110
            await asyncio.sleep(QUIET_SECONDS)


class _NotAllNewError(Exception):
    """Rolls back an append of which something is known."""


class Sorter:
    """Moves what was stored into the inbox, in the order in which it came.

    Args:
        read: the arrivals of a transaction's body.
        attempts: how often a body that fails is tried before it is set aside.
        then: called after each commit; who listens elsewhere is notified by the database, which takes longer.
    """

    def __init__(
        self,
        db: Db,
        intake: Intake,
        read: Callable[[bytes], list[Arrival]],
        *,
        attempts: int,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        self._then = then
        self._db = db
        self._intake = intake
        self._read = read
        self._attempts = attempts

    async def run(self) -> None:
        """Sort until cancelled."""
        while True:
            self._intake.stored.clear()
            while await self._slice():
                await self._intake.lull()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._intake.stored.wait()

    async def drain(self) -> None:
        """Sort until nothing is left.

        Raises:
            one of `storage.db.UNAVAILABLE`
        """
        while await self._sort_some():
            pass

    async def _slice(self) -> bool:
        """Sort for a while; False when there is nothing left."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SORT_SECONDS
        try:
            while await self._sort_some():
                if loop.time() > end:
                    return True
            return False  # noqa: TRY300
        except UNAVAILABLE as error:
            log.warning("sorting waits for the database", error=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
            return True

    async def _sort_some(self) -> bool:
        """Sort the oldest; False when there is nothing left."""
        mark = self._intake.mark()
        async with self._db.connection() as connection:
            bodies = await storage.peek(connection, SORT_AT_ONCE, SORT_BYTES)
        if not bodies:
            self._intake.all_sorted(mark)
        with suppress(storage.GoneError):  # another process sorts too: look again
            await self._sort(bodies)
        if bodies:
            self._then()
        return bool(bodies)

    async def _sort(self, bodies: dict[int, bytes]) -> None:
        try:
            await self._move(bodies)
        except (storage.GoneError, *UNAVAILABLE):
            raise
        except Exception:
            log.exception("transactions cannot be sorted at once, going on one by one")
            for number, body in bodies.items():
                await self._sort_alone(number, body)

    async def _move(self, bodies: dict[int, bytes]) -> None:
        arrivals = [arrival for body in bodies.values() for arrival in self._read(body)]
        try:
            # If this is lost, it is still in `intake`, and what was made of it since is lost too.
            async with self._db.relaxed_tx() as tx:
                await storage.drop(tx, list(bodies))
                if not await inbox.append_new(tx, arrivals):
                    raise _NotAllNewError  # noqa: TRY301 (to leave the transaction)
        except _NotAllNewError:
            async with self._db.tx() as tx:
                await storage.drop(tx, list(bodies))
                await store(tx, arrivals)

    async def _sort_alone(self, number: int, body: bytes) -> None:
        reason = ""
        for _ in range(self._attempts):
            try:
                await self._move({number: body})
            except (storage.GoneError, *UNAVAILABLE):
                raise
            except Exception as error:
                reason = type(error).__name__
                log.exception("transaction cannot be sorted", intake=number)
            else:
                return
        async with self._db.tx() as tx:
            await storage.drop(tx, [number])
            await consumers.set_aside(tx, "intake", number, reason, attempts=self._attempts, raw=body)
