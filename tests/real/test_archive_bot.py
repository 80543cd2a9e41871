"""The archive bot in the whole program, beside a real Synapse, asked from matrix-nio."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bridge.app import application
from tests.real.nio_client import people

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.real.nio_client import NioClient, Received
    from tests.real.server import Homeserver, Installation


@asynccontextmanager
async def at_work(installation: Installation) -> AsyncIterator[str]:
    """The program; the Matrix id of its first bot user."""
    async with application(installation.config):
        yield f"@postkamer:{installation.config.homeserver.server_name}"


async def private_answer(of: NioClient, bot: str, question: str) -> Received:
    """Join the direct chat that the bot has made, and wait for what it says there."""
    told = await of.answer(question)
    assert "eigen gesprek" in told.body
    room_id = await of.accept(bot)
    return await of.wait(lambda event: event.room_id == room_id and "📜" in event.body)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_who_came_later_reads_back(
    synapse: Homeserver, installation: Installation, tmp_path: Path, *, encrypted: bool
) -> None:
    async with (
        at_work(installation) as bot,
        people(synapse, tmp_path, "anna", "bas", "cora") as (anna, bas, cora),
    ):
        room_id = await anna.room_with(bot, encrypted=encrypted)
        await anna.invite(room_id, cora.user_id)
        await cora.accept(anna.user_id)
        await anna.joined(room_id, cora.user_id)
        said = await anna.say(room_id, "de levering komt vrijdag")
        status = await anna.ask(room_id, "!archief status")
        assert "in het archief, van" in status.body
        await anna.invite(room_id, bas.user_id)
        await bas.accept(anna.user_id)
        await bas.joined(room_id, bot)
        question = await bas.say(room_id, "!archief terug 1 dag")
        found = await private_answer(bas, bot, question)
        assert "de levering komt vrijdag" in found.body
        assert said in found.content["formatted_body"]
        assert found.encrypted == encrypted


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_a_manager_gets_the_room_as_a_file(
    synapse: Homeserver, installation: Installation, tmp_path: Path, *, encrypted: bool
) -> None:
    async with at_work(installation) as bot, people(synapse, tmp_path, "anna", "cora") as (anna, cora):
        room_id = await anna.room_with(bot, encrypted=encrypted)
        await anna.invite(room_id, cora.user_id)
        await cora.accept(anna.user_id)
        await anna.joined(room_id, cora.user_id)
        await anna.say(room_id, "de levering komt vrijdag")
        begun = await anna.ask(room_id, "!archief export 1 uur")
        assert begun.body.startswith("📦 Ik maak het bestand.")
        direct = await anna.accept(bot)
        file = await anna.wait(lambda event: event.content.get("msgtype") == "m.file")
        assert (file.room_id, file.encrypted) == (direct, encrypted)
        assert file.body.endswith(".html")
        assert "de levering komt vrijdag" in (await anna.download(file)).decode()
        assert [event.room_id for event in anna.found(lambda event: "📦" in event.body)] == [room_id, direct]
        assert anna.found(lambda event: "📬" in event.body) == [], "nobody in the room has to be told"
