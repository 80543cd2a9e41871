"""Whatever a stranger sends is in the archive or set aside, and stops nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.storage.inbox import Arrival
from tests.storage.post import ANNA, BAS, ROOM, archive, arrival, empty, event, fresh_db, message, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.storage.db import Db
    from tests.postgres import Databases


@pytest.fixture(scope="module")
async def db(databases: Databases) -> AsyncIterator[Db]:
    async with fresh_db(databases) as db:
        yield db


LONG = "ü" * 30_000
numbers = st.sampled_from((0, -1, 2**31, 2**63, -(2**63), 2**64, 10**400, -(10**18), 1.5, 1e300, True))
strings = st.sampled_from(("", "x", "$1", "$2", ROOM, "\x00", "\ud800", "$1\x00", LONG, "mxc://a/b", "m.replace"))
scalars = st.one_of(st.none(), numbers, strings)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3), max_leaves=4
)
KEYS = (
    *("body", "formatted_body", "msgtype", "m.new_content", "m.relates_to", "url", "file", "info", "geo_uri", "m.text"),
    *("membership", "displayname", "redacts", "reason", "m.poll", "org.matrix.msc3381.poll.start", "m.selections"),
    *("org.matrix.msc3381.poll.response", "name", "alias", "alt_aliases", "via", "predecessor", "m.voice", "algorithm"),
)
INNER = ("rel_type", "event_id", "m.in_reply_to", "key", "is_falling_back", "answers", "question", "duration", "body")
TYPES = (
    *("m.room.message", "m.sticker", "m.poll.start", "m.poll.response", "m.poll.end", "m.reaction", "m.room.redaction"),
    *("m.room.encrypted", "m.room.member", "m.room.name", "m.room.create", "m.space.child", "m.message", "m.file"),
)
RELATIONS = ("m.replace", "m.annotation", "m.thread", "m.reference")
relations = st.builds(
    lambda rel_type, more: {"rel_type": rel_type, "event_id": "$1", **more},
    st.sampled_from(RELATIONS),
    st.dictionaries(st.sampled_from(INNER), values, max_size=2),
)
inner = values | st.dictionaries(st.sampled_from(INNER + KEYS), values, max_size=3)
contents = values | st.builds(
    lambda content, relation: content | ({"m.relates_to": relation} if relation else {}),
    st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    st.none() | relations,
)
outers = st.dictionaries(
    st.sampled_from(("room_id", "sender", "type", "state_key", "origin_server_ts", "redacts", "content", "unsigned")),
    values,
    max_size=2,
)
kinds = st.sampled_from(("event", "event", "event", "decrypted", "ephemeral"))


@settings(max_examples=150)
@given(
    what=st.lists(
        st.tuples(kinds, st.sampled_from(TYPES), contents, st.sampled_from((None, "", BAS)), outers),
        min_size=1,
        max_size=25,
    )
)
async def test_everything_is_recorded_or_set_aside(db: Db, what: list[tuple[Any, ...]]) -> None:
    await empty(db)
    arrivals = {}
    for n, (kind, event_type, content, state_key, outer) in enumerate(what):
        state = {} if state_key is None else {"state_key": state_key}
        made = event(f"${n}", "m.receipt" if kind == "ephemeral" else event_type, content, **state) | outer
        key = f"${n % 10}" if kind == "decrypted" else f"${n}"
        arrivals[kind, key] = Arrival(kind, key, None, None, json.dumps(made).encode())
    await archive(db, *arrivals.values())
    left = (
        "SELECT count(*) FROM inbox i WHERE kind = 'event' AND NOT EXISTS (SELECT FROM event e WHERE e.seq = i.seq) "
        "AND NOT EXISTS (SELECT FROM set_aside s WHERE s.seq = i.seq)"
    )
    assert await rows(db, left) == [(0,)]
    # An error of ours would have its class as the reason.
    assert await rows(db, "SELECT reason FROM set_aside WHERE reason NOT LIKE 'no%'") == []


def raw(text: str) -> bytes:
    """An event with this content, as text."""
    return (
        json.dumps(event("$1", "m.room.message", "CONTENT")).replace('"CONTENT"', text).encode(errors="surrogatepass")
    )


RECORDED = {
    "nul": (r'{"body": "a\u0000b"}', "a\ufffdb"),
    "lone surrogate": (r'{"body": "a\ud800b"}', "a\ufffdb"),
    "both": (r'{"body": "\ud800\u0000", "\udfff": [{"\u0000": "\ud800"}]}', "\ufffd\ufffd"),
    "64 KiB": ('{"body": "' + "x" * 65_000 + '"}', "x" * 65_000),
    "endless number": ('{"body": "x", "n": ' + "9" * 5_000 + "}", "x"),
    "no number": ('{"body": "x", "n": [NaN, Infinity, -Infinity, 1e999]}', "x"),
    "control character": ('{"body": "a\x01b"}', "a\x01b"),
    "wrong types": ('{"body": [], "formatted_body": 5, "m.relates_to": "x", "msgtype": {}}', None),
    "nested": ('{"body": "x", "n": ' + "[" * 90 + "]" * 90 + "}", "x"),
}


@pytest.mark.parametrize("name", RECORDED)
async def test_what_can_be_read_is_recorded(db: Db, name: str) -> None:
    content, body = RECORDED[name]
    await empty(db)
    await archive(db, Arrival("event", "$1", ROOM, "m.room.message", raw(content)), message("$2", "daarna"))
    assert await rows(db, "SELECT event_id, body FROM message ORDER BY event_id") == [("$1", body), ("$2", "daarna")]


REJECTED = {
    "nested too deeply": raw("[" * 5_000 + "]" * 5_000),
    "nested a bit too deeply": raw("[" * 101 + "]" * 101),
    "not JSON": b'{"event_id": "$1"',
    "not a JSON object": b"[1]",
    "no usable event_id": b'{"event_id": "$2", "type": "a", "room_id": "b", "sender": "c"}',
    "no usable room_id": b'{"event_id": "$1", "type": "a", "room_id": {}, "sender": "c"}',
    "no usable sender": b'{"event_id": "$1", "type": "a", "room_id": "b"}',
    "no usable type": b'{"event_id": "$1", "type": "", "room_id": "b", "sender": "c"}',
}


@pytest.mark.parametrize("reason", REJECTED)
async def test_what_is_no_event_is_set_aside(db: Db, reason: str) -> None:
    await empty(db)
    await archive(db, Arrival("event", "$1", ROOM, None, REJECTED[reason]), message("$2", "daarna"))
    assert await rows(db, "SELECT reason FROM set_aside") == [(reason.replace("a bit ", ""),)]
    assert await rows(db, "SELECT body FROM message") == [("daarna",)]


@pytest.mark.parametrize(
    ("given_ts", "year"), [(-1, 1969), (10**30, 9999), (-(10**30), 1), (True, None), (1.5, None), ("1", None)]
)
async def test_times_are_clamped_or_replaced_by_the_arrival(db: Db, given_ts: object, year: int | None) -> None:
    await empty(db)
    await archive(db, message("$1", "x", origin_server_ts=given_ts))
    ((found, arrived),) = await rows(
        db, "SELECT extract(year FROM sent_at)::int, sent_at = received_at FROM event JOIN inbox USING (seq)"
    )
    assert arrived if year is None else found == year


async def test_long_names_still_differ(db: Db) -> None:
    await empty(db)
    users = [f"@{'ü' * 400}{n}:example.com" for n in range(2)]
    await archive(
        db,
        *(
            arrival(event(f"${n}", "m.room.member", {"membership": "join"}, state_key=user, sender=ANNA))
            for n, user in enumerate(users)
        ),
    )
    assert await rows(db, "SELECT count(DISTINCT user_id), max(octet_length(user_id)) < 256 FROM membership") == [
        (2, True)
    ]
