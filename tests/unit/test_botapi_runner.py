"""From a line to an answer: which command, may they, arguments, handler, reply."""
# ruff: noqa: RUF001 - phones write such signs

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from bots.core import CoreBot
from bots.webhook import WebhookBot
from bridge.botapi import BusyError, Person, Room, Runner, User, say
from bridge.botapi.testing import Answered, FakeDirectory, Talk, answer, ask, press
from bridge.botapi.testing.talk import ANNA, NOW, ROOM
from tests.unit.sample_bot import SampleBot

if TYPE_CHECKING:
    from bridge.botapi import Role

BOB = Person("@bob:example.org", "Bob")
DIRECT = Room("!dm:example.org", "Anna", encrypted=False, direct=True)
PEOPLE = FakeDirectory(
    {"@anna:example.org": "Anna de Vries", "@anne:example.org": "Anne Bos", "@bob:example.org": "Bob Smit"},
    {"!a:example.org": "Productie", "!b:example.org": "Productie Zuid", "!c:example.org": "Kantine"},
)


@pytest.fixture
def talk() -> Talk:
    return Talk([CoreBot(), SampleBot()], directory=PEOPLE)


async def test_a_command_in_either_language(talk: Talk) -> None:
    dutch = await talk.ask("!proef mij vrijdag 14:00 de was")
    assert dutch.text == "Dat doe ik op **vr 27 nov 14:00**: de was"
    english = await talk.ask("!sample me friday 14:00 the laundry")
    assert english.text == "I will, on **Fri 27 Nov 14:00**: the laundry"


async def test_the_language_that_somebody_set_goes_before_the_word(talk: Talk) -> None:
    assert (await talk.ask("!taal nl")).text == "✅ Vanaf nu antwoord ik je in het Nederlands."
    assert (await talk.ask("!sample me friday 14:00 x")).text.startswith("Dat doe ik")
    assert (await talk.ask("!language en")).text == "✅ From now on I answer you in English."
    assert (await talk.ask("!proef mij vrijdag 14:00 x")).text.startswith("I will")


async def test_a_word_of_both_languages_or_of_none_says_nothing(talk: Talk) -> None:
    assert (await talk.ask("!help")).text.startswith("Dit kan ik")
    assert (await talk.ask("!proefje mij vrijdag 14:00 x")).text.startswith("Dat doe ik")
    talk.language = "en"
    assert (await talk.ask("!help")).text.startswith("This is what")
    assert (await talk.ask("!proef mij vrijdag 14:00 x")).text.startswith("Dat doe ik")


@pytest.mark.parametrize("text", ["！ PROEF, dag vrijdag", "!proef\u00a0dag\u200b vrijdag", "!proef\ndag “vrijdag”"])
async def test_as_phones_write_it(talk: Talk, text: str) -> None:
    assert (await talk.ask(text)).text == "vr 27 nov / -"


async def test_what_is_for_nobody_of_ours_is_not_answered(talk: Talk) -> None:
    for text in ("hallo", "proef dag vrijdag"):
        assert (await talk.ask(text, addressed=False)).answer is None
    for text in ("!zoek iets", "!", "!!!", "!?!", "! ", "!karma Anna"):
        assert (await talk.ask(text)).answer is None, text


async def test_but_it_is_when_it_is_said_to_us(talk: Talk) -> None:
    assert "ken ik niet" in (await talk.ask("!karma Anna", addressed=True)).text
    assert "ken ik niet" in (await talk.ask("hallo")).text
    assert (await talk.ask("", addressed=True)).text.startswith("Dit kan ik")
    talk.room = DIRECT
    assert (await talk.ask("proef dag vrijdag")).text == "vr 27 nov / -"
    assert (await talk.ask("help")).text.startswith("Dit kan ik voor je doen. In dit gesprek mag")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("!poref mij", "`!proef mij`"),
        ("!hlep", "`!help`"),
        ("!taaal", "`!taal`"),
        ("!proef gef Anna thee", "`!proef geef`"),
        ("!sampel", "`!sample`"),
    ],
)
async def test_the_nearest_is_proposed(talk: Talk, text: str, near: str) -> None:
    assert near in (await talk.ask(text)).text


async def test_what_one_may_not_is_not_proposed(talk: Talk) -> None:
    assert "geheim" not in (await talk.ask("!proef gehiem")).text
    talk.roles = ("manager",)
    assert "`!proef geheim`" in (await talk.ask("!proef gehiem")).text


async def test_the_word_of_a_bot_alone_is_its_help(talk: Talk) -> None:
    shown = (await talk.ask("!proef")).text
    assert "`!proef mij <wanneer> <tekst …>`" in shown
    assert "geheim" not in shown
    assert (await talk.ask("!proef help")).text == shown
    assert (await talk.ask("!help proef")).text == shown
    assert "iets voor beheerders" in (await Talk([CoreBot(), SampleBot()], roles=("manager",)).ask("!proef")).text


async def test_help_on_a_command(talk: Talk) -> None:
    shown = (await talk.ask("!help proef mij")).text
    assert shown == (
        "`!proef mij <wanneer> <tekst …>`: laat iets weten op een tijdstip\n\n"
        "Bijvoorbeeld: `!proef mij morgen om half drie de was`\n\n"
        "In het Engels: `!sample me`"
    )
    for text in ("!help mij", "!proef help mij", "!help !proef mij", "!help sample me"):
        assert (await talk.ask(text)).text == shown, text


async def test_help_without_the_bot_that_helps() -> None:
    alone = Talk([SampleBot()])
    assert (await alone.ask("!help")).answer is None
    assert "!proef mij" in (await alone.ask("help")).text
    assert "!proef mij" in (await alone.ask("?")).text


async def test_arguments(talk: Talk) -> None:
    assert (await talk.ask("!proef geef Anna thee")).text == "Anna de Vries krijgt één tea."
    assert (await talk.ask("!proef geef Anna de Vries koffie 2")).text == "Anna de Vries krijgt 2 coffee."
    assert (await talk.ask('!proef geef "bob smit" bakkie')).text == "Bob Smit krijgt één coffee."
    assert (await talk.ask("!proef geef mij joe")).text == "Anna de Vries krijgt één coffee."
    link = "https://matrix.to/#/@bob:example.org"
    assert (await talk.ask(f"!proef geef {link} tea")).text == "Bob Smit krijgt één tea."
    assert (await talk.ask("!proef kamer Kantine ja")).text == "Kantine: ja"
    assert (await talk.ask("!proef kamer hier nee")).text == "Productie: nee"
    assert (await talk.ask("!proef dag 27 november anderhalf uur")).text == "vr 27 nov / 1 uur en 30 minuten"
    assert (await talk.ask("!proef sinds 3 dagen")).text == "zo 22 nov 10:00"


async def test_an_exact_name_goes_before_a_part(talk: Talk) -> None:
    assert (await talk.ask("!proef kamer Productie aan")).text == "Productie: ja"
    assert (await talk.ask("!proef kamer productie zuid uit")).text == "Productie Zuid: nee"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("!proef mij", "Er ontbreekt nog iets: `wanneer`."),
        ("!proef mij vrijdag", "Er ontbreekt nog iets: `tekst`."),
        ("!proef mij straks de was", "`straks de was` begrijp ik niet als tijdstip."),
        ("!proef geef Zoë thee", "`Zoë` ken ik niet."),
        ("!proef geef Bob water", "`water` kan hier niet. Wel: thee, koffie."),
        ("!proef geef Bob kofie", "`kofie` kan hier niet. Bedoel je `koffie`?"),
        ("!proef geef Bob thee veel", "`veel` is geen heel getal."),
        ("!proef geef Bob thee 2 3", "Dit is te veel, of ik begrijp het niet: `3`."),
        ("!proef geef An thee", "`An` kan meer dan één ding zijn."),
        ("!proef kamer Zolder ja", "Een kamer `Zolder` ken ik niet"),
        ("!proef kamer Kantine misschien", "`misschien` is geen ja of nee."),
        ("!proef dag 32 november", "`32 november` begrijp ik niet als datum."),
        ("!proef dag vrijdag lang", "`lang` begrijp ik niet als duur."),
        ("!proef bericht", "Over welk bericht gaat het?"),
    ],
)
async def test_what_is_not_understood_says_what_and_how(talk: Talk, text: str, problem: str) -> None:
    shown = (await talk.ask(text)).text
    assert shown.startswith("❓ ")
    assert problem in shown
    assert f"`!{' '.join(text[1:].split()[:2])} " in shown or "bericht" in text


async def test_the_message_that_it_is_about(talk: Talk) -> None:
    link = "https://matrix.to/#/!room:example.org/$one?via=example.org"
    assert (await talk.ask(f"!proef bericht {link} let op")).text.startswith("❓")
    assert (await talk.ask(f"!proef bericht {link} 'let op'")).text == "$one / let op"
    talk.target = "$two"
    assert (await talk.ask("!proef bericht")).text == "$two / -"
    assert (await talk.ask("!proef bericht hoi")).text == "$two / hoi"
    assert (await talk.ask(f"!proef bericht {link}")).text == "$one / -"


@pytest.mark.parametrize("roles", [(), ("guest",), ("staff",), ("it",), ("auditor",)])
async def test_who_may_not(roles: tuple[Role, ...]) -> None:
    talk = Talk([CoreBot(), SampleBot()], roles=roles)
    shown = await talk.ask("!proef geheim")
    assert shown.text == ("⛔ Dit kan alleen een beheerder van de kamer." if roles else "")


@pytest.mark.parametrize("about", ["help proef geheim", "help geheim", "help webhook", "webhook", "webhook iets"])
async def test_help_says_who_may_do_what_the_asker_may_not(about: str) -> None:
    talk = Talk([CoreBot(), SampleBot(), WebhookBot()])
    assert (await talk.ask(f"!{about}")).text == "⛔ Dit kan alleen een beheerder van de kamer."


async def test_when_addressed_the_word_of_the_group_may_be_left_out(talk: Talk) -> None:
    assert (await talk.ask("bericht 'let op'")).text == (await talk.ask("!proef bericht 'let op'")).text
    assert (await talk.ask("!bericht 'let op'")).text != (await talk.ask("!proef bericht 'let op'")).text


async def test_a_stranger_is_ignored_in_a_room_and_refused_when_addressed() -> None:
    talk = Talk([CoreBot(), SampleBot()], roles=())
    assert (await talk.ask("!help")).answer is None
    assert (await talk.ask("help")).text == "⛔ Ik help alleen medewerkers van dit bedrijf."


async def test_a_private_answer(talk: Talk) -> None:
    talk.roles = ("manager",)
    shown = await talk.ask("!proef geheim")
    assert shown.answer is not None
    assert shown.answer.private
    assert shown.answer.told is not None
    assert shown.answer.told.body == "Ik heb het je verteld."


async def test_an_error_of_the_person(talk: Talk) -> None:
    shown = await talk.ask("!proef stuk user")
    assert shown.text == "⚠️ Dat kan niet met **Bob**."
    assert "<strong>" not in shown.html
    assert not shown.effects.jobs


@pytest.mark.parametrize("how", ["bug", "string"])
async def test_a_bug_is_told_by_a_reference_that_is_in_the_log(talk: Talk, how: str) -> None:
    with capture_logs() as logs:
        shown = await talk.ask(f"!proef stuk {how}")
    (entry,) = (entry for entry in logs if entry["log_level"] == "error")
    assert len(entry["reference"]) == 8
    assert entry["reference"] in shown.text
    assert entry["cause"] == "$question1"
    assert "hunter2" not in json.dumps({key: str(value) for key, value in entry.items() if key != "exc_info"})
    assert not shown.effects.jobs


async def test_a_refusal_is_logged_with_its_reason(talk: Talk) -> None:
    with capture_logs() as logs:
        await talk.ask("!proef stuk denied")
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("refused", "it is not there")]


async def test_too_much_at_once() -> None:
    runner = Runner([CoreBot()])
    made = await Talk([CoreBot()])._new_ask()
    refused = runner.refuse(made, BusyError(12.4))
    assert refused.messages[0].body == "⏳ Even te druk. Probeer het over 12 seconden opnieuw."


async def test_the_greeting_of_all_bots(talk: Talk) -> None:
    shown = (await talk.joined()).text
    assert "Typ `!help`" in shown
    assert "archief" in shown
    talk.room = replace(ROOM, encrypted=True)
    assert "versleuteld" in (await talk.joined()).text
    talk.room = DIRECT
    assert "Typ `help`" in (await talk.joined()).text
    assert (await Talk([SampleBot()]).joined()).answer is None


async def test_the_testing_kit_for_one_question() -> None:
    shown = await ask(SampleBot(), "!proef mij morgen 9 uur de was", now=NOW, sender=BOB)
    (job,) = shown.effects.jobs
    assert shown.reply == say("me.saved", at=job.due_at, text="de was").button("❌", SampleBot().cancel, key=job.key)
    assert shown.buttons == ("❌",)
    assert (await press(shown, "❌", sender=ANNA)).answer is None
    gone = await press(shown, "❌")
    assert gone.text == "Toch niet."
    assert shown.talk.jobs == {}
    asked: Answered = await ask(SampleBot(), "!proef geef Bob", directory=PEOPLE)
    assert (await answer(asked, "2")).reply == say(
        "give.done", who=User("@bob:example.org", "Bob Smit"), what="coffee", count=1
    )


async def test_what_somebody_wrote_is_not_all_shown_back(talk: Talk) -> None:
    for text in ("!proef dag vrijdag " + "x " * 20_000, "!proef " + "y" * 60_000, "!proef lijst " + "z" * 60_000):
        shown = await talk.ask(text)
        assert len(shown.text) < 1000
        assert shown.answer is not None
        assert len(shown.answer.messages) == 1
