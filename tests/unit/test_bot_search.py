"""The search bot, asked in a room and in a direct chat."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from bots.core import CoreBot
from bots.search import SearchBot
from bots.search.lines import corrected, marked
from bridge.botapi import (
    Alert,
    Alerted,
    Found,
    Hit,
    KnownPerson,
    Marked,
    Mistake,
    Named,
    NotSearched,
    OtherLine,
    Person,
    Remark,
    Room,
    event_link,
)
from bridge.botapi.catalog import Catalog
from bridge.botapi.testing import FakeSearch, Talk
from bridge.botapi.testing.talk import NOW, ROOM
from bridge.search.query import Note, Problem

DIRECT = Room("!direct:example.org", "Postkamer", encrypted=False, direct=True)
BOB = Person("@bob:example.org", "Bob")
PRIVATE, NEXT, BACK, OTHER, STOP = "📬", "➡️", "⬅️", "🔁", "🔕"
README = Path(__file__).resolve().parents[2] / "bots" / "search" / "README.md"


def hit(number: int = 1, text: str = "de offerte is klaar", **changes: Any) -> Hit:
    """In the office, `number` hours ago; `offerte` was found."""
    before, word, behind = text.partition("offerte")
    parts = tuple(part for part in ((before, False), (word, True), (behind, False)) if part[0])
    plain = Hit(
        event_id=f"${number}",
        room_id="!kantoor:example.org",
        room="Kantoor",
        sender="@bas:example.org",
        sender_name="Bas",
        sent_at=NOW - timedelta(hours=number),
        kind="text",
        excerpt=Marked(parts),
    )
    return replace(plain, **changes)


def talk(search: FakeSearch | None = None, **circumstances: Any) -> Talk:
    return Talk([CoreBot(), SearchBot()], search=search or FakeSearch(), **circumstances)


async def test_a_hit_with_all_that_is_shown() -> None:
    answered = await talk(FakeSearch(hits=[hit()]), room=DIRECT).ask("zoek offerte")
    link = event_link("!kantoor:example.org", "$1", "@bas:example.org")
    assert answered.text == (
        f"🔎 `offerte`: één bericht\n\n- wo 25 nov 09:00 ({link}) **Bas** in Kantoor: de **offerte** is klaar"
    )
    assert f'<a href="{link}">wo 25 nov 09:00</a> <strong>Bas</strong> in Kantoor' in answered.html
    assert "de <strong>offerte</strong> is klaar" in answered.html
    assert (answered.buttons, answered.answer and answered.answer.private) == ((), False)
    english = await talk(FakeSearch(hits=[hit(), hit(2)]), room=DIRECT, language="en").ask("search offerte")
    assert english.text.startswith("🔎 `offerte`: 2 messages")


async def test_what_people_wrote_is_never_markdown_or_html() -> None:
    found = hit(text="<b>*offerte*</b>", sender_name="**Bas**", room="<i>")
    answered = await talk(FakeSearch(hits=[found]), room=DIRECT).ask("zoek offerte")
    assert "&lt;b&gt;*<strong>offerte</strong>*&lt;/b&gt;" in answered.html
    assert "<i>" not in answered.html


async def test_files() -> None:
    file = Marked((("offerte", True), (".pdf", False)))
    hits = [
        hit(1, "offerte.pdf", file=file, file_size=1_234_000, kind="file"),
        hit(2, "de offerte geldt 30 dagen", file=file, file_size=None, in_file=True, kind="file"),
        hit(3, "offerte twee", edited=True),
        hit(4, "offerte drie", room=None),
    ]
    answered = await talk(FakeSearch(hits=hits), room=DIRECT).ask("zoek offerte")
    assert "📎 **offerte**.pdf (1,2 MB)" in answered.text
    assert "📎 **offerte**.pdf (grootte onbekend), daarin staat: de **offerte** geldt 30 dagen" in answered.text
    assert "**offerte** twee (bewerkt)" in answered.text
    assert "**Bas** in een kamer zonder naam" in answered.text


async def test_pages_turn_in_place_and_by_word() -> None:
    search = FakeSearch(hits=[hit(number) for number in range(1, 26)])
    first = await talk(search, room=DIRECT).ask("zoek offerte")
    assert (first.text.count("\n- "), first.buttons, "Pagina 1." in first.text) == (10, (NEXT,), True)
    second = await first.talk.press(first, NEXT)
    assert (second.buttons, second.answer and second.answer.replaces) == ((BACK, NEXT), True)
    third = await first.talk.answer(second, "meer")
    assert (third.text.count("\n- "), third.buttons) == (5, (BACK,))
    assert (await first.talk.press(third, BACK)).text == second.text
    again = await first.talk.ask("zoek offerte")
    assert (await again.talk.ask("zoek meer")).text == second.text
    assert (await again.talk.ask("zoek meer")).text == third.text
    assert "laatste" in third.text
    assert "niets meer" in (await again.talk.ask("zoek meer")).text


async def test_more_is_of_the_same_person_and_room() -> None:
    search = FakeSearch(hits=[hit(number) for number in range(1, 26)])
    first = await talk(search).ask("!zoek offerte")
    first.talk.room = DIRECT
    assert "niets meer" in (await first.talk.ask("zoek meer")).text
    first.talk.room, first.talk.sender = ROOM, BOB
    assert "niets meer" in (await first.talk.ask("!zoek meer")).text
    first.talk.sender = Person("@anna:example.org", "Anna")
    assert "Pagina 2" in (await first.talk.ask("!zoek meer")).text
    assert "meer offerte" in (await first.talk.ask("!zoek meer offerte")).text


async def test_in_a_room_only_what_everybody_may_see_and_the_rest_is_offered() -> None:
    search = FakeSearch(hits=[hit(1), hit(2, "geheime offerte")], hidden={"$2"})
    answered = await talk(search).ask("!zoek offerte")
    assert "één bericht in deze kamer" in answered.text
    assert "geheim" not in answered.text
    assert "in Kantoor" not in answered.text
    assert (answered.buttons, answered.answer and answered.answer.private) == ((PRIVATE,), False)
    rest = await answered.talk.press(answered, PRIVATE)
    assert "geheim" in rest.text
    assert rest.answer is not None
    assert (rest.answer.private, rest.answer.replaces, rest.buttons) == (True, False, ())
    answered.talk.sender = BOB
    assert (await answered.talk.press(answered, PRIVATE)).answer is None


async def test_what_was_encrypted_is_sealed() -> None:
    search = FakeSearch(hits=[hit()], page=Found((), 0, None, encrypted=True))
    for room in (ROOM, DIRECT):
        answered = await talk(search, room=room).ask("!zoek offerte")
        assert answered.answer is not None
        assert answered.answer.sealed
    told = await talk(FakeSearch(told=[Alerted(Alert(1, "x"), [hit(encrypted=True)])])).ask("!zoek x")
    assert told.answer is not None


async def test_an_empty_answer_says_what_was_not_searched() -> None:
    search = FakeSearch(lacking=NotSearched(2, 1, 3, 1, 4), page=Found((), 0, None, behind=7))
    answered = await talk(search, room=DIRECT).ask("zoek offerte")
    assert answered.text == (
        "🔎 `offerte`: niets gevonden.\n\nDit kon ik niet doorzoeken:\n\n"
        "- 7 gebeurtenissen zijn net binnen en nog niet te vinden\n"
        "- 2 versleutelde kamers waar ik niet in zit\n"
        "- één bericht daarin\n"
        "- 3 versleutelde berichten waarvan ik de sleutel niet heb\n"
        "- de tekst van één bestand, die nog gelezen wordt\n"
        "- de tekst van 4 bestanden die niet te lezen zijn"
    )
    assert "alles doorzocht" in (await talk(room=DIRECT).ask("zoek offerte")).text
    assert "alles doorzocht" not in (await talk().ask("!zoek offerte")).text


@pytest.mark.parametrize(("percent", "text"), [(None, "wordt nog gemaakt."), (42, "wordt nog gemaakt (42%).")])
async def test_while_there_is_no_index(percent: int | None, text: str) -> None:
    search = FakeSearch(page=Found((), 0, None, ready=False, percent=percent))
    answered = await talk(search, room=DIRECT).ask("zoek offerte")
    assert text in answered.text
    assert "alles doorzocht" not in answered.text


async def test_misspelt_words() -> None:
    others = [OtherLine("offerte", "ofefrte", "offerte"), OtherLine("offertes", "ofefrte", "offertes")]
    search = FakeSearch(hits=[hit()], others=others)
    answered = await talk(search).ask("!zoek ofefrte")
    assert "Bedoel je `offerte`? Druk op 🔁." in answered.text
    assert "- of `offertes`: `offertes`" in answered.text
    assert answered.buttons == (OTHER, PRIVATE)
    pressed = await answered.talk.press(answered, OTHER)
    assert "`offerte`: één bericht" in pressed.text
    assert pressed.answer is not None
    assert pressed.answer.replaces


async def test_mistakes_are_shown_under_their_place() -> None:
    line = "vann:bas offerte"
    mistake = Mistake("unknown_operator", 0, 4, "vann", "van")
    search = FakeSearch(hits=[hit(text="van:bas offerte vann:bas")], page=Found((), 0, None, mistakes=[mistake]))
    answered = await talk(search, room=DIRECT).ask(f"zoek {line}")
    assert "vann:bas offerte\n^^^^\n\n`vann` ken ik niet vóór een dubbele punt. Bedoel je `van`?" in answered.text
    assert "<pre><code>vann:bas offerte\n^^^^</code></pre>" in answered.html
    assert answered.buttons == (OTHER,)
    search.page = Found((), 0, None)
    assert "`van:bas offerte`: één bericht" in (await answered.talk.press(answered, OTHER)).text


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("key", get_args(get_type_hints(Problem)["key"]))
async def test_every_mistake_has_its_words(language: str, key: str) -> None:
    page = Found((), 0, None, mistakes=[Mistake(key, 2, 5, "got", "instead")])
    answered = await talk(FakeSearch(page=page), room=DIRECT, language=language).ask("zoek een twee")
    assert "een twee\n  ^^^" in answered.text
    assert "💥" not in answered.text


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("key", get_args(get_type_hints(Note)["key"]))
async def test_every_remark_has_its_words(language: str, key: str) -> None:
    page = Found((), 0, None, remarks=[Remark(key, "jan", ("Jan A", "Jan B"), 3)])
    answered = await talk(FakeSearch(hits=[hit()], page=page), room=DIRECT, language=language).ask("zoek offerte")
    assert "`jan`" in answered.text
    if key.startswith("several"):
        assert "3: Jan A, Jan B, …" in answered.text


@pytest.mark.parametrize(
    ("line", "mistakes", "found"),
    [
        ("vann:jan op:eergistr", [(0, 4, "van"), (12, 20, "eergisteren")], "van:jan op:eergisteren"),
        ("van:", [(4, 4, "mij")], "van:mij"),
        ("(a (b", [(0, 5, "(a (b)"), (3, 5, "(b)")], "(a (b)"),
        ("te lang", [(3, 7, "")], None),
        ("goed", [], None),
    ],
)
def test_all_that_is_proposed_in_one_line(line: str, mistakes: list[Any], found: str | None) -> None:
    made = [Mistake("unknown_value", start, end, line[start:end], proposal) for start, end, proposal in mistakes]
    assert corrected(line, made) in {found, line.replace("(b", "(b)") if found else found}


def test_the_mark_of_a_long_line() -> None:
    line = "a" * 100 + " vann:jan " + "b" * 100
    shown, under = marked(line, Mistake("unknown_operator", 101, 105, "vann", "van")).split("\n")
    assert (shown[0], shown[-1], len(shown)) == ("…", "…", 86)
    assert shown[under.index("^") : len(under)] == "vann"
    assert marked("van:", Mistake("no_value", 4, 4, "van", "mij")) == "van:\n    ^"
    assert "\n" not in marked("a\nb", Mistake("open_quote", 0, 1, "", "")).split("\n^")[0]


async def test_nothing_asked() -> None:
    answered = await talk(room=DIRECT).ask('zoek ""')
    assert answered.text.startswith("❓ Waar zoek ik naar? Met `!zoek uitleg`")
    assert "`!zoek <wat je zoekt …>`" in (await talk(room=DIRECT).ask("zoek")).text


async def test_who_is() -> None:
    jan = KnownPerson("@jan:example.org", ("Jan Bos", "Jantje"), (Named("!a", "Kantoor"), Named("!b", "Zuid")), 4)
    piet = KnownPerson("@piet:example.org", ("Piet Janssen",), (), 0)
    answered = await talk(FakeSearch(known=[jan, piet])).ask("!zoek wie is jan?")
    assert answered.answer is not None
    assert answered.answer.private
    assert "Jan Bos `@jan:example.org`, ook bekend als Jantje: samen in Kantoor, Zuid en nog 2" in answered.text
    assert "Piet Janssen `@piet:example.org`: jullie zitten in geen enkele kamer samen" in answered.text
    assert "Niemand heet `x`" in (await talk(room=DIRECT).ask("zoek wie is x")).text


async def test_saved_searches() -> None:
    search = FakeSearch(hits=[hit()])
    asked = talk(search, room=DIRECT)
    saved = await asked.ask("zoek bewaar Mijn offertes:  offerte")
    assert saved.text == "💾 Bewaard als `Mijn offertes`: `offerte`. Met `!zoek Mijn offertes` zoek je het opnieuw."
    assert "één bericht" in (await asked.ask("zoek mijn  Offertes")).text
    assert "`!zoek Mijn offertes`: `offerte`" in (await asked.ask("zoek bewaard")).text
    asked.room = ROOM
    shown = await asked.ask("!search saved")
    assert shown.answer is not None
    assert shown.answer.private
    assert "niet meer bewaard" in (await asked.ask("!zoek vergeet mijn offertes")).text
    assert "heb je niets bewaard" in (await asked.ask("!zoek vergeet mijn offertes")).text
    assert "niets bewaard" in (await asked.ask("!zoek bewaard")).text
    assert "dubbele punt" in (await asked.ask("!zoek bewaar offertes")).text
    for number in range(20):
        await search.save(str(number), "x")
    assert "al 20" in (await asked.ask("!zoek bewaar nog een: x")).text


async def test_alerts() -> None:
    search = FakeSearch()
    asked = talk(search)
    made = await asked.ask("!zoek waarschuw mij: offerte")
    assert "zodra er iets nieuws is met `offerte`" in made.text
    assert (made.buttons, [one.line for one in search.watched.values()]) == ((STOP,), ["offerte"])
    asked.sender = BOB
    assert (await asked.press(made, STOP)).answer is None
    asked.sender = Person("@anna:example.org", "Anna")
    assert (await asked.press(made, STOP)).text == "🔕 Gestopt."
    assert search.watched == {}
    assert "al gestopt" in (await asked.press(made, STOP)).text
    assert "niets in om naar te zoeken" in (await asked.ask("!zoek waarschuw mij: :")).text
    for line in ("een", "twee"):
        await asked.ask(f"!search alert me {line}")
    asked.room = DIRECT
    listed = await asked.ask("zoek bewaard")
    assert "1. `een`\n2. `twee`" in listed.text
    left = await asked.press(listed, "1️⃣")
    assert ("1. `twee`" in left.text, "`een`" in left.text) == (True, False)


async def test_an_alert_tells_in_private() -> None:
    search = FakeSearch(told=[Alerted(Alert(3, "offerte"), [hit(1), hit(2)]), Alerted(Alert(4, "x"), [hit(3)])])
    asked = talk(search)
    asked.search.watched = {"a": Alert(3, "offerte"), "b": Alert(4, "x"), "c": Alert(5, "y")}
    bot = asked.bots[1]
    answer = await asked._runner.job(await asked._new_ask(), bot.name, "tell", {})
    assert answer is not None
    assert (answer.private, answer.sealed) == (True, False)
    text = answer.messages[0].body
    assert "🔔 2 keer iets nieuws bij `offerte`:" in text
    assert "🔔 Nieuw bij `x`:" in text
    assert answer.messages[0].buttons == (STOP,)
    search.told = [Alerted(Alert(3, "x"), [hit(encrypted=True)])]
    answer = await asked._runner.job(await asked._new_ask(), bot.name, "tell", {})
    assert answer is not None
    assert answer.sealed
    search.told = []
    assert await asked._runner.job(await asked._new_ask(), bot.name, "tell", {}) is None


async def test_an_auditor() -> None:
    search = FakeSearch(hits=[hit(removed=True)])
    refused = await talk(search).ask('!zoek inzage "melding 3" offerte')
    assert refused.text.startswith("⛔")
    answered = await talk(search, roles=("staff", "auditor")).ask('!zoek inzage "melding 3" offerte')
    assert search.purposes == ["melding 3"]
    assert "Opgeschreven met dit doel: melding 3" in answered.text
    assert "🗑️ verwijderd: " in answered.text
    assert answered.answer is not None
    assert answered.answer.private


async def test_who_may_not() -> None:
    assert (await talk(FakeSearch(hits=[hit()], denied=True)).ask("!zoek offerte")).text.startswith("⛔")
    assert (await talk(FakeSearch(hits=[hit()]), roles=("guest",)).ask("!zoek offerte")).text.startswith("⛔")


async def test_the_language_on_one_screen() -> None:
    asked = talk(room=DIRECT)
    shown = await asked.ask("zoek uitleg")
    assert "`in:werkplaats`" in shown.text
    assert shown.html.count("<br") >= 6
    assert shown.text in (await asked.ask("zoek help")).text
    assert "`in:workshop`" in (await asked.ask("search explain")).text


def test_every_command_is_in_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    for entry in Catalog([SearchBot()]).entries:
        for language in ("nl", "en"):
            assert f"`!{entry.phrase(language)}" in text
