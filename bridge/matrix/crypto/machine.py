"""mautrix's OlmMachine, made fit for a store that commits: no surprises inside a transaction, no key made worse."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import structlog
from mautrix.crypto import InboundGroupSession, OlmMachine
from mautrix.errors import MatrixError
from mautrix.types import EventType, QueryKeysResponse, ToDeviceEvent, UserID

from bridge.matrix.crypto.store import KEY_LENGTH, Store
from bridge.storage import crypto_pool, undecrypted
from bridge.storage.db import UNAVAILABLE
from bridge.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mautrix.crypto import OlmAccount
    from mautrix.types import DeviceID, DeviceIdentity, DeviceKeys, IdentityKey, RoomID, SessionID, SigningKey

    from bridge.storage.db import Connection

log = structlog.get_logger(__name__)

WITHHELD = ("m.room_key.withheld", "org.matrix.room_key.withheld")
MAX_CODE = 64


_Key = Annotated[str, msgspec.Meta(min_length=KEY_LENGTH, max_length=KEY_LENGTH)]


class _Withheld(msgspec.Struct):
    room_id: str
    session_id: _Key
    sender_key: _Key
    code: str


class Machine(OlmMachine):
    """Takes to-device messages and keeps room keys."""

    crypto_store: Store

    def __init__(self, *args: Any, server_name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._new_keys: set[str] = set()
        # `Outbound` keeps the keys of what we write, and asks for devices each time.
        self.disable_device_change_key_rotation = True
        self._server_name = server_name
        self._wedged: dict[tuple[UserID, IdentityKey], None] = {}
        self._restarted: set[IdentityKey] = set()

    @property
    def own_account(self) -> OlmAccount:
        """The account, once it is loaded."""
        if self.account is None:
            raise RuntimeError("the account has not been loaded")
        return self.account

    async def receive(self, tx: Connection, raw: Any) -> None:
        """Handle one to-device message in a transaction; what a room key makes readable is marked to be tried.

        Raises:
            Exception: of any kind, when the message is not what it should be; roll back, and go on with the next.
        """
        self._new_keys.clear()
        if raw.get("type") in WITHHELD:
            # m.no_olm names no session: nothing can be noted.
            with suppress(msgspec.ValidationError):
                await self._receive_withheld(tx, raw.get("content"))
        elif raw.get("type") == "m.room.encrypted":
            message: Any = dict(raw)  # it is changed while it is read
            event = await self._decrypt_olm_event(ToDeviceEvent.deserialize(message))
            if event.type == EventType.ROOM_KEY:
                await self._receive_room_key(event)
            elif event.type == EventType.FORWARDED_ROOM_KEY and self._is_ours(event.sender):
                await self._receive_forwarded_room_key(event)
            elif event.type == EventType.TO_DEVICE_DUMMY:
                self._restarted.add(event.sender_key)
        for session_id in self._new_keys:
            await undecrypted.key_arrived(tx, session_id)

    async def devices_changed(self, user_ids: Sequence[str]) -> None:
        """Ask anew for the devices of these users, as far as we know them.

        Raises:
            mautrix.errors.MatrixError: the homeserver does not say.
            one of `storage.db.UNAVAILABLE`.
        """
        known = await self.crypto_store.filter_tracked_users([UserID(user_id) for user_id in user_ids])
        try:
            if known:
                await self._fetch_keys(known)
        except (*UNAVAILABLE, MatrixError):
            raise
        except Exception as error:  # noqa: BLE001 (what a client publishes of itself need not make sense)
            if len(known) == 1:
                log.warning("devices of a user could not be taken", user_id=known[0], error=type(error).__name__)
                return
            for user_id in known:
                await self.devices_changed([user_id])

    async def take_devices(self, answer: Mapping[str, Any], user_id: UserID) -> Mapping[DeviceID, DeviceIdentity]:
        """Keep what an answer of /keys/query says of a user; returns the devices that are what they claim to be.

        Raises:
            one of `storage.db.UNAVAILABLE`.
        """
        kinds = ("device_keys", "master_keys", "self_signing_keys", "user_signing_keys")
        of_user: Any = {kind: {user_id: answer[kind][user_id]} for kind in kinds if user_id in (answer.get(kind) or {})}
        try:
            response = QueryKeysResponse.deserialize(of_user)
            async with self.crypto_store.tx():
                return await self._process_fetched_keys(user_id, response.device_keys[user_id], response)
        except UNAVAILABLE:
            raise
        except Exception as error:  # noqa: BLE001 (what a client publishes of itself need not make sense)
            log.warning("devices of a user could not be taken", user_id=user_id, error=type(error).__name__)
            return {}

    def take_restarted(self) -> set[IdentityKey]:
        """The devices that have begun a new Olm session with us, since they could not read the last; each once."""
        restarted, self._restarted = self._restarted, set()
        return restarted

    async def forget(self) -> None:
        """Read the account again, after a transaction was rolled back.

        Raises:
            one of `storage.db.UNAVAILABLE`: call `remember` before the account is used.
        """
        self.crypto_store.forget()
        self.account = None  # it may lack one-time keys that are still needed, since what used them was rolled back
        await self.remember()

    async def remember(self) -> None:
        """Have the account in memory."""
        if self.account is None:
            self.account = await self.crypto_store.get_account()

    async def mend(self) -> None:
        """Make new Olm sessions with the devices whose messages could not be decrypted, outside any transaction."""
        while self._wedged:
            user_id, sender_key = next(iter(self._wedged))
            await super()._unwedge_session(user_id, sender_key)
            self._wedged.pop((user_id, sender_key), None)

    async def _unwedge_session(self, sender: UserID, sender_key: IdentityKey) -> None:
        # mautrix calls this in a task, which would share the connection of our transaction.
        self._wedged[sender, sender_key] = None

    async def _process_fetched_keys(
        self, user_id: UserID, devices: dict[DeviceID, DeviceKeys], resp: QueryKeysResponse
    ) -> dict[DeviceID, DeviceIdentity]:
        # All our bots share the tables of devices, and mautrix replaces their rows.
        async with self.crypto_store.tx() as tx:
            await crypto_pool.lock_devices(tx)
            return await super()._process_fetched_keys(user_id, devices, resp)

    async def _fill_encryption_info(self, evt: Any) -> None:
        """Leave out how long a key is meant to be used: we keep every key, and asking would be a request."""

    async def _create_group_session(  # noqa: PLR0917
        self,
        sender_key: IdentityKey,
        signing_key: SigningKey,
        room_id: RoomID,
        session_id: SessionID,
        session_key: str,
        max_age: Any,
        max_messages: Any,
        is_scheduled: bool = False,
    ) -> None:
        """Keep a room key, unless the one that we have is as good, or is of somebody else.

        mautrix replaces whatever it has. A key that starts later would lose the messages before it, and anybody who
        was given a key could claim it for another room or device.
        """
        new = InboundGroupSession(session_key, signing_key, sender_key, room_id)
        async with self.crypto_store.connection() as connection:
            held = await crypto_pool.held_session(connection, self.crypto_store.account_id, new.id)
        if held is not None and not held.forwarded:
            if (held.room_id, held.sender_key) != (room_id, sender_key):
                log.warning("a room key came again for another room or device; ignored", room_id=held.room_id)
                return
            old = await self.crypto_store.room_key(room_id, new.id)
            if old is not None and old.first_known_index <= new.first_known_index:
                return
        await super()._create_group_session(
            sender_key, signing_key, room_id, session_id, session_key, max_age, max_messages, is_scheduled
        )

    def _mark_session_received(self, session_id: SessionID) -> None:
        super()._mark_session_received(session_id)
        self._new_keys.add(session_id)

    async def _receive_withheld(self, tx: Connection, content: Any) -> None:
        notice = msgspec.convert(content, _Withheld)
        account, code = self.crypto_store.account_id, clean(notice.code)[:MAX_CODE]
        await crypto_pool.put_withheld(
            tx, account, notice.session_id, sender_key=notice.sender_key, room_id=notice.room_id, code=code
        )
        await undecrypted.key_withheld(tx, notice.room_id, notice.session_id, code)

    def _is_ours(self, user_id: str) -> bool:
        """A forwarded key carries no proof; from our own server it is believed as much as the server itself."""
        return user_id.partition(":")[2] == self._server_name
