"""Staff with matrix-nio, a client that is not ours, in plain and in encrypted rooms: all that Postkamer offers."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from nio import OlmUnverifiedDeviceError

from bridge.app import application
from bridge.demo.synapse import free_port
from tests.real.nio_client import people
from tests.real.server import BOT, write_installation
from tests.real.signatures import signed_by_owner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.postgres import Databases
    from tests.real.nio_client import NioClient
    from tests.real.server import Homeserver

in_both = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])


@pytest.fixture(scope="module")
async def office(
    synapse: Homeserver, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Homeserver]:
    """A homeserver with Postkamer at work, where Anna and Bram belong to the staff and nobody else does."""
    async with databases.fresh() as url:
        installation = write_installation(tmp_path_factory.mktemp("office"), synapse, url, free_port())
        staff = [f"@{name}-*:{synapse.server_name}" for name in ("anna", "bram")]
        with installation.path.open("a") as config:
            config.write(f"rights:\n  staff: {json.dumps(staff)}\n")
        async with application(installation.config):
            yield synapse


@dataclass(frozen=True, slots=True)
class Place:
    """A room of Anna and Bram that the bot has joined by itself."""

    anna: NioClient
    bram: NioClient
    bot: str
    room: str


@asynccontextmanager
async def place(office: Homeserver, folder: Path, *, encrypted: bool) -> AsyncIterator[Place]:
    """Two people with a room."""
    bot = office.user_id(BOT)
    async with people(office, folder, "anna", "bram") as (anna, bram):
        room = await anna.create_room("Directie", bram.user_id, bot, encrypted=encrypted)
        assert await bram.accept(anna.user_id) == room
        for person in (anna, bram):
            for user_id in (anna.user_id, bram.user_id, bot):
                await person.joined(room, user_id)
        yield Place(anna, bram, bot, room)


def edits(message: str) -> dict[str, Any]:
    """The relation of an edit."""
    return {"rel_type": "m.replace", "event_id": message}


@in_both
async def test_it_joins_greets_once_and_answers_in_both_languages(
    office: Homeserver, tmp_path: Path, *, encrypted: bool
) -> None:
    async with place(office, tmp_path, encrypted=encrypted) as p:
        greeting = await p.anna.wait(lambda event: event.sender == p.bot and event.type == "m.room.message")
        assert "👋 Hallo" in greeting.body
        help_ = await p.anna.ask(p.room, "!help")
        status = await p.anna.ask(p.room, "!archief status")
        english = await p.anna.ask(p.room, "!language en")
        help_in_english = await p.anna.ask(p.room, "!help")
        status_in_english = await p.anna.ask(p.room, "!archive status")

        assert "!archief status" in help_.body
        assert "<ul>" in help_.content["formatted_body"]
        assert status.body.startswith("🗄️ **Directie**")
        assert "in het archief" in status.body
        assert "in English" in english.body
        assert "!archive status" in help_in_english.body
        assert "in the archive" in status_in_english.body
        said = p.anna.found(lambda event: event.sender == p.bot and event.type == "m.room.message")
        assert sum("👋" in event.body for event in said) == 1
        for event in said:
            assert event.content["msgtype"] == "m.notice"
            assert event.content["m.mentions"] == {}
            assert event.encrypted == encrypted


@in_both
async def test_files_are_paged_with_buttons(office: Homeserver, tmp_path: Path, *, encrypted: bool) -> None:
    async with place(office, tmp_path, encrypted=encrypted) as p:
        for number in range(11):
            await p.anna.send_file(p.room, f"tekening{number:02}.pdf", b"%PDF-1.7")
        listed = await p.anna.ask(p.room, "!archief bijlagen")
        assert "tekening10.pdf" in listed.body
        assert "tekening00.pdf" not in listed.body
        button = await p.anna.button(listed.event_id, "➡️")
        assert button.sender == p.bot

        await p.bram.react(p.room, listed.event_id, "➡️")  # he did not ask
        await p.anna.react(p.room, listed.event_id, "➡️")
        second = await p.anna.wait(lambda event: event.relation == edits(listed.event_id))

        assert "tekening00.pdf" in second.content["m.new_content"]["body"]
        assert "tekening10.pdf" not in second.content["m.new_content"]["body"]
        assert second.encrypted == encrypted
        await p.anna.react(p.room, (await p.anna.button(listed.event_id, "⬅️")).relation["event_id"], "⬅️")
        first = await p.anna.wait(lambda event: event.relation == edits(listed.event_id), count=2)
        assert "tekening10.pdf" in first.content["m.new_content"]["body"]


@in_both
async def test_an_edited_command_is_answered_anew(office: Homeserver, tmp_path: Path, *, encrypted: bool) -> None:
    async with place(office, tmp_path, encrypted=encrypted) as p:
        question = await p.anna.say(p.room, "!archief sttus")
        first = await p.anna.answer(question)
        assert "status" in first.body

        await p.anna.edit(p.room, question, "!archief status")

        better = await p.anna.wait(lambda event: event.relation == edits(first.event_id))
        assert better.content["m.new_content"]["body"].startswith("🗄️ **Directie**")
        assert better.encrypted == encrypted


@in_both
async def test_a_question_is_answered_by_number_and_by_button(
    office: Homeserver, tmp_path: Path, *, encrypted: bool
) -> None:
    async with place(office, tmp_path, encrypted=encrypted) as p:
        question = await p.anna.ask(p.room, "!taal")
        assert "2. " in question.body
        by_number = await p.anna.answer(await p.anna.reply(p.room, question.event_id, "2"))
        assert "English" in by_number.body

        question = await p.bram.ask(p.room, "!taal")
        await p.bram.button(question.event_id, "2️⃣")
        await p.bram.react(p.room, question.event_id, "2️⃣")
        by_button = await p.bram.answer(question.event_id)
        assert by_button.body == by_number.body


@in_both
async def test_answers_in_the_thread_that_it_was_asked_in(
    office: Homeserver, tmp_path: Path, *, encrypted: bool
) -> None:
    async with place(office, tmp_path, encrypted=encrypted) as p:
        root = await p.anna.say(p.room, "Hoe staat het met het archief?")
        answer = await p.anna.answer(await p.anna.say_in_thread(p.room, root, "!archief status"))
        assert (answer.relation["rel_type"], answer.relation["event_id"]) == ("m.thread", root)


@in_both
async def test_a_direct_chat_needs_no_mark(office: Homeserver, tmp_path: Path, *, encrypted: bool) -> None:
    bot = office.user_id(BOT)
    async with people(office, tmp_path, "anna") as (anna,):
        room = await anna.room_with(bot, encrypted=encrypted, direct=True)
        await anna.wait(lambda event: event.sender == bot and "👋" in event.body)

        await anna.say(room, "help")
        help_ = await anna.wait(lambda event: event.sender == bot and "archief terug" in event.body, count=1)
        await anna.say(room, "archief privacy")
        privacy = await anna.wait(lambda event: event.sender == bot and "🔐" in event.body)

        for answer in (help_, privacy):
            assert answer.relation == {}
            assert answer.encrypted == encrypted


@in_both
async def test_what_was_said_is_read_back_in_a_direct_chat(
    office: Homeserver, tmp_path: Path, *, encrypted: bool
) -> None:
    async with place(office, tmp_path, encrypted=encrypted) as p:
        await p.bram.say(p.room, "De offerte gaat morgen weg")
        told = await p.anna.ask(p.room, "!archief terug 3 dagen")
        assert told.body.startswith("📬")
        assert "offerte" not in told.body

        chat = await p.anna.accept(p.bot)
        read = await p.anna.wait(lambda event: event.room_id == chat and "📜" in event.body)

        assert "De offerte gaat morgen weg" in read.body
        assert read.encrypted == encrypted
        assert p.bram.found(lambda event: "📜" in event.body) == []


@in_both
async def test_a_stranger_is_ignored(office: Homeserver, tmp_path: Path, *, encrypted: bool) -> None:
    async with place(office, tmp_path, encrypted=encrypted) as p, people(office, tmp_path, "carl") as (carl,):
        own = await carl.create_room("van Carl", p.bot, encrypted=encrypted)
        await p.anna.invite(p.room, carl.user_id)
        assert await carl.accept(p.anna.user_id) == p.room
        for person, user_id in ((carl, p.anna.user_id), (carl, p.bot), (p.anna, carl.user_id)):
            await person.joined(p.room, user_id)
        asked = await carl.say(p.room, "!archief status")

        answer = await p.anna.ask(p.room, "!archief status")  # a later question in the same room

        await carl.wait(lambda event: event.event_id == answer.event_id)
        assert carl.found(lambda event: event.answers == asked) == []
        assert carl.client.rooms[own].users[p.bot].invited


async def test_a_client_that_trusts_only_what_it_has_checked(office: Homeserver, tmp_path: Path) -> None:
    """matrix-nio knows no cross-signing: the chain of signatures is checked by hand, and then it trusts the device."""
    bot = office.user_id(BOT)
    async with people(office, tmp_path, "anna", only_verified=True) as (anna,):
        room = await anna.room_with(bot, encrypted=True, direct=True)
        with pytest.raises(OlmUnverifiedDeviceError):
            await anna.say(room, "help")
        (device,) = anna.devices(bot)
        answer = await anna.query_keys(bot)
        assert signed_by_owner(answer, bot, device)
        keys = answer["device_keys"][bot][device]["keys"]
        assert anna.devices(bot)[device] == {kind: keys[f"{kind}:{device}"] for kind in ("ed25519", "curve25519")}
        anna.trust(bot, device)

        await anna.say(room, "archief privacy")

        said = await anna.wait(lambda event: event.sender == bot and "🔐" in event.body)
        assert said.encrypted
        assert said.verified
