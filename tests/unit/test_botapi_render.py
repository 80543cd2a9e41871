"""What is written out: values of strangers stay values, long answers become several messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.botapi import Bytes, Code, File, Link, Marked, Reply, User, Value, line, say
from bridge.botapi.render import LARGEST, Answer, Renderer
from bridge.botapi.strings import Lexicon, Strings
from bridge.botapi.values import Reader, show

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
DUTCH = Reader("nl", ZoneInfo("Europe/Amsterdam"), NOW)
ENGLISH = replace(DUTCH, language="en")
TEXTS = {
    "plain": "Gewoon {value}",
    "bold": "**{value}** en `{other}`",
    "listed": "* {value}",
    "top": "# {value}\n\n1. een\n2. twee",
    "alone": "{value}",
    "files.one": "Eén bestand",
    "files.other": "{count} bestanden",
    "loop": "{value}",
}


def render(reply: Reply, reader: Reader = DUTCH, **more: Any) -> Answer:
    strings = Strings({"nl": TEXTS, "en": TEXTS}, "test")
    return Renderer(Lexicon({"test": strings})).answer([("test", reply)], reader, **more)


def only(reply: Reply, reader: Reader = DUTCH) -> tuple[str, str | None]:
    (message,) = render(reply, reader).messages
    return message.body, message.html


@pytest.mark.parametrize(
    ("value", "dutch", "english"),
    [
        (datetime(2026, 11, 25, 13, 0, tzinfo=UTC), "wo 25 nov 14:00", "Wed 25 Nov 14:00"),
        (datetime(2025, 5, 3, 13, 0, tzinfo=UTC), "za 3 mei 2025 15:00", "Sat 3 May 2025 15:00"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "vr 1 jan 2027 00:30", "Fri 1 Jan 2027 00:30"),
        (date(2026, 3, 2), "ma 2 mrt", "Mon 2 Mar"),
        (timedelta(days=3), "3 dagen", "3 days"),
        (timedelta(days=1, hours=2, minutes=3), "1 dag en 2 uur", "1 day and 2 hours"),
        (timedelta(minutes=90), "1 uur en 30 minuten", "1 hour and 30 minutes"),
        (timedelta(seconds=1), "1 seconde", "1 second"),
        (timedelta(0), "0 seconden", "0 seconds"),
        (1234567, "1.234.567", "1,234,567"),
        (True, "ja", "yes"),
        (None, "-", "-"),
        (
            Link("https://example.org", datetime(2026, 11, 25, 13, 0, tzinfo=UTC)),
            "wo 25 nov 14:00 (https://example.org)",
            "Wed 25 Nov 14:00 (https://example.org)",
        ),
        (Marked((("een ", False), ("twee", True))), "een **twee**", "een **twee**"),
        (Bytes(0), "0 bytes", "0 bytes"),
        (Bytes(12_345), "12 kB", "12 kB"),
        (Bytes(3_440_000), "3,4 MB", "3.4 MB"),
        (Bytes(999_999), "1,0 MB", "1.0 MB"),
        (Bytes(123_000_000_000), "123 GB", "123 GB"),
        (Code("a b"), "`a b`", "`a b`"),
        (Link("https://example.org", "site"), "site (https://example.org)", "site (https://example.org)"),
        (User("@a:example.org", "Anna"), "Anna", "Anna"),
    ],
)
def test_values_in_both_languages(value: Value, dutch: str, english: str) -> None:
    assert only(say("alone", value=value))[0] == dutch
    assert only(say("alone", value=value), ENGLISH)[0] == english


def test_plural() -> None:
    assert only(say("files", count=1)) == ("Eén bestand", None)
    assert only(say("files", count=2000)) == ("2.000 bestanden", None)


def test_a_person_is_a_pill() -> None:
    body, html = only(say("plain", value=User("@a/b:example.org", "Anna <3")))
    assert body == "Gewoon Anna <3"
    assert html == 'Gewoon <a href="https://matrix.to/#/@a%2Fb:example.org">Anna &lt;3</a>'


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "JaVaScRiPt:x", "//example.org", "file:///x"]
)
def test_a_link_that_is_none_is_only_text(url: str) -> None:
    assert only(say("alone", value=Link(url, "klik")))[0] == "klik"
    assert only(say("alone", value=Link(url, "klik")))[1] is None


def test_a_text_within_a_text() -> None:
    body, html = only(say("bold", value=line("files", count=1), other="x"))
    assert (body, html) == ("**Eén bestand** en `x`", "<strong>Eén bestand</strong> en <code>x</code>")


def test_markdown_of_the_bot_is_written_out() -> None:
    assert only(say("top", value="x"))[1] == "<h1>x</h1>\n<ol>\n<li>een</li>\n<li>twee</li>\n</ol>"


HOSTILE = [
    "<script>alert(1)</script>",
    "<b>x</b>",
    "</code></strong>",
    "**x** _y_ `z`",
    "# kop",
    "- punt",
    "[klik](https://example.org)",
    "![x](https://example.org/x.png)",
    "{value} {other}",
    "\ue000\ue001",
    "&lt;",
    '" onclick="x',
    "a\n\n# b\n- c",
    "```\nx\n```",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("key", ["plain", "bold", "listed", "alone"])
def test_a_value_is_never_more_than_its_text(key: str, text: str) -> None:
    _, html = only(say(key, value=text, other=text))
    _, calm = only(say(key, value="x", other="x"))
    assert tags(html or "") - {"br"} == tags(calm or "")
    for part in text.split():
        assert part in shown(html) if html else True


def test_what_turns_the_text_around_is_left_out() -> None:
    assert only(say("plain", value="a\u202eb\u2066c\x00d\x07e"))[0] == "Gewoon abcde"
    assert only(say("plain", value=User("@a:b", "An\u202ena\nX")))[0] == "Gewoon Anna X"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not attrs
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def tags(html: str) -> set[str]:
    parser = _Tags()
    parser.feed(html)
    return parser.tags


def shown(html: str) -> str:
    parser = _Tags()
    parser.feed(html)
    return parser.text


@given(st.text(max_size=80), st.sampled_from(["plain", "bold", "listed", "alone"]))
def test_no_value_becomes_html(text: str, key: str) -> None:
    (message,) = render(say(key, value=text, other=Code(text))).messages
    assert tags(message.html or "") <= {"p", "ul", "li", "strong", "code", "br"}
    message.body.encode()


def test_lists_and_paragraphs() -> None:
    reply = (
        say("plain", value=1).items([line("alone", value="a\nb"), line("alone", value="c")]).and_say("alone", value="d")
    )
    assert only(reply) == (
        "Gewoon 1\n\n- a\n  b\n- c\n\nd",
        "<p>Gewoon 1</p><ul><li>a<br>b</li><li>c</li></ul><p>d</p>",
    )


def test_a_long_answer_is_several_messages_with_the_buttons_on_the_last() -> None:
    async def handler() -> None: ...

    items = [line("bold", value=f"regel {number} " + "x" * 200, other="<&>") for number in range(300)]
    reply = say("plain", value=1).items(items).ring("@a:b").button("➡️", handler)
    answer = render(reply, action={"a": 1})
    assert len(answer.messages) > 3
    assert all(len((m.body + (m.html or "")).encode()) <= LARGEST for m in answer.messages)
    assert [bool(m.buttons) for m in answer.messages] == [False] * (len(answer.messages) - 1) + [True]
    assert [bool(m.action) for m in answer.messages] == [bool(m.buttons) for m in answer.messages]
    assert [m.notify for m in answer.messages] == [("@a:b",)] + [()] * (len(answer.messages) - 1)
    whole = "\n".join(m.body for m in answer.messages)
    assert [f"regel {number} " in whole for number in range(300)] == [True] * 300


@pytest.mark.parametrize("sign", ["x", "<", "é", "\U0001f600", "\n"])
def test_one_value_that_is_too_long_is_cut_in_pieces(sign: str) -> None:
    answer = render(say("bold", value=sign * 50_000, other="o"))
    assert all(len((m.body + (m.html or "")).encode()) <= LARGEST for m in answer.messages)
    assert sum(m.body.count(sign) for m in answer.messages) >= 49_000


def test_files_are_messages_of_their_own() -> None:
    file = File(Path("/x"), "x.txt", "text/plain")
    text, sent = render(say("plain", value=1).attach(file)).messages
    assert (text.body, text.file, sent.body, sent.file) == ("Gewoon 1", None, "x.txt", file)
    assert (text.otherwise, (sent.otherwise or "")[:24]) == (None, "⚠️ x.txt kon ik niet ver")


def test_a_private_answer_says_so_in_the_room() -> None:
    answer = render(say("plain", value=1).in_private(sealed=True))
    assert (answer.private, answer.sealed) == (True, True)
    assert answer.told is not None
    assert "eigen gesprek" in answer.told.body
    assert render(say("plain", value=1).in_private(), direct=True).told is None
    moved = render(say("plain", value=1).in_private(sealed=True), direct=True).told
    assert moved is not None, "a direct chat may not be encrypted"
    assert moved.body.startswith("🔒")
    told = render(say("plain", value=1).in_private(told=line("files", count=2))).told
    assert told is not None
    assert told.body == "2 bestanden"


def test_a_text_without_an_end_is_a_bug_that_is_found() -> None:
    values: dict[str, Any] = {}
    values["value"] = line("loop")
    values["value"].values.update(values)
    with pytest.raises(LookupError):
        render(say("loop", **values))


def test_show_is_html_safe_for_a_name() -> None:
    assert show(User("@a:b", '"><x>'), DUTCH).html == '<a href="https://matrix.to/#/@a:b">&quot;&gt;&lt;x&gt;</a>'


def test_code_of_several_lines_is_a_block_where_it_stands_alone() -> None:
    code = Code("vam:jan <b>\n^^^")
    assert only(say("alone", value=code)) == (code.text, "<pre><code>vam:jan &lt;b&gt;\n^^^</code></pre>")
    assert only(say("plain", value=code)) == (f"Gewoon `{code.text}`", "Gewoon <code>vam:jan &lt;b&gt;\n^^^</code>")
