"""Keys that come late, not at all, or in a way that they should not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mautrix.crypto import OlmAccount
from mautrix.crypto.signature import sign_olm
from mautrix.types import (
    DeviceID,
    EncryptionAlgorithm,
    EventType,
    ForwardedRoomKeyEventContent,
    RoomID,
    SessionID,
    TrustState,
    UserID,
)

from bridge.demo.person import Person
from bridge.storage import coverage, undecrypted
from bridge.storage.undecrypted import BEFORE_US, DAMAGED, NO_BOT, NO_KEY, REPLAY
from tests.real.rooms import PASSWORD, running, scene, text
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from mautrix.crypto import OlmMachine

    from tests.real.rooms import Scene
    from tests.real.server import Installation


async def machine_of(person: Person) -> OlmMachine:
    return await person._crypto()


async def hold_keys(person: Person, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Keep back what a person sends to devices; returns what sends it after all."""
    client = (await machine_of(person)).client
    send, kept = client.send_to_device, []

    async def keep(*args: Any) -> None:
        kept.append(args)

    async def release() -> None:
        monkeypatch.setattr(client, "send_to_device", send)
        for args in kept:
            await send(*args)

    monkeypatch.setattr(client, "send_to_device", keep)
    return release


async def unread(s: Scene, room_id: str) -> dict[str | None, int]:
    """What `coverage` says of a room: why, and how many."""
    async with s.held.db.connection() as connection:
        return {one.reason: one.count for one in await coverage.unread(connection, [s.bot]) if one.room_id == room_id}


async def test_a_key_that_comes_late(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)
        release = await hold_keys(anna, monkeypatch)
        events = [await anna.send(room, text(f"bericht {n}"), encrypted=True) for n in range(3)]

        assert [await s.held.given_up(event) for event in events] == [NO_KEY] * 3
        await release()
        payloads = await s.held.read(*events)

        assert [payload["content"]["body"] for payload in payloads] == ["bericht 0", "bericht 1", "bericht 2"]


async def test_a_bot_that_is_invited_later(installation: Installation) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await anna.create_room("Directie", encrypted=True)
        before = await anna.send(room, text("voor de bot"), encrypted=True)
        assert await s.held.given_up(before) == NO_KEY

        async def no_bot() -> bool:
            return await unread(s, room) == {NO_BOT: 1}

        await until(no_bot)  # once the recorder has it too

        await anna.invite(room, s.bot)
        await s.joined(anna, room)
        after = await anna.send(room, text("na de bot"), encrypted=True)
        await s.held.read(after)

        async def reason_is_true() -> bool:
            return await unread(s, room) == {BEFORE_US: 1}

        await until(reason_is_true)  # the recorder tells when the bot joined
        assert await s.held.payload(before) is None


async def test_a_key_that_starts_later(installation: Installation) -> None:
    """Some clients give a newcomer the key that is in use, from its next message on."""
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await anna.create_room("Directie", encrypted=True)
        before = await anna.send(room, text("voor de bot"), encrypted=True)
        await anna.invite(room, s.bot)
        await s.joined(anna, room)
        machine = await machine_of(anna)
        outbound = await machine.crypto_store.get_outbound_group_session(RoomID(room))
        assert outbound is not None
        await machine._fetch_keys([UserID(s.bot)], include_untracked=True)
        outbound.shared = False
        await machine.share_group_session(RoomID(room), [UserID(s.bot)])
        content = await machine.encrypt_megolm_event(RoomID(room), EventType.ROOM_MESSAGE, text("na de bot"))
        after = await anna.send(room, content.serialize(), event_type="m.room.encrypted")

        await s.held.read(after)

        assert await s.held.given_up(before) == BEFORE_US


async def test_a_key_that_somebody_forwards(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)
        await hold_keys(anna, monkeypatch)
        event = await anna.send(room, text("doorgegeven"), encrypted=True)
        assert await s.held.given_up(event) == NO_KEY
        monkeypatch.undo()
        machine = await machine_of(anna)
        outbound = await machine.crypto_store.get_outbound_group_session(RoomID(room))
        assert outbound is not None
        inbound = await machine.crypto_store.get_group_session(RoomID(room), SessionID(outbound.id))
        bot = await machine.crypto_store.get_device(UserID(s.bot), DeviceID((await s.held.device(s.bot)).device_id))
        assert inbound is not None
        assert bot is not None

        await machine.send_encrypted_to_device(
            bot,
            EventType.FORWARDED_ROOM_KEY,
            ForwardedRoomKeyEventContent(
                algorithm=EncryptionAlgorithm.MEGOLM_V1,
                room_id=RoomID(room),
                session_id=inbound.id,
                session_key=inbound.export_session(0),
                sender_key=machine.own_identity.identity_key,
                signing_key=machine.own_identity.signing_key,
                forwarding_key_chain=[],
            ),
        )

        assert (await s.held.read(event))[0]["content"]["body"] == "doorgegeven"


async def test_a_key_that_is_withheld(installation: Installation) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)
        machine = await machine_of(anna)
        machine.send_keys_min_trust = TrustState.VERIFIED
        event = await anna.send(room, text("niet voor de bot"), encrypted=True)

        async def known() -> bool:
            return await s.held.reason(event) == undecrypted.withheld("m.unverified")

        await until(known)
        machine.send_keys_min_trust = TrustState.UNVERIFIED
        await anna.new_key(room)
        await s.held.read(await anna.send(room, text("wel voor de bot"), encrypted=True))


async def test_the_same_ciphertext_again_and_damaged_ones(installation: Installation) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room, other = await s.room_with_bot(anna), await s.room_with_bot(anna)
        sealed = await anna.encrypt(room, "m.room.message", text("een keer"))

        async def send(content: dict[str, Any], to: str = room) -> str:
            return await anna.send(to, content, event_type="m.room.encrypted")

        first = await send(sealed)
        await s.held.read(first)
        again = await send(sealed)
        elsewhere = await send(sealed, other)
        spoiled = [
            await send({**sealed, "ciphertext": sealed["ciphertext"][:-8] + "AAAAAAAA"}),
            await send({**sealed, "ciphertext": "é" * 20}),
            await send({**sealed, "ciphertext": ["a"]}),
            await send({**sealed, "algorithm": "m.rot13"}),
            await send({**sealed, "session_id": 7}),
            await send({}),
        ]

        assert await s.held.given_up(again) == REPLAY
        assert await s.held.given_up(elsewhere) == NO_KEY
        assert [await s.held.given_up(event) for event in spoiled] == [DAMAGED] * len(spoiled)


async def test_to_device_messages_of_strangers_stop_nothing(installation: Installation) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)
        device = (await s.held.device(s.bot)).device_id
        await anna.send(room, text("eerst"), encrypted=True)
        key = (await machine_of(anna)).own_identity.identity_key
        nonsense: list[dict[str, Any]] = [
            {},
            {"algorithm": "m.olm.v1.curve25519-aes-sha2"},
            {"algorithm": "m.olm.v1.curve25519-aes-sha2", "ciphertext": {}, "sender_key": key},
            {"algorithm": "m.olm.v1.curve25519-aes-sha2", "ciphertext": {"x": {"type": 0, "body": "?"}}},
            {"algorithm": 5, "ciphertext": json.loads('"\\u0000"')},
        ]
        for number, content in enumerate(nonsense):
            for kind in ("m.room.encrypted", "m.room_key.withheld", "m.room_key", "m.unheard.of"):
                await anna.request(
                    "PUT", f"v3/sendToDevice/{kind}/{room}{number}{kind}", {"messages": {s.bot: {device: content}}}
                )

        await anna.new_key(room)
        await s.held.read(await anna.send(room, text("daarna"), encrypted=True))


async def test_devices_that_make_no_sense_stop_nothing(installation: Installation) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)
        await s.held.read(await anna.send(room, text("eerst"), encrypted=True))
        synapse, account = installation.synapse, OlmAccount()
        async with Person.login(synapse.url, anna.user_id, PASSWORD) as odd:
            keys: Any = account.get_device_keys(UserID(odd.user_id), DeviceID(odd.device_id)).serialize()
            keys["keys"][f"curve25519:{odd.device_id}"] = "A" * 60
            keys["signatures"] = {odd.user_id: {f"ed25519:{odd.device_id}": sign_olm(dict(keys), account)}}
            await odd.request("POST", "v3/keys/upload", {"device_keys": keys})

        bas = await s.person()
        await anna.invite(room, bas.user_id)
        await bas.join(room)
        await s.held.read(await bas.send(room, text("daarna"), encrypted=True))
        async with Person.login(synapse.url, anna.user_id, PASSWORD) as anna_at_home:
            await s.held.read(await anna_at_home.send(room, text("van mijn andere toestel"), encrypted=True))
