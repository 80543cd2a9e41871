"""Signatures of devices, checked by hand: not with the code of any client."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def signed_by_owner(answer: dict[str, Any], user_id: str, device_id: str) -> bool:
    """Whether the chain of signatures holds: master key, self-signing key, device. Not checked by mautrix' code."""
    (master,) = answer["master_keys"][user_id]["keys"].values()
    (self_signing,) = answer["self_signing_keys"][user_id]["keys"].values()
    return is_signed(answer["self_signing_keys"][user_id], user_id, master) and is_signed(
        answer["device_keys"][user_id][device_id], user_id, self_signing
    )


def is_signed(signed: dict[str, Any], user_id: str, key: str) -> bool:
    """Source: Matrix specification v1.16, appendices, "Checking for a Signature"."""
    signature = signed["signatures"][user_id].get(f"ed25519:{key}")
    if signature is None:
        return False
    plain = {name: value for name, value in signed.items() if name not in ("signatures", "unsigned")}
    message = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    # Raises when the signature is another's.
    Ed25519PublicKey.from_public_bytes(unpadded(key)).verify(unpadded(signature), message)
    return True


def unpadded(text_of_bytes: str) -> bytes:
    return base64.b64decode(text_of_bytes + "=" * (-len(text_of_bytes) % 4))
