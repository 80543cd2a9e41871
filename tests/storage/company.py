"""A small made-up company and what it wrote: the archive that docs/search.*.md tell of, and are tested with."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bridge.archive.access import Access
from bridge.config.checks import LaterJoiners
from bridge.config.schema import Access as Settings
from tests.storage.post import archive, edit, event, member, reaction
from tests.storage.seeking import indexed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.storage.db import Db
    from bridge.storage.readable import Readable
    from tests.storage.seeking import Answer, Searching

SERVER = "example.com"
PEOPLE = {"Anna": "Anna Bakker", "Bas": "Bas de Vries", "Cora": "Cora Jansen"}
IDS = {name: f"@{name.lower()}:{SERVER}" for name in PEOPLE}
BOT = f"@postkamer:{SERVER}"
ROOMS = {  # name: who is in it
    "Kantoor": ("Anna", "Bas", "Cora"),
    "Werkplaats": ("Anna", "Bas", "Cora"),
    "Directie": ("Cora",),
    "Bas": ("Anna", "Bas"),  # a chat of two
}
SPACE = "Vestiging Venlo"  # of the workshop
ZONE = ZoneInfo("Europe/Amsterdam")


@dataclass(frozen=True)
class Message:
    """A message.

    Attributes:
        at: day-month-year, and the time, in the company's zone.
        thread: the number of the first message of its thread.
        file: name, kind and bytes of an attachment.
        inside: the text in that.
        before: its text before it was edited.
    """

    number: int
    at: str
    room: str
    sender: str
    text: str
    thread: int | None = None
    file: tuple[str, str, int] | None = None
    inside: str = ""
    before: str = ""
    mentions: tuple[str, ...] = ()
    reactions: dict[str, str] = field(default_factory=dict)  # by whom: which

    @property
    def id(self) -> str:
        """Its event id."""
        return f"${self.number}"


MESSAGES = (
    Message(
        1, "14-07-2025 9:00", "Kantoor", "Cora", "Zomersluiting: we zijn dicht van 20 juli tot 8 augustus #planning"
    ),
    Message(
        2, "27-02-2026 16:00", "Kantoor", "Cora", "Het vergaderverslag staat op https://intranet.example.com/verslagen"
    ),
    Message(
        3, "02-03-2026 9:05", "Kantoor", "Bas", "De offerte voor de kozijnen van Jansen is de deur uit: PO-2026/114"
    ),
    Message(
        4,
        "02-03-2026 9:20",
        "Kantoor",
        "Cora",
        "",
        file=("offerte-jansen-v2.pdf", "application/pdf", 12_000_000),
        inside="Wij leveren zes weken na akkoord.",
    ),
    Message(5, "02-03-2026 13:00", "Werkplaats", "Bas", "Machine 4 staat stil, foutcode E_107 op 10.0.0.7"),
    Message(6, "02-03-2026 13:05", "Werkplaats", "Cora", "Ik bel de monteur: 06-12345678", thread=5),
    Message(
        7, "02-03-2026 13:10", "Werkplaats", "Anna", "Bas de Vries, lukt het om twee uur?", thread=5, mentions=("Bas",)
    ),
    Message(8, "03-03-2026 8:30", "Bas", "Bas", "Kun je vrijdag om twee uur?"),
    Message(9, "03-03-2026 8:31", "Bas", "Anna", "Ja, vrijdag om twee uur past mij"),
    Message(
        10, "04-03-2026 10:00", "Kantoor", "Anna", "Café De Zon is gereserveerd #planning", reactions={"Bas": "👍"}
    ),
    Message(
        11,
        "04-03-2026 15:00",
        "Werkplaats",
        "Bas",
        "Versie 2.10.3 van de module in C++ staat klaar",
        before="Versie 2.10.2 van de module in C++ staat klaar",
    ),
    Message(12, "05-03-2026 11:00", "Werkplaats", "Cora", "", file=("kozijnschade.jpg", "image/jpeg", 3_000_000)),
    Message(13, "05-03-2026 14:00", "Kantoor", "Bas", "Deliveries are invoiced per month, says the supplier"),
    Message(14, "06-03-2026 9:00", "Directie", "Cora", "De offerte van Jansen is te laag"),
    Message(
        15, "06-03-2026 9:30", "Kantoor", "Bas", "Jansen betaalt € 1.250,00 van NL91 ABNA 0417 1643 00 voor kozijnen"
    ),
)


@dataclass(frozen=True)
class Office:
    """The company with an index, and Anna who searches."""

    searching: Searching
    readable: Readable

    async def find(self, line: str) -> Answer:
        """What Anna finds."""
        return await self.searching.ask(self.readable, IDS["Anna"], line, bots={BOT})


@asynccontextmanager
async def opened(db: Db, folder: Path) -> AsyncIterator[Office]:
    """The company in an empty database."""
    await write(db)
    async with indexed(db, folder) as searching, db.connection() as connection:
        yield Office(searching, await access().for_person(connection, IDS["Anna"]))


def access() -> Access:
    """Everybody of the company is staff."""
    settings = Settings(later_joiners=LaterJoiners.parse("as_client"), after_leaving="seen")
    return Access(settings, lambda user: {"staff"} if user.endswith(f":{SERVER}") else set(), {BOT})


async def write(db: Db) -> None:
    """The archive of the company."""
    await archive(db, *_rooms(), *(one for message in MESSAGES for one in _events(message)))
    for message in MESSAGES:
        if message.file is not None:
            await _store(db, message)


def room_id(name: str) -> str:
    """Of a room by its name."""
    return f"!{name.lower().replace(' ', '')}:{SERVER}"


def _ms(at: str) -> int:
    return int(datetime.strptime(at, "%d-%m-%Y %H:%M").replace(tzinfo=ZONE).timestamp() * 1000)


def _rooms() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, people in ROOMS.items():
        outer = {"room_id": room_id(name), "origin_server_ts": _ms("01-07-2025 8:00")}
        found.append(event(f"$create-{name}", "m.room.create", {}, state_key="", **outer))
        if len(people) != 2:
            found.append(event(f"$name-{name}", "m.room.name", {"name": name}, state_key="", **outer))
            alias = {"alias": f"#{name.lower()}:{SERVER}"}
            found.append(event(f"$alias-{name}", "m.room.canonical_alias", alias, state_key="", **outer))
        found += [member(f"$join-{name}-{person}", IDS[person], "join", PEOPLE[person], **outer) for person in people]
    space = {"room_id": room_id(SPACE), "origin_server_ts": _ms("01-07-2025 8:00")}
    return [
        *found,
        event("$space", "m.room.create", {"type": "m.space"}, state_key="", **space),
        event("$space-name", "m.room.name", {"name": SPACE}, state_key="", **space),
        event("$space-child", "m.space.child", {"via": [SERVER]}, state_key=room_id("Werkplaats"), **space),
        *(member(f"$space-{name}", user_id, "join", PEOPLE[name], **space) for name, user_id in IDS.items()),
    ]


def _events(message: Message) -> list[dict[str, Any]]:
    outer = {"room_id": room_id(message.room), "sender": IDS[message.sender], "origin_server_ts": _ms(message.at)}
    content: dict[str, Any] = {"msgtype": "m.text", "body": message.before or message.text}
    content["m.mentions"] = {"user_ids": [IDS[name] for name in message.mentions]}
    if message.file is not None:
        name, kind, size = message.file
        content |= {
            "msgtype": "m.image" if kind.startswith("image") else "m.file",
            "body": name,
            "url": f"mxc://{SERVER}/{message.number}",
            "info": {"mimetype": kind, "size": size},
        }
    if message.thread is not None:
        content["m.relates_to"] = {"rel_type": "m.thread", "event_id": f"${message.thread}"}
    found = [event(message.id, "m.room.message", content, **outer)]
    if message.before:
        found.append(edit(f"{message.id}-edit", message.id, message.text, **outer))
    for name, key in message.reactions.items():
        found.append(reaction(f"{message.id}-{name}", message.id, key, **{**outer, "sender": IDS[name]}))
    return found


async def _store(db: Db, message: Message) -> None:
    """Its file was fetched, and its text taken out."""
    sha256 = f"{message.number:064x}"
    async with db.tx() as tx:
        media_id = await tx.fetchval("SELECT media_id FROM attachment WHERE event_id = $1", message.id)
        await tx.execute(
            "INSERT INTO media (media_id, mxc, state, sha256) VALUES ($1, $1, 'stored', $2)", media_id, sha256
        )
        await tx.execute("INSERT INTO extracted (sha256, state, text) VALUES ($1, 'done', $2)", sha256, message.inside)
