"""Somebody who uses a client that is not ours: matrix-nio, with an encryption of its own (vodozemac).

What it receives by /sync is kept: a test may also wait for what has come already.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeVar

from nio import AsyncClient, AsyncClientConfig, EncryptionError, Event, MegolmEvent, RoomPreset
from nio import responses as nio_responses
from nio.crypto.attachments import decrypt_attachment

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from nio import MatrixRoom

    from tests.real.server import Homeserver

    R = TypeVar("R")

PASSWORD = "correct horse"
_ENCRYPTION = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


@dataclass(frozen=True, slots=True)
class Received:
    """An event as the person sees it, decrypted.

    Attributes:
        encrypted: it came encrypted.
        verified: and from a device that this client trusts.
    """

    room_id: str
    event_id: str
    sender: str
    type: str
    content: dict[str, Any]
    encrypted: bool
    verified: bool

    @property
    def body(self) -> str:
        """What it says; '' when it is no message."""
        return str(self.content.get("body", ""))

    @property
    def relation(self) -> dict[str, Any]:
        """`m.relates_to`."""
        found: dict[str, Any] = self.content.get("m.relates_to") or {}
        return found

    @property
    def answers(self) -> str | None:
        """The event that it replies to."""
        target: str | None = self.relation.get("m.in_reply_to", {}).get("event_id")
        return target


class NioClient:
    """Somebody who is logged in. Make one with `people`."""

    def __init__(self, client: AsyncClient, *, only_verified: bool) -> None:
        self.client = client
        self.received: list[Received] = []
        self._ignore_unverified = not only_verified
        self._unread: list[MegolmEvent] = []
        client.add_event_callback(self._came, Event)
        client.add_response_callback(self._synced, nio_responses.SyncResponse)

    @property
    def user_id(self) -> str:
        """The Matrix id."""
        return str(self.client.user_id)

    async def create_room(self, name: str, *invited: str, encrypted: bool = False, direct: bool = False) -> str:
        """A private room, to which others are invited."""
        made = _got(
            await self.client.room_create(
                name=None if direct else name,
                invite=invited,
                is_direct=direct,
                preset=RoomPreset.trusted_private_chat if direct else RoomPreset.private_chat,
                initial_state=[_ENCRYPTION] if encrypted else [],
            ),
            nio_responses.RoomCreateResponse,
        )
        await self._know(made.room_id, encrypted=encrypted)
        return str(made.room_id)

    async def _know(self, room_id: str, *, encrypted: bool) -> None:
        def known() -> bool:
            room = self.client.rooms.get(room_id)
            return room is not None and (room.encrypted or not encrypted)

        await until(known)

    async def room_with(self, bot: str, *, encrypted: bool = False, direct: bool = False) -> str:
        """A room that `bot` has joined by itself."""
        room_id = await self.create_room("Directie", bot, encrypted=encrypted, direct=direct)
        await self.joined(room_id, bot)
        return room_id

    async def joined(self, room_id: str, user_id: str) -> None:
        """Wait until this client knows that somebody is in a room, and with which devices."""

        def is_in() -> bool:
            users = self.client.rooms[room_id].users
            return user_id in users and not users[user_id].invited and not self.client.should_query_keys

        await until(is_in)

    async def invite(self, room_id: str, user_id: str) -> None:
        """Invite somebody."""
        _got(await self.client.room_invite(room_id, user_id), nio_responses.RoomInviteResponse)

    async def accept(self, inviter: str) -> str:
        """Wait for an invitation of somebody, and join; the room's id."""

        def invitation() -> str | None:
            rooms = self.client.invited_rooms.values()
            return next((room.room_id for room in rooms if room.inviter == inviter), None)

        await until(lambda: invitation() is not None)
        room_id = str(invitation())
        _got(await self.client.join(room_id), nio_responses.JoinResponse)
        await self._know(room_id, encrypted=False)
        return room_id

    async def send(self, room_id: str, content: dict[str, Any], kind: str = "m.room.message") -> str:
        """Send an event, encrypted where the room is.

        Raises:
            nio.OlmUnverifiedDeviceError: the client sends to devices that it trusts only, and there is another.
        """
        sent = await self.client.room_send(room_id, kind, content, ignore_unverified_devices=self._ignore_unverified)
        return str(_got(sent, nio_responses.RoomSendResponse).event_id)

    async def send_file(self, room_id: str, name: str, data: bytes) -> str:
        """Upload a PDF, encrypted where the room is, and send it."""
        encrypted = self.client.rooms[room_id].encrypted
        answer, keys = await self.client.upload(
            BytesIO(data), "application/pdf", name, encrypt=encrypted, filesize=len(data)
        )
        url = _got(answer, nio_responses.UploadResponse).content_uri
        place = {"file": {**keys, "url": url}} if keys else {"url": url}
        return await self.send(room_id, {"msgtype": "m.file", "body": name, "info": _info(data), **place})

    async def download(self, of: Received) -> bytes:
        """The file of a message, decrypted."""
        sealed = of.content.get("file")
        answer = await self.client.download(mxc=sealed["url"] if sealed else of.content["url"])
        data = bytes(_got(answer, nio_responses.DownloadResponse).body)
        if sealed is None:
            return data
        return bytes(decrypt_attachment(data, sealed["key"]["k"], sealed["hashes"]["sha256"], sealed["iv"]))

    async def say(self, room_id: str, text: str, relates_to: dict[str, Any] | None = None) -> str:
        """A text."""
        related = {"m.relates_to": relates_to} if relates_to else {}
        return await self.send(room_id, {"msgtype": "m.text", "body": text, **related})

    async def reply(self, room_id: str, target: str, text: str) -> str:
        """A text as a reply."""
        return await self.say(room_id, text, {"m.in_reply_to": {"event_id": target}})

    async def say_in_thread(self, room_id: str, root: str, text: str) -> str:
        """A text in a thread; like clients do, it also replies to the root for clients without threads."""
        fallback = {"is_falling_back": True, "m.in_reply_to": {"event_id": root}}
        return await self.say(room_id, text, {"rel_type": "m.thread", "event_id": root, **fallback})

    async def edit(self, room_id: str, target: str, text: str) -> str:
        """A later text."""
        new = {"msgtype": "m.text", "body": text}
        relation = {"rel_type": "m.replace", "event_id": target}
        return await self.send(room_id, {**new, "body": f"* {text}", "m.new_content": new, "m.relates_to": relation})

    async def react(self, room_id: str, target: str, key: str) -> str:
        """A reaction."""
        relation = {"rel_type": "m.annotation", "event_id": target, "key": key}
        return await self.send(room_id, {"m.relates_to": relation}, "m.reaction")

    def found(self, wanted: Callable[[Received], bool]) -> list[Received]:
        """What has been received, in order."""
        return [event for event in self.received if wanted(event)]

    async def wait(self, wanted: Callable[[Received], bool], *, count: int = 1) -> Received:
        """Wait until that many events are there that are `wanted`; the last of these."""
        await until(lambda: len(self.found(wanted)) >= count)
        return self.found(wanted)[count - 1]

    async def answer(self, question: str) -> Received:
        """Wait for the reply to an event."""
        return await self.wait(lambda event: event.answers == question and event.sender != self.user_id)

    async def ask(self, room_id: str, text: str) -> Received:
        """Say something, and wait for the answer."""
        return await self.answer(await self.say(room_id, text))

    async def button(self, message: str, key: str) -> Received:
        """Wait until a message has a reaction of another with this key."""
        wanted = {"rel_type": "m.annotation", "event_id": message, "key": key}
        return await self.wait(lambda event: event.type == "m.reaction" and event.relation == wanted)

    def trust(self, user_id: str, device_id: str) -> None:
        """Trust a device from now on."""
        self.client.verify_device(self.client.device_store[user_id][device_id])

    async def query_keys(self, user_id: str) -> dict[str, Any]:
        """What /keys/query says of somebody."""
        path, body = "/_matrix/client/v3/keys/query", json.dumps({"device_keys": {user_id: []}})
        headers = {"Authorization": f"Bearer {self.client.access_token}"}
        async with await self.client.send("POST", path, body, headers) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    def devices(self, user_id: str) -> dict[str, dict[str, str]]:
        """The keys of somebody's devices as this client knows them, by device id."""
        return {device.id: dict(device.keys) for device in self.client.device_store.active_user_devices(user_id)}

    async def _came(self, room: MatrixRoom, event: Event) -> None:
        if isinstance(event, MegolmEvent):
            event.room_id = room.room_id
            self._unread.append(event)
        else:
            self._keep(room.room_id, event)

    async def _synced(self, _: object) -> None:
        """A key may come after what it is for."""
        for event in tuple(self._unread):
            with suppress(EncryptionError):
                self._keep(event.room_id, self.client.decrypt_event(event))
                self._unread.remove(event)

    def _keep(self, room_id: str, event: Any) -> None:
        source = event.source
        self.received.append(
            Received(
                room_id=room_id,
                event_id=source["event_id"],
                sender=source["sender"],
                type=source["type"],
                content=source.get("content", {}),
                encrypted=bool(event.decrypted),
                verified=bool(event.verified),
            )
        )


def _info(data: bytes) -> dict[str, Any]:
    return {"mimetype": "application/pdf", "size": len(data)}


def _got(answer: object, wanted: type[R]) -> R:
    assert isinstance(answer, wanted), answer
    return answer


@asynccontextmanager
async def _logged_in(synapse: Homeserver, name: str, folder: Path, *, only_verified: bool) -> AsyncIterator[NioClient]:
    localpart = f"{name}-{secrets.token_hex(4)}"
    await synapse.register(localpart, PASSWORD)
    store = folder / localpart
    store.mkdir()
    config = AsyncClientConfig(encryption_enabled=True)
    client = AsyncClient(synapse.url, synapse.user_id(localpart), store_path=str(store), config=config)
    try:
        _got(await client.login(PASSWORD, device_name="nio"), nio_responses.LoginResponse)
        person = NioClient(client, only_verified=only_verified)
        syncing = asyncio.create_task(client.sync_forever(timeout=30_000))
        try:
            yield person
        finally:
            syncing.cancel()
            await asyncio.gather(syncing, return_exceptions=True)
    finally:
        await client.close()
        if client.store is not None:
            client.store.database.close()


@asynccontextmanager
async def people(
    synapse: Homeserver, folder: Path, *names: str, only_verified: bool = False
) -> AsyncIterator[list[NioClient]]:
    """New users, each with a client.

    Args:
        folder: for their keys.
        names: what their names begin with.
        only_verified: they send encrypted messages to devices that they trust only, and refuse when there are others.
    """
    async with AsyncExitStack() as up:
        yield [
            await up.enter_async_context(_logged_in(synapse, name, folder, only_verified=only_verified))
            for name in names
        ]
