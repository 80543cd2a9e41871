"""What bots send: real Synapse, real PostgreSQL, real clients."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from mautrix.crypto.attachments import decrypt_attachment

from bridge.app import application
from bridge.archive.consumer import Follower
from bridge.archive.reader import Reader
from bridge.config.checks import Localpart
from bridge.config.schema import BotUser
from bridge.demo.person import Person
from bridge.engine.courier import AwayError, RefusedError, RoomNow
from bridge.storage import inbox
from tests.real.at_work import Ear, at_work
from tests.real.nio_client import people
from tests.real.rooms import PASSWORD, Scene, scene, text
from tests.real.server import ANNOUNCER
from tests.real.signatures import signed_by_owner
from tests.real.test_encrypted_device import keys_of
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.engine.courier import Courier
    from tests.real.server import Installation

MESSAGE = "m.room.message"


async def room_of(person: Person, *couriers: Courier, encrypted: bool = True, **options: Any) -> str:
    """A new room in which bots are."""
    invited = [courier.user_id for courier in couriers]
    room = await person.create_room("Directie", invite=invited, encrypted=encrypted, **options)
    for courier in couriers:
        await courier.join(room)
    return room


async def event(person: Person, room_id: str, event_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await person.request("GET", f"v3/rooms/{room_id}/event/{event_id}")
    return found


async def test_a_plain_room(installation: Installation) -> None:
    async with scene(installation) as s, at_work(installation) as bots:
        anna, courier = await s.person(), await bots.courier(s.bot)
        room = await room_of(anna, courier, encrypted=False)

        sent = await courier.send(room, MESSAGE, text("Dag"), "t1")
        assert await courier.send(room, MESSAGE, text("Dag, weer"), "t1") == sent
        assert (await event(anna, room, sent))["content"] == text("Dag")
        now = await courier.room(room)
        assert now == RoomNow(encrypted=False, joined=frozenset({anna.user_id, s.bot}), invited=frozenset())

        redaction = await courier.send(room, "m.room.redaction", {"redacts": sent, "reason": "fout"}, "t2")
        assert (await event(anna, room, sent))["unsigned"]["redacted_because"]["event_id"] == redaction

        await courier.leave(room)
        await courier.leave(room)
        with pytest.raises(RefusedError):
            await courier.room(room)
        with pytest.raises(RefusedError, match="403 M_FORBIDDEN"):
            await courier.send(room, MESSAGE, text("Dag"), "t3")


async def test_a_room_that_becomes_encrypted(installation: Installation) -> None:
    async with scene(installation) as s, at_work(installation) as bots:
        anna, courier = await s.person(), await bots.courier(s.bot)
        ear = await Ear.of(anna)
        room = await room_of(anna, courier, encrypted=False)
        before = await courier.send(room, MESSAGE, text("open"), "t1")
        state = f"v3/rooms/{room}/state/m.room.encryption/"
        await anna.request("PUT", state, {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 2})

        relation = {"m.relates_to": {"rel_type": "m.thread", "event_id": before}}
        events = [await courier.send(room, MESSAGE, text(f"{n}") | relation, f"s{n}") for n in range(3)]
        reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": events[0], "key": "👍"}}
        pressed = await courier.send(room, "m.reaction", reaction, "r")

        assert [await ear.body(room, one) for one in events] == ["0", "1", "2"]
        raw = [(await event(anna, room, one))["content"] for one in events]
        assert all(content["m.relates_to"] == relation["m.relates_to"] for content in raw)
        sessions = [content["session_id"] for content in raw]
        assert sessions[0] == sessions[1] != sessions[2]  # two messages a key
        assert (await event(anna, room, pressed))["content"] == reaction


async def test_only_who_is_there_can_read(installation: Installation) -> None:
    synapse = installation.synapse
    async with scene(installation) as s, at_work(installation) as bots:
        anna, bas, courier = await s.person(), await s.person(), await bots.courier(s.bot)
        anna_hears, bas_hears = await Ear.of(anna), await Ear.of(bas)
        room = await room_of(anna, courier)
        await anna.invite(room, bas.user_id)

        invited = await courier.send(room, MESSAGE, text("voor wie uitgenodigd is"), "t1")
        await bas.join(room)
        assert await bas_hears.body(room, invited) == "voor wie uitgenodigd is"
        async with Person.login(synapse.url, anna.user_id, PASSWORD) as anna_at_home:
            home = await Ear.of(anna_at_home)
            both = await courier.send(room, MESSAGE, text("voor beide toestellen"), "t2")
            assert await home.body(room, both) == "voor beide toestellen"
            assert await home.body(room, invited) is None
            await anna_at_home.request("POST", "v3/logout", {})
        after_logout = await courier.send(room, MESSAGE, text("zonder dat toestel"), "t3")
        await bas.leave(room)
        without_bas = await courier.send(room, MESSAGE, text("zonder Bas"), "t4")

        raw = [await event(anna, room, one) for one in (invited, both, after_logout, without_bas)]
        sessions = [one["content"]["session_id"] for one in raw]
        assert sessions[0] == sessions[1]
        assert len(set(sessions)) == 3
        assert await anna_hears.body(room, without_bas) == "zonder Bas"
        # Bas gets the ciphertext, and has no key for it.
        await anna.invite(room, bas.user_id)
        await bas.join(room)
        assert await bas_hears.body(room, without_bas) is None
        back = await courier.send(room, MESSAGE, text("Bas is terug"), "t5")
        assert await bas_hears.body(room, back) == "Bas is terug"


async def test_a_device_that_lost_its_sessions_reads_again(installation: Installation) -> None:
    async with scene(installation) as s, at_work(installation) as bots:
        anna, bas, courier = await s.person(), await s.person(), await bots.courier(s.bot)
        ear = await Ear.of(anna)
        await Ear.of(bas)
        room = await room_of(anna, courier)
        await anna.invite(room, bas.user_id)
        await bas.join(room)
        assert await ear.body(room, await courier.send(room, MESSAGE, text("voor"), "t")) == "voor"
        keys: Any = (await anna._crypto()).crypto_store
        keys._olm_sessions.clear()
        await bas.leave(room)  # so that the next message has a new key
        assert await ear.body(room, await courier.send(room, MESSAGE, text("onleesbaar"), "t0")) is None
        numbers = itertools.count(1)

        async def readable() -> bool:
            n = next(numbers)
            return await ear.body(room, await courier.send(room, MESSAGE, text("na"), f"t{n}")) == "na"

        await until(readable)


async def test_a_client_that_is_not_ours_reads_it(installation: Installation, tmp_path: Path) -> None:
    async with (
        scene(installation) as s,
        at_work(installation) as bots,
        people(installation.synapse, tmp_path, "nina") as (nina,),
    ):
        courier = await bots.courier(s.bot)
        room = await nina.create_room("Directie", s.bot, encrypted=True)
        await courier.join(room)
        await until(lambda: not nina.client.should_upload_keys)

        sent = await courier.send(room, MESSAGE, text("Dag, nio"), "t1")

        heard = await nina.wait(lambda one: one.event_id == sent)
        assert (heard.body, heard.encrypted) == ("Dag, nio", True)


async def test_sent_once_also_when_the_homeserver_was_restarted(installation: Installation) -> None:
    async with scene(installation) as s, at_work(installation) as bots:
        anna, courier = await s.person(), await bots.courier(s.bot)
        rooms = [await room_of(anna, courier, encrypted=encrypted) for encrypted in (False, True)]
        before = [await courier.send(room, MESSAGE, text("een keer"), f"t{room}") for room in rooms]
        await installation.synapse.local.restart()

        async def again() -> list[str]:
            return [await courier.send(room, MESSAGE, text("een keer"), f"t{room}") for room in rooms]

        assert await again() == before


async def test_files_come_back(installation: Installation, tmp_path: Path) -> None:
    async with scene(installation) as s, at_work(installation) as bots:
        anna, courier = await s.person(), await bots.courier(s.bot)
        path = tmp_path / "export.zip"
        path.write_bytes(os.urandom(1_000_001))
        plain = await courier.upload(path, "Verslag é.zip", "application/zip", encrypted=False)
        sealed = await courier.upload(path, "Verslag é.zip", "application/zip", encrypted=True)

        assert plain["info"] == sealed["info"] == {"mimetype": "application/zip", "size": 1_000_001}
        assert await download(anna, plain["url"]) == path.read_bytes()
        file = sealed["file"]
        ciphertext = await download(anna, file["url"])
        assert ciphertext != path.read_bytes()
        opened = decrypt_attachment(ciphertext, file["key"]["k"], file["hashes"]["sha256"], file["iv"])
        assert opened == path.read_bytes()
        with path.open("r+b") as large:
            large.truncate(201 * 1024 * 1024)
        with pytest.raises(RefusedError, match="413 M_TOO_LARGE"):
            await courier.upload(path, "groot.bin", "application/octet-stream", encrypted=False)
        with pytest.raises(RefusedError, match="cannot be read"):
            await courier.upload(tmp_path / "weg", "weg", "text/plain", encrypted=False)


async def download(person: Person, uri: str) -> bytes:
    client = person._client
    return bytes(await client.download_media(uri))  # type: ignore[arg-type]


async def test_direct_chats(installation: Installation) -> None:
    async with scene(installation) as s, at_work(installation) as bots:
        anna, courier = await s.person(), await bots.courier(s.bot)
        ear = await Ear.of(anna)
        assert await courier.find_direct("token") is None
        room = await courier.create_direct(anna.user_id, encrypted=True, token="token")
        plain = await courier.create_direct(anna.user_id, encrypted=False, token="token 2")
        assert [await courier.find_direct(token) for token in ("token", "token 2")] == [room, plain]
        sent = await courier.send(room, MESSAGE, text("onder ons"), "t1")

        now = await courier.room(room)
        assert now == RoomNow(encrypted=True, joined=frozenset({s.bot}), invited=frozenset({anna.user_id}))
        sync = await anna.request("GET", "v3/sync")
        invitation = sync["rooms"]["invite"][room]["invite_state"]["events"]
        assert any(one["type"] == "m.room.member" and one["content"].get("is_direct") for one in invitation)
        await anna.join(room)
        assert await ear.body(room, sent) == "onder ons"


async def caught_up(s: Scene, person: Person) -> None:
    """Wait until Synapse sends at once what happens: what happens just as it has caught up may stay with it."""
    room = await person.create_room("Proef")
    for _ in range(2):
        sent: list[str] = []

        async def arrived(sent: list[str] = sent) -> bool:
            sent.append(await person.send(room, text("komt dit aan?")))
            async with s.held.db.connection() as connection:
                return bool(await inbox.by_key(connection, "event", sent))

        await until(arrived)


async def test_several_bots_and_one_with_trouble(installation: Installation) -> None:
    """One that has the key is enough; one that the registration lacks stops nobody."""
    stranger = BotUser(localpart=Localpart("agenda"), displayname="Agenda")
    config = installation.config
    announcer, agenda = (installation.synapse.user_id(name) for name in (ANNOUNCER, stranger.localpart))
    async with (
        scene(installation) as s,
        application(config, roles=("inbox",)),
        at_work(installation, users=(*config.bots.users, stranger)) as bots,
    ):
        follower = Follower(s.held.db, Reader(), then=bots.bots.wake)
        anna, first, second = await s.person(), await bots.courier(s.bot), await bots.courier(announcer)
        ear = await Ear.of(anna)
        with pytest.raises(AwayError):
            await bots.bots.courier(agenda).join("!x")
        await until(lambda: "registration" in bots.health.parts[agenda].detail)
        assert not bots.health.parts[agenda].ok

        await caught_up(s, anna)
        room = await room_of(anna, second)
        events = [await anna.send(room, text("alleen voor de tweede"), encrypted=True)]
        await anna.invite(room, s.bot)
        await first.join(room)
        events.append(await first.send(room, MESSAGE, text("van de eerste"), "t1"))
        events.append(await second.send(room, MESSAGE, text("van de tweede"), "t1-2"))
        assert await ear.body(room, events[1]) == "van de eerste"
        assert await ear.body(room, events[2]) == "van de tweede"

        async def all_read() -> bool:
            await follower.step()
            return all([await s.held.payload(one) is not None for one in events])

        await until(all_read)
        for user in (s.bot, announcer):
            answer = await keys_of(anna, user)
            assert signed_by_owner(answer, user, (await s.held.device(user)).device_id)


async def test_a_name_changed_by_hand_stays(installation: Installation) -> None:
    user = installation.config.bots.users[1]
    announcer = installation.synapse.user_id(ANNOUNCER)
    async with scene(installation) as s, aiohttp.ClientSession() as session:
        anna = await s.person()
        synapse = installation.synapse
        itself = Person.masquerade(synapse.url, synapse.appservice.as_token, announcer, session=session)
        async with at_work(installation, users=[user]) as bots:
            await bots.courier(announcer)
            profile = await anna.request("GET", f"v3/profile/{announcer}")
            assert profile["displayname"] == user.displayname
            assert (await download(anna, profile["avatar_url"]))[:4] == b"\x89PNG"
        await itself.request("PUT", f"v3/profile/{announcer}/displayname", {"displayname": "Nieuws"})
        async with at_work(installation, users=[user]) as bots:
            await bots.courier(announcer)
            assert (await anna.request("GET", f"v3/profile/{announcer}"))["displayname"] == "Nieuws"
        async with at_work(installation, users=[replace(user, displayname="Berichten")]) as bots:
            await bots.courier(announcer)
            assert (await anna.request("GET", f"v3/profile/{announcer}"))["displayname"] == "Berichten"
