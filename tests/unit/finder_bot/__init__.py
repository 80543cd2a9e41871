"""A bot whose own word is a command, with commands of several words beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.botapi import Bot, Marked, Rest, Words, button, command, say

if TYPE_CHECKING:
    from bridge.botapi import Ask, Reply


class FinderBot(Bot):
    name = "finder"
    words = Words(nl="vind", en="find")

    @command()
    async def find(self, ask: Ask, what: Rest) -> Reply:
        del ask
        found = Marked((("<i>een</i> ", False), (what, True)))
        return say("find.done", what=found).button("➡️", self.turn, said=("meer", "more"), page=2)

    @button
    async def turn(self, ask: Ask, page: int) -> Reply:
        del ask
        return say("turn", page=page).in_place()

    @command("wie is", "who is")
    async def who(self, ask: Ask, name: Rest) -> Reply:
        del ask
        return say("who.done", name=name)

    @command("wie", "who")
    async def everybody(self, ask: Ask) -> Reply:
        del ask
        return say("everybody.done")
