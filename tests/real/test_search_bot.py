"""`!zoek` in the whole program, beside a real Synapse, asked from matrix-nio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.app import application
from tests.real.nio_client import people

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.server import Homeserver, Installation


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_found_in_the_room_and_told_of_what_is_new(
    synapse: Homeserver, installation: Installation, tmp_path: Path, *, encrypted: bool
) -> None:
    bot = f"@postkamer:{installation.config.homeserver.server_name}"
    async with (
        application(installation.config),
        people(synapse, tmp_path, "anna", "bas") as (anna, bas),
    ):
        room_id = await anna.room_with(bot, encrypted=encrypted)
        await anna.invite(room_id, bas.user_id)
        await bas.accept(anna.user_id)
        await anna.joined(room_id, bas.user_id)
        await bas.joined(room_id, bot)
        said = await anna.say(room_id, "het kozijn is besteld")
        found = await bas.ask(room_id, "!zoek kozijnen")
        assert "één bericht in deze kamer" in found.body
        assert f"{room_id}/{said}" in found.content["formatted_body"]
        assert "het <strong>kozijn</strong> is besteld" in found.content["formatted_body"]
        assert found.encrypted == encrypted

        await bas.ask(room_id, "!zoek waarschuw mij: levering")
        new = await anna.say(room_id, "de levering komt vrijdag")
        chat = await bas.accept(bot)
        told = await bas.wait(lambda event: event.room_id == chat and "🔔" in event.body)
        assert new in told.content["formatted_body"]
        assert "<strong>levering</strong>" in told.content["formatted_body"]
        assert told.encrypted == encrypted
