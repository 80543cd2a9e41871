"""The table `setting`: what people have set for a bot, for a room or for themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.storage.db import Connection

Scope = Literal["room", "person"]


class SettingRow(NamedTuple):
    """A value, in the order of `_PUT`."""

    bot: str
    scope: Scope
    subject: str  # room id or Matrix id
    name: str
    value: str  # JSON


_PUT = """
INSERT INTO setting (bot, scope, subject, name, value)
SELECT bot, scope, subject, name, value::json
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS n (bot, scope, subject, name, value)
ON CONFLICT (bot, scope, subject, name) DO UPDATE SET value = excluded.value
"""
_GET = "SELECT name, value::text FROM setting WHERE bot = $1 AND scope = $2 AND subject = $3 ORDER BY name"


async def put(tx: Connection, rows: Sequence[SettingRow]) -> None:
    """Keep values; of several for the same name the last one."""
    last = {row[:4]: row for row in rows}
    if last:
        await tx.execute(_PUT, *zip(*last.values(), strict=True))


async def get(db: Connection, bot: str, scope: Scope, subject: str) -> dict[str, object]:
    """What was set, by name."""
    return {row[0]: json.loads(row[1]) for row in await db.fetch(_GET, bot, scope, subject)}
