"""Where attachments come from, and how their bytes are checked and decrypted on the way in."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256 as new_sha256
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

KEY_BYTES, IV_BYTES, HASH_BYTES = 32, 16, 32


class MediaFailedError(Exception):
    """A file could not be fetched; the text says why and is fit for a report.

    Args:
        attempts: after how many attempts with this outcome nobody should hope any more; None: as usual.
        retry_after: seconds that the homeserver asked us to wait.
    """

    def __init__(self, reason: str, *, attempts: int | None = None, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.attempts = attempts
        self.retry_after = retry_after


class MediaTooLargeError(Exception):
    """The file is larger than the limit. `size` is its size in bytes, if that is known."""

    def __init__(self, reason: str, size: int | None = None) -> None:
        super().__init__(reason)
        self.size = size


class MediaAwayError(Exception):
    """Nothing can be fetched at this moment, whichever file it is; the text says why."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is coming in."""

    size: int | None  # bytes, as announced
    mimetype: str | None
    chunks: AsyncIterator[bytes]  # raises the errors of this module


class MediaSource(Protocol):
    """The homeserver's media repository."""

    def open(self, server: str, media_id: str) -> AbstractAsyncContextManager[Download]:
        """Begin to fetch a file; leaving the block ends it.

        Raises:
            MediaFailedError: this file cannot be had now.
            MediaTooLargeError: the homeserver itself does not take so large a file.
            MediaAwayError: the homeserver is away or refuses us.
        """


@dataclass(frozen=True, slots=True)
class FileKey:
    """How to decrypt and check a file (specification: EncryptedFile)."""

    key: bytes
    iv: bytes
    sha256: bytes  # of the encrypted bytes

    @classmethod
    def parse(cls, file: Mapping[str, Any]) -> FileKey:
        """Read an EncryptedFile.

        Raises:
            MediaFailedError: it is of no use; trying again will not help.
        """
        key, hashes = file.get("key"), file.get("hashes")
        key = key if isinstance(key, Mapping) else {}
        hashes = hashes if isinstance(hashes, Mapping) else {}
        if key.get("alg") not in (None, "A256CTR"):
            raise MediaFailedError("encrypted in a way that we do not know", attempts=1)
        return cls(
            _bytes_of(key.get("k"), KEY_BYTES, "key"),
            _bytes_of(file.get("iv"), IV_BYTES, "initial counter"),
            _bytes_of(hashes.get("sha256"), HASH_BYTES, "hash"),
        )


def _bytes_of(text: object, length: int, what: str) -> bytes:
    """Base64 of either alphabet, with or without padding."""
    if isinstance(text, str) and re.fullmatch(r"[0-9A-Za-z+/_-]+=*", text):
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            value = base64.b64decode(plain + "=" * (-len(plain) % 4))
        except binascii.Error:
            value = b""
        if len(value) == length:
            return value
    raise MediaFailedError(f"the event has no usable {what} for this encrypted file", attempts=1)


async def limited(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The same bytes, until they are too many.

    Raises:
        MediaTooLargeError: more than `limit` bytes came.
    """
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise MediaTooLargeError(f"larger than {limit} bytes")
        yield chunk


async def decrypted(chunks: AsyncIterator[bytes], key: FileKey) -> AsyncIterator[bytes]:
    """The plain bytes of an encrypted file (AES-256 in counter mode).

    The last thing that it does is to check the hash, so nothing may be trusted before its end.

    Raises:
        MediaFailedError: the bytes are not those of the event.
    """
    decryptor = Cipher(AES(key.key), CTR(key.iv)).decryptor()
    digest = new_sha256()

    def work(chunk: bytes) -> bytes:
        digest.update(chunk)
        return decryptor.update(chunk)

    async for chunk in chunks:
        yield await asyncio.to_thread(work, chunk)
    if not hmac.compare_digest(digest.digest(), key.sha256):
        raise MediaFailedError("the encrypted bytes are not those that the sender hashed", attempts=5)
