"""The webhook bot, asked by a manager of the room."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bots.webhook import WebhookBot
from bridge.botapi.testing import FakeWebhooks, Talk

MANAGER = ("staff", "manager")


def talk(**circumstances: Any) -> Talk:
    return Talk([WebhookBot()], **{"roles": MANAGER, **circumstances})


async def test_the_address_is_told_in_private_and_the_room_hears_of_it() -> None:
    answered = await talk().ask("!webhook nieuw Grafana")
    answer = answered.answer
    assert answer is not None
    assert answer.private
    assert answer.told is not None
    assert "Anna de Vries heeft de webhook **Grafana** gemaakt" in answer.told.body
    assert "hook1/secret" not in answer.told.body + str(answer.told.html)
    assert "`https://postkamer.example/webhook/hook1/secret`" in answered.text
    assert "sleutel" not in answered.text


async def test_in_english_and_signed() -> None:
    answered = await talk(language="en").ask('!webhook new "Build  server" signed')
    assert "**Build server**" in answered.text
    assert "signed with this key: `key`" in answered.text


def in_shell(line: str) -> tuple[list[str], str]:
    """What curl is called with, and what openssl is given to sign."""
    stubs = """curl() { printf '%s\\n' "$@"; }; openssl() { cat >&2; echo "$*" | tr ' ' _; }; """
    done = subprocess.run(["sh", "-c", stubs + line], check=True, capture_output=True, text=True)
    return done.stdout.splitlines(), done.stderr


async def test_the_example_for_the_shell_works() -> None:
    for words in ("Grafana", "Grafana ondertekend"):
        answered = await talk().ask(f"!webhook nieuw {words}")
        (example,) = re.findall("`(BODY=.*)`", answered.text)
        called, signed = in_shell(example)
        body = called[called.index("-d") + 1]
        assert json.loads(body) == {"text": "Hallo!"}
        assert {"Content-Type: application/json", "https://postkamer.example/webhook/hook1/secret"} <= set(called)
        if "ondertekend" in words:
            assert signed == body
            assert "X-Hub-Signature-256: sha256=dgst_-sha256_-hmac_key_-r" in called


@pytest.mark.parametrize("command", ["!webhook nieuw x", "!webhook lijst", "!webhook weg x"])
async def test_it_is_for_managers(command: str) -> None:
    answered = await talk(roles=("staff",)).ask(command)
    assert answered.text.startswith("⛔")
    assert answered.talk.webhooks.made == {}


async def test_what_cannot_be_made() -> None:
    asked = talk(webhooks=FakeWebhooks(most=1))
    assert "te lang" in (await asked.ask(f"!webhook nieuw {'x' * 41}")).text
    await asked.ask("!webhook nieuw Een")
    assert "al 1 webhooks" in (await asked.ask("!webhook nieuw Twee")).text
    asked.webhooks.most = 2
    assert "al een webhook Een" in (await asked.ask("!webhook nieuw Een")).text
    off = await talk(webhooks=FakeWebhooks(address=None)).ask("!webhook nieuw Een")
    assert "`webhooks.listen`" in off.text


async def test_the_list() -> None:
    asked = talk()
    assert "`!webhook nieuw Grafana`" in (await asked.ask("!webhook lijst")).text
    assert "`!webhook new Grafana`" in (await talk(language="en").ask("!webhook list")).text
    await asked.ask("!webhook nieuw Grafana")
    await asked.ask("!webhook nieuw Bouw ondertekend")
    cause, made = next(iter(asked.webhooks.made.items()))
    asked.webhooks.made[cause] = replace(made, uses=3, used_at=datetime(2026, 11, 24, 8, 30, tzinfo=UTC))
    shown = (await asked.ask("!webhooks lijst")).text
    assert "2 webhooks" in shown
    assert "**Grafana**, van @anna:example.org" in shown
    assert "3 berichten, het laatste op di 24 nov 09:30" in shown
    assert "**Bouw**, ondertekend, van" in shown
    assert "nog nooit gebruikt" in shown
    assert "secret" not in shown


async def test_removing_asks_first() -> None:
    asked = talk()
    await asked.ask('!webhook nieuw "Build server"')
    assert "Een webhook Grafana heeft deze kamer niet" in (await asked.ask("!webhook weg Grafana")).text
    question = await asked.ask('!webhook weg "build Server"')
    assert question.buttons == ("✅", "❌")
    kept = await asked.press(question, "❌")
    assert "blijft" in kept.text
    assert len(asked.webhooks.made) == 1
    done = await asked.press(question, "✅")
    assert "is weg, door Anna de Vries" in done.text
    assert done.answer is not None
    assert done.answer.replaces
    assert asked.webhooks.made == {}
    assert "is weg" in (await asked.press(question, "✅")).text
