"""What people say through a real Synapse can soon be found, and what they take back cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from bridge.app import application
from bridge.search.results import Seeker
from tests.real.nio_client import people
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.server import Homeserver, Installation


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
async def test_said_changed_and_taken_back(
    synapse: Homeserver, installation: Installation, tmp_path: Path, *, encrypted: bool
) -> None:
    async with (
        application(installation.config) as app,
        people(synapse, tmp_path, "anna", "bas", "cora") as (anna, bas, cora),
    ):
        search = app.search
        assert search is not None

        async def found(user_id: str, line: str) -> list[str]:
            results = await search.find(Seeker(user_id, ZoneInfo("Europe/Amsterdam")), line)
            return [hit.event_id for hit in results.hits]

        async def until_found(line: str, *event_ids: str) -> None:
            async def so() -> bool:
                return await found(anna.user_id, line) == list(event_ids)

            await until(so)

        room_id = await anna.room_with(synapse.user_id("postkamer"), encrypted=encrypted)
        await anna.invite(room_id, bas.user_id)  # with one person it would be a chat with the bot
        await bas.accept(anna.user_id)
        await anna.joined(room_id, bas.user_id)
        said = await anna.say(room_id, "het kozijn is besteld")
        await until_found("kozijnen", said)
        assert await found(bas.user_id, "kozijnen") == [said]
        assert await found(cora.user_id, "kozijnen") == []
        await anna.edit(room_id, said, "de deur is besteld")
        await until_found("kozijnen")
        await until_found("deuren", said)
        await anna.client.room_redact(room_id, said)
        await until_found("deuren")
