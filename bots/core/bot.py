"""`!help`, `!taal` and `!instellingen`, and the greeting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bots.core.panel import Panel
from bridge.botapi import Bot, Code, command, help_on, say

if TYPE_CHECKING:
    from bridge.botapi import Ask, Catalog, Reply, Rest


@dataclass(frozen=True, slots=True)
class PersonSettings:
    """What a person sets for all bots; None: what the company has."""

    language: Literal["nl", "en"] | None = None


class CoreBot(Bot):
    """It belongs to every bot user that talks with staff."""

    name = "core"
    person_settings = PersonSettings

    def meet(self, catalog: Catalog) -> None:
        """Get to know the bots beside it."""
        self._catalog = catalog
        self._panel = Panel(catalog)

    async def greeting(self, ask: Ask) -> Reply:
        """What it is, how to get help, and that the room is archived."""
        if ask.room.direct:
            return say("greeting.direct", help=Code("help"))
        archived = "greeting.archived_encrypted" if ask.room.encrypted else "greeting.archived"
        return say("greeting.room", help=Code("!help")).and_say(archived)

    @command("help", "help", "hulp", "?", allow="guest")
    async def help(self, ask: Ask, about: Rest | None = None) -> Reply:
        """What the asker may do: all of it, or one thing."""
        return help_on(self._catalog, ask, about or "")

    @command("taal", "language", allow="guest")
    async def language(self, ask: Ask, language: Literal["nl", "en"]) -> Reply:
        """The language of all answers to the asker, this one already."""
        self._panel.put(ask, self._panel.of(self, "language"), language)
        return say("spoken")

    @command("instellingen", "settings", allow="guest")
    async def configure(self, ask: Ask, setting: str | None = None, value: Rest | None = None) -> Reply:
        """Show what is set here and for the asker, or set one thing."""
        if setting is None:
            return await self._panel.show_all(ask)
        if value is None:
            return await self._panel.show(ask, self._panel.named(ask, setting))
        return self._panel.set(ask, self._panel.named(ask, setting), value)
