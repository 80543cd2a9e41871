"""The table `inbox`: every event received, in order of arrival."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Literal, NamedTuple

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection

Kind = Literal["event", "ephemeral", "decrypted"]

# Triggers of the table (see the migrations) let one append at a time and notify this channel of the newest `seq`.
CHANNEL = "postkamer_inbox"
MAX_KEY = 255


class KnownError(Exception):
    """An event is in the inbox already."""


class Arrival(NamedTuple):
    """What is to be appended, in the order of `_APPENDED`."""

    kind: Kind
    key: str  # event id, or `digest_key(raw)`
    room_id: str | None
    type: str | None
    raw: bytes  # JSON, as it came
    before_seq: int | None = None
    before_sub: int | None = None


class InboxRow(NamedTuple):
    """What a consumer reads, in the order of `_COLUMNS`."""

    seq: int
    kind: Kind
    key: str
    room_id: str | None
    type: str | None
    before_seq: int | None
    before_sub: int | None
    received_at: datetime
    erased_at: datetime | None
    raw: bytes

    @property
    def order(self) -> tuple[int, int]:
        """The place in the room: history stands before the live event that followed it."""
        return (self.seq if self.before_seq is None else self.before_seq, self.before_sub or 0)


def digest_key(raw: bytes) -> str:
    """The key of what has no usable event id."""
    return f"sha256:{sha256(raw).hexdigest()}"


_APPENDED = ("kind", "key", "room_id", "type", "raw", "before_seq", "before_sub")
_APPEND = """
INSERT INTO inbox (kind, key, room_id, type, raw, before_seq, before_sub)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[])
ON CONFLICT (key, kind) DO NOTHING
RETURNING key
"""

_APPEND_ROWS = """
INSERT INTO inbox (kind, key, room_id, type, raw)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])
RETURNING seq, kind, key, room_id, type, before_seq, before_sub, received_at, erased_at, raw
"""

_COLUMNS = "seq, kind, key, room_id, type, before_seq, before_sub, received_at, erased_at, raw"
_AFTER = f"""
SELECT {_COLUMNS} FROM (
    SELECT *, sum(octet_length(raw)) OVER (ORDER BY seq) - octet_length(raw) AS before
    FROM (SELECT {_COLUMNS} FROM inbox WHERE seq > $1 ORDER BY seq LIMIT $2) AS next
) AS summed WHERE before < $3 ORDER BY seq
"""  # noqa: S608 (constants)
_BY_SEQ = f"SELECT {_COLUMNS} FROM inbox WHERE seq = ANY($1::bigint[]) ORDER BY seq"  # noqa: S608
_BY_KEY = f"SELECT {_COLUMNS} FROM inbox WHERE kind = $1 AND key = ANY($2::text[]) ORDER BY seq"  # noqa: S608
_HEAD = "SELECT coalesce(max(seq), 0) FROM inbox"
_ERASE = "UPDATE inbox SET raw = $3, erased_at = now() WHERE kind = $1 AND key = $2 AND erased_at IS NULL"


async def append_new(db: Connection, arrivals: Sequence[Arrival]) -> bool:
    """Append arrivals that are probably all new: one trip to the server, where `append` takes several.

    Returns:
        False when one of them is known; then nothing was appended, and a transaction that this is part of is lost.
    """
    try:
        await db.copy_records_to_table("inbox", records=arrivals, columns=_APPENDED)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def append_rows(db: Connection, arrivals: Sequence[Arrival]) -> list[InboxRow]:
    """Append live arrivals that are probably all new.

    Returns:
        the rows, in order.

    Raises:
        KnownError: nothing was appended, and a transaction that this is part of is lost.
    """
    kinds, keys, rooms, types, raws, _, _ = zip(*arrivals, strict=True)
    try:
        return [InboxRow(*row) for row in await db.fetch(_APPEND_ROWS, kinds, keys, rooms, types, raws)]
    except asyncpg.UniqueViolationError as error:
        raise KnownError from error


async def append(tx: Connection, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Append what is new; what we hold already changes nothing.

    Other writers of the inbox wait until the transaction is committed.

    Returns:
        the arrivals that were not appended, because their key is known (or stood twice among the arrivals).
    """
    columns = [list(column) for column in zip(*arrivals, strict=True)]
    added = {row["key"] for row in await tx.fetch(_APPEND, *columns)}
    if len(added) == len(arrivals):
        return []
    known: list[Arrival] = []
    for arrival in arrivals:
        if arrival.key in added:
            added.discard(arrival.key)
        else:
            known.append(arrival)
    return known


async def after(db: Connection, position: int, limit: int, size: int = 4_000_000) -> list[InboxRow]:
    """The next rows behind a position: at most `limit`, and no further one once their `raw` reaches `size` bytes."""
    return [InboxRow(*row) for row in await db.fetch(_AFTER, position, limit, size)]


async def by_seq(db: Connection, seqs: Sequence[int]) -> list[InboxRow]:
    """The rows with these numbers, in order; numbers that do not exist are left out."""
    return [InboxRow(*row) for row in await db.fetch(_BY_SEQ, list(seqs))]


async def by_key(db: Connection, kind: Kind, keys: Sequence[str]) -> list[InboxRow]:
    """The rows of one kind with these keys, in order; unknown keys are left out."""
    return [InboxRow(*row) for row in await db.fetch(_BY_KEY, kind, list(keys))]


async def head(db: Connection) -> int:
    """The number of the newest row, 0 when there is none."""
    return int(await db.fetchval(_HEAD))


async def erase(tx: Connection, kind: Kind, key: str, pruned: bytes) -> bool:
    """Replace what a row holds by `pruned`, once; False when it was erased before or does not exist."""
    return bool(await tx.execute(_ERASE, kind, key, pruned) != "UPDATE 0")
