"""Random histories of two rooms, in which everything refers to everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.storage.post import (
    ANNA,
    BAS,
    OTHER,
    ROOM,
    arrival,
    edit,
    event,
    member,
    message,
    payload,
    reaction,
    redaction,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.storage.inbox import Arrival

    Draw = Callable[[st.SearchStrategy[Any]], Any]

MIN_EVENTS, MAX_EVENTS = 6, 24
KINDS = (
    "message",
    "file",
    "thread",
    "edit",
    "edit",
    "reaction",
    "redaction",
    "redaction",
    "member",
    "member",
    "name",
    "name",
    "redaction",
    "redaction",
    "create",
    "history",
    "history",
    "child",
    "poll",
    "vote",
    "end",
    "encrypted",
    "encrypted",
    "receipt",
    "broken",
)
users = st.sampled_from((ANNA, BAS))
words = st.sampled_from(("een", "twee", "\x00", "\ud800", ""))


def made(draw: Draw, kind: str, event_id: str, target: str, outer: dict[str, Any]) -> dict[str, Any]:
    """One event of a kind."""
    word, reference = draw(words), {"m.relates_to": {"rel_type": "m.reference", "event_id": target}}
    file = {"msgtype": "m.file", "body": word, "url": f"mxc://example.com/{draw(st.sampled_from('ab'))}"}
    poll = {"m.poll": {"question": {"body": word}, "answers": []}}
    child = draw(st.sampled_from(({}, {"via": []})))
    user, membership = draw(users), draw(st.sampled_from(("join", "leave", "invite")))
    setting = {"history_visibility": draw(st.sampled_from(("world_readable", "joined", word)))}
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "name": lambda: event(event_id, "m.room.name", {"name": word}, state_key="", **outer),
        "create": lambda: event(event_id, "m.room.create", {}, state_key="", **outer),
        "history": lambda: event(event_id, "m.room.history_visibility", setting, state_key="", **outer),
        "child": lambda: event(event_id, "m.space.child", child, state_key=target, **outer),
        "member": lambda: member(event_id, user, membership, word, **outer),
        "poll": lambda: event(event_id, "m.poll.start", poll, **outer),
        "vote": lambda: event(event_id, "m.poll.response", {"m.selections": [word], **reference}, **outer),
        "end": lambda: event(event_id, "m.poll.end", reference, **outer),
        "file": lambda: event(event_id, "m.room.message", file, **outer),
        "thread": lambda: message(event_id, word, relates={"rel_type": "m.thread", "event_id": target}, **outer),
        "broken": lambda: event(event_id, "m.room.message", {"body": 5}, **{**outer, "sender": 5}),
        "edit": lambda: edit(event_id, target, word, **outer),
        "reaction": lambda: reaction(event_id, target, word, **outer),
        "redaction": lambda: redaction(event_id, target, **outer),
    }
    return makers.get(kind, lambda: message(event_id, word, **outer))()


@st.composite
def histories(draw: Draw) -> list[Arrival]:
    """Arrivals whose places in their rooms do not depend on when they arrive."""
    found: list[Arrival] = []
    ids = [f"${n}" for n in range(draw(st.integers(MIN_EVENTS, MAX_EVENTS)))]
    for n, event_id in enumerate(ids):
        kind, target = draw(st.sampled_from(KINDS)), draw(st.sampled_from(ids))
        room, sender = draw(st.sampled_from((ROOM, ROOM, ROOM, OTHER))), draw(users)
        outer = {"room_id": room, "sender": sender, "minute": draw(st.integers(0, 5))}
        if kind == "receipt":
            said = {target: {"m.read": {sender: {"ts": draw(st.integers(0, 3))}}}}
            found.append(arrival({"type": "m.receipt", "room_id": room, "content": said, "n": n}, "ephemeral"))
        elif kind == "encrypted":
            what = made(draw, draw(st.sampled_from(KINDS)), event_id, target, outer)
            outside = draw(st.sampled_from(({}, {"m.relates_to": {"rel_type": "m.replace", "event_id": target}})))
            found.append(
                arrival(event(event_id, "m.room.encrypted", outside, **outer), before_seq=1_000_000, before_sub=-n)
            )
            if draw(st.booleans()):
                found.append(payload(event_id, what["type"], what["content"], draw(st.sampled_from((room, ROOM)))))
        else:
            found.append(arrival(made(draw, kind, event_id, target, outer), before_seq=1_000_000, before_sub=-n))
    return found
