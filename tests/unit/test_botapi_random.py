"""Whatever is said to our bots: no exception, and an answer that helps when it was said to them."""
# ruff: noqa: RUF001 - phones write such signs

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bots import BOTS
from bridge.botapi import Catalog, Room
from bridge.botapi.strings import LANGUAGES
from bridge.botapi.testing import FakeDirectory, MemorySettings, Talk
from bridge.botapi.testing.talk import ROOM

if TYPE_CHECKING:
    from bridge.botapi import Role

DIRECT = Room("!dm:example.org", "Anna", encrypted=False, direct=True)
CATALOG = Catalog([bot() for bot in BOTS])
PHRASES = sorted({entry.phrase(language) for entry in CATALOG.entries for language in LANGUAGES})
EXAMPLES = sorted({entry.example(language) or "" for entry in CATALOG.entries for language in LANGUAGES})
WORDS = """
Anna;Jan Bos;Productie;@anna:example.org;!a:example.org;#x:example.org;hier;here;mij;3 dagen;vrijdag 14:00;over;half;
in 2 hours;0;-1;3;99999999999999999999;1e400;nl;<b>;</code>;**;{x};[a](b);@room;%s;../..;' OR 1=1 --;$event;help;
https://matrix.to/#/!a:example.org/$e?via=x;matrix:u/anna:example.org;https://
"""
SIGNS = "\"'“”„‘’«»—–!！`?\u00a0\u200b\n\t\x00\ud800\u202e🎉\U0001f3fd"
PIECES = [
    *PHRASES,
    *EXAMPLES,
    *{word for phrase in PHRASES for word in phrase.split()},
    *WORDS.replace("\n", "").split(";"),
    *SIGNS,
]
TALK = Talk(
    [bot() for bot in BOTS],
    directory=FakeDirectory(
        {"@anna:example.org": "Anna", "@jan1:example.org": "Jan Bos", "@jan2:example.org": "Jan Bos"},
        {"!a:example.org": "Productie", "!room:example.org": "Kantine"},
    ),
)
pieces = st.sampled_from(PIECES) | st.text(max_size=12)
halves = st.builds(lambda text, cut: text[: cut % (len(text) + 1)], st.sampled_from(PHRASES), st.integers(0, 40))
lines = st.builds(
    lambda bang, start, rest, glue: bang + start + glue + glue.join(rest),
    st.sampled_from(["", "!", "！ ", "! ", " !", "!!"]),
    st.sampled_from(PHRASES) | halves | pieces,
    st.lists(pieces, max_size=6),
    st.sampled_from([" ", "  ", "", "\u00a0"]),
)
roles = st.sampled_from([(), ("guest",), ("staff",), ("staff", "manager"), ("auditor",), ("staff", "it")])


@settings(max_examples=1000)
@given(lines, roles, st.booleans(), st.booleans(), st.sampled_from(LANGUAGES))
@example("!" + "archief " * 3000, ("staff",), True, False, "nl")
@example("!help " + "x" * 60_000, ("staff",), True, False, "en")
@example('!archief "' * 3000, ("staff",), True, False, "nl")
async def test_any_line(text: str, roles: tuple[Role, ...], addressed: bool, direct: bool, language: str) -> None:
    talk, talk.settings = TALK, MemorySettings()
    talk.roles, talk.room, talk.language = roles, DIRECT if direct else ROOM, language
    with capture_logs() as logs:
        shown = await talk.ask(text, addressed=addressed or direct)
        for key in shown.buttons:
            pressed = await talk.press(shown, key)
            assert pressed.answer is not None
            assert pressed.text
    assert [entry for entry in logs if entry["log_level"] == "error"] == []
    if addressed or direct:
        assert shown.text.strip()
    if not roles:
        assert not shown.effects.jobs
        assert not shown.effects.settings
    for message in shown.answer.messages if shown.answer else ():
        size = len(message.body.encode()) + len((message.html or "").encode())
        assert size < 20_000
        assert "<b>" not in (message.html or "")
