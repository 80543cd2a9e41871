"""What the names in a line stand for, for who asks: people and rooms of which they may read nothing do not exist."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from bridge.links import permalink
from bridge.search.parser import parse
from bridge.search.query import Has, In, Is, Note, Thread, Who, leaves
from bridge.search.words import ME
from bridge.storage import names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from bridge.search.query import Filter, Query, Text
    from bridge.storage.db import Connection
    from bridge.storage.names import Fits, RoomFits, ThreadFit
    from bridge.storage.readable import Readable

_TOLD: Final = 5  # names, of several


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks.

    Attributes:
        readable: what they may read.
        bots: our own users: a chat with one of them is still one of two.
    """

    user_id: str
    readable: Readable
    bots: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What the names of a query stand for, by the name as it was typed; nothing is in it for one that means nothing.

    Attributes:
        people: Matrix ids.
        rooms: ids of rooms.
        threads: by what was typed.
        joined: by the name of people the threads in which they have written, where the query asks for those.
        chats: by room id the people of each chat of two, when the query has to do with those.
        in_part: ids of the rooms of which the asker may not read all, when the query has to do with reactions.
        reacted: by message (`event.seq`) of those rooms the keys of the reactions that the asker may read.
    """

    people: Mapping[str, Collection[str]] = field(default_factory=dict)
    rooms: Mapping[str, Collection[str]] = field(default_factory=dict)
    threads: Mapping[str, ThreadFit] = field(default_factory=dict)
    joined: Mapping[str, Sequence[ThreadFit]] = field(default_factory=dict)
    chats: Mapping[str, frozenset[str]] = field(default_factory=dict)
    in_part: Collection[str] = ()
    reacted: Mapping[int, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Understood:
    """A line that was read, with what its names stand for."""

    query: Query
    names: Names
    notes: tuple[Note, ...]


async def understand(db: Connection, asker: Asker, line: str, now: datetime) -> Understood:
    """Read a line.

    Args:
        now: aware, in the asker's time zone.
    """
    query = parse(line, now)
    people = await _people(db, asker, query)
    rooms = await _rooms(db, asker, query)
    longer = {
        (kind, text)
        for kind, text in query.longer
        if (fits := (people if kind == "person" else rooms).get(text)) is not None and fits.well
    }
    if longer:
        query = parse(line, now, longer)
    found = list(leaves(query.root))
    who, where, threads = _named(found, Who), _named(found, In), _named(found, Thread)
    ids = {name: _ids(asker, name, people) for name in who}
    partners = [node.name for node in found if isinstance(node, Who) and node.role == "with"]
    joined = {name: await names.threads_of(db, asker.readable, ids[name]) for name in dict.fromkeys(partners)}
    held = {name: thread for name in threads if (thread := await _thread(db, asker, name)) is not None}
    chats = await names.chats(db, asker.readable, asker.bots) if any(map(_is_about_chats, found)) else {}
    in_part = asker.readable.in_part()
    reactions = bool(in_part.rooms) and any(map(_is_about_reactions, found))
    return Understood(
        query,
        Names(
            ids,
            {name: rooms[name].rooms for name in where if name in rooms},
            held,
            joined,
            chats,
            list(in_part.rooms) if reactions else (),
            await names.reacted(db, in_part) if reactions else {},
        ),
        (
            *_notes([name for name in who if _id(asker, name) is None], people, "nobody", "several_people"),
            *_notes(where, rooms, "no_room", "several_rooms"),
            *(Note("no_thread", name) for name in threads if name not in held),
        ),
    )


async def _people(db: Connection, asker: Asker, query: Query) -> Mapping[str, Fits]:
    texts = _named(leaves(query.root), Who) | {text: None for kind, text in query.longer if kind == "person"}
    asked = [text for text in texts if _id(asker, text) is None]
    return await names.people(db, asker.readable, asked) if asked else {}


async def _rooms(db: Connection, asker: Asker, query: Query) -> Mapping[str, RoomFits]:
    texts = _named(leaves(query.root), In) | {text: None for kind, text in query.longer if kind == "room"}
    links = {text: link.id if (link := permalink(text)) is not None else text for text in texts}
    if not links:
        return {}
    found = await names.rooms(db, asker.readable, asker.user_id, asker.bots, set(links.values()))
    return {text: found[named] for text, named in links.items() if named in found}


async def _thread(db: Connection, asker: Asker, name: str) -> ThreadFit | None:
    link = permalink(name)
    event_id = link and (link.event_id or link.id)
    return await names.thread(db, asker.readable, event_id) if event_id else None


def _id(asker: Asker, name: str) -> str | None:
    """The Matrix id of a person, when it is clear without looking."""
    if name.casefold() in ME:
        return asker.user_id
    link = permalink(name)
    return link.id if link is not None and link.id.startswith("@") else None


def _ids(asker: Asker, name: str, people: Mapping[str, Fits]) -> Sequence[str]:
    known = _id(asker, name)
    if known is not None:
        return [known]
    return [person.id for person in people[name].found] if name in people else []


def _notes(
    asked: Iterable[str],
    fitting: Mapping[str, Fits] | Mapping[str, RoomFits],
    none: Literal["nobody", "no_room"],
    several: Literal["several_people", "several_rooms"],
) -> Sequence[Note]:
    notes = []
    for name in asked:
        found = fitting[name].found if name in fitting else ()
        if not found:
            notes.append(Note(none, name))
        elif len(found) > 1:
            notes.append(Note(several, name, tuple(one.name for one in found[:_TOLD]), len(found)))
    return notes


def _named(found: Iterable[Text | Filter], kind: type[Who | In | Thread]) -> dict[str, None]:
    """The names that are of this kind, each once."""
    return {node.name: None for node in found if isinstance(node, kind)}


def _is_about_reactions(node: Text | Filter) -> bool:
    return isinstance(node, Has) and node.thing in ("reaction", "emoji")


def _is_about_chats(node: Text | Filter) -> bool:
    return node == Is("dm") or (isinstance(node, Who) and node.role in ("to", "with"))
