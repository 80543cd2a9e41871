"""Whether a post is signed with the key of its webhook.

Sources: "Validating webhook deliveries" (docs.github.com: `X-Hub-Signature-256`); Standard Webhooks 1.0.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"
_KEY_BYTES = 32


def new_key() -> str:
    """A signing key. Standard Webhooks take what follows `whsec_` as base64, GitHub the whole as text."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def is_signed(key: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether one of the two signatures fits.

    Args:
        key: made by `new_key`.
        headers: names in any case.
        body: as it came.
        now: seconds since 1970.
    """
    hub = headers.get("X-Hub-Signature-256")
    if hub is not None:
        wanted = "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return _same(hub.strip().lower(), wanted)
    return _is_standard(key, headers, body, now)


def _is_standard(key: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    delivery, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not delivery or not sent_at.isascii() or not sent_at.isdigit():
        return False
    if abs(now - int(sent_at[:15])) > TOLERANCE_SECONDS:
        return False
    signed = f"{delivery}.{sent_at}.".encode(errors="surrogateescape") + body
    wanted = "v1," + base64.b64encode(hmac.new(_raw(key), signed, hashlib.sha256).digest()).decode()
    return any(_same(shown, wanted) for shown in headers.get("webhook-signature", "").split()[:10])


def _raw(key: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return key.encode()


def _same(shown: str, wanted: str) -> bool:
    return hmac.compare_digest(shown.encode(errors="replace"), wanted.encode())
