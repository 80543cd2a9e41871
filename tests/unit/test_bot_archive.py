"""The archive bot, asked in a room and in a direct chat."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from bots.archive import ArchiveBot
from bots.archive.pages import LONGEST, MOST_LINES, shortened
from bridge.botapi import MISSING, Footprint, FoundFile, FoundMessage, Room, RoomStatus, event_link, permalink
from bridge.botapi.catalog import Catalog
from bridge.botapi.ports import MessageKind
from bridge.botapi.testing import FakeArchive, FakeDirectory, Talk
from bridge.botapi.testing.talk import NOW, ROOM

WORK = Room("!work:example.org", "Werkplaats")
DIRECT = Room("!direct:example.org", "Postkamer", encrypted=False, direct=True)
MANAGER, AUDITOR = ("staff", "manager"), ("staff", "auditor")
PRIVATE = "📬"
README = Path(__file__).resolve().parents[2] / "bots" / "archive" / "README.md"


def talk(archive: FakeArchive | None = None, **circumstances: Any) -> Talk:
    directory = FakeDirectory(by_room={ROOM.room_id: ROOM.name, WORK.room_id: WORK.name})
    return Talk([ArchiveBot()], archive=archive or FakeArchive(), directory=directory, **circumstances)


def a_message(number: int, text: str = "", **changes: Any) -> FoundMessage:
    """One of ROOM; `number` hours ago."""
    plain = FoundMessage(
        event_id=f"${number}",
        room_id=ROOM.room_id,
        sender="@bas:example.org",
        sender_name="Bas",
        sent_at=NOW - timedelta(hours=number),
        text=text or f"bericht {number}",
        kind="text",
        edited=False,
        in_thread=False,
        removed=False,
    )
    return replace(plain, **changes)


def a_file(number: int, name: str = "", **changes: Any) -> FoundFile:
    plain = FoundFile(
        event_id=f"${number}",
        room_id=ROOM.room_id,
        name=name or f"offerte {number}.pdf",
        size=1_234_000,
        mimetype=None,
        sender="@bas:example.org",
        sender_name="Bas",
        sent_at=NOW - timedelta(hours=number),
        held=True,
    )
    return replace(plain, **changes)


def status(**changes: Any) -> RoomStatus:
    plain = RoomStatus(
        messages=12,
        files=1,
        first_at=NOW - timedelta(days=400),
        last_at=NOW,
        complete=True,
        missing=(),
        behind=0,
    )
    return replace(plain, **changes)


async def test_status_says_since_when_and_that_all_is_there() -> None:
    archive = FakeArchive(statuses={ROOM.room_id: status()})
    answered = await talk(archive).ask("!archief status")
    assert "**Productie**: 12 berichten en één bestand in het archief, van di 21 okt 2025 11:00 tot" in answered.text
    assert "ontbreekt er niets" in answered.text
    assert answered.answer is not None
    assert not answered.answer.private
    english = await talk(archive, language="en").ask("!archive status")
    assert "12 messages and one file in the archive" in english.text


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_status_explains_each_thing_that_is_missing(language: str) -> None:
    missing = tuple((what, count) for what in MISSING for count in (1, 7))
    archive = FakeArchive(statuses={ROOM.room_id: status(complete=False, missing=missing, behind=3)})
    answered = await talk(archive, language=language).ask("!archief status")
    assert answered.text.count("\n- ") == len(missing)
    assert "7 versleutelde berichten waarvan" in answered.text or "7 encrypted messages whose" in answered.text
    assert "⏳ 3" in answered.text
    assert "✅" not in answered.text


async def test_status_of_an_empty_room() -> None:
    assert "nog niets in het archief" in (await talk().ask("!archief status")).text


async def test_files_turn_their_pages_in_place() -> None:
    archive = FakeArchive(found_files=[a_file(number) for number in range(25)])
    first = await talk(archive).ask("!archief bijlagen")
    assert (first.text.count("offerte"), first.buttons) == (10, ("➡️",))
    assert "[offerte 0.pdf]" not in first.text
    assert f'<a href="{event_link(ROOM.room_id, "$0", "@bas:example.org")}">offerte 0.pdf</a>' in first.html
    second = await first.talk.press(first, "➡️")
    assert (second.buttons, "Pagina 2" in second.text) == (("⬅️", "➡️"), True)
    assert second.answer is not None
    assert second.answer.replaces
    third = await first.talk.press(second, "➡️")
    assert (third.text.count("offerte"), third.buttons) == (5, ("⬅️",))
    assert (await first.talk.press(third, "⬅️")).text == second.text
    assert (await first.talk.press(second, "⬅️")).text == first.text


async def test_files_by_a_part_of_their_name() -> None:
    archive = FakeArchive(
        found_files=[a_file(1, "Offerte Jansen.pdf"), a_file(2, "rapport.pdf", held=False, size=None)]
    )
    answered = await talk(archive).ask("!archief bijlagen offerte jan")
    assert "Offerte Jansen.pdf" in answered.text
    assert "rapport" not in answered.text
    assert "met niets in de naam" in (await talk(archive).ask("!archief bijlagen niets")).text
    assert "geen bestanden" in (await talk().ask("!archief bijlagen")).text
    rapport = (await talk(archive).ask("!archief bijlagen rapport")).text
    assert "grootte onbekend" in rapport
    assert "niet in het archief" in rapport


async def test_in_a_room_only_what_everybody_may_see_and_the_rest_is_offered() -> None:
    archive = FakeArchive(found_files=[a_file(1, "open.pdf"), a_file(2, "oud.pdf")], hidden={"$2"})
    answered = await talk(archive).ask("!archief bijlagen")
    assert "oud.pdf" not in answered.text
    assert answered.buttons == (PRIVATE,)
    more = await answered.talk.press(answered, PRIVATE)
    assert "oud.pdf" in more.text
    assert more.answer is not None
    assert (more.answer.private, more.answer.replaces, more.buttons) == (True, False, ())
    direct = await talk(archive, room=DIRECT).ask("archief bijlagen Productie")
    assert "oud.pdf" in direct.text
    assert direct.buttons == ()


@pytest.mark.parametrize(
    "command", ["status Werkplaats", "bijlagen Werkplaats", "bijlagen werkplaats offerte", "terug 3 dagen Werkplaats"]
)
async def test_another_room_is_spoken_of_in_private(command: str) -> None:
    files = [a_file(1, "hier.pdf"), a_file(2, "daar offerte.pdf", room_id=WORK.room_id)]
    archive = FakeArchive(found_files=files, hidden={"$2"})
    answered = await talk(archive).ask(f"!archief {command}")
    assert answered.answer is not None
    assert answered.answer.private
    assert "Werkplaats" in answered.text
    assert "hier.pdf" not in answered.text


async def test_in_a_room_only_a_whole_name_means_another_room() -> None:
    archive = FakeArchive(found_files=[a_file(1, "werkplan.pdf")])
    answered = await talk(archive).ask("!archief bijlagen werkpl")
    assert "werkplan.pdf" in answered.text
    wrong = await talk(archive).ask("!archief status Werkpl")
    assert "ken ik niet" in wrong.text


@pytest.mark.parametrize("command", ["status", "bijlagen", "terug 3 dagen"])
async def test_in_a_direct_chat_it_asks_which_room(command: str) -> None:
    asked = await talk(room=DIRECT).ask(f"archief {command}")
    assert "1. Productie\n2. Werkplaats" in asked.text
    chosen = await asked.talk.answer(asked, "2")
    assert "Werkplaats" in chosen.text
    assert chosen.answer is not None
    assert not chosen.answer.private
    assert "Werkplaats" in (await talk(room=DIRECT).ask(f"archief {command} werkpl")).text


async def test_who_has_one_room_is_not_asked_which() -> None:
    archive = FakeArchive(statuses={ROOM.room_id: status()})
    directory = FakeDirectory(by_room={ROOM.room_id: ROOM.name})
    answered = await Talk([ArchiveBot()], archive=archive, directory=directory, room=DIRECT).ask("archief status")
    assert "**Productie**: 12 berichten" in answered.text


async def test_reading_back() -> None:
    said = [
        a_message(30, "goedemorgen"),
        a_message(20, "foto.png", kind="image", edited=True),
        a_message(19, "eens", in_thread=True),
        a_message(18, kind="unread"),
        a_message(17, kind="unread"),
        a_message(16, "weg", removed=True),
        a_message(200, "te oud"),
    ]
    answered = await talk(FakeArchive(found_messages=said)).ask("!archief terug 3 dagen")
    assert answered.answer is not None
    assert (answered.answer.private, answered.answer.sealed) == (True, False)
    link = event_link(ROOM.room_id, "$30", "@bas:example.org")
    assert f'<a href="{link}">04:00</a> <strong>Bas</strong>: goedemorgen' in answered.html
    assert "**di 24 nov**" in answered.text
    assert "(bewerkt): 🖼️ foto.png" in answered.text
    assert "(in een draad): eens" in answered.text
    assert "🔒 2 versleutelde berichten die ik niet kon lezen" in answered.text
    assert "weg" not in answered.text
    assert "te oud" not in answered.text
    assert answered.text.endswith("Dat was alles tot nu.")


async def test_times_are_those_of_the_company() -> None:
    late = a_message(0, sent_at=NOW.replace(hour=23, minute=30) - timedelta(days=1))
    assert "**wo 25 nov**" in (await talk(FakeArchive(found_messages=[late])).ask("!archief terug 3 dagen")).text


async def test_reading_on() -> None:
    archive = FakeArchive(found_messages=[a_message(number) for number in range(1, 26)], encrypted=True)
    first = await talk(archive, room=replace(DIRECT, encrypted=True)).ask("archief terug 3 dagen Productie")
    assert first.buttons == ("➡️",)
    assert "Dat was alles" not in first.text
    on = await first.talk.press(first, "➡️")
    assert on.answer is not None
    assert (on.answer.sealed, on.answer.replaces, on.buttons) == (True, False, ())
    texts = re.findall(r"bericht \d+", first.text + on.text)
    assert texts == [f"bericht {number}" for number in range(25, 0, -1)]


async def test_what_is_not_shown_is_said() -> None:
    before, after = NOW - timedelta(days=2), NOW - timedelta(days=1)
    for withheld, expected in (
        ((None, before), "Wat er vóór ma 23 nov 10:00 gezegd is"),
        ((after, None), "Wat er na di 24 nov 10:00 gezegd is"),
        ((before, after), "Wat er van ma 23 nov 10:00 tot di 24 nov 10:00 gezegd is"),
        ((None, None), "mag ik je niets laten zien"),
    ):
        answered = await talk(FakeArchive(withheld=(withheld,))).ask("!archief terug 3 dagen")
        assert expected in answered.text
        assert "Er staat niets in" in answered.text
    answered = await talk(FakeArchive(held_from=before)).ask("!archief terug 3 dagen")
    assert "begint op ma 23 nov 10:00" in answered.text


@pytest.mark.parametrize("command", ["bijlagen", "terug 3 dagen"])
async def test_what_was_encrypted_stays_so(command: str) -> None:
    archive = FakeArchive(found_files=[a_file(1)], found_messages=[a_message(1)], encrypted=True)
    answered = await talk(archive, roles=MANAGER).ask(f"!archief {command}")
    assert answered.answer is not None
    assert answered.answer.sealed


@pytest.mark.parametrize("kind", get_args(MessageKind))
async def test_each_kind_of_message_is_shown(kind: Any) -> None:
    archive = FakeArchive(found_messages=[a_message(1, "zie dit", kind=kind)])
    answered = await talk(archive).ask("!archief terug 3 dagen")
    assert ("zie dit" in answered.text) == (kind != "unread")


async def test_texts_of_others_are_no_markup() -> None:
    hostile = "<b>vet</b> **ook** [x](https://example.com) {room} @room"
    archive = FakeArchive(found_messages=[a_message(1, hostile, sender_name="<i>Bas</i>")])
    answered = await talk(archive).ask("!archief terug 3 dagen")
    assert "&lt;b&gt;vet&lt;/b&gt; **ook** [x](https://example.com) {room} @room" in answered.html
    assert "<i>" not in answered.html


def test_long_texts_are_shortened() -> None:
    assert shortened("kort\nen goed ") == "kort\nen goed"
    assert shortened("x" * (LONGEST + 1)) == "x" * LONGEST + "…"
    assert shortened("a\n" * 50) == "\n".join("a" * MOST_LINES) + "…"


def footprint(**changes: Any) -> Footprint:
    plain = Footprint(
        since=NOW - timedelta(days=100),
        rooms=3,
        messages=120,
        edits=1,
        reactions=0,
        files=2,
        file_bytes=3_400_000,
        receipts=4,
        names=("Anna", "Anna de Vries"),
        removed_waiting=1,
        retention_days=30,
        auditors=2,
        looked_into=1,
        searched=4,
        searched_as=0,
    )
    return replace(plain, **changes)


async def test_privacy_in_plain_words() -> None:
    answered = await talk(FakeArchive(print=footprint())).ask("!archief privacy")
    assert answered.answer is not None
    assert answered.answer.private
    for part in ("120 berichten in 3 kamers", "(3,4 MB)", "Anna, Anna de Vries", "30 dagen later", "2 aangewezen"):
        assert part in answered.text
    assert "reacties" not in answered.text
    assert "één keer gebeurd" in answered.text
    assert "In alles tegelijk is het afgelopen jaar 4 keer zo gezocht." in answered.text
    assert "IT heeft" not in answered.text
    plain = footprint(since=None, messages=0, names=(), removed_waiting=0, auditors=0, looked_into=0, searched=0)
    nothing = await talk(FakeArchive(print=plain), room=DIRECT, language="en", roles=("guest",)).ask("archive privacy")
    assert "Nobody is appointed" in nothing.text
    assert "messages in" not in nothing.text
    assert nothing.answer is not None
    assert not nothing.answer.private
    assert "searched" not in nothing.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"searched": 0}, "In alles tegelijk is het afgelopen jaar niet zo gezocht."),
        ({"searched": 1}, "In alles tegelijk is het afgelopen jaar één keer zo gezocht."),
        ({"searched": 1, "auditors": 0}, "In alles tegelijk is het afgelopen jaar één keer zo gezocht."),
        ({"looked_into": 2, "auditors": 0}, "toen is er 2 keer in kamers van jou gekeken"),
        ({"searched_as": 1}, "IT heeft het afgelopen jaar één keer gezocht in alles wat jij mag lezen"),
    ],
)
async def test_privacy_says_how_often_somebody_looked(changes: dict[str, int], said: str) -> None:
    assert said in (await talk(FakeArchive(print=footprint(**changes))).ask("!archief privacy")).text


async def test_looking_in_is_for_auditors_with_a_purpose() -> None:
    archive = FakeArchive(found_messages=[a_message(number) for number in range(1, 25)])
    archive.found_messages.append(a_message(30, "verwijderd bericht", removed=True))
    assert (await talk(archive, roles=MANAGER).ask("!archief inzage Productie 3 dagen klacht")).text.startswith("⛔")
    assert archive.purposes == []
    without = await talk(archive, roles=AUDITOR).ask("!archief inzage Productie 3 dagen")
    assert "Er ontbreekt nog iets: `doel`" in without.text
    assert archive.purposes == []
    looked = await talk(archive, roles=AUDITOR).ask('!archief inzage Productie "3 dagen" klacht 2026-14')
    assert looked.answer is not None
    assert looked.answer.private
    assert "Opgeschreven met dit doel: klacht 2026-14" in looked.text
    assert "🗑️ verwijderd: " in looked.text
    await looked.talk.press(looked, "➡️")
    assert archive.purposes == ["klacht 2026-14"] * 2


async def test_a_room_that_is_not_for_the_asker() -> None:
    archive = FakeArchive(denied={ROOM.room_id})
    for command in ("status", "bijlagen", "terug 3 dagen"):
        assert (await talk(archive).ask(f"!archief {command}")).text.startswith("⛔")


async def test_it_greets_rooms_alone() -> None:
    assert "`!archief terug 3 dagen`" in (await talk().joined()).text
    assert (await talk(room=DIRECT).joined()).answer is None


@pytest.mark.parametrize("room_id", [ROOM.room_id, "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"])
@pytest.mark.parametrize("event_id", ["$abc:example.org", "$_-x", "$a/b?c#d"])
def test_links_to_messages_can_be_read_back(room_id: str, event_id: str) -> None:
    found = permalink(event_link(room_id, event_id, "@bas:example.org:8448"))
    assert found is not None
    assert (found.id, found.event_id) == (room_id, event_id)


def test_the_readme_names_each_command() -> None:
    text = README.read_text(encoding="utf-8")
    bot = ArchiveBot()
    for entry in Catalog([bot]).of(bot):
        for language in ("nl", "en"):
            assert f"`!{entry.phrase(language)}" in text
