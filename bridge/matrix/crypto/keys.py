"""Publishing the keys of our device, so that a crash at any moment leaves nothing published that we cannot use.

mautrix writes its account after the upload: a crash in between would lose private keys whose public halves others go
on using. Here the account is written first, and what was written but not published is published by the next call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautrix.api import Method, Path
from mautrix.crypto.signature import sign_olm
from mautrix.errors import MatrixRequestError

if TYPE_CHECKING:
    from mautrix.crypto import OlmAccount

    from bridge.matrix.crypto.machine import Machine

_BAD_REQUEST = 400


class KeysRefusedError(Exception):
    """The homeserver has other keys under the same ids: our account is older than what it knows."""


async def publish(machine: Machine, *, on_server: int, fallback_unused: bool) -> None:
    """Publish device keys (once), one-time keys up to half of what the account can hold, and a fallback key.

    The fallback key is what others use when the one-time keys have run out, as when many start talking to us while we
    are down (MSC2732).

    Args:
        on_server: one-time keys that the homeserver still has.
        fallback_unused: whether it has a fallback key that nobody has used yet.

    Raises:
        KeysRefusedError
        mautrix.errors.MatrixError
    """
    account = machine.own_account
    missing = account.max_one_time_keys // 2 - on_server - len(account.one_time_keys["curve25519"])
    if on_server >= account.max_one_time_keys // 4 and account.shared:
        missing = 0
    if missing > 0:
        account.generate_one_time_keys(missing)
    if not fallback_unused and not account.fallback_key["curve25519"]:
        account.generate_fallback_key()
    body = _body(machine, account)
    if not body:
        return
    await machine.crypto_store.put_account(account)
    try:
        await machine.client.api.request(Method.POST, Path.v3.keys.upload, body, sensitive=True)
    except MatrixRequestError as error:
        if error.http_status == _BAD_REQUEST and "already exists" in str(error):
            raise KeysRefusedError from error
        raise
    account.shared = True
    account.mark_keys_as_published()
    await machine.crypto_store.put_account(account)


def _body(machine: Machine, account: OlmAccount) -> dict[str, Any]:
    user_id, device_id = machine.client.mxid, machine.client.device_id

    def signed(key: dict[str, Any]) -> dict[str, Any]:
        return {**key, "signatures": {user_id: {f"ed25519:{device_id}": sign_olm(dict(key), account)}}}

    body: dict[str, Any] = {}
    if not account.shared:
        body["device_keys"] = account.get_device_keys(user_id, device_id).serialize()
    one_time = account.one_time_keys["curve25519"]
    if one_time:
        body["one_time_keys"] = {f"signed_curve25519:{name}": signed({"key": key}) for name, key in one_time.items()}
    fallback = account.fallback_key["curve25519"]
    if fallback:
        body["fallback_keys"] = {
            f"signed_curve25519:{name}": signed({"key": key, "fallback": True}) for name, key in fallback.items()
        }
    return body
