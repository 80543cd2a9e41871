"""Random histories, recorded and exported: nothing twice, nothing lost, nothing that was removed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.archive.consumer import Follower
from bridge.archive.export import Selection, batches
from bridge.archive.export_output import NoFiles
from bridge.archive.recorder import Recorder
from bridge.storage import inbox
from bridge.storage.db import Db, open_db
from bridge.storage.export import snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOMS = ("!a", "!b")


@dataclass(frozen=True)
class Step:
    """Something that somebody sends. The target counts backwards or forwards among all events, or is unknown."""

    kind: str
    room: str
    sender: str
    target: int

    def raw(self, number: int, count: int) -> dict[str, Any]:
        at = (number + self.target) % (count + 1)  # one of them does not exist
        target = f"${count if at == number else at}"  # no event names itself: its id is made from its content
        kinds: dict[str, tuple[str, dict[str, Any]]] = {
            "text": ("m.room.message", {}),
            "edit": ("m.room.message", {"m.relates_to": {"rel_type": "m.replace", "event_id": target}}),
            "reaction": ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": "x"}}),
            "redaction": ("m.room.redaction", {"redacts": target}),
            "vote": ("m.poll.response", {"m.relates_to": {"rel_type": "m.reference", "event_id": target}}),
            "state": ("m.room.topic", {}),
        }
        event_type, content = kinds[self.kind]
        content |= {"msgtype": "m.text", "body": token(number), "m.new_content": {"body": token(number)}}
        event = {"event_id": f"${number}", "type": event_type, "room_id": self.room, "sender": self.sender}
        more: dict[str, Any] = {"origin_server_ts": 1_772_000_000_000 + number, "content": content}
        if self.kind == "state":
            more["state_key"] = ""
        return event | more


def token(number: int) -> str:
    return f"<{number}>"


STEPS = st.builds(
    Step,
    st.sampled_from(["text", "text", "edit", "reaction", "redaction", "redaction", "vote", "state"]),
    st.sampled_from(ROOMS),
    st.sampled_from(["@anna:x", "@bas:x"]),
    st.integers(-4, 2),
)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Db]:
    async with open_db(database_url, size=4) as db:
        yield db


async def export_of(db: Db, *rooms: str) -> str:
    async with snapshot(db) as tx:
        found = [batch.lines async for batch in batches(tx, Selection(rooms or None), NoFiles())]
    return b"".join(found).decode()


async def record(db: Db, events: list[dict[str, Any]]) -> None:
    async with db.tx() as tx:
        await Recorder().clear(tx)
        await tx.execute("TRUNCATE inbox, consumer")
        for event in events:
            raw = json.dumps(event).encode()
            await inbox.append(tx, [inbox.Arrival("event", event["event_id"], event["room_id"], event["type"], raw)])
    follower = Follower(db, Recorder())
    while await follower.step():
        pass


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=1, max_size=14))
async def test_every_event_once_and_nothing_that_was_removed(db: Db, steps: list[Step]) -> None:
    events = [step.raw(number, len(steps)) for number, step in enumerate(steps)]
    await record(db, events)
    text = await export_of(db)
    lines = [json.loads(line) for line in text.splitlines()]
    by_id = {event["event_id"]: event for event in events}
    removed = {
        target
        for event in events
        if (target := event["content"].get("redacts")) in by_id and by_id[target]["room_id"] == event["room_id"]
    }

    ids = [line["event_id"] for line in lines] + [edit["event_id"] for line in lines for edit in line["edits"]]
    assert len(ids) == len(set(ids))
    assert set(ids) <= set(by_id)
    in_other_lines = sum(by_id[target]["type"] != "m.room.redaction" for target in removed)
    assert len(ids) + sum(len(line["reactions"]) for line in lines) + in_other_lines == len(events)

    redactions = {(event["content"].get("redacts"), event["room_id"]) for event in events}
    for number, event in enumerate(events):
        relation = event["content"].get("m.relates_to", {})
        target = by_id.get(relation.get("event_id"))
        # Also of a message that we do not have, since it may be by the same person.
        changes_removed = (
            relation.get("rel_type") == "m.replace"
            and (relation["event_id"], event["room_id"]) in redactions
            and (target is None or target["sender"] == event["sender"])
        )
        if event["event_id"] in removed or changes_removed:
            assert token(number) not in text
        elif event["type"] in ("m.room.message", "m.room.topic", "m.poll.response"):
            assert token(number) in text

    for room in ROOMS:
        own = await export_of(db, room)
        assert own == "".join(line for line in text.splitlines(keepends=True) if json.loads(line)["room_id"] == room)
        assert not any(token(n) in own for n, event in enumerate(events) if event["room_id"] != room)
