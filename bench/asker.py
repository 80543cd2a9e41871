"""People who ask Postkamer something without pause."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from bench.chatter import Person
    from bridge.demo.person import Person as Device

PAUSE_SECONDS = 1.0
# What is asked, and what the answer has in it (Dutch); `{n}` is the number of the question.
QUESTIONS = {"!archief vraag{n}": "vraag{n}", "!archief status": "🗄️", "!help": "!archief", "!archief privacy": "📬"}
PRIVATE, SAID_IN_PRIVATE = "!archief privacy", "🔐"


@dataclass(frozen=True, slots=True)
class Question:
    """One that was sent; `answer` is in the text that is to come, None when it comes encrypted."""

    event_id: str
    text: str
    answer: str | None


@dataclass
class Asker:
    """Somebody who asks in these rooms; in some of them with a device that encrypts."""

    person: Person
    rooms: Sequence[str]
    encrypted: Mapping[str, Device] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)

    async def ask(self, room: str, pattern: str) -> None:
        """Ask one of the questions, and note it."""
        number = f"{self.person.names.strip('-')}n{len(self.asked)}"
        content = {"msgtype": "m.text", "body": pattern.format(n=number)}
        device, answer = self.encrypted.get(room), QUESTIONS[pattern].format(n=number)
        if device is None:
            event_id = await self.person.send(room, content)
        else:
            event_id = await device.send(room, content, encrypted=True)
        self.asked.append(Question(event_id, content["body"], None if device else answer))

    async def go_on(self, choice: random.Random, stop: asyncio.Event) -> None:
        """Ask until stopped."""
        while not stop.is_set():
            await self.ask(choice.choice(self.rooms), choice.choice(list(QUESTIONS)))
            await asyncio.sleep(choice.uniform(0, 2 * PAUSE_SECONDS))

    async def private_differences(self, bot: str) -> list[str]:
        """What is wrong with the direct chat: there is one, with one message for each private question."""
        invited = (await self.person.call("GET", "/_matrix/client/v3/sync"))["rooms"].get("invite", {})
        texts: list[str] = []
        for room in invited:
            await self.person.join(room)
            texts += [_text(event) for event in await self.person.history(room) if event["sender"] == bot]
        said = sum(SAID_IN_PRIVATE in text for text in texts)
        wanted = sum(question.text == PRIVATE for question in self.asked)
        wrong = [f"{said} private answers to {wanted} questions of {self.person.names}"] if said != wanted else []
        if len(invited) != bool(wanted):
            wrong.append(f"{len(invited)} direct chats with {self.person.names}")
        return wrong


def _text(event: dict[str, Any]) -> str:
    return str(event["content"].get("body", ""))
