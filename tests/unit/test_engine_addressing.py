"""Whatever people write, finding out whom it is for never fails, and is quick."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.archive.events import UnusableError, read_event
from bridge.engine.addressing import concerned, said
from bridge.engine.users import BotUser
from bridge.storage.inbox import InboxRow

BOT = BotUser("@bot:x", "Bot", ("@bot:x", "@bot", "Bot", "bot"), frozenset({"help"}))


def concerns(content: Any) -> list[tuple[str, bool, bool]] | None:
    """(text, addressed, maybe) of a message with this content."""
    raw = {"event_id": "$1", "type": "m.room.message", "room_id": "!r", "sender": "@anna:x", "content": content}
    now = datetime.now(UTC)
    try:
        row = InboxRow(1, "event", "$1", "!r", "m.room.message", None, None, now, None, json.dumps(raw).encode())
        what = said(read_event(row))
    except UnusableError:
        return None
    if what is None:
        return None
    return [(one.text, one.addressed, one.maybe) for one in concerned(what, [BOT], replied_to=None)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=10), children, max_size=3),
    max_leaves=10,
)
pieces = st.sampled_from(
    ["!", "help", "Bot", ":", " ", ",", "\n", "> ", "[Bot](https://matrix.to/#/@bot:x)", '<a href="', "https://matrix.to/#/",
     "@bot:x", '">', "</a>", "</mx-reply>", "<mx-reply>", "%40", "é", "\u0000", "&amp;"]
)  # fmt: skip
texts = st.lists(pieces, max_size=12).map("".join) | st.text(max_size=50)


@given(body=texts, html=texts | json_values, mentions=json_values, relates=json_values)
def test_nothing_breaks_it(body: str, html: Any, mentions: Any, relates: Any) -> None:
    content = {"msgtype": "m.text", "body": body, "formatted_body": html, "m.mentions": mentions}
    found = concerns({**content, "m.relates_to": relates})

    assert found is None or len(found) == 1


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        '<a href="https://x',
        "<mx-reply>",
        "[",
        "[x](",
        "> ",
        " ",
        "!",
        '"',
        "&lt;",
        '<a href="https://matrix.to/#/@b:x">x</a>',
    ],
)
def test_long_nonsense_takes_no_time(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    concerns(
        {
            "msgtype": "m.text",
            "body": text,
            "formatted_body": text,
            "m.relates_to": {"m.in_reply_to": {"event_id": "$0"}},
        }
    )


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("!help", ("!help", False, False)),
        ("\uff01help", ("\uff01help", False, False)),
        ("Bot: help", ("help", True, False)),
        ("BOT, help", ("help", True, False)),
        ("Bot:", ("", True, False)),
        ("@bot", ("", True, False)),
        ("bot help", ("bot help", False, True)),
        ("Both: help", ("Both: help", False, True)),
        ("!", ("!", False, True)),
        ("", ("", False, True)),
    ],
)
def test_whom_it_is_for(body: str, wanted: tuple[str, bool, bool]) -> None:
    assert concerns({"msgtype": "m.text", "body": body}) == [wanted]
