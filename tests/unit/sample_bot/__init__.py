"""A bot with a command for every kind of parameter, for the tests of the framework."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from bridge.botapi import (
    Bot,
    DeniedError,
    Person,
    Rest,
    Room,
    Target,
    User,
    UserError,
    Words,
    button,
    command,
    job,
    line,
    say,
)

if TYPE_CHECKING:
    from datetime import date, datetime

    from bridge.botapi import Ask, Past, Reply


@dataclass(frozen=True, slots=True)
class RoomSettings:
    loud: bool = False
    most: int = 5
    pause: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PersonSettings:
    tone: Literal["kind", "short"] = "kind"


class SampleBot(Bot):
    name = "sample"
    words = Words(nl="proef", en="sample", also=("proefje",))
    room_settings = RoomSettings
    person_settings = PersonSettings

    @command("mij", "me")
    async def me(self, ask: Ask, at: datetime, text: Rest) -> Reply:
        self.at(ask, at, self.ring, key=ask.cause, text=text)
        return say("me.saved", at=at, text=text).button("❌", self.cancel, key=ask.cause)

    @button
    async def cancel(self, ask: Ask, key: str) -> Reply:
        self.cancel_job(ask, self.ring, key=key)
        return say("me.cancelled").in_place()

    @job
    async def ring(self, ask: Ask, text: str) -> Reply:
        return say("ring", text=text).ring(ask.sender.user_id)

    @command("geef", "give")
    async def give(self, ask: Ask, who: Person, what: Literal["tea", "coffee"], count: int = 1) -> Reply:
        del ask
        return say("give.done", who=User(who.user_id, who.name), what=what, count=count)

    @command("kamer", "room")
    async def room(self, ask: Ask, room: Room, sure: bool) -> Reply:
        del ask
        return say("room.done", room=room.name, sure=sure)

    @command("dag", "day")
    async def day(self, ask: Ask, on: date, pause: timedelta | None = None) -> Reply:
        del ask
        return say("day.done", on=on, pause=pause)

    @command("sinds", "since")
    async def since(self, ask: Ask, since: Past) -> Reply:
        del ask
        return say("since.done", since=since)

    @command("bericht", "message")
    async def message(self, ask: Ask, target: Target, note: str | None = None) -> Reply:
        del ask
        return say("message.done", target=target, note=note)

    @command("geheim", "secret", allow="manager")
    async def secret(self, ask: Ask, path: str | None = None) -> Reply:
        del ask, path
        return say("secret.done").in_private(told=line("secret.told"))

    @command("stuk", "broken")
    async def broken(self, ask: Ask, how: Literal["bug", "user", "denied", "string"]) -> Reply:
        self.at(ask, ask.now, self.ring, key="never", text="never")
        match how:
            case "bug":
                raise RuntimeError("the password is hunter2")
            case "user":
                raise UserError("broken.user", name="**Bob**")
            case "denied":
                raise DeniedError("it is not there")
            case "string":
                return say("broken.unknown_key")

    @command("lijst", "list")
    async def many(self, ask: Ask, count: int) -> Reply:
        settings = await self.settings(ask, RoomSettings)
        mine = await self.settings(ask, PersonSettings)
        top = say("many.top", most=settings.most, tone=mine.tone)
        listed = top.items(line("many.item", number=number) for number in range(count))
        return listed.button("👍", self.vote, only_asker=False)

    @button
    async def vote(self, ask: Ask) -> Reply:
        return say("vote", who=User(ask.sender.user_id, ask.sender.name))
