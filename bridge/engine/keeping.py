"""What a handler wants, as rows: written in the transaction that says that it was done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bridge.storage import jobs, outbox, settings
from bridge.storage.jobs import JobRow
from bridge.storage.settings import SettingRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.botapi.ask import Effects, NewJob
    from bridge.storage.db import Connection
    from bridge.storage.outbox import NewPost


async def keep(tx: Connection, posts: Sequence[NewPost], effects: Effects) -> None:
    """Write posts, jobs and settings."""
    await outbox.add(tx, posts)
    await jobs.forget(tx, effects.cancelled)
    planned = {(job.bot, job.action, job.key): _row(job) for job in effects.jobs}
    await jobs.put(tx, list(planned.values()))
    await settings.put(
        tx,
        [
            SettingRow(one.bot, one.scope, one.subject, one.name, json.dumps(one.value, ensure_ascii=False))
            for one in effects.settings
        ],
    )


def _row(job: NewJob) -> JobRow:
    args = json.dumps(job.args, ensure_ascii=False)
    return JobRow(job.bot, job.action, job.key, args, job.schedule, job.room_id, job.person, job.due_at)
