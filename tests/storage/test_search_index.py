"""What the index holds: messages as they stand, by those who may read them; the same as an index made anew."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.archive.blobs import FileBlobs
from bridge.archive.consumer import retry
from bridge.archive.eraser import erase_due
from bridge.archive.recorder import Recorder
from bridge.search.analysis import Analysis
from bridge.search.generations import Generations
from bridge.search.schema import place_bound, place_key
from bridge.storage import consumers, inbox, indexing
from bridge.storage.readable import FIRST, LAST, Span, after
from tests.storage.histories import histories
from tests.storage.post import (
    BAS,
    OTHER,
    ROOM,
    archive,
    arrival,
    edit,
    empty,
    event,
    message,
    payload,
    reaction,
    record,
    redaction,
    rows,
)
from tests.storage.searching import ask_for_another, content, everything, found, index, parts, status

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.search.analysis import Tokens
    from bridge.storage.db import Db
    from bridge.storage.inbox import Arrival


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory)


class Folders:
    """A folder for each index."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._base = factory.mktemp("search")
        self._numbers = itertools.count()

    def new(self) -> Path:
        return self._base / str(next(self._numbers))


async def seq_of(db: Db, event_id: str) -> int:
    return int((await rows(db, "SELECT seq FROM event WHERE event_id = $1", event_id))[0][0])


async def test_a_message_is_found_by_the_text_that_stands(db: Db, tmp_path: Path) -> None:
    await archive(db, message("$1", "Offerte kozijn"), message("$2", "iets anders"))
    await index(db, tmp_path)
    seq = await seq_of(db, "$1")
    assert found(tmp_path, "words", "offerte") == [seq]

    await archive(db, edit("$3", "$1", "Factuur kozijn"), edit("$4", "$1", "van een ander", sender=BAS))
    await index(db, tmp_path)
    assert found(tmp_path, "words", "offerte") == []
    assert found(tmp_path, "words", "factuur") == [seq]
    assert found(tmp_path, "words", "ander") == []
    assert found(tmp_path, "is", "edited") == [seq]

    await archive(db, redaction("$5", "$3"))
    await index(db, tmp_path)
    assert found(tmp_path, "words", "offerte") == [seq]
    assert found(tmp_path, "words", "factuur") == []

    await archive(db, redaction("$6", "$1"))
    await index(db, tmp_path)
    assert found(tmp_path, "words", "offerte") == []
    assert found(tmp_path, "words", "factuur") == []
    assert found(tmp_path, "words", "factuur", everything(removed=True)) == [seq]


async def test_what_is_erased_is_not_found_by_anybody_and_leaves_the_files_within_a_day(db: Db, tmp_path: Path) -> None:
    await archive(db, message("$1", "geheim"), message("$2", "ander"), redaction("$3", "$1"))
    await index(db, tmp_path)
    auditor = everything(removed=True)
    assert found(tmp_path, "words", "geheim", auditor) == [await seq_of(db, "$1")]
    assert await erase_due(db, FileBlobs(tmp_path), timedelta(0), datetime.now(UTC)) == 1
    await index(db, tmp_path)
    assert found(tmp_path, "words", "geheim", auditor) == []
    in_use = Generations(tmp_path).current()
    async with db.tx() as tx:
        await tx.execute("UPDATE index_state SET erased_at = erased_at - interval '23 hours'")
    await index(db, tmp_path)
    assert Generations(tmp_path).current() == in_use
    async with db.tx() as tx:
        await tx.execute("UPDATE index_state SET erased_at = erased_at - interval '1 hour'")
    for _ in range(2):
        await index(db, tmp_path)
    anew = Generations(tmp_path).current()
    assert anew not in (None, in_use)
    await index(db, tmp_path)
    assert Generations(tmp_path).current() == anew


async def test_what_was_set_aside_is_indexed_when_it_is_recorded_at_last(db: Db, tmp_path: Path) -> None:
    await archive(db, message("$1", "eerste"))
    async with db.tx() as tx:  # as a recorder that could not handle it
        await tx.execute("DELETE FROM event")
        await tx.execute("DELETE FROM message")
        await consumers.set_aside(tx, "recorder", 0, "bug")
        await tx.execute("UPDATE set_aside SET seq = (SELECT max(seq) FROM inbox)")
    await index(db, tmp_path)
    assert found(tmp_path, "words", "eerste") == []
    assert await retry(db, Recorder()) == (1, 0)
    await index(db, tmp_path)
    assert found(tmp_path, "words", "eerste") == [await seq_of(db, "$1")]


async def test_a_message_that_cannot_be_indexed_is_set_aside_and_others_go_on(
    db: Db, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await archive(db, *(message(f"${n}", f"tekst {n}") for n in range(9)))

    def tokens(self: Analysis, text: str) -> Tokens:
        if text.endswith("5"):
            raise ValueError("no words")
        return read(self, text)

    read = Analysis.tokens
    monkeypatch.setattr(Analysis, "tokens", tokens)
    await index(db, tmp_path)
    assert len(found(tmp_path, "words", "tekst")) == 8
    monkeypatch.undo()
    async with db.connection() as connection:
        assert [one.consumer for one in await consumers.list_set_aside(connection)] == ["search"]
        assert await indexing.retry(connection) == 1
    await index(db, tmp_path)
    assert len(found(tmp_path, "words", "tekst")) == 9
    assert await rows(db, "SELECT 1 FROM set_aside") == []


async def test_reactions_that_were_not_withdrawn(db: Db, tmp_path: Path) -> None:
    await archive(db, message("$1", "Klaar"), reaction("$2", "$1", "👍️", sender=BAS), reaction("$3", "$1", "✅"))
    await index(db, tmp_path)
    seq = await seq_of(db, "$1")
    assert found(tmp_path, "reaction", "👍") == [seq]
    assert found(tmp_path, "has", "reaction") == [seq]
    await archive(db, redaction("$4", "$2", sender=BAS))
    await index(db, tmp_path)
    assert found(tmp_path, "reaction", "👍") == []
    assert found(tmp_path, "reaction", "✅") == [seq]


async def test_what_was_encrypted_is_found_once_it_was_read(db: Db, tmp_path: Path) -> None:
    await archive(db, event("$1", "m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2"}), message("$2", "open"))
    await index(db, tmp_path)
    assert found(tmp_path, "room", ROOM) == [await seq_of(db, "$2")]
    await archive(db, payload("$1", "m.room.message", {"msgtype": "m.text", "body": "geheim"}))
    await index(db, tmp_path)
    assert found(tmp_path, "words", "geheim") == [await seq_of(db, "$1")]


async def test_who_left_before_an_edit_finds_what_stood_there(db: Db, tmp_path: Path) -> None:
    first = message("$1", "eerste tekst")
    await archive(db, first, edit("$2", "$1", "tweede tekst"), message("$3", "later"), edit("$4", "$1", "derde tekst"))
    await index(db, tmp_path)
    seq = await seq_of(db, "$1")
    places = {row[0]: (row[1], row[2]) for row in await rows(db, "SELECT event_id, ord, sub FROM event")}

    def reads(word: str, *spans: Span) -> bool:
        return found(tmp_path, "words", word, parts({ROOM: spans})) == [seq]

    for end, readable in (("$1", "eerste"), ("$2", "tweede"), ("$3", "tweede"), ("$4", "derde")):
        for word in ("eerste", "tweede", "derde"):
            assert reads(word, Span(end=after(places[end]))) is (word == readable), (end, word)
            assert reads(word, Span(places["$1"], after(places[end]))) is (word == readable), (end, word)
    assert not any(reads(word, Span(after(places["$1"]))) for word in ("eerste", "tweede", "derde"))
    assert not any(reads(word, Span(end=places["$1"])) for word in ("eerste", "tweede", "derde"))
    assert reads("derde", Span())
    assert not reads("eerste", Span())
    assert found(tmp_path, "words", "tekst", parts({OTHER: (Span(),)})) == []
    assert found(tmp_path, "words", "tekst", parts({})) == []


async def test_history_stands_before_what_followed_it(db: Db, tmp_path: Path) -> None:
    await archive(db, message("$live", "nieuw"))
    live = await seq_of(db, "$live")
    async with db.tx() as tx:
        for number in (1, 2, 3):
            old = message(f"$old{number}", f"oud{number}", minute=-number)
            await inbox.append(tx, [arrival(old, before_seq=live, before_sub=-number)])
    await record(db)
    await index(db, tmp_path)
    held = [await seq_of(db, f"$old{number}") for number in (1, 2, 3)]
    assert found(tmp_path, "room", ROOM) == [live, *held]
    for number, seq in enumerate(held, 1):
        before = parts({ROOM: (Span(end=(live, -number)),)})
        assert seq not in found(tmp_path, "room", ROOM, before)
        assert found(tmp_path, "room", ROOM, parts({ROOM: (Span((live, -number), (live, 1 - number)),)})) == [seq]


HELD = [(1, 0), (1, -1), (2, 0), (7, -(2**27)), (7, 2**27 - 1), (2**35 - 1, 0)]
PLACES = [*HELD, (2**35, 0), (7, -(2**40)), FIRST, LAST]


@pytest.mark.parametrize("bound", [*PLACES, (7, 2**27), (7, 1), (0, 0), (-5, 3), (2**40, 1), (8, -(2**63))])
def test_places_as_numbers_keep_their_order(bound: tuple[int, int]) -> None:
    for place in PLACES:
        key = place_key(place)
        if key is not None:
            assert (key >= place_bound(bound)) is (place >= bound), place
    assert [place for place in PLACES if place_key(place) is not None] == HELD


@settings(max_examples=40)
@given(history=histories(), data=st.data())
async def test_the_index_is_what_an_index_made_anew_is(
    module_db: Db, folders: Folders, history: list[Arrival], data: st.DataObject
) -> None:
    """Whatever comes in whatever order and portions: edits before their messages, removals before both."""
    db, folder = module_db, folders.new()
    await empty(db)
    shuffled = data.draw(st.permutations(history), label="order of arrival")
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)), label="portion")
        async with db.tx() as tx:
            await inbox.append(tx, shuffled[:size])
        await record(db)
        if data.draw(st.booleans(), label="indexed"):
            await index(db, folder)
        shuffled = shuffled[size:]
    await index(db, folder)
    followed = content(folder)
    await ask_for_another(db)
    await index(db, folder)
    rebuilt = content(folder)
    assert followed == rebuilt
    assert (await status(db)).documents == len(rebuilt.get(("", ""), ()))
