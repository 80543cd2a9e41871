"""The directory of people and rooms that a bot gets with a question: what the asker knows, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.botapi.actions import MOST_CHOICES
from bridge.botapi.ports import Named
from bridge.storage import directory

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bridge.engine.ports import Asker
    from bridge.storage.db import Db
    from bridge.storage.directory import Found

_MOST: Final = 10  # more than can be asked about: then somebody has to say more of the name


@dataclass(frozen=True, slots=True)
class DirectoryDesk:
    """Makes the directory of an asker.

    Attributes:
        bots: our own users, who are nobody.
        left: whether who has left a room may still read something of it (`access.after_leaving`).
    """

    db: Db
    bots: Collection[str]
    left: bool

    def __call__(self, asker: Asker) -> AskersDirectory:
        """See `engine.ports.DirectoryFor`."""
        return AskersDirectory(self, asker)


class AskersDirectory:
    """The port `botapi.ports.Directory`, bound to who asks."""

    def __init__(self, desk: DirectoryDesk, asker: Asker) -> None:
        self._desk = desk
        self._asker = asker

    async def people(self, text: str) -> Sequence[Named]:
        async with self._desk.db.connection() as db:
            return _named(await directory.people(db, self._asker.user_id, text.strip(), self._desk.bots, _MOST))

    async def rooms(self, text: str) -> Sequence[Named]:
        """An auditor finds every room by its name; without a name there is a choice of those last written in."""
        wanted = text.strip()
        async with self._desk.db.connection() as db:
            found = await directory.rooms(
                db,
                self._asker.user_id,
                wanted,
                self._desk.bots,
                _MOST if wanted else MOST_CHOICES,
                left=self._desk.left,
                everywhere="auditor" in self._asker.company_roles,
            )
        return _named(found)


def _named(found: Sequence[Found]) -> list[Named]:
    return [Named(one.id, one.name) for one in found]
