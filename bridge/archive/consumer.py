"""Following the inbox: the one loop that every consumer runs in.

A batch is applied in one transaction together with the consumer's new position, so that a crash at any moment leaves
it done or not done. What fails for a reason of its own is tried again alone, then set aside; the rest goes on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import structlog

from bridge.storage import consumers, inbox, indexing
from bridge.storage.db import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bridge.storage.db import Connection, Db
    from bridge.storage.inbox import InboxRow

log = structlog.get_logger(__name__)

POLL_SECONDS = 5.0  # a notification wakes us; this is for one that got lost with its connection
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
LATER_SECONDS = 0.2
MUCH = 1_000_000  # bytes: a batch of that size may be cut off before the end of the inbox


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that can never be handled as it is, and why (no text of a message in `reason`)."""

    seq: int
    reason: str


class Consumer(Protocol):
    """Something that follows the inbox."""

    name: str
    batch: int  # rows in a transaction at the most

    def concerns(self, row: InboxRow) -> bool:
        """Whether somebody may wait for this row to be handled; otherwise it comes after what others wait for."""

    async def apply(self, tx: Connection, rows: Sequence[InboxRow]) -> Sequence[Rejected]:
        """Handle rows in order, changing nothing but the database, in `tx`.

        Called again for the same rows after a crash, a rebuild or a retry, so a row handled twice gives the same
        state. It must not wait for the network.

        Returns:
            the rows that it refuses; all others are handled.
        """

    async def clear(self, tx: Connection) -> None:
        """Empty the tables that `apply` fills, before a rebuild."""


class MovedElsewhereError(Exception):
    """Another process has moved this consumer's position."""


class Follower:
    """Runs one consumer.

    Args:
        attempts: how often a row that fails is tried before it is set aside.
        then: called after each batch is committed.
    """

    def __init__(
        self, db: Db, consumer: Consumer, *, attempts: int = 5, then: Callable[[], None] | None = None
    ) -> None:
        self.consumer = consumer
        self.position = 0
        self.failing: str | None = None  # why it makes no progress at this moment
        self._db = db
        self._attempts = attempts
        self._then = then
        self._news = asyncio.Event()
        self.turn = asyncio.Lock()  # held while rows are handled
        self._sure = False  # that `position` is that of the database
        self._more = False  # whether something may stand behind what was handled last
        self._offered: list[InboxRow] = []
        self._seen = 0  # the newest row that was offered or read

    def wake(self, head: int | None = None) -> None:
        """There is something new in the inbox.

        Args:
            head: the newest row that is meant, when that is known.
        """
        if head is None or head > self._seen:
            self._news.set()

    def offer(self, rows: Sequence[InboxRow]) -> None:
        """These are new in the inbox, so that they need not be read if they are the next."""
        if rows[-1].seq <= self.position:
            return
        if len(self._offered) < self.consumer.batch:
            self._offered += rows
            self._seen = rows[-1].seq
        if any(self.consumer.concerns(row) for row in rows):
            self._news.set()
        else:
            asyncio.get_running_loop().call_later(LATER_SECONDS, self._news.set)

    @property
    def waits(self) -> bool:
        """Whether it has handled all that it knows of."""
        return self._sure and not (self._news.is_set() or self._offered or self.turn.locked())

    async def run(self) -> None:
        """Follow the inbox until cancelled."""
        pause = FIRST_PAUSE
        self._sure = False
        while True:
            self._news.clear()
            try:
                async with self.turn:
                    await self._step()
            except UNAVAILABLE as error:
                self.failing, self._sure = type(error).__name__, False
                log.warning("consumer waits for the database", consumer=self.consumer.name, error=self.failing)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            self.failing, pause = None, FIRST_PAUSE
            if not self._more:
                await self._wait()

    async def step(self) -> bool:
        """Handle one batch; False when there was nothing to handle."""
        self._sure = False
        return await self._step()

    async def _read(self) -> Sequence[InboxRow]:
        async with self._db.connection() as connection:
            if not self._sure:
                self.position = await consumers.register(connection, self.consumer.name)
            rows = await inbox.after(connection, self.position, self.consumer.batch)
        self._sure = True
        self._seen = max(self._seen, rows[-1].seq if rows else 0)
        self._more = len(rows) == self.consumer.batch or sum(len(row.raw) for row in rows) > MUCH
        return rows

    def _offers(self) -> Sequence[InboxRow]:
        """Those offered that certainly come next: numbers grow in the order of commits."""
        offered, self._offered = self._offered, []
        if not self._sure or any(row.seq != self.position + n for n, row in enumerate(offered, 1)):
            return ()
        self._more = False
        return offered

    async def _step(self) -> bool:
        rows = self._offers() or await self._read()
        if not rows:
            return False
        try:
            await self._apply(rows)
        except UNAVAILABLE:
            raise
        except MovedElsewhereError:
            self._sure, self._more = False, True
            log.warning("another process has moved this consumer", consumer=self.consumer.name)
        except Exception as error:  # noqa: BLE001 (whatever it is, the flow goes on)
            if len(rows) > 1:
                log.warning("batch failed, going on one by one", consumer=self.consumer.name, error=repr_type(error))
            for row in rows:
                await self._apply_alone(row)
        if self._then is not None:
            self._then()
        return True

    async def _apply(self, rows: Sequence[InboxRow]) -> None:
        # The inbox still has what is lost, and the position is lost with it.
        async with self._db.relaxed_tx() as tx:
            if not await consumers.advance(tx, self.consumer.name, self.position, rows[-1].seq):
                raise MovedElsewhereError
            await self.apply_in(tx, rows)
        self.position = rows[-1].seq

    async def apply_in(self, tx: Connection, rows: Sequence[InboxRow]) -> None:
        """Handle rows, and set aside what is refused; the position is moved by the caller."""
        for rejected in await self.consumer.apply(tx, rows):
            room_id = next(row.room_id for row in rows if row.seq == rejected.seq)
            await consumers.set_aside(tx, self.consumer.name, rejected.seq, rejected.reason, room_id=room_id)

    async def _apply_alone(self, row: InboxRow) -> None:
        pause = 0.02
        for attempt in range(1, self._attempts + 1):
            try:
                await self._apply([row])
            except (MovedElsewhereError, *UNAVAILABLE):
                raise
            except Exception as error:
                reason = repr_type(error)
                log.exception(
                    "event failed", consumer=self.consumer.name, seq=row.seq, event_id=row.key, attempt=attempt
                )
                await asyncio.sleep(pause)
                pause *= 2
            else:
                return
        async with self._db.tx() as tx:
            if not await consumers.advance(tx, self.consumer.name, self.position, row.seq):
                raise MovedElsewhereError
            await consumers.set_aside(
                tx, self.consumer.name, row.seq, reason, room_id=row.room_id, attempts=self._attempts
            )
        self.position = row.seq

    def handled(self, rows: Sequence[InboxRow]) -> None:
        """Rows were handled, and the position moved, by somebody who had the `turn`."""
        self.position = self._seen = rows[-1].seq
        if self._then is not None:
            self._then()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._news.wait()
        except TimeoutError:
            self._sure = False  # a rebuild may have moved it


class Together:
    """Followers that wait for news handle new rows in the transaction that appends these.

    One transaction is much quicker than one for each. It is for rows that somebody waits for; when it fails, the rows
    are still to be appended.

    Args:
        followers: of which those take part that wait, and that one of the rows concerns.
    """

    def __init__(self, followers: Iterable[Follower]) -> None:
        self._followers = [follower for follower in followers if follower.waits]
        self._taking: list[Follower] = []

    async def __aenter__(self) -> Self:
        for follower in self._followers:
            await follower.turn.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        for follower in self._followers:
            follower.turn.release()

    async def apply(self, tx: Connection, rows: Sequence[InboxRow]) -> None:
        """Handle rows that were appended in `tx`.

        Raises:
            MovedElsewhereError: roll back.
            anything that a consumer does: roll back.
        """
        before, last = rows[0].seq - 1, rows[-1].seq
        if last - before != len(rows):
            return
        self._taking = [
            one for one in self._followers if one.position == before and any(one.consumer.concerns(row) for row in rows)
        ]
        names = [follower.consumer.name for follower in self._taking]
        # A rebuild may hold one for minutes, and everybody who appends would wait for us.
        if names and not await consumers.advance_at_once(tx, names, before, last):
            raise MovedElsewhereError
        for follower in self._taking:
            await follower.apply_in(tx, rows)

    def committed(self, rows: Sequence[InboxRow]) -> None:
        """The transaction is committed."""
        for follower in self._taking:
            follower.handled(rows)


async def retry(db: Db, consumer: Consumer) -> tuple[int, int]:
    """Try again what a consumer has set aside, each in a transaction of its own.

    Returns:
        how many were handled now, and how many are still set aside.
    """
    done = left = seq = 0
    while True:
        async with db.connection() as connection:
            seqs = await consumers.seqs_set_aside(connection, consumer.name, after_seq=seq, limit=500)
        if not seqs:
            return done, left
        for seq in seqs:
            if await _retry_one(db, consumer, seq):
                done += 1
            else:
                left += 1


async def _retry_one(db: Db, consumer: Consumer, seq: int) -> bool:
    reason = "the inbox does not hold this row any more"
    try:
        async with db.tx() as tx:
            await consumers.lock(tx, consumer.name)  # before reading: what is being erased must not come back
            rows = await inbox.by_seq(tx, [seq])
            rejected = await consumer.apply(tx, rows) if rows else [Rejected(seq, reason)]
            if not rejected:
                await consumers.drop_set_aside(tx, consumer.name, seq)
                await indexing.add_due(tx, [row.key for row in rows])
                return True
            reason = rejected[0].reason
    except UNAVAILABLE:
        raise
    except Exception as error:
        log.exception("event failed again", consumer=consumer.name, seq=seq)
        reason = repr_type(error)
    async with db.tx() as tx:
        await consumers.set_aside(tx, consumer.name, seq, reason)
    return False


async def rebuild(db: Db, consumer: Consumer) -> None:
    """Empty what a consumer has made and let it start again before the first row of the inbox."""
    async with db.tx() as tx:
        await consumers.rewind(tx, consumer.name)
        await consumer.clear(tx)


def repr_type(error: BaseException) -> str:
    """An error as a reason: its class only, since its text may quote a message."""
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
