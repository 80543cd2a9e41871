"""The devices that are to be able to read what is sent to a room.

Source: Matrix Client-Server API v1.16, `POST /_matrix/client/v3/keys/query`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.matrix.crypto.store import KEY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Recipient(NamedTuple):
    """A device. One that comes back with other keys is another one."""

    user_id: str
    device_id: str
    identity_key: str
    signing_key: str


def recipients(
    answer: Mapping[str, Any], readers: Iterable[str], known: Iterable[Recipient], own: tuple[str, str]
) -> frozenset[Recipient]:
    """All devices of some people.

    Args:
        answer: of /keys/query.
        known: of somebody whose server does not answer now, these stay.
        own: user and device of the bot itself, which needs no key from itself.
    """
    found = answer.get("device_keys") or {}
    wanted = frozenset(readers)
    asked = wanted & found.keys()
    said = (_recipient(user, device_id, keys) for user in asked for device_id, keys in found[user].items())
    kept = {one for one in known if one.user_id in wanted and one.user_id not in asked}
    return frozenset(kept.union(one for one in said if one is not None and (one.user_id, one.device_id) != own))


def _recipient(user_id: str, device_id: str, device: Any) -> Recipient | None:
    keys = device.get("keys") if isinstance(device, dict) else None
    if not isinstance(keys, dict):
        return None
    identity, signing = keys.get(f"curve25519:{device_id}"), keys.get(f"ed25519:{device_id}")
    for key in (identity, signing):
        if not isinstance(key, str) or len(key) != KEY_LENGTH:
            return None
    return Recipient(user_id, device_id, str(identity), str(signing))
