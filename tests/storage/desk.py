"""The archive and the directory of a question, on a recorded archive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.engine.archive import ArchiveDesk, AskersArchive
from bridge.engine.directory import AskersDirectory, DirectoryDesk
from bridge.engine.ports import Asker
from bridge.engine.room_status import RoomStatuses
from tests.storage.post import ROOM, T0, event
from tests.storage.stories import PEOPLE, access, roles_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.botapi.rights import Role
    from bridge.storage.db import Db

BOT = PEOPLE["postkamer"]
START = datetime.fromtimestamp(T0 / 1000, UTC)
LONG_AGO = START - timedelta(days=1000)


def asker(who: str, *more: Role, room: str = ROOM, direct: bool = False) -> Asker:
    """Somebody of the stories, with roles of the room that is asked in."""
    company: frozenset[Any] = frozenset(roles_of(PEOPLE[who]))
    return Asker(PEOPLE[who], company | set(more), company, room, direct, BOT)


def archive_of(
    db: Db, who: str | Asker, outbox: Path | None = None, *, most: int | None = None, **policy: str
) -> AskersArchive:
    """The archive as somebody of the stories may see it, beside a homeserver that takes files of `most` bytes."""

    async def upload_limit() -> int | None:
        return most

    desk = ArchiveDesk(
        db=db,
        access=access(**policy),
        bots=(BOT,),
        outbox=outbox or Path("/nowhere"),
        retention=timedelta(days=30),
        auditors=1,
        statuses=RoomStatuses((BOT,)),
        upload_limit=upload_limit,
    )
    return desk(asker(who) if isinstance(who, str) else who)


def directory_of(db: Db, who: str, *, left: bool = True) -> AskersDirectory:
    """The directory of somebody of the stories."""
    return DirectoryDesk(db, (BOT,), left)(asker(who))


def file(event_id: str, name: str, **outer: Any) -> dict[str, Any]:
    """A file."""
    content = {"msgtype": "m.file", "body": name, "url": f"mxc://example.com/{event_id.strip('$')}"}
    return event(event_id, "m.room.message", {**content, "info": {"size": 1234, "mimetype": "text/plain"}}, **outer)


def ids(found: Iterable[Any]) -> list[str]:
    """What was found, by event id."""
    return [one.event_id for one in found]
