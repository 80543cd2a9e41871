"""Random stories of two rooms, and searches in them: what is found is what the oracle of access lets somebody read.

The oracle is that of `test_access_property`. It says of each event whether somebody may read it; from that follows
which text of a message they see, and a slow scan of those texts says what they find.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bridge.search.excerpt import plain
from bridge.search.index import TantivyIndex
from bridge.search.parser import parse
from bridge.search.proposals import proposals
from bridge.search.service import Search
from tests.storage.finder import ZONE, ids, seeker
from tests.storage.post import (
    OTHER,
    ROOM,
    T0,
    archive,
    edit,
    empty,
    message,
    reaction,
    redaction,
)
from tests.storage.searching import analysis, everything, index
from tests.storage.slow_scan import Scan, Written, words_of
from tests.storage.stories import PEOPLE, access, places
from tests.storage.test_access_property import (
    ASKERS,
    MEMBERSHIPS,
    PERSONS,
    POLICIES,
    SETTINGS,
    Happening,
    is_in,
    may_be_told,
    may_read,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.search.results import Seeker
    from bridge.storage.db import Db
    from tests.storage.stories import Places

WRITERS = ("anna", "bas", "cora")
COMMON = ("de", "offerte", "kozijn", "kozijnen", "levering", "verslag", "vergaderverslag", "delivery", "invoice")
KEYS = ("👍", "🎉")
KINDS = ("message",) * 10 + ("edit",) * 4 + ("reaction",) * 2 + ("removal",) * 2 + ("member",) * 5 + ("history",) * 2
_LENGTH = 60  # things that happen
_LIMIT = 10
_ASKERS = 20  # of each story


@dataclass(frozen=True)
class Message:
    """What somebody has written, with all that came of it; positions are those in its room."""

    id: str
    room: str
    writer: str
    at: int
    ms: int
    text: str
    edits: list[tuple[int, str, str]] = field(default_factory=list)  # position, event id, text
    reactions: list[tuple[int, str, str]] = field(default_factory=list)  # position, event id, key


@dataclass
class Story:
    """Two rooms: what happened in each in its order, as the oracle sees it, and as events."""

    rooms: dict[str, list[Happening]]
    messages: list[Message] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # each stands in one text only


def story(choice: random.Random) -> Story:
    """One that nobody has told before."""
    found, minute = Story({ROOM: [], OTHER: []}), 0
    for room in (ROOM, OTHER):
        _happens(found, Happening(f"$begin{room}", room, "begin", 0))
        for who in ("anna", choice.choice(ASKERS)):
            _happens(found, Happening(f"$first-{who}{room}", room, "member", 0, who, "join"))
    for n in range(_LENGTH):
        minute += choice.choice((0, 0, 1, 2, 2_000))
        room, kind = choice.choice((ROOM, ROOM, OTHER)), choice.choice(KINDS)
        if kind == "member":
            who, what = choice.choice(PERSONS), choice.choice(MEMBERSHIPS)
            _happens(found, Happening(f"${n}", room, kind, minute, who, what))
        elif kind == "history":
            _happens(found, Happening(f"${n}", room, kind, minute, "", choice.choice(SETTINGS)))
        else:
            _said(found, Happening(f"${n}", room, kind, minute), choice)
    return found


def _happens(found: Story, one: Happening) -> None:
    found.rooms[one.room].append(one)
    found.events.append(one.raw())


def _said(found: Story, new: Happening, choice: random.Random) -> None:
    event_id, room, kind, minute = new.id, new.room, new.kind, new.minute
    here = [one for one in found.messages if one.room == room]
    at, outer = len(found.rooms[room]), {"room_id": room, "minute": minute}
    if kind == "message" or not here:
        writer = choice.choice(WRITERS)
        one = Message(event_id, room, PEOPLE[writer], at, T0 + 60_000 * minute, _text(found, choice))
        found.messages.append(one)
        raw = message(event_id, one.text, sender=one.writer, **outer)
    else:
        one = choice.choice(here)
        if kind == "edit":
            one.edits.append((at, event_id, _text(found, choice)))
            raw = edit(event_id, one.id, one.edits[-1][2], sender=one.writer, **outer)
        elif kind == "reaction":
            one.reactions.append((at, event_id, choice.choice(KEYS)))
            raw = reaction(event_id, one.id, one.reactions[-1][2], sender=PEOPLE[choice.choice(WRITERS)], **outer)
        else:
            gone = choice.choice([one.id, *(edit_id for _, edit_id, _ in one.edits)])
            found.removed.add(gone)
            raw = redaction(event_id, gone, **outer)
    found.rooms[room].append(Happening(event_id, room, "message", minute))
    found.events.append(raw)


def _text(found: Story, choice: random.Random) -> str:
    """A few words, one of which stands nowhere else."""
    found.words.append("".join(choice.choices("bdfgklmnprstvz", k=8)))
    words = [*choice.choices(COMMON, k=choice.randrange(4)), found.words[-1]]
    choice.shuffle(words)
    return " ".join(words)


def line(told: Story, choice: random.Random) -> str:
    """A search, as somebody would try who wants to know what is not theirs."""

    def one() -> str:
        word = choice.choice(told.words) if choice.random() < 0.5 else choice.choice(COMMON)
        some = choice.choice(told.messages)
        text = choice.choice([some.text, *(text for _, _, text in some.edits)])
        return choice.choice(
            (
                word,
                word,
                f"{word[:3]}*",
                f"*{choice.choice(told.words)[1:5]}*",
                f"+{word}",
                f'"{text}"',
                f"{word} OR {choice.choice(COMMON)}",
                f"from:{some.writer}",
                f"in:{choice.choice((ROOM, OTHER))}",
                f"has:{choice.choice(('reaction', *KEYS))}",
                "is:edited",
                f"after:2026-03-{choice.randrange(1, 31):02}",
                f"before:2026-03-{choice.randrange(1, 31):02}",
            )
        )

    parts = [choice.choice(("", "", "-")) + (f"({part})" if " OR " in part else part) for part in (one(), one(), one())]
    order = choice.choice(("", "", " sort:old", " sort:relevance"))
    return " ".join(parts[: choice.choice((1, 1, 2, 3))]) + order


@dataclass(frozen=True)
class Asked:
    """Who asks, by which policy, and for themselves or for all in the room."""

    who: str
    later: str
    left: str
    together: bool

    @property
    def seeker(self) -> Seeker:
        return seeker(self.who, ROOM if self.together else None)

    def may_read(self, room: Sequence[Happening], at: int) -> bool:
        if self.together:
            return room[at].room == ROOM and may_be_told(room, at, self.later, self.left)
        return may_read(room, at, self.who, self.later, self.left)

    def visible(self, told: Story, where: Places) -> list[Written]:
        """The messages that they see, as they see them."""
        found = []
        for one in told.messages:
            room = told.rooms[one.room]
            if one.id in told.removed or not self.may_read(room, one.at):
                continue
            # Of two of the same moment the one with the greater id stands (Client-Server API, aggregation of edits).
            edits = sorted(
                (room[at].minute, event_id, text)
                for at, event_id, text in one.edits
                if event_id not in told.removed and self.may_read(room, at)
            )
            keys = {key: where[event_id][1] for at, event_id, key in one.reactions if self.may_read(room, at)}
            found.append(
                Written(
                    *(
                        one.id,
                        one.room,
                        one.writer,
                        _time(one.ms),
                        where[one.id][1],
                        edits[-1][2] if edits else one.text,
                    ),
                    *(None, frozenset(), one.id, bool(edits), keys, frozenset()),
                )
            )
        return found


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


async def differences(db: Db, folder: Path, seed: int, pairs: int) -> list[str]:
    """Tell a story, and compare so many searches in it with what the oracle says.

    Args:
        db: all that is in it is forgotten.
        folder: an empty one, for the index.

    Returns:
        what was found that may not be read, was not found, or was told otherwise.
    """
    choice = random.Random(seed)
    told = story(choice)
    await empty(db)
    await archive(db, *told.events)
    await index(db, folder)
    where, reader = await places(db), TantivyIndex(folder)
    askers = [
        Asked(who, *policy, together) for policy in POLICIES for who in ASKERS for together in (False, False, True)
    ]
    askers = [one for one in askers if not one.together or is_in(told.rooms[ROOM], len(told.rooms[ROOM]), one.who)]
    found = []
    try:
        for asked in choice.choices(askers, k=min(pairs, _ASKERS)):
            search = Search(
                db, reader, access(asked.later, asked.left), analysis(), bots=(PEOPLE["postkamer"],), commands=("zoek",)
            )
            visible = asked.visible(told, where)
            for _ in range(max(1, pairs // _ASKERS)):
                found += await _wrong(search, asked, visible, line(told, choice))
            found += await _proposed(search, asked, visible, choice.choice(told.words))
            search.close()
    finally:
        reader.close()
    return [f"story {seed}: {one}" for one in found]


async def _wrong(search: Search, asked: Asked, visible: Sequence[Written], typed: str) -> list[str]:
    found = await search.find(asked.seeker, typed, limit=_LIMIT)
    root = parse(typed, datetime.now(ZONE)).root
    wanted = Scan(visible, everything()).find(root, oldest_first="sort:old" in typed)
    shown = {one.event_id: one.text for one in visible}
    problems = []
    if stranger := [hit.event_id for hit in found.hits if shown.get(hit.event_id) != plain(hit.excerpt)]:
        problems.append(f"shows {stranger}")
    if found.total != len(wanted):
        problems.append(f"counts {found.total} of {len(wanted)}")
    if "sort:relevance" not in typed and ids(found) != wanted[:_LIMIT]:
        problems.append(f"finds {ids(found)}, not {wanted[:_LIMIT]}")
    return [f"{asked} {typed!r} {problem}" for problem in problems]


async def _proposed(search: Search, asked: Asked, visible: Sequence[Written], word: str) -> list[str]:
    """What is proposed for a word with a mistake in it stands in what they see."""
    seen = {word for one in visible for word in words_of(one.text)}
    found = await proposals(search, asked.seeker, f"{word[:3]}q{word[4:]}")
    return [f"{asked} proposes {one.word}" for one in found if one.word not in seen]
