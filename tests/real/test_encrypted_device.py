"""The bot's device: made once, cross-signed, kept safe, replaced when it is lost."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from bridge.archive.secret import WrongPickleKeyError, seal
from bridge.demo.person import Person
from bridge.errors import PostkamerError
from bridge.matrix.crypto import check_pickle_key
from bridge.matrix.crypto.identity import Identity, kept_identity
from bridge.storage import bot_device
from tests.real.rooms import running, scene, text
from tests.real.signatures import signed_by_owner
from tests.waiting import until

if TYPE_CHECKING:
    from tests.real.rooms import Scene
    from tests.real.server import Installation

_TABLES = "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema = ANY($1)"


async def keys_of(person: Person, user_id: str) -> dict[str, Any]:
    """What /keys/query says of a user."""
    answer: dict[str, Any] = await person.request("POST", "v3/keys/query", {"device_keys": {user_id: []}})
    return answer


async def everything(s: Scene) -> str:
    """All that the database holds, as text."""
    async with s.held.db.connection() as connection:
        tables = [row[0] for row in await connection.fetch(_TABLES, ["mautrix", "postkamer"])]
        rows = [await connection.fetch(f"SELECT * FROM {table}") for table in tables]  # noqa: S608
    values = (value for table in rows for row in table for value in row.values())
    return "\n".join(v.decode(errors="replace") + v.hex() if isinstance(v, bytes) else str(v) for v in values)


async def test_the_device_is_cross_signed_and_nothing_private_is_in_the_clear(installation: Installation) -> None:
    config = installation.config
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)
        await s.held.read(await anna.send(room, text("geheim"), encrypted=True))

        device = await s.held.device(s.bot)
        answer = await keys_of(anna, s.bot)
        assert signed_by_owner(answer, s.bot, device.device_id)
        profile = await anna.request("GET", f"v3/profile/{s.bot}")
        assert profile["displayname"] == config.bots.users[0].displayname

        pickle_key = config.encryption.pickle_key.reveal()
        async with s.held.db.connection() as connection:
            identity = await kept_identity(connection, s.bot, pickle_key)
        assert identity is not None
        held = await everything(s)
        for secret in (*identity.seeds, identity.storage_key.key):
            assert base64.b64encode(secret).decode().rstrip("=") not in held
            assert secret.hex() not in held
        for word in (identity.storage_key.recovery_key, pickle_key, config.appservice.as_token.reveal()):
            assert word not in held


async def test_a_wrong_pickle_key_is_said(installation: Installation) -> None:
    async with scene(installation) as s:
        async with running(installation):
            anna = await s.person()
            await s.room_with_bot(anna)
        await check_pickle_key(installation.config, installation.database_url)
        text_of_config = installation.path.read_text()
        installation.path.write_text(text_of_config.replace("pickle_key: pickle", "pickle_key: tickle"))

        with pytest.raises(WrongPickleKeyError, match="pickle_key is not the key") as raised:
            await check_pickle_key(installation.config, installation.database_url)

        assert isinstance(raised.value, PostkamerError)
        assert raised.value.hint


async def test_set_up_goes_on_after_a_crash_half_way(installation: Installation) -> None:
    """Device id and identity were chosen, and nothing of it was published."""
    pickle_key = installation.config.encryption.pickle_key.reveal()
    identity = Identity.generate()
    async with scene(installation) as s:
        async with s.held.db.connection() as connection:
            await bot_device.add(connection, s.bot, "POSTKAMERCHOSEN")
            sealed = seal(identity.dump(), pickle_key, f"recovery key of {s.bot}")
            await bot_device.set_recovery_key(connection, s.bot, sealed)
        async with running(installation):
            anna = await s.person()
            room = await s.room_with_bot(anna)
            await s.held.read(await anna.send(room, text("gelezen"), encrypted=True))
            answer = await keys_of(anna, s.bot)

    assert signed_by_owner(answer, s.bot, "POSTKAMERCHOSEN")
    assert set(answer["device_keys"][s.bot]) == {"POSTKAMERCHOSEN"}
    assert identity.seeds.to_keys().public_keys.self_signing_key in str(answer["self_signing_keys"][s.bot])


async def test_a_device_deleted_on_the_homeserver_is_replaced(installation: Installation) -> None:
    synapse = installation.synapse
    async with scene(installation) as s, running(installation), aiohttp.ClientSession() as session:
        anna = await s.person()
        room = await s.room_with_bot(anna)
        await s.held.read(await anna.send(room, text("eerst"), encrypted=True))
        old = (await s.held.device(s.bot)).device_id
        appservice = Person.masquerade(synapse.url, synapse.appservice.as_token, s.bot, session=session)
        await appservice.request("DELETE", f"v3/devices/{old}", {})

        async def has_another() -> bool:
            answer = await keys_of(anna, s.bot)
            new = (await s.held.device(s.bot)).device_id
            return set(answer["device_keys"][s.bot]) == {new} and new != old and signed_by_owner(answer, s.bot, new)

        await until(has_another)
        await s.held.read(await anna.send(room, text("daarna"), encrypted=True))


async def test_room_keys_outlive_the_account(installation: Installation) -> None:
    """The account was lost (say, by an old backup): a new device, and what the old one could read is still read."""
    async with scene(installation) as s:
        async with running(installation):
            anna = await s.person()
            room = await s.room_with_bot(anna)
            await s.held.read(await anna.send(room, text("eerst"), encrypted=True))
            old = (await s.held.device(s.bot)).device_id
        with_old_key = await anna.send(room, text("met de oude sleutel"), encrypted=True)
        async with s.held.db.connection() as connection:
            await connection.execute("DELETE FROM mautrix.crypto_account")
        async with running(installation):
            await s.held.read(with_old_key)

            async def has_another() -> bool:
                return old not in (await keys_of(anna, s.bot))["device_keys"][s.bot]

            await until(has_another)
            await s.held.read(await anna.send(room, text("met de nieuwe"), encrypted=True))


async def test_more_people_than_one_time_keys_write_while_we_are_down(installation: Installation) -> None:
    async with scene(installation) as s:
        async with running(installation):
            anna = await s.person()
            room = await s.room_with_bot(anna)
        device = (await s.held.device(s.bot)).device_id
        wanted = {"one_time_keys": {s.bot: {device: "signed_curve25519"}}}
        names = [
            next(iter((await anna.request("POST", "v3/keys/claim", wanted))["one_time_keys"][s.bot][device]))
            for _ in range(60)
        ]
        assert len(set(names)) < 60, "all of them are one-time keys"
        first = await anna.send(room, text("met de laatste sleutel"), encrypted=True)
        async with running(installation):
            await s.held.read(first)

            async def fresh_keys() -> bool:
                claimed = (await anna.request("POST", "v3/keys/claim", wanted))["one_time_keys"][s.bot][device]
                return not set(claimed) & set(names)

            await until(fresh_keys)


async def test_an_older_backup_of_the_account_is_noticed(installation: Installation) -> None:
    """It would publish one-time keys under ids that the homeserver knows with other keys."""
    save, restore = "SELECT account FROM mautrix.crypto_account", "UPDATE mautrix.crypto_account SET account = $1"
    async with scene(installation) as s:
        async with running(installation):
            anna = await s.person()
            room = await s.room_with_bot(anna)
        old = (await s.held.device(s.bot)).device_id
        async with s.held.db.connection() as connection:
            backup = await connection.fetchval(save)
        for account in (None, backup):
            await claim(anna, s.bot, old, 35)
            async with s.held.db.connection() as connection:
                if account is not None:
                    await connection.execute(restore, account)
            async with running(installation):
                await s.held.read(await anna.send(room, text("gelezen"), encrypted=True))
                if account is not None:
                    await until_replaced(s, anna, old)
                    await s.held.read(await anna.send(room, text("ook gelezen"), encrypted=True))


async def claim(person: Person, user_id: str, device_id: str, count: int) -> None:
    """Use up one-time keys."""
    wanted = {"one_time_keys": {user_id: {device_id: "signed_curve25519"}}}
    for _ in range(count):
        await person.request("POST", "v3/keys/claim", wanted)


async def until_replaced(s: Scene, person: Person, old: str) -> None:
    """Wait until the bot has another device."""

    async def replaced() -> bool:
        return old not in (await keys_of(person, s.bot))["device_keys"][s.bot]

    await until(replaced)
