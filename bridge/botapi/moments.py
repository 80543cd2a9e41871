"""Dates, times and durations in the words of both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta
    from zoneinfo import ZoneInfo


def duration(text: str) -> timedelta | None:
    """How long."""
    del text
    return None


def day(text: str, now: datetime, zone: ZoneInfo) -> date | None:
    """Which day."""
    del text, now, zone
    return None


def moment(text: str, now: datetime, zone: ZoneInfo, *, past: bool = False) -> datetime | None:
    """When."""
    del text, now, zone, past
    return None
