"""A bot whose own word is a command, commands of several words, and words that press a button."""

from __future__ import annotations

import pytest

from bots.core import CoreBot
from bridge.botapi import Person, Room
from bridge.botapi.testing import Talk
from tests.unit.finder_bot import FinderBot

DIRECT = Room("!dm:example.org", "Anna", encrypted=False, direct=True)
BOB = Person("@bob:example.org", "Bob")


@pytest.fixture
def talk() -> Talk:
    return Talk([CoreBot(), FinderBot()])


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("!vind de was", "Gevonden: een **de was**"),
        ("!find the laundry", "Found: een **the laundry**"),
        ("!vind wie is Anna Bos", "Dat is Anna Bos."),
        ("!vind Wie  is: Anna", "Dat is Anna."),
        ("!find who is Anna", "That is Anna."),
        ("!vind who is Anna", "Dat is Anna."),
        ("!vind wie", "Iedereen."),
        ("!vind wie heeft de sleutel", "Gevonden: een **wie heeft de sleutel**"),
        ('!vind "wie is" Anna', 'Gevonden: een **"wie is" Anna**'),
        ('!vind "wie"', 'Gevonden: een **"wie"**'),
        ("!vind help mij", "Gevonden: een **help mij**"),
        ('!vind "help"', 'Gevonden: een **"help"**'),
    ],
)
async def test_which_command_it_is(talk: Talk, text: str, answer: str) -> None:
    assert (await talk.ask(text)).text.replace("<i>een</i>", "een") == answer


async def test_what_is_marked_is_never_read_as_html_or_markdown(talk: Talk) -> None:
    shown = await talk.ask("!vind <b>*x*</b>")
    assert shown.html == "Gevonden: &lt;i&gt;een&lt;/i&gt; <strong>&lt;b&gt;*x*&lt;/b&gt;</strong>"
    assert shown.text == "Gevonden: <i>een</i> **<b>*x*</b>**"


async def test_help_has_the_own_word_and_more(talk: Talk) -> None:
    for text in ("!vind", "!vind help", "!vind ?", "!help vind"):
        shown = (await talk.ask(text)).text
        assert "`!vind <woorden …>`: vindt iets" in shown
        assert "`!vind wie is <naam …>`" in shown
        assert shown.endswith("Alles vind je met `*`.")
    assert "`!vind wie is <naam …>`: zegt wie" in (await talk.ask("!help vind wie is")).text
    assert "`!vind wie is <naam …>`: zegt wie" in (await talk.ask("!help wie is")).text
    assert "`!vind wie`: noemt iedereen" in (await talk.ask("!help wie")).text


async def test_a_word_presses_a_button(talk: Talk) -> None:
    shown = await talk.ask("!vind de was")
    for text in ("meer", "More!", " MEER "):
        assert (await talk.answer(shown, text)).text == "Bladzijde 2"
    assert (await talk.answer(shown, "minder")).answer is None
    assert (await talk.press(shown, "➡️")).text == "Bladzijde 2"
    talk.sender = BOB
    assert (await talk.answer(shown, "meer")).answer is None


async def test_in_a_direct_chat(talk: Talk) -> None:
    talk.room = DIRECT
    assert (await talk.ask("vind wie is Anna")).text == "Dat is Anna."
    assert (await talk.ask("vind wie is")).text.startswith("❓ Er ontbreekt nog iets: `naam`.")
