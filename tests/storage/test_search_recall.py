"""The index finds what a slow scan of every message finds, in the same order, and never more than may be read."""

# ruff: noqa: SIM905 (lists of words are read more easily so)

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bridge.search.parser import parse
from bridge.storage.readable import FIRST, LAST, WHOLE, Span
from tests.storage.post import archive, edit, event, fresh_db, member, reaction, rows
from tests.storage.searching import everything, parts
from tests.storage.seeking import NOW, indexed
from tests.storage.slow_scan import Scan, Written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bridge.storage.db import Db
    from bridge.storage.readable import Place
    from tests.postgres import Databases
    from tests.storage.seeking import Searching

COUNT = 400
PEOPLE = [f"@{name}:example.com" for name in ("anna", "bas", "cora")]
ROOMS = {"!kantoor:x": PEOPLE, "!werk:x": PEOPLE, "!twee:x": PEOPLE[:2]}  # the last one has no name
CHAT = "!twee:x"
FIRST_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
DAYS = 60
WORDS = (
    "de het een op om en vrijdag twee uur offerte offertes Offerte kozijn kozijnen kozijnenfabriek vergaderverslag "
    "verslag verslagen leveren levert geleverd Café cafe coöperatie delivery deliveries invoice invoiced state "
    "stateful C++ C# .NET 10.0.0.7 PO-2026/114 foo_bar foo-bar qwen3 👍 🎉 a I #planning #Spoed "
    "https://x.example/pad foto's"
).split()
NUMBERS = ("06-12345678", "+31 6 12345678", "NL91 ABNA 0417 1643 00", "NL91ABNA0417164300")
FILES = (
    ("offerte-v2.pdf", "application/pdf", 12_000_000),
    ("Schade kozijn.JPG", "image/jpeg", 300_000),
    ("lijst.xlsx", "application/vnd.ms-excel", 5_000),
)
KEYS = ("👍", "🎉")


@dataclass
class Maker:
    """Makes an archive up, and what there is to know of it."""

    random: random.Random

    def text(self) -> str:
        found = [self.random.choice(WORDS) for _ in range(self.random.randint(1, 9))]
        if self.random.random() < 0.08:
            found.append(self.random.choice(NUMBERS))
        return " ".join(word + self.random.choice(("", "", "", "", ",", "!", "?")) for word in found)

    def events(self) -> tuple[list[dict[str, Any]], list[Written]]:
        events: list[dict[str, Any]] = []
        written: list[Written] = []
        for number in range(COUNT):
            one, more = self._message(f"${number}", written)
            written.append(one)
            events += more
        return events, written

    def _message(self, event_id: str, before: Sequence[Written]) -> tuple[Written, list[dict[str, Any]]]:
        pick, chance = self.random.choice, self.random.random
        room = pick(list(ROOMS))
        sender = pick(ROOMS[room])
        sent = FIRST_MS + self.random.randrange(DAYS * 24) * 3_600_000  # often the same
        outer = {"room_id": room, "sender": sender, "origin_server_ts": sent}
        file = pick(FILES) if chance() < 0.1 else None
        text = file[0] if file else self.text()
        mentions = frozenset({pick(PEOPLE)} if chance() < 0.1 else ())
        roots = [one.event_id for one in before[-60:] if one.room == room and one.thread == one.event_id]
        thread = pick(roots) if roots and chance() < 0.15 else event_id
        edited = file is None and chance() < 0.1
        keys = frozenset({pick(KEYS)} if chance() < 0.1 else ())
        content: dict[str, Any] = {"msgtype": "m.text", "body": text, "m.mentions": {"user_ids": sorted(mentions)}}
        if file:
            kind = "m.image" if file[1].startswith("image") else "m.file"
            info = {"mimetype": file[1], "size": file[2]}
            content |= {"msgtype": kind, "url": f"mxc://x/{event_id[1:]}", "info": info}
        if thread != event_id:
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        events = [event(event_id, "m.room.message", content, **outer)]
        if edited:
            text, mentions = self.text(), frozenset()
            events.append(edit(f"{event_id}-edit", event_id, text, **outer))
        events += [reaction(f"{event_id}-{key}", event_id, key, **outer) for key in keys]
        chat = frozenset(PEOPLE[:2]) if room == CHAT else frozenset[str]()
        at = datetime.fromtimestamp(sent / 1000, UTC)
        reactions = dict.fromkeys(keys, FIRST)
        return Written(event_id, room, sender, at, FIRST, text, file, mentions, thread, edited, reactions, chat), events


async def make(db: Db, seed: int) -> list[Written]:
    """An archive; with the places that its messages were given."""
    for room, people in ROOMS.items():
        name = [event(f"$n{room}", "m.room.name", {"name": room[1:-2]}, state_key="", room_id=room)]
        joined = [member(f"$j{room}{user}", user, "join", room_id=room) for user in people]
        await archive(
            db,
            event(f"$c{room}", "m.room.create", {}, state_key="", room_id=room),
            *([] if room == CHAT else name),
            *joined,
        )
    events, written = Maker(random.Random(seed)).events()
    await archive(db, *events)
    places = {event_id: (ord_, sub) for event_id, ord_, sub in await rows(db, "SELECT event_id, ord, sub FROM event")}
    return [
        replace(
            one,
            place=places[one.event_id],
            reactions={key: places[f"{one.event_id}-{key}"] for key in one.reactions},
        )
        for one in written
    ]


@dataclass(frozen=True)
class World:
    """An archive with an index, and all that was written in it."""

    searching: Searching = field(repr=False)
    written: list[Written] = field(repr=False)
    edits: frozenset[Place] = field(repr=False)
    seed: int  # that it was made with


plain_words = st.sampled_from([*WORDS, "06 12345678", "0031612345678", "nl91abna0417164300", "sedert", "zeldzaam"])
simple = st.sampled_from([word for word in WORDS if word.isalpha()])


@st.composite
def asked_parts(draw: Any) -> str:
    word = draw(simple.filter(lambda word: len(word) > 4))
    start, end = draw(st.integers(0, 2)), draw(st.integers(0, len(word) - 3))
    if start == 0 or draw(st.booleans()):
        return f"{word[: max(2, len(word) - end)]}*"
    return f"*{word[start:]}" if draw(st.booleans()) else f"*{word[start : start + 3]}*"


texts = st.one_of(
    plain_words,
    plain_words,
    asked_parts(),
    simple.map(lambda word: f"+{word}"),
    st.lists(st.sampled_from(WORDS).filter(lambda word: word[0] != "#"), min_size=1, max_size=3).map(
        lambda words: f'"{" ".join(words)}"'
    ),
    st.tuples(simple, st.integers(0, 4), simple).map(lambda found: f"{found[0]} AROUND {found[1]} {found[2]}"),
)
filters = st.one_of(
    st.sampled_from(PEOPLE).flatmap(
        lambda who: st.sampled_from(("from", "to", "with", "mentions")).map(lambda role: f"{role}:{who}")
    ),
    st.sampled_from(list(ROOMS)).map(lambda room: f"in:{room}"),
    st.integers(0, COUNT - 1).map(lambda number: f"thread:${number}"),
    st.sampled_from(("before", "after", "on")).flatmap(
        lambda name: st.integers(1, 28).map(lambda day: f"{name}:2026-02-{day:02}")
    ),
    st.sampled_from("file image link phone iban reaction 👍 🎉".split()).map(lambda thing: f"has:{thing}"),
    st.sampled_from(
        "filename:offerte filename:kozijn type:pdf type:jpg type:image type:excel larger:1M smaller:1M is:edited is:dm "
        "#planning tag:spoed newer:20d older:1m during:january".split()
    ),
)  # fmt: skip
leaves = st.tuples(st.sampled_from(("", "", "", "-")), texts | filters).map("".join)
lines = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(" ".join),
        st.tuples(inner, inner).map(lambda two: f"{two[0]} OR {two[1]}"),
        inner.map(lambda line: f"({line})"),
        inner.map(lambda line: f"-({line})"),
    ),
    max_leaves=5,
)
places = st.integers(0, COUNT * 2).map(lambda number: (number, 0)) | st.sampled_from((FIRST, LAST))


@st.composite
def rooms(draw: Any) -> dict[str, tuple[Span, ...]]:
    """Of each room nothing, all, or one or two parts."""
    found: dict[str, tuple[Span, ...]] = {}
    for room in ROOMS:
        cuts = sorted(draw(st.lists(places, min_size=2, max_size=4, unique=True)))
        spans = tuple(Span(*cuts[at : at + 2]) for at in range(0, len(cuts) - 1, 2))
        kept = draw(st.sampled_from(((), (WHOLE,), spans, spans)))
        if kept:
            found[room] = kept
    return found


@pytest.fixture(scope="module")
async def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with fresh_db(databases) as db:
        seed = random.randrange(2**32)
        written = await make(db, seed)
        async with indexed(db, tmp_path_factory.mktemp("search")) as searching:
            edits = await rows(db, "SELECT ord, sub FROM event WHERE rel_type = 'm.replace'")
            yield World(searching, written, frozenset((ord_, sub) for ord_, sub in edits), seed)


@settings(max_examples=500)
@given(line=lines, oldest_first=st.booleans())
async def test_all_is_found_in_order(world: World, line: str, oldest_first: bool) -> None:
    root = parse(line, NOW).root
    answer = await world.searching.ask(everything(), PEOPLE[0], f"{line} sort:old" if oldest_first else line)
    assert answer.said == []
    assert answer.found == Scan(world.written, everything()).find(root, oldest_first=oldest_first)


@settings(max_examples=500)
@given(line=lines, may_read=rooms())
async def test_never_more_than_may_be_read(world: World, line: str, may_read: dict[str, tuple[Span, ...]]) -> None:
    """Nor less; who may read a message but not its edit sees another text than the scan (see `test_search_leaks`)."""
    assume(world.edits.isdisjoint(place for spans in may_read.values() for span in spans for place in span))
    readable = parts(may_read)
    answer = await world.searching.ask(readable, PEOPLE[0], line)
    places = {one.event_id: (one.room, one.place) for one in world.written}
    assert [event_id for event_id in answer.found if not readable.may_read(*places[event_id])] == []
    assert answer.found == Scan(world.written, readable).find(parse(line, NOW).root)


@settings(max_examples=200)
@given(line=lines)
async def test_by_relevance_the_same_is_found(world: World, line: str) -> None:
    answer = await world.searching.ask(everything(), PEOPLE[0], f"{line} sort:relevance")
    assert sorted(answer.found) == sorted(Scan(world.written, everything()).find(parse(line, NOW).root))
