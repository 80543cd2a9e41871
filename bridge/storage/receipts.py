"""The table `receipt`: how far people have read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bridge.storage.db import Connection


class ReceiptRow(NamedTuple):
    """Somebody's client said that an event was read."""

    room_id: str
    user_id: str
    thread_id: str  # '' for the unthreaded receipt
    event_id: str
    read_at: datetime

    @property
    def place(self) -> tuple[datetime, str]:
        """The later receipt holds; the id only decides between equal ones."""
        return self.read_at, self.event_id


_PUT = """
INSERT INTO receipt AS r (room_id, user_id, thread_id, event_id, read_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
ON CONFLICT (room_id, user_id, thread_id) DO UPDATE SET event_id = excluded.event_id, read_at = excluded.read_at
WHERE (excluded.read_at, excluded.event_id COLLATE "C") > (r.read_at, r.event_id)
"""


async def put(tx: Connection, rows: Sequence[ReceiptRow]) -> None:
    """Store receipts, each (room, user, thread) once among `rows`; an earlier one changes nothing."""
    if rows:
        await tx.execute(_PUT, *zip(*rows, strict=True))
