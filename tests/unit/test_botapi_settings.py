"""Settings of a room and of a person, for bots and for those who set them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bots.core import CoreBot
from bridge.botapi import Room, read_settings, write_setting
from bridge.botapi.testing import Talk
from bridge.botapi.testing.talk import ANNA, ROOM
from tests.unit.sample_bot import PersonSettings, RoomSettings, SampleBot

ROOM_KEY = ("sample", "room", ROOM.room_id)


@pytest.fixture
def talk() -> Talk:
    return Talk([CoreBot(), SampleBot()], roles=("staff", "manager"))


async def test_defaults_and_what_is_set(talk: Talk) -> None:
    bot, ask = SampleBot(), await talk._new_ask()
    assert await bot.settings(ask, RoomSettings) == RoomSettings()
    assert await bot.settings(ask, PersonSettings) == PersonSettings()
    talk.settings.values = {
        (*ROOM_KEY, "loud"): True,
        (*ROOM_KEY, "pause"): 90,
        ("sample", "person", ANNA.user_id, "tone"): "short",
    }
    assert await bot.settings(ask, RoomSettings) == RoomSettings(loud=True, pause=timedelta(seconds=90))
    assert await bot.settings(ask, PersonSettings) == PersonSettings("short")


@pytest.mark.parametrize(
    ("name", "value"),
    [("loud", "yes"), ("loud", 1), ("most", True), ("most", "5"), ("pause", "1h"), ("most", None), ("gone", 1)],
)
async def test_a_value_that_no_longer_fits_is_the_default(talk: Talk, name: str, value: object) -> None:
    talk.settings.values = {(*ROOM_KEY, name): value}
    assert await SampleBot().settings(await talk._new_ask(), RoomSettings) == RoomSettings()


async def test_what_this_very_question_sets_counts(talk: Talk) -> None:
    ask = await talk._new_ask()
    write_setting(ask, "sample", "room", "most", 7)
    write_setting(ask, "sample", "room", "pause", timedelta(minutes=2))
    assert await read_settings(ask, "sample", "room", RoomSettings) == RoomSettings(most=7, pause=timedelta(minutes=2))


async def test_all_settings_with_their_values_and_meaning(talk: Talk) -> None:
    shown = (await talk.ask("!instellingen")).text
    assert "**Voor deze kamer**" in shown
    assert "- `luid` = nee: of het luid moet" in shown
    assert "- `pauze` = 1 uur: hoe lang er niets gebeurt" in shown
    assert "- `taal` = niet ingesteld: de taal waarin alle bots je antwoorden" in shown
    assert "- `toon` = vriendelijk: hoe ik praat" in shown
    english = (await talk.ask("!settings")).text
    assert "- `pause` = 1 hour: how long nothing happens" in english
    talk.room = Room("!dm:example.org", "Anna", direct=True)
    assert "Voor deze kamer" not in (await talk.ask("instellingen")).text


@pytest.mark.parametrize(
    ("text", "answer", "value"),
    [
        ("luid ja", "✅ Voor deze kamer is luid nu: ja.", True),
        ("Loud off", "✅ Voor deze kamer is luid nu: nee.", False),
        ("meeste 12", "✅ Voor deze kamer is meeste nu: 12.", 12),
        ("pauze anderhalf uur", "✅ Voor deze kamer is pauze nu: 1 uur en 30 minuten.", 5400),
        ("pauze standaard", "✅ Voor deze kamer is pauze nu: 1 uur.", None),
    ],
)
async def test_setting_something_for_the_room(talk: Talk, text: str, answer: str, value: object) -> None:
    shown = await talk.ask(f"!instellingen {text}")
    assert shown.text == answer
    assert [setting.value for setting in shown.effects.settings] == [value]
    assert shown.effects.settings[0].subject == ROOM.room_id


async def test_and_reading_it_back(talk: Talk) -> None:
    await talk.ask("!instellingen toon kort")
    assert (await talk.ask("!instellingen toon")).text == "`toon` = kort: hoe ik praat\n\nMogelijk: vriendelijk, kort."
    assert "op de manier short" in (await talk.ask("!proef lijst 1")).text
    await talk.ask("!instellingen toon default")
    assert "op de manier kind" in (await talk.ask("!proef lijst 1")).text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lluid ja", "Een instelling `lluid` is er niet. Bedoel je `luid`?"),
        ("xyz ja", "Een instelling `xyz` is er niet. Wel: taal, luid, meeste, pauze, toon."),
        ("luid misschien", "`misschien` is geen ja of nee."),
        ("meeste veel", "`veel` is geen heel getal."),
        ("pauze morgen", "`morgen` begrijp ik niet als duur."),
        ("toon boos", "`boos` kan hier niet. Wel: vriendelijk, kort."),
    ],
)
async def test_what_cannot_be_set_says_what_can(talk: Talk, text: str, problem: str) -> None:
    shown = await talk.ask(f"!instellingen {text}")
    assert problem in shown.text
    assert "!instellingen [instelling] [waarde …]" in shown.text
    assert not shown.effects.settings


async def test_only_managers_set_what_is_for_the_room(talk: Talk) -> None:
    talk.roles = ("staff",)
    refused = await talk.ask("!instellingen luid ja")
    assert refused.text.startswith("⛔")
    assert not refused.effects.settings
    assert (await talk.ask("!instellingen toon kort")).text == "✅ Voor jou is toon nu: kort."
    assert "`luid` = nee" in (await talk.ask("!instellingen luid")).text
