"""Attachments of a real Synapse, with the token of the application service and nothing else."""

from __future__ import annotations

import io
import os
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bridge.archive.blobs import FileBlobs
from bridge.archive.media_source import MediaAwayError, MediaFailedError
from bridge.matrix.media import HomeserverMedia
from bridge.storage.db import open_db
from tests.media_repository import source_for
from tests.real.server import SENDER
from tests.storage.media_help import MB, arrive, consume, content_of, rows, until, working_with
from tests.storage.test_media_source import encrypt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.real.server import Homeserver, Installation


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def upload(synapse: Homeserver, session: aiohttp.ClientSession, data: bytes, mimetype: str) -> str:
    token = await synapse.register(f"user-{secrets.token_hex(4)}", "secret")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": mimetype}
    async with session.post(
        f"{synapse.url}/_matrix/media/v3/upload", data=io.BytesIO(data), headers=headers
    ) as response:
        assert response.status == 200
        return str((await response.json())["content_uri"])


async def register_sender(synapse: Homeserver, session: aiohttp.ClientSession) -> None:
    body = {"type": "m.login.application_service", "username": SENDER, "inhibit_login": True}
    headers = {"Authorization": f"Bearer {synapse.appservice.as_token}"}
    url = f"{synapse.url}/_matrix/client/v3/register"
    async with session.post(url, json=body, headers=headers) as response:
        assert response.status == 200 or (await response.json())["errcode"] == "M_USER_IN_USE"


async def test_the_token_alone_is_enough(
    synapse: Homeserver, installation: Installation, session: aiohttp.ClientSession
) -> None:
    data = os.urandom(3 * MB)
    uri = await upload(synapse, session, data, "image/png")
    source = HomeserverMedia(session, installation.config)
    for register in (False, True):  # nobody has to make the user of the application service first
        if register:
            await register_sender(synapse, session)
        async with source.open(synapse.server_name, uri.rpartition("/")[2]) as download:
            assert (download.size, download.mimetype) == (len(data), "image/png")
            assert b"".join([chunk async for chunk in download.chunks]) == data


async def open_only(source: HomeserverMedia, server: str, media_id: str) -> None:
    async with source.open(server, media_id):
        pytest.fail("opened")


async def test_what_a_homeserver_refuses(
    synapse: Homeserver, installation: Installation, session: aiohttp.ClientSession
) -> None:
    source = HomeserverMedia(session, installation.config)
    with pytest.raises(MediaFailedError, match="404 M_NOT_FOUND"):
        await open_only(source, synapse.server_name, "thereisnosuchfile")
    with pytest.raises(MediaFailedError):
        await open_only(source, "127.0.0.1:9", "x")
    with pytest.raises(MediaFailedError):
        await open_only(source, "[::1]:9", "x")
    async with source_for(synapse.url) as stranger:
        with pytest.raises(MediaAwayError, match="401 M_UNKNOWN_TOKEN"):
            await open_only(stranger, synapse.server_name, "x")


async def test_into_the_store(synapse: Homeserver, installation: Installation, session: aiohttp.ClientSession) -> None:
    plain, secret = os.urandom(MB), os.urandom(2 * MB)
    cipher, file = encrypt(secret)
    uris = [
        await upload(synapse, session, plain, "application/pdf"),
        await upload(synapse, session, cipher, "application/octet-stream"),
        await upload(synapse, session, plain, "application/pdf"),
    ]
    contents: Sequence[dict[str, Any]] = [{"url": uris[0]}, {"file": {**file, "url": uris[1]}}, {"url": uris[2]}]
    config = installation.config
    blobs = FileBlobs(config.data_dir)
    source = HomeserverMedia(session, config)
    async with open_db(installation.database_url) as db, working_with(db, blobs, source):
        for number, content in enumerate(contents):
            await arrive(db, f"${number}", content_of("x") | content)
        await consume(db)

        async def all_stored() -> bool:
            return {row["state"] for row in (await rows(db)).values()} == {"stored"}

        await until(all_stored)
        assert {row["sha256"] for row in (await rows(db)).values()} == {
            sha256(data).hexdigest() for data in (plain, secret)
        }
    assert blobs.path(sha256(secret).hexdigest()).read_bytes() == secret
