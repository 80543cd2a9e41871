"""Encrypted rooms, read by our bot: real Synapse, real PostgreSQL, real clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.storage import undecrypted
from tests.real.rooms import running, scene, text
from tests.waiting import until

if TYPE_CHECKING:
    from tests.real.server import Installation


async def test_messages_edits_replies_and_files_are_read(installation: Installation) -> None:
    async with scene(installation) as s, running(installation):
        anna = await s.person()
        room = await s.room_with_bot(anna)

        first = await anna.send(room, text("De offerte is klaar"), encrypted=True)
        edit = await anna.send(
            room,
            {
                **text("* De offerte is verstuurd"),
                "m.new_content": text("De offerte is verstuurd"),
                "m.relates_to": {"rel_type": "m.replace", "event_id": first},
            },
            encrypted=True,
        )
        reply = await anna.send(
            room, {**text("Mooi"), "m.relates_to": {"m.in_reply_to": {"event_id": first}}}, encrypted=True
        )
        reaction = await anna.send(
            room,
            {"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}},
            event_type="m.reaction",
            encrypted=True,
        )
        file = await anna.upload_encrypted(b"%PDF-1.7 offerte")
        attachment = await anna.send(room, {"msgtype": "m.file", "body": "offerte.pdf", "file": file}, encrypted=True)

        payloads = await s.held.read(first, edit, reply, reaction, attachment)

        assert payloads[0] == {"room_id": room, "type": "m.room.message", "content": text("De offerte is klaar")}
        assert payloads[1]["content"]["m.new_content"]["body"] == "De offerte is verstuurd"
        assert payloads[2]["content"]["m.relates_to"] == {"m.in_reply_to": {"event_id": first}}
        assert payloads[3]["type"] == "m.reaction"
        assert payloads[4]["content"]["file"]["key"] == file["key"]

        async def nothing_is_due() -> bool:  # the bot's greeting came in too
            async with s.held.db.connection() as connection:
                return await undecrypted.due(connection, 1) == []

        await until(nothing_is_due)


async def test_sent_while_we_were_down(installation: Installation) -> None:
    async with scene(installation) as s:
        async with running(installation):
            anna = await s.person()
            room = await s.room_with_bot(anna)
            before = await anna.send(room, text("voor"), encrypted=True)
            await s.held.read(before)
            device = await s.held.device(s.bot)
        same_key = await anna.send(room, text("tijdens, met de oude sleutel"), encrypted=True)
        await anna.new_key(room)
        new_key = await anna.send(room, text("tijdens, met een nieuwe sleutel"), encrypted=True)
        invited = await anna.create_room("Nieuw", invite=[s.bot], encrypted=True)
        async with running(installation):
            await s.held.read(same_key, new_key)
            await s.joined(anna, invited)
            assert (await s.held.device(s.bot)).device_id == device.device_id
            devices = await anna.request("POST", "v3/keys/query", {"device_keys": {s.bot: []}})
            assert list(devices["device_keys"][s.bot]) == [device.device_id]
