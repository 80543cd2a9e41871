"""The engine on a real database and a homeserver in memory, driven step by step."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.archive.consumer import Follower
from bridge.archive.recorder import Recorder
from bridge.botapi.bot import Bot, Words, command, slow_job
from bridge.botapi.render import Answer, Rendered
from bridge.config.checks import Localpart, Secret, ServerName, WebUrl
from bridge.config.ids import IdPattern, MatrixId
from bridge.config.schema import Appservice, Bots, BotUser, Config, Encryption, Homeserver, Rights
from bridge.engine.answering import Answering
from bridge.engine.direct import DirectChats
from bridge.engine.jobs import Jobs
from bridge.engine.joining import Joining
from bridge.engine.limits import Limits
from bridge.engine.listener import Listener
from bridge.engine.ports import Ports
from bridge.engine.recorded import Recorded
from bridge.engine.sender import Sender
from bridge.engine.situation import Situations
from bridge.engine.worker import Worker
from bridge.storage import inbox
from tests.fakes import FakeServer
from tests.storage.post import arrival

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bridge.botapi.ask import Ask
    from bridge.botapi.errors import BotError
    from bridge.botapi.reply import Reply
    from bridge.engine.lanes import Work
    from bridge.storage.db import Db
    from bridge.storage.inbox import Arrival

POST, NEWS, SERVICE = "@postkamer:example.com", "@mededelingen:example.com", "@_postkamer:example.com"
ANNA, BAS, GUEST, STRANGER = "@anna:example.com", "@bas:example.com", "@gast:partner.nl", "@eve:elsewhere.org"
ROOM, OTHER = "!kantoor", "!directie"
USERS = (
    BotUser(localpart=Localpart("postkamer"), displayname="Postkamer"),
    BotUser(localpart=Localpart("mededelingen"), displayname="Mededelingen"),
)


def config(*, commands_per_minute: int = 1000, staff: tuple[IdPattern, ...] | None = None) -> Config:
    return Config(
        data_dir=Path("data"),
        homeserver=Homeserver(address=WebUrl("http://127.0.0.1:8008"), server_name=ServerName("example.com")),
        appservice=Appservice(as_token=Secret("a" * 32), hs_token=Secret("h" * 32)),
        encryption=Encryption(pickle_key=Secret("p" * 32)),
        bots=Bots(commands_per_minute=commands_per_minute, users=USERS),
        rights=Rights(staff=staff, guests=(IdPattern("@*:partner.nl"),), auditors=(MatrixId(BAS),)),
    )


class EchoBot(Bot):
    name = "echo"
    words = Words(nl="echo", en="repeat")

    @slow_job
    async def copy(self, ask: Ask) -> Reply | None:
        raise NotImplementedError


class NewsBot(Bot):
    name = "news"

    @command(nl="nieuws", en="news")
    async def news(self, ask: Ask) -> Reply | None:
        raise NotImplementedError


@dataclass
class Stub:
    """A runner: answers what `does` says, otherwise it echoes what is for it."""

    name: str
    bots: Sequence[Bot]
    heard: list[tuple[str, str, Ask]] = field(default_factory=list)
    does: dict[str, Callable[[Ask], Awaitable[Answer | None]]] = field(default_factory=dict)
    greeting: Answer | None = None

    async def message(self, ask: Ask, text: str, *, addressed: bool) -> Answer | None:
        self.heard.append(("message", text, ask))
        if not addressed and not text.startswith("!"):
            return None
        if text in self.does:
            return await self.does[text](ask)
        return answer(f"{self.name}: {text}")

    async def reply(self, ask: Ask, action: Mapping[str, Any], text: str) -> Answer | None:
        self.heard.append(("reply", text, ask))
        return answer(f"{action['does']} {text}") if text.isdigit() else None

    async def press(self, ask: Ask, action: Mapping[str, Any], key: str) -> Answer | None:
        self.heard.append(("press", key, ask))
        press = f"press {key}"
        if press in self.does:
            return await self.does[press](ask)
        return answer(f"{action['does']} {key}")

    async def joined(self, ask: Ask) -> Answer | None:
        self.heard.append(("joined", "", ask))
        return self.greeting

    async def job(self, ask: Ask, bot: str, action: str, args: Mapping[str, Any]) -> Answer | None:
        self.heard.append(("job", f"{bot}.{action}", ask))
        if action in self.does:
            return await self.does[action](ask)
        return answer(f"{action} {args}")

    def refuse(self, ask: Ask, error: BotError) -> Answer:
        del ask
        return answer(f"refused: {error.key}")


def answer(*texts: str, **more: Any) -> Answer:
    """Texts, of which the last one has the `action` and the `buttons`."""
    last = {name: more.pop(name) for name in ("action", "buttons", "notify") if name in more}
    messages = [Rendered(text, None) for text in texts]
    return Answer((*messages[:-1], replace(messages[-1], **last)), **more)


def says(found: Answer | None) -> Callable[[Ask], Awaitable[Answer | None]]:
    async def handler(ask: Ask) -> Answer | None:
        del ask
        return found

    return handler


class Stage:
    """All parts, none of them running by itself."""

    def __init__(self, db: Db, made: Config | None = None) -> None:
        self.db, self.config, self.server = db, made or config(), FakeServer()
        self.post, self.news = Stub("post", [EchoBot()]), Stub("news", [NewsBot()])
        self.archive_for: Any = lambda asker: asker  # a test sees who asks
        self.now = datetime.now(UTC)
        self._numbers = itertools.count(1)
        self.build()

    def build(self) -> None:
        """As after a restart: nothing is remembered."""
        runners: Any = {POST: self.post, NEWS: self.news}
        unused = self.archive_for
        couriers = {user: self.server.courier(user) for user in runners}
        self.listener = Listener(self.config, runners, now=lambda: self.now)
        self.recorded = Recorded(self.db, patience=0.2)
        situations = Situations(self.config, self.db, Ports(unused, unused, unused, unused), now=lambda: self.now)
        answering = Answering(self.db, runners, situations, self.recorded, handler_seconds=0.5)
        limits = Limits(self.config.bots.commands_per_minute, self.clock)
        self.worker = Worker(self.db, answering, situations, couriers, limits=limits, then=lambda: None)
        zone = self.config.bots.timezone.zone
        self.jobs = Jobs(self.db, runners, situations, zone, lambda: None, handler_seconds=0.5)
        self.slow_jobs = Jobs(self.db, runners, situations, zone, lambda: None, slow=True)
        self.senders = [Sender(self.db, one, DirectChats(self.db, one)) for one in couriers.values()]
        self.joining = [Joining(self.db, one) for one in couriers.values()]

    def clock(self) -> float:
        return self.now.timestamp()

    def event(self, kind: str, content: Any, **outer: Any) -> dict[str, Any]:
        """An event that is sent now, in the office by Anna unless something else is said."""
        sent_at = self.now - outer.pop("ago", timedelta(0))
        plain = {"event_id": f"$e{next(self._numbers)}", "type": kind, "room_id": ROOM, "sender": ANNA}
        return {**plain, "origin_server_ts": int(sent_at.timestamp() * 1000), "content": content, **outer}

    async def receive(self, *what: dict[str, Any] | Arrival) -> str:
        """Put events into the inbox; the id of the last one."""
        arrivals = [arrival(one) if isinstance(one, dict) else one for one in what]
        async with self.db.tx() as tx:
            await inbox.append(tx, arrivals)
        return arrivals[-1].key

    async def member(self, user: str, membership: str, **outer: Any) -> str:
        content = {"membership": membership, "displayname": user[1:].partition(":")[0].title()}
        content |= outer.pop("more", {})
        return await self.receive(self.event("m.room.member", content, **{"sender": user, **outer}, state_key=user))

    async def room(self, *members: str, room: str = ROOM, encrypted: bool = False, name: str = "Kantoor") -> None:
        """A room, with these people in it; bots were invited by the first of them."""
        first = members[0]
        outer = {"room_id": room, "sender": first, "state_key": ""}
        await self.receive(self.event("m.room.create", {"room_version": "11"}, **outer))
        if name:
            await self.receive(self.event("m.room.name", {"name": name}, **outer))
        if encrypted:
            await self.receive(self.event("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}, **outer))
        for user in members:
            if user in (POST, NEWS):
                await self.member(user, "invite", room_id=room, sender=first)
            await self.member(user, "join", room_id=room)
        self.server.room(room, *members, encrypted=encrypted)
        await self.listen()
        await self.clear_asks()

    async def clear_asks(self) -> None:
        await self.execute("UPDATE ask SET state = 'done', done_at = now() WHERE state = 'due'")

    async def say(self, body: str, **outer: Any) -> str:
        """A message; `relates` is its m.relates_to."""
        content = {"msgtype": "m.text", "body": body}
        if relates := outer.pop("relates", None):
            content["m.relates_to"] = relates
        return await self.receive(self.event("m.room.message", content | outer.pop("more", {}), **outer))

    async def edit(self, target: str, body: str, **outer: Any) -> str:
        new = {"msgtype": "m.text", "body": body}
        content = {"msgtype": "m.text", "body": f"* {body}", "m.new_content": new}
        relates = {"rel_type": "m.replace", "event_id": target}
        return await self.receive(self.event("m.room.message", content | {"m.relates_to": relates}, **outer))

    async def react(self, target: str, key: str, **outer: Any) -> str:
        relates = {"rel_type": "m.annotation", "event_id": target, "key": key}
        return await self.receive(self.event("m.reaction", {"m.relates_to": relates}, **outer))

    async def arrived(self) -> None:
        """What the bots have sent reaches the inbox, as a homeserver does it."""
        for one in self.server.sent:
            outer = {"event_id": one.event_id, "room_id": one.room_id, "sender": one.sender}
            kind = "m.room.encrypted" if one.encrypted else one.type
            content = {"m.relates_to": one.content.get("m.relates_to", {})} if one.encrypted else one.content
            await self.receive(self.event(kind, content, **outer))

    async def listen(self) -> None:
        """The listener and the recorder handle all that has come in."""
        for consumer in (self.listener, Recorder()):
            follower = Follower(self.db, consumer, attempts=1)
            while await follower.step():
                pass

    async def step(self) -> None:
        """All that can be done now is done."""
        await self.listen()
        await drain(self.worker)
        for sender, joining in zip(self.senders, self.joining, strict=True):
            await drain(sender)
            await drain(joining)

    async def asks(self) -> list[tuple[Any, ...]]:
        """(kind, bot user, payload) of all that is asked and not answered yet."""
        await self.listen()
        return await self.rows("SELECT kind, user_id, payload::text FROM ask WHERE state = 'due' ORDER BY id")

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with self.db.connection() as connection:
            return [tuple(row) for row in await connection.fetch(statement, *values)]

    async def execute(self, statement: str, *values: Any) -> None:
        async with self.db.connection() as connection:
            await connection.execute(statement, *values)


async def drain(work: Work[Any]) -> None:
    """Do all rows of a work; a lane that has to wait is left alone."""
    waiting: set[str] = set()
    while True:
        rows = await work.fetch(waiting, 1)
        if not rows:
            return
        if await work.handle(rows[0]):
            waiting.add(work.lane(rows[0]))
