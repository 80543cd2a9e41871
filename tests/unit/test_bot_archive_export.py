"""Exports from the archive bot: an answer at once, and the file from a job."""

from __future__ import annotations

import pytest

from bridge.botapi.testing import Answered, FakeArchive
from bridge.botapi.testing.talk import ANNA, ROOM
from tests.unit.test_bot_archive import DIRECT, MANAGER, a_message, talk


async def made(begun: Answered) -> Answered:
    """What comes of the one job that was planned."""
    (job,) = begun.talk.jobs.values()
    return await begun.talk.due(job)


async def test_an_export_is_for_managers() -> None:
    archive = FakeArchive(found_messages=[a_message(1)])
    refused = await talk(archive).ask("!archief export")
    assert refused.text.startswith("⛔")
    begun = await talk(archive, roles=MANAGER).ask("!archief export")
    assert (begun.files, begun.text[:21]) == ([], "📦 Ik maak het bestand")
    page = await made(begun)
    assert page.answer is not None
    assert page.answer.private
    assert page.answer.messages[0].notify == (ANNA.user_id,)
    assert "met één bericht" in page.text
    assert [file.mimetype for file in page.files] == ["text/html"]
    data = await made(await talk(archive, roles=MANAGER, room=DIRECT).ask("archief export jsonl Productie"))
    assert [file.mimetype for file in data.files] == ["application/jsonl"]
    assert "voor programma's" in data.text


@pytest.mark.parametrize("command", ["export 2 dagen", "export html 2 dagen", "export jsonl 2 dagen hier"])
async def test_an_export_of_a_period(command: str) -> None:
    archive = FakeArchive(found_messages=[a_message(number) for number in (1, 30, 60)])
    found = await made(await talk(archive, roles=MANAGER).ask(f"!archief {command}"))
    assert "met 2 berichten" in found.text
    assert "Vanaf ma 23 nov 10:00;" in found.text
    room = await made(await talk(archive, roles=MANAGER, room=DIRECT).ask(f"archief {command[:-4]} Werkplaats"))
    assert "**Werkplaats**" in room.text


async def test_an_export_that_was_asked_for_in_another_language() -> None:
    asked = await talk(FakeArchive(found_messages=[a_message(1)], packed=True), roles=MANAGER).ask("!archive export")
    assert asked.text.startswith("📦 I am making the file")
    found = await made(asked)
    assert found.text.startswith("📦 Here is **Productie**")
    assert "packed (ZIP)" in found.text


async def test_an_export_of_another_room_does_not_name_it() -> None:
    asked = await talk(roles=MANAGER).ask("!archief export Werkplaats")
    assert "Werkplaats" not in asked.text
    assert "**Werkplaats**" in (await made(asked)).text


async def test_an_export_that_is_too_large() -> None:
    archive = FakeArchive(found_messages=[a_message(number) for number in range(9)], largest=2)
    whole = await made(await talk(archive, roles=MANAGER).ask("!archief export"))
    assert "niets verstuurd worden boven 2 bytes" in whole.text
    assert "Vraag een kortere tijd, bijvoorbeeld" in whole.text
    assert f"--format html --room '{ROOM.room_id}'" in whole.text
    part = await made(await talk(archive, roles=MANAGER).ask("!archief export 3 dagen"))
    assert "nog kortere" in part.text
    assert (whole.files, part.files) == ([], [])
    assert whole.answer is not None
    assert whole.answer.private


async def test_an_export_of_a_room_that_is_not_for_the_asker() -> None:
    archive = FakeArchive()
    begun = await talk(archive, roles=MANAGER).ask("!archief export")
    archive.denied.add(ROOM.room_id)
    refused = await talk(archive, roles=MANAGER).ask("!archief export")
    assert (refused.text[:1], refused.talk.jobs) == ("⛔", {})
    too_late = await made(begun)
    assert too_late.answer is not None
    assert (too_late.text[:1], too_late.answer.private) == ("⛔", True)


async def test_an_export_of_what_was_encrypted_stays_so() -> None:
    archive = FakeArchive(found_messages=[a_message(1)], encrypted=True)
    begun = await talk(archive, roles=MANAGER).ask("!archief export")
    found = await made(begun)
    assert begun.answer is not None
    assert found.answer is not None
    assert (begun.answer.sealed, found.answer.sealed, found.answer.private) == (False, True, True)
