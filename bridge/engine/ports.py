"""How the engine gets the ports that it hands to bots: each is made for one question, and bound to who asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bridge.botapi.finding import Search
    from bridge.botapi.ports import Archive, Directory, Webhooks
    from bridge.botapi.rights import Role


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and where.

    Attributes:
        roles: in that room; `manager` may come from the power level there, so it says nothing about other rooms.
        company_roles: by the config alone; they hold everywhere.
        direct: nobody but the bot and the asker is in the room.
    """

    user_id: str
    roles: frozenset[Role]
    company_roles: frozenset[Role]
    room_id: str
    direct: bool
    bot_user: str


class ArchiveFor(Protocol):
    """Makes the archive as the asker may see it."""

    def __call__(self, asker: Asker) -> Archive: ...


class DirectoryFor(Protocol):
    """Makes the directory of what the asker can see."""

    def __call__(self, asker: Asker) -> Directory: ...


class SearchFor(Protocol):
    """Makes the search over what the asker may see."""

    def __call__(self, asker: Asker) -> Search: ...


class WebhooksFor(Protocol):
    """Makes the webhooks of the room that is asked in; they post as the bot that is asked."""

    def __call__(self, asker: Asker) -> Webhooks: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All of them."""

    archive_for: ArchiveFor
    directory_for: DirectoryFor
    search_for: SearchFor
    webhooks_for: WebhooksFor
