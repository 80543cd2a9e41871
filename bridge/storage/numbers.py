"""The few numbers that monitoring asks for, cheap enough for every scrape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.storage import asks, indexing, intake, jobs, outbox

if TYPE_CHECKING:
    from bridge.storage.db import Connection


@dataclass(frozen=True, slots=True)
class Numbers:
    """Counts by name."""

    unsorted: int  # transactions that are stored, but not in the inbox yet
    behind: dict[str, int]  # consumer → rows of the inbox that it has still to handle (an upper bound: seq has gaps)
    set_aside: dict[str, int]  # consumer → rows
    media: dict[str, int]  # state → attachments that are not stored
    undecrypted: int
    asks: dict[str, int]  # state → what bots were asked that is not answered
    outbox: dict[str, int]  # state → what bots have to send that is not sent
    jobs: dict[str, int]  # state → what bots are to do
    index: indexing.Status


_BEHIND = "SELECT name, greatest((SELECT coalesce(max(seq), 0) FROM inbox) - position, 0) FROM consumer"
_SET_ASIDE = "SELECT consumer, count(*) FROM set_aside GROUP BY consumer"
_MEDIA = "SELECT state, count(*) FROM media WHERE state IN ('pending', 'failed', 'too_large') GROUP BY state"
_UNDECRYPTED = "SELECT count(*) FROM undecrypted"


async def numbers(db: Connection) -> Numbers:
    """The numbers of this moment."""
    behind = {row[0]: row[1] for row in await db.fetch(_BEHIND)}
    return Numbers(
        await intake.count(db),
        behind,
        dict.fromkeys(behind, 0) | {row[0]: row[1] for row in await db.fetch(_SET_ASIDE)},
        {"pending": 0, "failed": 0, "too_large": 0} | {row[0]: row[1] for row in await db.fetch(_MEDIA)},
        await db.fetchval(_UNDECRYPTED),
        await asks.counts(db),
        await outbox.counts(db),
        await jobs.counts(db),
        await indexing.status(db),
    )
