"""Random histories against an oracle that walks the events one by one, as the specification says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.storage import inbox
from bridge.storage.readable import WITHIN
from tests.storage.post import OTHER, ROOM, arrival, empty, event, fresh_db, member, message, record, redaction, rows
from tests.storage.stories import PEOPLE, access, places, roles_of, seen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from bridge.storage.db import Db
    from bridge.storage.inbox import Arrival
    from bridge.storage.readable import Readable
    from tests.postgres import Databases

    Draw = Callable[[st.SearchStrategy[Any]], Any]

BOT = "postkamer"
ASKERS = ("anna", "bas", "gast", "vreemde")
PERSONS = ("anna", "bas", "bas", "bas", "gast", "vreemde", BOT)
WINDOW = timedelta(minutes=4)
POLICIES = tuple(product(("as_client", "4m", "all"), ("seen", "nothing")))
NEWCOMER = "somebody new"


@dataclass(frozen=True)
class Happening:
    """An event of a room, in its order."""

    id: str
    room: str
    kind: str  # begin, member, history, message, removal
    minute: int
    who: str = ""  # of a member
    value: str = ""  # membership, setting of history, or id of what is removed

    def raw(self) -> dict[str, Any]:
        outer: dict[str, Any] = {"room_id": self.room, "minute": self.minute}
        makers: dict[str, Callable[[], dict[str, Any]]] = {
            "begin": lambda: event(self.id, "m.room.create", {}, state_key="", **outer),
            "member": lambda: member(self.id, PEOPLE[self.who], self.value, **outer),
            "history": lambda: event(
                self.id, "m.room.history_visibility", {"history_visibility": self.value}, state_key="", **outer
            ),
            "message": lambda: message(self.id, self.id, **outer),
            "removal": lambda: redaction(self.id, self.value, **outer),
        }
        return makers[self.kind]()


KINDS = ("message", "message", "member", "member", "member", "history", "history", "removal")
MEMBERSHIPS = ("join", "join", "join", "leave", "leave", "invite", "invite", "ban", "knock")
SETTINGS = ("world_readable", "shared", "invited", "invited", "joined", "joined", "nonsense")


@st.composite
def stories(draw: Draw) -> list[Happening]:
    """What happened in two rooms; of one of them perhaps not from its beginning."""
    found = [Happening("$a", ROOM, "begin", 0), Happening("$b", OTHER, "begin", 0)][draw(st.integers(0, 1)) :]
    minute = 0
    for n in range(draw(st.integers(3, 24))):
        kind, who = draw(st.sampled_from(KINDS)), draw(st.sampled_from(PERSONS))
        values = {"member": MEMBERSHIPS, "history": SETTINGS, "removal": tuple(one.id for one in found)}
        minute += draw(st.integers(0, 2))
        false_minute = draw(st.sampled_from((minute, minute, minute, minute - 50, minute + 50)))
        found.append(
            Happening(
                f"${n}",
                draw(st.sampled_from((ROOM, ROOM, ROOM, OTHER))),
                kind,
                false_minute,
                who if kind == "member" else "",
                draw(st.sampled_from(values.get(kind, ("",)))),
            )
        )
    return found


def setting_after(room: Sequence[Happening], n: int) -> str:
    """The setting of history behind the first n events."""
    setting = "joined"  # nothing is known
    for one in room[:n]:
        if one.kind == "begin":
            setting = "shared"
        elif one.kind == "history":
            setting = "shared" if one.value == "nonsense" else one.value
    return setting


def membership_after(room: Sequence[Happening], n: int, who: str) -> str:
    """The membership behind the first n events."""
    membership = "leave"
    for one in room[:n]:
        if one.kind == "member" and one.who == who:
            membership = one.value
    return membership


def by_specification(room: Sequence[Happening], n: int, who: str) -> bool:
    """Client-Server API v1.16, "Room History Visibility", "Server behaviour", for who has joined at some time."""
    joins_later = any(one.kind == "member" and one.who == who and one.value == "join" for one in room[n + 1 :])
    for behind in (n, n + 1) if room[n].kind in ("begin", "member", "history") else (n,):
        setting, membership = setting_after(room, behind), membership_after(room, behind, who)
        if (
            setting == "world_readable"
            or membership == "join"
            or (setting == "shared" and joins_later)
            or (setting == "invited" and membership == "invite" and joins_later)
        ):
            return True
    return False


def is_in(room: Sequence[Happening], n: int, who: str) -> bool:
    return membership_after(room, n, who) == "join"


def joinings(room: Sequence[Happening], who: str) -> list[int]:
    return [n for n in range(len(room)) if is_in(room, n + 1, who) and not is_in(room, n, who)]


def leavings(room: Sequence[Happening], who: str) -> list[int]:
    return [n for n in range(len(room)) if is_in(room, n, who) and not is_in(room, n + 1, who)]


def in_window(room: Sequence[Happening], n: int, who: str) -> bool:
    """Whether it was sent shortly before a joining, as all between the two."""
    for joining in joinings(room, who):
        if n < joining:
            oldest = max(room[joining].minute, room[joining - 1].minute) - WINDOW / timedelta(minutes=1)
            if all(one.minute >= oldest for one in room[n:joining]):
                return True
    return False


def may_read(room: Sequence[Happening], n: int, who: str, later: str, left: str) -> bool:
    """The oracle, for one event and one person."""
    roles = roles_of(PEOPLE[who])
    if not roles:
        return False
    if not joinings(room, who):
        return "staff" in roles and by_specification(room, n, who)
    if is_in(room, len(room), who):
        more = "staff" in roles and (later == "all" or (later == "4m" and in_window(room, n, who)))
        return more or by_specification(room, n, who)
    return left == "seen" and n <= leavings(room, who)[-1] and by_specification(room, n, who)


def may_be_told(room: Sequence[Happening], n: int, later: str, left: str) -> bool:
    """The oracle, for one event and an answer that is given in the room now."""
    members = [who for who in ASKERS if is_in(room, len(room), who)]
    others = [who for who in (*ASKERS, NEWCOMER) if who not in members]
    if not members:
        return False
    shared = "as_client" if later == "4m" else later
    not_known = {one.kind for one in room}.isdisjoint(("begin", "history"))
    answer = Happening("answer", ROOM, "message", 0)
    if by_specification([*room, answer], len(room), NEWCOMER) and not by_specification(room, n, NEWCOMER):
        return False
    for who in others:
        future = [*room, answer, Happening("joining", ROOM, "member", 0, who, "join")]
        invited = not_known and membership_after(room, len(room), who) == "invite"
        if (invited or by_specification(future, len(room), who)) and not by_specification(future, n, who):
            return False
    return all(
        may_read(room, n, who, shared, left) if roles_of(PEOPLE[who]) else by_specification(room, n, who)
        for who in members
    )


def arrivals(story: Sequence[Happening], live: int, order: Sequence[int]) -> list[Arrival]:
    """As it may come: what is older than `live` is history, in any order; the rest is live and in its own order."""
    following = iter(range(live, len(story)))
    found = []
    for n in order:
        if n < live:
            found.append(arrival(story[n].raw(), before_seq=0, before_sub=n - live))
        else:
            found.append(arrival(story[next(following)].raw()))
    return found


async def selected(db: Db, readable: Readable) -> set[str]:
    """What a query with `WITHIN` finds."""
    query = f"SELECT m.event_id FROM event m {WITHIN}"  # noqa: S608 (constants)
    found = [row[0] for room in (ROOM, OTHER) for row in await rows(db, query, *readable.columns(room))]
    assert len(found) == len(set(found))
    return set(found)


@pytest.fixture(scope="module")
async def db(databases: Databases) -> AsyncIterator[Db]:
    async with fresh_db(databases) as db:
        yield db


@settings(max_examples=100)
@given(story=stories(), data=st.data())
async def test_the_rule_is_what_the_specification_says(db: Db, story: list[Happening], data: st.DataObject) -> None:
    await empty(db)
    live = data.draw(st.integers(0, len(story)), label="live from")
    waiting = arrivals(story, live, data.draw(st.permutations(range(len(story))), label="order of arrival"))
    while waiting:
        size = data.draw(st.integers(1, len(waiting)), label="portion")
        async with db.tx() as tx:
            await inbox.append(tx, waiting[:size])
        await record(db)
        waiting = waiting[size:]

    by_room = {room: [one for one in story if one.room == room] for room in (ROOM, OTHER)}
    where = await places(db)
    for (later, left), who in product(POLICIES, ASKERS):
        expected = {
            room: {one.id for n, one in enumerate(events) if may_read(events, n, who, later, left)}
            for room, events in by_room.items()
        }
        rule = access(later, left)
        async with db.connection() as connection:
            readable = await rule.for_person(connection, PEOPLE[who])
            in_room = await rule.for_room(connection, PEOPLE[who], ROOM)
        assert seen(where, readable) == expected[ROOM] | expected[OTHER]
        assert seen(where, in_room) == expected[ROOM]
        if who == "bas":
            assert await selected(db, readable) == expected[ROOM] | expected[OTHER]
    for later, left in POLICIES:
        async with db.connection() as connection:
            told = await access(later, left).for_everyone_in(connection, ROOM)
        events = by_room[ROOM]
        assert seen(where, told) == {one.id for n, one in enumerate(events) if may_be_told(events, n, later, left)}
