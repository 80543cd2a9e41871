"""A person with a client of their own, that can write in encrypted rooms.

Its keys are in memory only: each time somebody logs in it is a new device. It takes nothing by /sync; who is in a room
and with which devices is asked before each encrypted message.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mautrix.api import Method, Path
from mautrix.client import Client
from mautrix.client.state_store import MemoryStateStore
from mautrix.crypto import OlmMachine, StateStore
from mautrix.crypto.attachments import encrypt_attachment
from mautrix.crypto.store import MemoryCryptoStore
from mautrix.types import DeviceID, EventType, RoomID, TOFUSigningKey, UserID

from bridge.matrix.crypto.logs import trace_logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import aiohttp
    from mautrix.types import CrossSigningUsage, RoomEncryptionStateEventContent, SigningKey

ALGORITHM = "m.megolm.v1.aes-sha2"


class _RoomState(StateStore):
    """What the machine asks about rooms: we only encrypt where we were told to, and share keys anew on any change."""

    async def is_encrypted(self, room_id: RoomID) -> bool:
        del room_id
        return True

    async def get_encryption_info(self, room_id: RoomID) -> RoomEncryptionStateEventContent | None:
        del room_id
        return None

    async def find_shared_rooms(self, user_id: UserID) -> list[RoomID]:
        del user_id
        return []


class _Keys(MemoryCryptoStore):
    async def put_cross_signing_key(self, user_id: UserID, usage: CrossSigningUsage, key: SigningKey) -> None:
        """Replace a key: mautrix 0.21.1 fails here when a key that it knows comes again."""
        known = self._cross_signing_keys.setdefault(user_id, {}).get(usage)
        self._cross_signing_keys[user_id][usage] = TOFUSigningKey(key=key, first=known.first if known else key)


class Person:
    """Somebody who is logged in. Make one with `Person.login` or `Person.masquerade`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._machine: OlmMachine | None = None
        self._recipients: dict[str, frozenset[tuple[str, str]]] = {}

    @classmethod
    @asynccontextmanager
    async def login(cls, url: str, user_id: str, password: str, *, device_name: str = "demo") -> AsyncIterator[Person]:
        """With a password; a new device.

        Raises:
            mautrix.errors.MatrixError
        """
        client = Client(mxid=UserID(user_id), base_url=url, state_store=MemoryStateStore(), log=trace_logger("http"))
        try:
            await client.login(UserID(user_id), password=password, device_name=device_name)
            yield cls(client)
        finally:
            await client.api.session.close()

    @classmethod
    def masquerade(
        cls, url: str, as_token: str, user_id: str, *, device_id: str = "", session: aiohttp.ClientSession
    ) -> Person:
        """As an application service in the name of a user of its namespace (and of a device, to encrypt)."""
        client = Client(
            mxid=UserID(user_id),
            device_id=DeviceID(device_id),
            base_url=url,
            token=as_token,
            as_user_id=UserID(user_id),
            as_device_id=DeviceID(device_id) if device_id else None,
            client_session=session,
            log=trace_logger("http"),
            state_store=MemoryStateStore(),
        )
        return cls(client)

    @property
    def user_id(self) -> str:
        """The Matrix id."""
        return str(self._client.mxid)

    @property
    def device_id(self) -> str:
        """Of this log-in."""
        return str(self._client.device_id)

    async def request(
        self, method: str, path: str, content: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """Any other request of the client API, `path` from after `/_matrix/client/`."""
        body = None if content is None else dict(content)
        return await self._client.api.request(
            Method(method), f"_matrix/client/{path}", body, query_params=dict(query or {})
        )

    async def create_room(
        self, name: str, *, invite: Sequence[str] = (), encrypted: bool = False, **options: Any
    ) -> str:
        """Make a private room.

        Args:
            options: more members of the body of `/createRoom`.

        Returns:
            its id.
        """
        state = list(options.pop("initial_state", ()))
        if encrypted:
            state.append({"type": "m.room.encryption", "state_key": "", "content": {"algorithm": ALGORITHM}})
        body = {"name": name, "preset": "private_chat", "invite": list(invite), "initial_state": state, **options}
        answer = await self._client.api.request(Method.POST, Path.v3.createRoom, body)
        return str(answer["room_id"])

    async def invite(self, room_id: str, user_id: str) -> None:
        """Invite somebody."""
        await self._client.api.request(Method.POST, Path.v3.rooms[room_id].invite, {"user_id": user_id})

    async def join(self, room_id: str) -> None:
        """Join a room to which one was invited."""
        await self._client.api.request(Method.POST, Path.v3.rooms[room_id].join, {})

    async def leave(self, room_id: str) -> None:
        """Leave a room."""
        await self._client.api.request(Method.POST, Path.v3.rooms[room_id].leave, {})

    async def members(self, room_id: str) -> list[str]:
        """Who has joined a room in which this person is."""
        answer = await self._client.api.request(Method.GET, Path.v3.rooms[room_id].joined_members)
        return list(answer["joined"])

    async def send(
        self,
        room_id: str,
        content: Mapping[str, Any],
        *,
        event_type: str = "m.room.message",
        encrypted: bool = False,
        txn_id: str | None = None,
        ts: int | None = None,
    ) -> str:
        """Send an event.

        Args:
            encrypted: for all devices that are in the room at this moment.
            txn_id: the same again gives the same event.
            ts: milliseconds since 1970; only heard of an application service.

        Returns:
            the event id.
        """
        if encrypted:
            content, event_type = await self.encrypt(room_id, event_type, content), "m.room.encrypted"
        path = Path.v3.rooms[room_id].send[event_type][txn_id or self._client.api.get_txn_id()]
        query = {} if ts is None else {"ts": str(ts)}
        answer = await self._client.api.request(Method.PUT, path, dict(content), query_params=query)
        return str(answer["event_id"])

    async def redact(
        self,
        room_id: str,
        event_id: str,
        *,
        reason: str | None = None,
        txn_id: str | None = None,
        ts: int | None = None,
    ) -> str:
        """Remove a message (or reaction); returns the id of the redaction."""
        path = Path.v3.rooms[room_id].redact[event_id][txn_id or self._client.api.get_txn_id()]
        query = {} if ts is None else {"ts": str(ts)}
        body = {} if reason is None else {"reason": reason}
        answer = await self._client.api.request(Method.PUT, path, body, query_params=query)
        return str(answer["event_id"])

    async def upload(self, data: bytes, mimetype: str, name: str | None = None) -> str:
        """Upload a file in the clear; returns its mxc URI."""
        return str(await self._client.upload_media(data, mime_type=mimetype, filename=name))

    async def upload_encrypted(self, data: bytes) -> dict[str, Any]:
        """Upload a file encrypted; returns the `file` (EncryptedFile) for the content of a message."""
        ciphertext, info = encrypt_attachment(data)
        info.url = await self._client.upload_media(bytes(ciphertext), mime_type="application/octet-stream")
        return dict(info.serialize())

    async def encrypt(self, room_id: str, event_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The content of an m.room.encrypted event, whose key all devices in the room have been sent."""
        machine = await self._crypto()
        await self._share_key(machine, room_id)
        kind = EventType.find(event_type, t_class=EventType.Class.MESSAGE)
        sealed = await machine.encrypt_megolm_event(RoomID(room_id), kind, dict(content))
        return dict(sealed.serialize())

    async def new_key(self, room_id: str) -> None:
        """Begin the next encrypted message of a room with a new key."""
        self._recipients.pop(room_id, None)

    async def _share_key(self, machine: OlmMachine, room_id: str) -> None:
        members = [UserID(member) for member in await self.members(room_id)]
        devices = await machine._fetch_keys(members, include_untracked=True)  # noqa: SLF001
        now = frozenset((str(user), str(device)) for user, those in devices.items() for device in those)
        outbound = await machine.crypto_store.get_outbound_group_session(RoomID(room_id))
        if outbound is not None and not outbound.expired and self._recipients.get(room_id) == now:
            return
        await machine.crypto_store.remove_outbound_group_session(RoomID(room_id))
        await machine.share_group_session(RoomID(room_id), members)
        self._recipients[room_id] = now

    async def _crypto(self) -> OlmMachine:
        if self._machine is None:
            store = _Keys(self.user_id, "in memory only")
            machine = OlmMachine(self._client, store, _RoomState(), trace_logger("crypto"))
            await machine.load()
            await machine.share_keys()
            self._machine = machine
        return self._machine
