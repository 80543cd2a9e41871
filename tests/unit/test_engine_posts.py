"""From answers to what is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.botapi.render import Answer, Rendered
from bridge.botapi.reply import File
from bridge.engine.posts import Origin, posts
from bridge.storage.outbox import MESSAGE, REACTION, REDACTION, NewPost, Posted

ORIGIN = Origin("$cause", "$cause", "@bot:x", "@anna:x", "!room", reply_to="$cause")
ONE, TWO, TOLD = Rendered("een", "<b>een</b>"), Rendered("twee", None), Rendered("elders", None)


def content(post: NewPost) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(post.content)
    return found


def posted(txn_id: str, **more: Any) -> Posted:
    """Something that was sent before."""
    held: dict[str, Any] = {
        "id": 1, "txn_id": txn_id, "user_id": "@bot:x", "room_id": "!room", "person": None, "sealed": False,
        "event_id": f"${txn_id}", "is_file": False, "action": None, "buttons": (),
    }  # fmt: skip
    return Posted(**{**held, **more})


def places(found: list[NewPost]) -> list[tuple[str | None, str | None]]:
    return [(post.room_id, post.person) for post in found]


def test_a_message() -> None:
    first, second = posts(Answer((ONE, TWO)), ORIGIN)

    assert content(first) == {
        "msgtype": "m.notice",
        "body": "een",
        "format": "org.matrix.custom.html",
        "formatted_body": "<b>een</b>",
        "m.mentions": {},
        "m.relates_to": {"m.in_reply_to": {"event_id": "$cause"}},
    }
    assert content(second) == {"msgtype": "m.notice", "body": "twee", "m.mentions": {}}
    assert (first.type, first.cause, first.user_id, first.room_id, first.person) == (
        MESSAGE,
        "$cause",
        "@bot:x",
        "!room",
        None,
    )


def test_transaction_ids_come_from_the_cause() -> None:
    def ids(**more: Any) -> list[str]:
        return [post.txn_id for post in posts(Answer((ONE, TWO)), replace(ORIGIN, **more))]

    assert ids() == ids()
    every = ids() + ids(key="$other") + ids(bot_user="@other:x")
    assert len(set(every)) == len(every)
    assert ids(cause="$first") == ids(), "an edit has a key of its own"


def test_buttons_belong_to_their_message() -> None:
    asks = replace(TWO, buttons=("✅", "❌", "✅"), action={"does": "x"})
    first, second, *reactions = posts(Answer((ONE, asks)), ORIGIN)

    assert (first.action, second.action) == (None, '{"does": "x"}')
    assert [(post.type, post.on) for post in reactions] == [(REACTION, second.txn_id)] * 2
    assert [content(post)["m.relates_to"]["key"] for post in reactions] == ["✅", "❌"]


@pytest.mark.parametrize(
    ("answer", "origin", "where"),
    [
        ({}, {}, "room"),
        ({"sealed": True}, {"encrypted": True}, "room"),
        ({"sealed": True}, {}, "private"),
        ({"private": True}, {}, "private"),
        ({"private": True}, {"direct": True}, "room"),
        ({"private": True, "sealed": True}, {"direct": True, "encrypted": True}, "room"),
        ({"private": True, "sealed": True}, {"direct": True}, "private"),
        ({"private": True}, {"room_id": None}, "private"),
        ({}, {"room_id": None}, "private"),
        ({}, {"person": None}, "room"),
    ],
)
def test_where_an_answer_goes(answer: dict[str, Any], origin: dict[str, Any], where: str) -> None:
    (post,) = posts(Answer((ONE,), **answer), replace(ORIGIN, **origin))

    assert places([post]) == [(None, "@anna:x") if where == "private" else ("!room", None)]
    assert post.sealed is answer.get("sealed", False)
    assert where == "room" or "m.relates_to" not in content(post)


@pytest.mark.parametrize("answer", [{"private": True}, {"sealed": True}])
def test_private_and_nobody_asked(answer: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="nobody has asked"):
        posts(Answer((ONE,), **answer), replace(ORIGIN, person=None))


def test_the_room_is_told() -> None:
    found = posts(Answer((ONE,), private=True, sealed=True, told=TOLD), ORIGIN)

    assert places(found) == [(None, "@anna:x"), ("!room", None)]
    assert [post.sealed for post in found] == [True, False]
    assert content(found[1])["m.relates_to"] == {"m.in_reply_to": {"event_id": "$cause"}}


def test_a_thread_without_a_question() -> None:
    (post,) = posts(Answer((ONE,)), replace(ORIGIN, reply_to=None, thread="$root"))

    assert content(post)["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": "$root"},
    }


def test_a_file() -> None:
    file = File(Path("/tmp/x"), "x.html", "text/html")
    (post,) = posts(Answer((Rendered("x.html", None, file=file),)), ORIGIN)

    assert json.loads(post.file or "") == {"path": "/tmp/x", "name": "x.html", "mimetype": "text/html"}
    assert content(post)["msgtype"] == "m.file"
    (told,) = posts(Answer((Rendered("x.html", None, file=file, otherwise="kan niet"),)), ORIGIN)
    assert json.loads(told.file or "")["otherwise"] == "kan niet"


def test_in_the_place_of_the_message_with_the_button() -> None:
    pressed = posted("old", buttons=("⬅️",))
    page = replace(ONE, buttons=("⬅️", "➡️"), action={"page": 2})
    change, button, extra = posts(Answer((page, TWO), replaces=True), replace(ORIGIN, pressed=pressed))

    assert (change.on, change.action) == ("old", '{"page": 2}')
    assert content(change)["m.new_content"]["body"] == "een"
    assert (content(change)["body"], content(change)["formatted_body"]) == ("* een", "* <b>een</b>")
    assert (button.on, content(button)["m.relates_to"]["key"]) == ("old", "➡️"), "the other one is there already"
    assert (extra.on, content(extra)["body"]) == (None, "twee")


def test_an_answer_to_a_button_that_replaces_nothing() -> None:
    (post,) = posts(Answer((TWO,)), replace(ORIGIN, pressed=posted("old")))

    assert post.on is None


def test_a_private_answer_replaces_nothing_in_the_room() -> None:
    found = posts(Answer((ONE,), private=True, replaces=True), replace(ORIGIN, pressed=posted("old")))

    assert [(post.on, post.person) for post in found] == [(None, "@anna:x")]


@pytest.mark.parametrize(
    ("answer", "earlier", "wanted"),
    [
        ({}, [posted("a")], [(MESSAGE, "a", False)]),
        ({}, [posted("a"), posted("b")], [(MESSAGE, "a", False), (REDACTION, "b", False)]),
        ({}, [posted("f", is_file=True)], [(MESSAGE, None, False), (REDACTION, "f", False)]),
        ({}, [posted("p", person="@anna:x")], [(MESSAGE, None, False), (REDACTION, "p", True)]),
        ({"private": True}, [posted("a")], [(MESSAGE, None, True), (REDACTION, "a", False)]),
        (
            {"private": True, "told": TOLD},
            [posted("p", person="@anna:x"), posted("t")],
            [(MESSAGE, "p", True), (MESSAGE, "t", False)],
        ),
        (
            {"private": True, "told": TOLD, "sealed": True},
            [posted("p", person="@anna:x"), posted("t")],
            [(MESSAGE, None, True), (MESSAGE, "t", False)],
        ),
        ({"told": TOLD}, [posted("p", person="@anna:x"), posted("t")], [(MESSAGE, "t", False), (REDACTION, "p", True)]),
    ],
)
def test_an_edited_command(answer: dict[str, Any], earlier: list[Posted], wanted: list[tuple[str, str, bool]]) -> None:
    found = posts(Answer((ONE,), **answer), replace(ORIGIN, earlier=earlier))

    assert [(post.type, post.on, post.person is not None) for post in found] == wanted
