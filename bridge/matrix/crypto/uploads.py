"""Uploading a file, in pieces: no file is ever in memory as a whole.

Source: Matrix Client-Server API v1.16, `POST /_matrix/media/v3/upload` and "Sending encrypted attachments".
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from bridge.engine.courier import RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.matrix.crypto.calls import Calls

PIECE = 256 * 1024
# No limit for the whole: a large file over a slow line is no failure. Silence is.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
_KEY, _COUNTER = 32, 8  # bytes; the other half of the counter block begins at zero


class _Seal:
    """Encrypts piece by piece."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_KEY)
        self._iv = secrets.token_bytes(_COUNTER) + bytes(16 - _COUNTER)
        self._cipher = Cipher(AES256(self._key), CTR(self._iv)).encryptor()
        self._hash = sha256()

    def piece(self, plain: bytes) -> bytes:
        sealed = self._cipher.update(plain)
        self._hash.update(sealed)
        return sealed

    def file(self, url: str) -> dict[str, Any]:
        """What who reads it has to know (EncryptedFile), once it has been read to its end."""
        key = base64.urlsafe_b64encode(self._key).decode().rstrip("=")
        return {
            "v": "v2",
            "url": url,
            "key": {"kty": "oct", "key_ops": ["encrypt", "decrypt"], "alg": "A256CTR", "k": key, "ext": True},
            "iv": base64.b64encode(self._iv).decode().rstrip("="),
            "hashes": {"sha256": base64.b64encode(self._hash.digest()).decode().rstrip("=")},
        }


async def upload(calls: Calls, path: Path, name: str, mimetype: str, *, encrypted: bool) -> dict[str, Any]:
    """Upload a file.

    Args:
        name: only heard of by the homeserver when the file is not encrypted.

    Returns:
        what the content of its message holds of it: `url` or `file`, and `info` with `mimetype` and `size`.

    Raises:
        AwayError, LimitedError
        RefusedError: it is too large, or we cannot read it (any more).
    """
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except OSError as error:
        raise RefusedError(f"the file cannot be read ({type(error).__name__})") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        # Synapse cuts the connection when too much comes, which looks as if it were away.
        largest = (await calls.get("_matrix/client/v1/media/config")).get("m.upload.size")
        if isinstance(largest, int) and size > largest:
            raise RefusedError("413 M_TOO_LARGE")
        seal = _Seal() if encrypted else None
        answer = await calls.request(
            "POST",
            "_matrix/media/v3/upload",
            query={} if encrypted else {"filename": name},
            headers={
                "Content-Type": "application/octet-stream" if encrypted else mimetype,
                "Content-Length": str(size),
            },
            timeout=TIMEOUT,
            data=_pieces(file, size, seal),
        )
    url = str(answer["content_uri"])
    where: dict[str, Any] = {"url": url} if seal is None else {"file": seal.file(url)}
    return {**where, "info": {"mimetype": mimetype, "size": size}}


async def _pieces(file: BinaryIO, size: int, seal: _Seal | None) -> AsyncIterator[bytes]:
    """The file from its beginning; no more of it than was said."""
    while size and (piece := await asyncio.to_thread(file.read, min(PIECE, size))):
        size -= len(piece)
        yield piece if seal is None else await asyncio.to_thread(seal.piece, piece)
