"""The homeserver of the demo and of the tests."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bridge.demo.synapse import local_synapse
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.real.server import Homeserver

STARTS_AND_WAITS = """
import asyncio, sys
from pathlib import Path
from bridge.demo.synapse import local_synapse

async def main():
    async with local_synapse(Path(sys.argv[1])) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_users_are_made_once_and_are_who_they_are(synapse: Homeserver) -> None:
    first = await synapse.register("anna", "secret")
    again = await synapse.register("anna", "secret")
    async with aiohttp.ClientSession(synapse.url) as session:
        for token in (first, again):
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get("/_matrix/client/v3/account/whoami", headers=headers) as response:
                assert (await response.json())["user_id"] == synapse.user_id("anna")
    with pytest.raises(PostkamerError, match="anna"):
        await synapse.register("anna", "another password")


async def test_it_knows_the_appservice(synapse: Homeserver) -> None:
    headers = {"Authorization": f"Bearer {synapse.appservice.as_token}"}
    async with (
        aiohttp.ClientSession(synapse.url, headers=headers) as session,
        session.get("/_matrix/client/v3/account/whoami") as response,
    ):
        assert (await response.json())["user_id"] == synapse.user_id("_postkamer")


async def test_dies_with_us_and_starts_again_on_the_same_port(tmp_path: Path) -> None:
    ours = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTS_AND_WAITS, str(tmp_path / "synapse"), stdout=asyncio.subprocess.PIPE
    )
    assert ours.stdout is not None
    async with asyncio.timeout(60):
        port = int(await ours.stdout.readline())
    with pytest.raises(PostkamerError, match=str(ours.pid)):
        async with local_synapse(tmp_path / "synapse"):
            pass
    ours.kill()
    await ours.wait()
    async with local_synapse(tmp_path / "synapse") as server:
        assert server.port == port  # the one that was killed has left it


async def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "registration.yaml"
    broken.write_text("id: something\n")
    with pytest.raises(PostkamerError, match=r"(?s)ended with code 1.*Required string field"):
        async with local_synapse(tmp_path / "synapse", registrations=[broken]):
            pass
