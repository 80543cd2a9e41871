"""Fixtures of the tests on a real Synapse.

All tests share one Synapse: they keep apart by fresh users and rooms. Each test has a database of its own; Synapse may
go on sending it what earlier tests left unsent.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.demo.synapse import DEFAULT_SERVER_NAME, free_port, local_synapse
from tests.real.server import Appservice, Homeserver, Installation, write_installation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="session")
async def synapse() -> AsyncIterator[Homeserver]:
    """A running Synapse that knows an appservice. A test that stops it starts it again."""
    appservice = Appservice(free_port(), as_token=secrets.token_hex(32), hs_token=secrets.token_hex(32))
    with tempfile.TemporaryDirectory(prefix="postkamer-synapse-") as name:
        folder = Path(name)
        registration = folder / "registration.yaml"
        registration.write_text(json.dumps(appservice.registration(DEFAULT_SERVER_NAME)))
        async with local_synapse(folder / "synapse", registrations=[registration]) as server:
            yield Homeserver(server, appservice)


@pytest.fixture
def installation(synapse: Homeserver, database_url: str, tmp_path: Path) -> Installation:
    """A Postkamer that is set up beside `synapse`, with an empty database, and not started."""
    return write_installation(tmp_path, synapse, database_url, free_port())
