"""When a job is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def every(pause: timedelta) -> str:
    """A schedule with a pause of at least a second.

    Raises:
        ValueError: it is shorter.
    """
    seconds = round(pause.total_seconds())
    if seconds < 1:
        raise ValueError(f"a job cannot run every {pause}")
    return f"every {seconds}"


def next_due(schedule: str, after: datetime, zone: ZoneInfo) -> datetime:
    """The first time after a moment, in UTC.

    Args:
        schedule: 'every SECONDS' or 'cron EXPRESSION'; cron follows the clock in `zone`, also when it is put back or
            forward: a job in the hour that is left out runs right after it, one in the hour that comes twice runs once.

    Raises:
        ValueError: it is no schedule, or it never comes.
    """
    form, _, rest = schedule.partition(" ")
    if form == "every":
        return after.astimezone(UTC) + timedelta(seconds=int(rest))
    if form != "cron":
        raise ValueError(f"no schedule: {schedule!r}")
    try:
        return next(CronSim(rest, after.astimezone(zone))).astimezone(UTC)
    except (CronSimError, StopIteration):
        raise ValueError(f"no cron expression that ever comes: {rest!r}") from None
