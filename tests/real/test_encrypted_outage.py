"""The database or the homeserver is away for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.real.rooms import running, scene, text

if TYPE_CHECKING:
    from tests.real.server import Installation

_CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'postkamer crypto'"


async def test_connections_to_the_database_are_cut(installation: Installation) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)
        sent = []
        for number in range(20):
            async with s.held.db.connection() as connection:
                await connection.fetchval(_CUT)
            await anna.new_key(room)
            sent.append(await anna.send(room, text(f"bericht {number}"), encrypted=True))
        await s.held.read(*sent)


async def test_the_homeserver_is_restarted(installation: Installation) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)
        await s.held.read(await anna.send(room, text("voor"), encrypted=True))
        await installation.synapse.local.restart()
        await anna.new_key(room)
        await s.held.read(await anna.send(room, text("na"), encrypted=True))
