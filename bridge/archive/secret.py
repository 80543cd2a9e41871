"""Keeping small secrets in the database, encrypted with a key made from `encryption.pickle_key`."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.errors import PostkamerError

_NONCE = 12  # bytes; NIST SP 800-38D


class WrongPickleKeyError(PostkamerError):
    """What the database holds was encrypted with another key."""

    def __init__(self) -> None:
        super().__init__(
            "encryption.pickle_key is not the key with which the room keys in this database were encrypted",
            "put the old key back: without it encrypted rooms cannot be read (`init` wrote it to config.yaml)",
        )


def seal(plain: bytes, pickle_key: str, purpose: str) -> bytes:
    """Encrypt with AES-256-GCM; `purpose` must be the same when it is opened."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_key(pickle_key)).encrypt(nonce, plain, purpose.encode())


def unseal(sealed: bytes, pickle_key: str, purpose: str) -> bytes:
    """Decrypt what `seal` made.

    Raises:
        WrongPickleKeyError: it was sealed with another key, or changed.
    """
    try:
        return AESGCM(_key(pickle_key)).decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise WrongPickleKeyError from error


def _key(pickle_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"postkamer secrets").derive(pickle_key.encode())
