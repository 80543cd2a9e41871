"""Questions with numbered answers, and buttons: all that they need is kept with our message."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bots.core import CoreBot
from bridge.botapi import Person, Room, Runner
from bridge.botapi.actions import number_of, plain_key
from bridge.botapi.testing import FakeDirectory, Talk
from tests.unit.sample_bot import SampleBot

BOB = Person("@bob:example.org", "Bob")
DIRECT = Room("!dm:example.org", "Anna", encrypted=False, direct=True)


@pytest.fixture
def talk() -> Talk:
    people = {"@jan1:example.org": "Jan Bos", "@jan2:example.org": "Jan Smit", "@bob:example.org": "Bob"}
    rooms = {"!a:example.org": "Productie", "!b:example.org": "Kantine"}
    return Talk([CoreBot(), SampleBot()], directory=FakeDirectory(people, rooms))


async def test_a_missing_word_is_asked_for(talk: Talk) -> None:
    asked = await talk.ask("!proef geef Bob")
    assert asked.text == (
        "❓ wat: wat bedoel je? Antwoord met het nummer, of druk op een van de knoppen.\n\n1. thee\n2. koffie"
    )
    assert asked.buttons == ("1️⃣", "2️⃣")
    for text in ("2", " 2. ", "#2", "2)", "2️⃣", "koffie", "Koffie!"):
        assert (await talk.answer(asked, text)).text == "Bob krijgt één coffee.", text


async def test_a_number_that_is_not_there(talk: Talk) -> None:
    asked = await talk.ask("!proef geef Bob")
    for text in ("0", "3", "999"):
        assert (await talk.answer(asked, text)).text == "❓ Kies een nummer van 1 tot en met 2.", text


async def test_another_text_is_no_answer(talk: Talk) -> None:
    asked = await talk.ask("!proef geef Bob")
    for text in ("", "water", "!help", "1 2", "٢", "9999999999"):
        assert (await talk.answer(asked, text)).answer is None, text


async def test_only_the_asker_answers(talk: Talk) -> None:
    asked = await talk.ask("!proef geef Bob")
    talk.sender = BOB
    assert (await talk.answer(asked, "2")).answer is None
    assert (await talk.press(asked, "2️⃣")).answer is None


@pytest.mark.parametrize("key", ["2️⃣", "2⃣", "2\ufe0e\u20e3"])
async def test_a_press_answers_too(talk: Talk, key: str) -> None:
    asked = await talk.ask("!proef geef Bob")
    assert (await talk.press(asked, key)).text == "Bob krijgt één coffee."


@pytest.mark.parametrize("key", ["3️⃣", "2", "0️⃣", "👍", "", "⃣"])
async def test_a_press_of_something_else_means_nothing(talk: Talk, key: str) -> None:
    asked = await talk.ask("!proef geef Bob")
    assert (await talk.press(asked, key)).answer is None


async def test_one_question_after_another(talk: Talk) -> None:
    talk.room = DIRECT
    first = await talk.ask("proef kamer")
    assert "1. Productie\n2. Kantine" in first.text
    second = await talk.answer(first, "kantine")
    assert "1. ja\n2. nee" in second.text
    assert (await talk.answer(second, "1")).text == "Kantine: ja"


async def test_a_name_of_several_people(talk: Talk) -> None:
    talk.room = DIRECT
    asked = await talk.ask("proef geef jan thee 3")
    assert "1. Jan Bos\n2. Jan Smit" in asked.text
    assert (await talk.answer(asked, "2")).text == "Jan Smit krijgt 3 tea."


async def test_people_of_the_same_name_are_told_apart(talk: Talk) -> None:
    talk.room = DIRECT
    talk.directory.by_user = {"@jan1:example.org": "Jan", "@jan2:example.org": "Jan"}
    asked = await talk.ask("proef geef jan thee")
    assert "1. Jan (@jan1:example.org)\n2. Jan (@jan2:example.org)" in asked.text
    assert (await talk.answer(asked, "2")).html.count("@jan2:example.org") == 1


async def test_names_are_not_shown_where_others_read_them(talk: Talk) -> None:
    for text in ("!proef kamer", "!proef geef jan thee", "!proef geef"):
        shown = await talk.ask(text)
        assert "Kantine" not in shown.text
        assert "Smit" not in shown.text
        assert not shown.buttons


async def test_too_many_to_choose_from(talk: Talk) -> None:
    talk.room = DIRECT
    talk.directory.by_room = {f"!{number}:example.org": f"Kamer {number}" for number in range(10)}
    assert "Er ontbreekt nog iets" in (await talk.ask("proef kamer")).text
    assert "kan meer dan één ding zijn" in (await talk.ask("proef kamer kamer ja")).text


async def test_who_lost_the_right_may_not_answer(talk: Talk) -> None:
    asked = await talk.ask("!proef geef Bob")
    talk.roles = ("guest",)
    assert (await talk.answer(asked, "2")).text.startswith("⛔")


async def test_the_message_that_a_question_was_about_is_kept(talk: Talk) -> None:
    talk.target = "$about"
    asked = await talk.ask("!proef geef Bob")
    assert asked.action["target"] == "$about"


@pytest.mark.parametrize("key", ["👍", "👍\ufe0f", "👍🏽", "👍\U0001f3ff"])
async def test_a_button_for_everybody(talk: Talk, key: str) -> None:
    shown = await talk.ask("!proef lijst 3")
    talk.sender = BOB
    assert (await talk.press(shown, key)).text == "👍 van Bob"
    talk.roles = ("guest",)
    assert (await talk.press(shown, key)).text.startswith("⛔")
    talk.roles = ()
    assert (await talk.press(shown, key)).answer is None


async def test_a_button_of_a_bot_that_was_upgraded(talk: Talk) -> None:
    shown = await talk.ask("!proef lijst 3")
    runner, question = Runner([SampleBot()]), await talk._new_ask()

    async def pressed(**changed: object) -> str | None:
        answer = await runner.press(question, {**shown.action, **changed}, "👍")
        return answer.messages[0].body if answer else None

    press = shown.action["buttons"]["👍"]
    old = "⚠️ Deze knop werkt niet meer. Geef de opdracht opnieuw."
    assert await pressed() == "👍 van Anna de Vries"
    assert await pressed(bot="gone") == old
    assert await pressed(command="gone") == old
    assert await pressed(buttons={"👍": {**press, "handler": "gone"}}) == old
    assert await pressed(buttons={"👍": {**press, "handler": "ring"}}) == old
    assert await pressed(buttons={"👍": {**press, "args": {"more": 1}}}) == old
    assert await pressed(buttons={"👍": {**press, "unknown": 1}}) is None
    assert await pressed(buttons=None) is None
    assert await runner.press(question, {}, "👍") is None
    assert await runner.reply(question, {}, "1") is None
    asked = await talk.ask("!proef geef Bob")
    answer = await runner.reply(question, {**asked.action, "command": "gone"}, "1")
    assert answer is not None
    assert answer.messages[0].body == old


async def test_a_button_of_a_command_for_managers(talk: Talk) -> None:
    shown = await talk.ask("!proef lijst 3")
    kept = {**shown.action, "command": "secret"}
    runner, question = Runner([SampleBot()]), await talk._new_ask()
    refused = await runner.press(question, kept, "👍")
    assert refused is not None
    assert refused.messages[0].body.startswith("⛔")
    assert await runner.press(replace(question, roles=frozenset(["manager"])), kept, "👍") is not None


def test_the_same_emoji() -> None:
    assert plain_key("✔️") == plain_key("✔") == plain_key("✔\ufe0e")
    assert plain_key("❌") != plain_key("✅")
    assert [number_of(text) for text in ("1️⃣", "12", "1.5", "x", "-1")] == [1, 12, None, None, None]
