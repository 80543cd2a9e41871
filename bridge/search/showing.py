"""From the numbers of messages to what is shown of them: read anew, and only what may be read at this moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.archive import reading
from bridge.links import event_link
from bridge.search import schema
from bridge.search.excerpt import LONGEST
from bridge.search.results import Hit, HitFile
from bridge.storage import finding, indexing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bridge.archive.reading import Found
    from bridge.search.excerpt import Excerpts
    from bridge.storage.db import Connection
    from bridge.storage.finding import FoundRoom
    from bridge.storage.indexing import FileRow
    from bridge.storage.readable import Readable


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, in one snapshot of the database.

    Attributes:
        bots: our own users, after whom no room is called.
    """

    db: Connection
    readable: Readable
    user_id: str
    bots: Collection[str]
    excerpts: Excerpts

    async def shown(self, found: Mapping[int, int]) -> list[Hit]:
        """Messages in the order in which they were found, without those that may not be read any more.

        Args:
            found: by the number of an event the number of the file in which it was found, see `schema.N`.
        """
        messages = await reading.by_seq(self.db, self.readable, list(found)) if found else {}
        if not messages:
            return []
        room_ids = {one.message.row.room_id for one in messages.values()}
        rooms = await finding.rooms(self.db, self.readable, self.user_id, self.bots, room_ids)
        files = await _files(self.db, list(messages.values()))
        return [
            await self._hit(one, rooms[one.message.row.room_id], files.get(one.message.row.event_id, []), n)
            for seq, n in found.items()
            if (one := messages.get(seq)) is not None
        ]

    async def _hit(self, found: Found, room: FoundRoom, files: Sequence[FileRow], n: int) -> Hit:
        message, row = found.message, found.message.row
        in_file = schema.MESSAGE < n < len(files)
        file = files[n] if in_file else next(iter(files), None)
        text = ""
        if in_file and file is not None and file.sha256 is not None:
            text = await finding.beginning(self.db, file.sha256, LONGEST)
        return Hit(
            event_id=row.event_id,
            room_id=row.room_id,
            room_name=room.name,
            sender=row.sender,
            sender_name=row.sender_name,
            sent_at=row.sent_at,
            kind=message.kind,
            excerpt=self.excerpts.of(text or _text(found)),
            link=event_link(row.room_id, row.event_id, row.sender),
            file=HitFile(self.excerpts.whole(file.name), file.size, file.mimetype) if file is not None else None,
            in_file=bool(text),
            encrypted=row.encrypted or room.encrypted,
            edited=message.edited,
            removed=row.removed,
        )


async def _files(db: Connection, messages: Sequence[Found]) -> dict[str, list[FileRow]]:
    """By message its files, each at its number."""
    ids = [one.message.row.event_id for one in messages if one.has_files]
    edits = [(one.message.row.event_id, one.edit) for one in messages if one.edit is not None]
    found: dict[str, list[FileRow]] = {}
    for file in await indexing.files(db, [*((event_id, event_id) for event_id in ids), *edits]):
        found.setdefault(file.message_id, []).append(file)
    return found


def _text(found: Found) -> str:
    """What people read of a message, with the answers of a poll and what a place is called."""
    detail: Any = json.loads(found.detail) if found.detail else {}
    poll, place = (detail.get(name) if isinstance(detail, dict) else None for name in ("poll", "location"))
    answers = poll.get("answers") if isinstance(poll, dict) else None
    texts = [found.message.text]
    texts += [str(answer.get("text") or "") for answer in answers or () if isinstance(answer, dict)]
    if isinstance(place, dict):
        texts.append(str(place.get("description") or ""))
    return "\n".join(dict.fromkeys(text for text in texts if text))
