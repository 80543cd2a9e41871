"""What users of other systems have asked for, by the number of the issue in which they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from tantivy import Query

from bridge.search.index import NotReadyError, TantivyIndex
from bridge.storage.readable import WHOLE
from tests.storage.post import ANNA, archive, event, fresh_db, member, message
from tests.storage.searching import parts
from tests.storage.seeking import indexed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from bridge.storage.db import Db
    from tests.postgres import Databases
    from tests.storage.company import Office
    from tests.storage.seeking import Searching


class Wish(NamedTuple):
    """What was wished for.

    Attributes:
        texts: messages.
        finds: by what is typed the numbers of those that are found, newest first.
    """

    issue: str
    texts: Sequence[str]
    finds: dict[str, str]


WISHES = (
    Wish(
        "mattermost#1070 parts of words",
        ["Het Kozijnenbedrijf is gesloten", "kozijn"],
        {"kozij*": "2 1", "*bedrijf": "1", "*nenbed*": "1", "KOZIJNENB*": "1", "bedrijf": "1", "zijn*": ""},
    ),
    Wish(
        "synapse#20092 parts of words, stop words, links, codes",
        [
            "Het model heet qwen3.6",
            "Zie foo.png",
            "C++20 is er",
            "to be or not to be",
            "https://example.com/pad/naar?x=1",
            "de the een",
        ],
        {
            "qwen": "1",
            "qwen*": "1",
            "qwen3.6": "1",
            "foo": "2",
            "foo.png": "2",
            "png": "2",
            "C++20": "3",
            "C++": "3",
            '"to be or not to be"': "4",
            "not": "4",
            "the": "6",
            "de": "6",
            "https://example.com/pad/naar?x=1": "5",
            "https://example.com/pad": "5",
            "example.com": "5",
            "naar": "5",
        },
    ),
    Wish(
        "mattermost#3882 dashes and digits",
        ["https://example.net/browse/PLT-3699", "PLT-3699", "[PLT-3699](https://example.net/browse/PLT-3699)", "PLT 3"],
        {"PLT-3699": "3 2 1", '"PLT-3699"': "3 2 1", "PLT-3699*": "3 2 1", "*-3699": "3 2 1", "plt": "4 3 2 1"},
    ),
    Wish(
        "mattermost#14437 underscores and dashes inside words",
        ["de variabele foo_bar_baz", "de module foo-bar", "foo en ook bar", "foobar"],
        {"foo_bar_baz": "1", "foo_bar": "2 1", "+foo_bar": "1", "foo-bar": "2 1", "+foo-bar": "2", "bar": "3 2 1"},
    ),
    Wish(
        "mattermost#7834 a part of the name of a host",
        ["hostname.test.example", "mail op server-01.intern", "10.0.0.7 doet het niet"],
        {
            "hostname": "1",
            "hostna*": "1",
            "test.example": "1",
            "hostname.test.example": "1",
            "server-01": "2",
            "intern": "2",
            "10.0.0.7": "3",
            "10.0.*": "3",
            "10.0": "3",
        },
    ),
    Wish(
        "mattermost#28431 stemming that spoils",
        ["the state of it", "a stateful service", "universities", "the universe", "twee kozijnen"],
        {
            "stateful": "2",
            '"stateful"': "2",
            "state": "1",
            "states": "1",
            "university": "3",
            "universe": "4",
            "+states": "",
            "kozijn": "5",
            "+kozijn": "",
            "+kozijnen": "5",
        },
    ),
    Wish(
        "synapse#10559 accents and punctuation",
        ["Het café is open!", "Cafe\u0301, morgen?", "CAFE", "(crème)brûlée", "naïve coöperatie", "Zeg 'hallo'."],
        {
            "cafe": "3 2 1",
            "café": "3 2 1",
            "cafe\u0301": "3 2 1",
            "creme": "4",
            "brulee": "4",
            "cooperatie": "5",
            "hallo": "6",
            "'hallo'": "6",
            "open": "1",
            "morgen?": "2",
        },
    ),
    Wish(
        "synapse#20223 punctuation between words",
        ["ja,nee", "en/of", "Jan's fiets", "foto's van de bouw", "3,14 en 1.250,00", "wat?!", "a…b"],
        {
            "nee": "1",
            "of": "2",
            "en/of": "2",
            "fiets jan": "3",
            "foto": "4",
            "foto's": "4",
            "3,14": "5",
            "€ 1.250,00": "5",
            "wat": "6",
            "b": "7",
        },
    ),
)
CASES = [(wish, typed) for wish in WISHES for typed in wish.finds]


def room_of(wish: Wish) -> str:
    return f"!{WISHES.index(wish)}:example.com"


async def write(db: Db) -> None:
    for wish in WISHES:
        outer = {"room_id": room_of(wish)}
        await archive(
            db,
            event(f"$create{outer['room_id']}", "m.room.create", {}, state_key="", **outer),
            member(f"$join{outer['room_id']}", ANNA, "join", "Anna", **outer),
            *(
                message(f"${number} {outer['room_id']}", text, minute=number, **outer)
                for number, text in enumerate(wish.texts, 1)
            ),
        )


@pytest.fixture(scope="module")
async def wishing(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Searching]:
    async with fresh_db(databases) as db:
        await write(db)
        async with indexed(db, tmp_path_factory.mktemp("search")) as found:
            yield found


@pytest.mark.parametrize(("wish", "typed"), CASES, ids=lambda value: value if isinstance(value, str) else value.issue)
async def test_wish(wishing: Searching, wish: Wish, typed: str) -> None:
    answer = await wishing.ask(parts({room_of(wish): (WHOLE,)}), ANNA, typed)
    assert " ".join(event_id[1:].split()[0] for event_id in answer.found) == wish.finds[typed]


async def test_zulip_35834_text_in_attachments(office: Office) -> None:
    assert (await office.find("leveren")).found == ["$4"]
    assert (await office.find('"zes weken na akkoord" type:pdf')).found == ["$4"]


async def test_zulip_25436_by_date(office: Office) -> None:
    assert (await office.find("op:03-03-2026")).found == ["$9", "$8"]
    assert (await office.find("offerte after:2026-03-01 before:2026-03-03")).found == ["$4", "$3"]


async def test_zulip_23996_by_who_takes_part(office: Office) -> None:
    """Whole conversations, also what others said in them."""
    assert (await office.find("with:cora uur")).found == ["$7"]
    assert (await office.find("met:bas uur is:dm")).found == ["$9", "$8"]
    assert (await office.find("with:cora is:dm")).found == []


async def test_element_web_14715_nothing_is_not_said_to_be_found_while_there_is_no_index(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    with pytest.raises(NotReadyError):
        index.search(Query.all_query(), parts({"!a": (WHOLE,)}), sort="new", limit=10)
