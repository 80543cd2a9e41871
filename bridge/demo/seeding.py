"""Plays the script of the demo company on its homeserver, once, however often it is interrupted."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bridge.demo.content import Names, event_of, file_event
from bridge.demo.days import moment
from bridge.demo.files import make_file
from bridge.demo.person import ALGORITHM, Person
from bridge.demo.together import all_of
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.demo.owner import Owner
    from bridge.demo.progress import Progress
    from bridge.demo.script import Company, RoomPlan, Step

BOT_SECONDS = 120.0
POLL_SECONDS = 0.2
_BEFORE_WORK = 6 * 3600
_FILES = ("file", "image", "voice", "sticker")
_MEMBERSHIP = ("invite", "join", "leave", "rename")
# Clients send these in the clear in encrypted rooms too.
_CLEAR = ("react", "redact")


class Seeding:
    """The company on its homeserver.

    Args:
        days: when each day of the script began, in seconds since 1970.
        bot: the localpart of the bot that reads the encrypted rooms.
        on_step: called after each step, also for those of an earlier start, with the number of steps that are done.
    """

    def __init__(
        self,
        owner: Owner,
        company: Company,
        progress: Progress,
        *,
        days: Sequence[float],
        bot: str,
        on_step: Callable[[int], None],
    ) -> None:
        self._owner = owner
        self._company = company
        self._progress = progress
        self._days = days
        self._bot = bot
        self._on_step = on_step
        self._names = Names(company.people, owner.user_id, lambda key: str(progress[key]))
        self._steps = 0

    @property
    def total(self) -> int:
        """Steps of all rooms."""
        return sum(len(plan.steps) for plan in self._company.rooms)

    async def run(self) -> None:
        """Make what is not there yet. The users have to be there.

        Raises:
            PostkamerError: the homeserver refuses, or the bot does not come.
        """
        plans = self._company.rooms
        rooms = {plan.key: await self._room(plan) for plan in plans}
        await self._space(rooms)
        await all_of(self._play(plan, rooms[plan.key]) for plan in plans)
        for plan in plans:
            await self._ask_bot_in(plan, rooms[plan.key])
        for who, name in self._company.new_names.items():
            if f"name-{who}" not in self._progress:
                await self._owner.set_name(who, name)
                self._progress.done(f"name-{who}")

    async def _room(self, plan: RoomPlan) -> str:
        done = self._progress.get(f"room-{plan.key}")
        if done is not None:
            return str(done)
        state = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": ALGORITHM}}]
        invited = [*plan.members, self._bot] if plan.encrypted else plan.members
        body = {
            "name": plan.name,
            "topic": plan.topic,
            "preset": "private_chat",
            "invite": [self._owner.user_id(who) for who in invited],
            "initial_state": state if plan.encrypted else [],
        }
        room_id = await self._owner.room(plan.key, plan.by, body)
        joined = await self._owner.members(plan.by, room_id)
        for number, who in enumerate(plan.members):
            if self._owner.user_id(who) not in joined:
                await self._owner.set_member(who, room_id, who, "join", ts=moment(self._days, _BEFORE_WORK + number))
        self._progress.done(f"room-{plan.key}", room_id)
        return room_id

    async def _space(self, rooms: Mapping[str, str]) -> None:
        if "space" in self._progress:
            return
        owner, by = self._owner, next(who for who, employee in self._company.people.items() if employee.admin)
        everybody = [who for who in self._company.people if who != by]
        body = {
            "name": self._company.name,
            "preset": "public_chat",
            "visibility": "private",
            "creation_content": {"type": "m.space"},
        }
        space = await owner.room("bedrijf", by, body)
        ts, via = moment(self._days, _BEFORE_WORK), {"via": [owner.server_name]}
        for plan in self._company.rooms:
            room_id = rooms[plan.key]
            await owner.set_state(by, space, "m.space.child", via, key=room_id, ts=ts)
            await owner.set_state(plan.by, room_id, "m.space.parent", {**via, "canonical": True}, key=space, ts=ts)
        for number, who in enumerate(everybody):
            await owner.set_member(who, space, who, "join", ts=ts + number)
        self._progress.done("space", space)

    async def _play(self, plan: RoomPlan, room_id: str) -> None:
        """All steps of a room, in order. What is not in our file may have been sent before we were killed."""
        sent = await self._owner.recent(plan.by, room_id) if self._progress.resumed else {}
        writers = _Writers(self._owner)
        if plan.encrypted:
            await self._bot_comes(plan, room_id)
        for step in plan.steps:
            if step.key not in self._progress:
                ts = moment(self._days, step.second)
                known = sent.get((self._owner.user_id(step.who), ts))
                event_id = known or await self._do(plan, room_id, step, ts, writers)
                self._progress.done(step.key, event_id)
            self._steps += 1
            self._on_step(self._steps)

    async def _do(self, plan: RoomPlan, room_id: str, step: Step, ts: int, writers: _Writers) -> str:
        """One step; returns the event id."""
        if step.kind in _MEMBERSHIP:
            return await self._membership(room_id, step, ts)
        writer = await writers.of(step.who) if plan.encrypted and step.kind not in _CLEAR else None
        if step.kind in _FILES:
            seconds = {"seconds": step.data["seconds"]} if "seconds" in step.data else {}
            made = await asyncio.to_thread(make_file, step.kind, step.data["file"], **seconds)
            if writer:
                where: dict[str, Any] = {"file": await writer.upload_encrypted(made.data)}
            else:
                where = {"url": await self._owner.upload(step.who, made.data, made.mimetype, made.name)}
            event_type, content = file_event(step, made, where, self._names)
        else:
            event_type, content = event_of(step, self._names)
        if writer:
            return await writer.send(room_id, content, event_type=event_type, encrypted=True, txn_id=step.key, ts=ts)
        return await self._owner.send(step.who, room_id, event_type, content, txn_id=step.key, ts=ts)

    async def _membership(self, room_id: str, step: Step, ts: int) -> str:
        if step.kind == "rename":
            name = {"displayname": str(step.data["name"])}
            return await self._owner.set_member(step.who, room_id, step.who, "join", ts=ts, **name)
        target = step.data.get("who", step.who)
        return await self._owner.set_member(step.who, room_id, target, step.kind, ts=ts)

    async def _ask_bot_in(self, plan: RoomPlan, room_id: str) -> None:
        """Let somebody invite the bot to a room that it has been archiving from outside, so that it answers there."""
        if not plan.encrypted and f"bot-{plan.key}" not in self._progress:
            gone = {step.who for step in plan.steps if step.kind == "leave"}
            by = next(who for who in (plan.by, *plan.members) if who not in gone)
            body = {"user_id": self._owner.user_id(self._bot)}
            await self._owner.request("POST", f"v3/rooms/{quote(room_id)}/invite", by, body)
            self._progress.done(f"bot-{plan.key}")

    async def _bot_comes(self, plan: RoomPlan, room_id: str) -> None:
        """Wait until the bot is in an encrypted room: it cannot read what is written before."""
        try:
            async with asyncio.timeout(BOT_SECONDS):
                while True:
                    if self._owner.user_id(self._bot) in await self._owner.members(plan.by, room_id):
                        return
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise PostkamerError(
                f"the bot did not come into the room {plan.name} within {BOT_SECONDS:.0f} s",
                "see what is logged above; then start the demo again",
            ) from error


class _Writers:
    """Those who write in an encrypted room, each with a device of this start: its keys are in memory only."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._writers: dict[str, Person] = {}

    async def of(self, who: str) -> Person:
        """The writer, with a new device at the first call."""
        if who not in self._writers:
            device = f"DEMO{secrets.token_hex(4).upper()}"
            await self._owner.request("PUT", f"v3/devices/{device}", who, {"display_name": "demo"})
            self._writers[who] = Person.masquerade(
                self._owner.url,
                self._owner.as_token,
                self._owner.user_id(who),
                device_id=device,
                session=self._owner.session,
            )
        return self._writers[who]
