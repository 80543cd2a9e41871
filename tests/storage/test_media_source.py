from __future__ import annotations

import base64
import os
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from bridge.archive.media_source import (
    FileKey,
    MediaAwayError,
    MediaFailedError,
    MediaTooLargeError,
    decrypted,
    limited,
)
from bridge.demo.synapse import free_port
from tests.media_repository import (
    TOKEN,
    Repository,
    give,
    proxy_error,
    redirect,
    refuse,
    serving,
    source_for,
    stream,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def fetch(repository: Repository, server: str = "vandijk.example", media_id: str = "abc") -> bytes:
    async with source_for(repository.url) as source, source.open(server, media_id) as download:
        return b"".join([chunk async for chunk in download.chunks])


@pytest.fixture
async def repository() -> AsyncIterator[Repository]:
    async with serving(Repository()) as repository:
        yield repository


async def test_a_file(repository: Repository) -> None:
    repository.answers["abc"] = [give(b"x" * 2_000_000, "Application/PDF")]
    async with source_for(repository.url) as source, source.open("vandijk.example:8448", "abc") as download:
        assert (download.size, download.mimetype) == (2_000_000, "application/pdf")
        assert b"".join([chunk async for chunk in download.chunks]) == b"x" * 2_000_000
    (request,) = repository.requests
    assert request.path == "/_matrix/client/v1/media/download/vandijk.example:8448/abc"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert not request.query_string


async def test_redirect_elsewhere_does_not_carry_our_token(repository: Repository) -> None:
    async with serving(Repository(answers={"file": [give(b"from elsewhere")]})) as elsewhere:
        repository.answers["abc"] = [redirect(f"{elsewhere.url}/bucket/file?signature=1")]
        assert await fetch(repository) == b"from elsewhere"
        assert "Authorization" not in elsewhere.requests[0].headers
        assert elsewhere.requests[0].query_string == "signature=1"
        elsewhere.answers["file"] = [refuse(401, "M_UNKNOWN_TOKEN")]
        with pytest.raises(MediaFailedError):
            await fetch(repository)


async def test_redirect_at_home_carries_it(repository: Repository) -> None:
    repository.answers = {"abc": [redirect("../there")], "there": [give(b"there")]}
    assert await fetch(repository) == b"there"
    assert repository.requests[1].headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("location", ["", "file:///etc/passwd", "abc", "http://", "http://["])
async def test_redirects_that_lead_nowhere(repository: Repository, location: str) -> None:
    repository.answers["abc"] = [redirect(location)]
    with pytest.raises(MediaFailedError, match="redirect"):
        await fetch(repository)


@pytest.mark.parametrize(
    ("status", "errcode", "error"),
    [
        (404, "M_NOT_FOUND", MediaFailedError),
        (504, "M_NOT_YET_UPLOADED", MediaFailedError),
        (502, "M_UNKNOWN", MediaFailedError),
        (429, "M_LIMIT_EXCEEDED", MediaFailedError),
        (403, "M_FORBIDDEN", MediaFailedError),
        (413, "M_TOO_LARGE", MediaTooLargeError),
        (401, "M_UNKNOWN_TOKEN", MediaAwayError),
        (404, "M_UNRECOGNIZED", MediaAwayError),
    ],
)
async def test_refusals(repository: Repository, status: int, errcode: str, error: type[Exception]) -> None:
    repository.answers["abc"] = [refuse(status, errcode)]
    with pytest.raises(error, match=f"{status} {errcode}"):
        await fetch(repository)


async def test_how_long_to_wait(repository: Repository) -> None:
    repository.answers["abc"] = [refuse(429, "M_LIMIT_EXCEEDED", retry_after_ms=7500)]
    with pytest.raises(MediaFailedError) as error:
        await fetch(repository)
    assert error.value.retry_after == 7.5


async def test_nobody_there(repository: Repository) -> None:
    repository.answers["abc"] = [proxy_error(502)]
    with pytest.raises(MediaAwayError, match="502"):
        await fetch(repository)
    with pytest.raises(MediaAwayError, match="homeserver away"):
        await fetch(Repository(f"http://127.0.0.1:{free_port()}"))


async def test_a_transfer_that_breaks_off(repository: Repository) -> None:
    repository.answers["abc"] = [stream(b"half", promised=8)]
    with pytest.raises(MediaFailedError, match="broke off"):
        await fetch(repository)


async def chunks_of(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_limit() -> None:
    assert b"".join([chunk async for chunk in limited(chunks_of(b"x" * 5000), 5000)]) == b"x" * 5000
    with pytest.raises(MediaTooLargeError):
        _ = [chunk async for chunk in limited(chunks_of(b"x" * 5001), 5000)]


def encrypt(data: bytes, *, padded: bool = False) -> tuple[bytes, dict[str, Any]]:
    """As a client does (specification: Sending encrypted attachments)."""
    key, iv = os.urandom(32), os.urandom(8) + bytes(8)
    cipher = Cipher(AES(key), CTR(iv)).encryptor().update(data)
    texts = [base64.urlsafe_b64encode(key), base64.b64encode(iv), base64.b64encode(sha256(cipher).digest())]
    k, i, h = (text.decode() if padded else text.decode().rstrip("=") for text in texts)
    return cipher, {"v": "v2", "key": {"alg": "A256CTR", "k": k}, "iv": i, "hashes": {"sha256": h}}


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("size", [0, 1, 16, 4999])
async def test_decryption(size: int, *, padded: bool) -> None:
    data = os.urandom(size)
    cipher, file = encrypt(data, padded=padded)
    plain = b"".join([chunk async for chunk in decrypted(chunks_of(cipher, 333), FileKey.parse(file))])
    assert plain == data


async def test_other_bytes_than_were_hashed() -> None:
    cipher, file = encrypt(b"x" * 5000)
    with pytest.raises(MediaFailedError, match="not those") as error:
        _ = [chunk async for chunk in decrypted(chunks_of(cipher[:-1] + bytes([cipher[-1] ^ 1])), FileKey.parse(file))]
    assert error.value.attempts is not None


@pytest.mark.parametrize(
    "change",
    [
        {"key": None}, {"key": {"k": "short"}}, {"key": {"k": "é" * 43}}, {"key": {"alg": "A512CTR"}}, {"iv": 7},
        {"iv": "A"}, {"iv": "A" * 43}, {"hashes": []}, {"hashes": {"sha256": "A" * 44}}, {"hashes": {"sha256": "===="}},
    ],
)  # fmt: skip
def test_useless_keys_are_not_tried_again(change: dict[str, Any]) -> None:
    _, file = encrypt(b"")
    with pytest.raises(MediaFailedError) as error:
        FileKey.parse({**file, **change})
    assert error.value.attempts == 1
