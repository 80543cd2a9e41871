"""The bot's user and device on the homeserver: made when missing, found again after a restart.

Source: Matrix Application Service API v1.16 (registration, masquerading with a device: MSC4326; device management:
MSC4190; login as an application service for servers from before that).
"""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING

import structlog
from mautrix.api import Method, Path
from mautrix.errors import MatrixRequestError
from mautrix.types import DeviceID

from bridge.matrix.crypto.identity import cross_sign
from bridge.matrix.crypto.keys import KeysRefusedError, publish
from bridge.storage import bot_device

if TYPE_CHECKING:
    from bridge.matrix.crypto.machine import Machine
    from bridge.matrix.crypto.store import Store
    from bridge.storage.db import Connection

log = structlog.get_logger(__name__)

PREFIX = "POSTKAMER"
_LETTERS = 8
_NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 404, 429, 500


class BotDevice:
    """Keeps the device of `machine` usable.

    Args:
        as_token: of the application service; requests are made with it, in the name of the bot and its device.
        displayname: of the device.
    """

    def __init__(self, machine: Machine, store: Store, *, as_token: str, displayname: str, pickle_key: str) -> None:
        self._machine = machine
        self._client = machine.client
        self._store = store
        self._as_token = as_token
        self._displayname = displayname
        self._pickle_key = pickle_key

    async def set_up(self) -> str | None:
        """Have a user with a cross-signed device whose keys are ours. Can be called again at any time.

        Returns:
            where to go on with /sync, None for the start.

        Raises:
            mautrix.errors.MatrixError: the homeserver is away or refuses.
            WrongPickleKeyError
        """
        self._as_appservice(device_id=None)
        await self._register()
        async with self._store.connection() as connection:
            await bot_device.add(connection, self._client.mxid, _new_device_id())
            device = await bot_device.get(connection, self._client.mxid)
        if device is None:
            raise RuntimeError("the row that was just written is gone")
        reason = await self._why_new(device.device_id)
        if reason:
            await self._replace(reason)
        await self._create()
        try:
            await self._publish()
        except KeysRefusedError:
            await self._replace("the homeserver has newer keys of it than the database")
            await self._create()
            await self._publish()
        await self._delete_others()
        async with self._store.connection() as connection:
            await self._cross_sign(connection)
            device = await bot_device.get(connection, self._client.mxid)
        return device.next_batch if device else None

    def _as_appservice(self, *, device_id: str | None) -> None:
        api = self._client.api
        api.token, api.as_user_id = self._as_token, self._client.mxid
        api.as_device_id = DeviceID(device_id) if device_id else None
        if device_id:
            self._client.device_id = DeviceID(device_id)

    async def _register(self) -> None:
        try:
            await self._client.api.request(
                Method.POST,
                Path.v3.register,
                {"type": "m.login.application_service", "username": self._client.localpart, "inhibit_login": True},
                query_params={"kind": "user"},
            )
        except MatrixRequestError as error:
            if getattr(error, "errcode", None) != "M_USER_IN_USE":
                raise

    async def _why_new(self, device_id: str) -> str | None:
        """Why the device cannot be used any more; None when it can, or when it is still to be made."""
        self._client.device_id = DeviceID(device_id)
        account = await self._store.get_account()
        exists = await self._exists(device_id)
        known = await self._client.query_keys([self._client.mxid])
        on_server = known.device_keys.get(self._client.mxid, {}).get(DeviceID(device_id))
        if account is None:
            return "its keys are not in the database" if on_server is not None else None
        if not exists:
            return "it was deleted on the homeserver" if account.shared else None
        if on_server is None:
            account.shared = False  # a crash between making the device and publishing its keys
        elif on_server.ed25519 != account.signing_key:
            return "the homeserver has other keys of it than the database"
        return None

    async def _exists(self, device_id: str) -> bool:
        try:
            await self._client.api.request(Method.GET, Path.v3.devices[device_id])
        except MatrixRequestError as error:
            if error.http_status == _NOT_FOUND:
                return False
            raise
        return True

    async def _replace(self, reason: str) -> None:
        device_id = _new_device_id()
        log.warning(
            "the bot needs a new device; what was encrypted for the old one only cannot be read",
            user_id=self._client.mxid,
            device_id=device_id,
            reason=reason,
        )
        async with self._store.tx() as tx:
            await bot_device.replace(tx, self._client.mxid, device_id)
            await self._store.start_anew(device_id)
        self._store.forget()
        self._as_appservice(device_id=None)
        self._client.device_id = DeviceID(device_id)

    async def _create(self) -> None:
        """Make the device if it is not there, by what the server offers, and act as it from now on."""
        device_id = str(self._client.device_id)
        try:
            await self._client.api.request(Method.PUT, Path.v3.devices[device_id], {"display_name": self._displayname})
        except MatrixRequestError as error:
            if error.http_status != _NOT_FOUND:
                raise
            await self._log_in(device_id)
        else:
            self._as_appservice(device_id=device_id)
        await self._machine.load()

    async def _log_in(self, device_id: str) -> None:
        """For servers from before MSC4190: a token of the device's own, anew at every start."""
        self._as_appservice(device_id=None)
        answer = await self._client.api.request(
            Method.POST,
            Path.v3.login,
            {
                "type": "m.login.application_service",
                "identifier": {"type": "m.id.user", "user": self._client.mxid},
                "device_id": device_id,
                "initial_device_display_name": self._displayname,
            },
            sensitive=True,
        )
        api = self._client.api
        api.token, api.as_user_id, api.as_device_id = answer["access_token"], None, None

    async def _publish(self) -> None:
        counts = await self._client.api.request(Method.POST, Path.v3.keys.upload, {})
        on_server = counts.get("one_time_key_counts", {}).get("signed_curve25519", 0)
        # Whether the fallback key was used is said by /sync; only a new device surely has none.
        await publish(self._machine, on_server=on_server, fallback_unused=self._machine.own_account.shared)

    async def _cross_sign(self, connection: Connection) -> None:
        try:
            await cross_sign(connection, self._machine, self._pickle_key)
        except MatrixRequestError as error:
            if error.http_status >= _SERVER_ERROR or error.http_status == _TOO_MANY:
                raise
            # Some servers want a person's password for replacing keys. Most clients give us their keys all the same.
            log.warning(
                "the bot's device could not be cross-signed; newer clients may give it no keys",
                user_id=self._client.mxid,
                status=error.http_status,
                errcode=getattr(error, "errcode", None),
            )

    async def _delete_others(self) -> None:
        """Remove devices that we had before, so that nobody goes on encrypting for them."""
        answer = await self._client.api.request(Method.GET, Path.v3.devices)
        for device in answer.get("devices", []):
            device_id = str(device.get("device_id"))
            if device_id.startswith(PREFIX) and device_id != self._client.device_id:
                try:
                    await self._client.api.request(Method.DELETE, Path.v3.devices[device_id])
                except MatrixRequestError as error:
                    log.warning("an old device of the bot stays", device_id=device_id, status=error.http_status)


def _new_device_id() -> str:
    return PREFIX + "".join(secrets.choice(string.ascii_uppercase) for _ in range(_LETTERS))


def is_unknown_device(error: Exception) -> bool:
    """Whether the homeserver says that our device is no more: set up again."""
    return getattr(error, "errcode", None) in ("M_UNKNOWN_DEVICE", "M_UNKNOWN_TOKEN")
