"""The exported page: what strangers wrote stands in it as text, never as markup."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.archive.export_html import RoomPage, text
from bridge.archive.export_words import EN, LANGUAGES, NL, Words
from bridge.storage.export import WriterRow

ZONE = ZoneInfo("Europe/Amsterdam")
AT = "2026-03-02T08:01:00.000Z"
# The elements and attributes that we write ourselves.
OURS = {"section", "h2", "h3", "div", "p", "article", "b", "bdi", "time", "span", "a", "ul", "li", "code"}
ATTRIBUTES = {"class", "id", "href", "dir"}
HOSTILE = st.text() | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</p></article></section></body>",
        "<!--",
        "]]>",
        "&lt;b&gt;&#60;",
        "{by}{0}{room}",
        "javascript:alert(1)",
        "\u202egnp.exe",
        "' onclick='x",
        "<a href=https://example.com>",
        "a\x00b\x1b[2J",
    ]
)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag not in OURS:
            self.problems.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES or (name == "href" and not (value or "").startswith(("#", "attachments/"))):
                self.problems.append(f"{name}={value}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.problems.append(data)

    def unknown_decl(self, data: str) -> None:
        self.problems.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.problems == []
    assert reader.open == []
    return reader


def a_line(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        **dict.fromkeys(("msgtype", "body", "formatted_body", "reply_to", "thread", "redacted")),
        "event_id": "$1",
        "room_id": "!a",
        "sender": "@anna:x",
        "sent_at": AT,
        "type": "m.room.message",
        "edits": [],
        "reactions": [],
        "attachments": [],
        "encrypted": False,
        "decrypted": False,
    }
    return {**plain, "msgtype": "m.text", "body": "hoi", **changes}


def page_of(*lines: dict[str, Any], words: Words = NL, name: str = "Algemeen", people: tuple[str, ...] = ()) -> str:
    at = datetime(2026, 3, 2, 8, 1, tzinfo=UTC)
    writers = [WriterRow(f"@{person}:x", person, 1, at, at) for person in people]
    room = RoomPage("!a", name, writers, words, ZONE)
    return room.begin(alone=False) + "".join(room.line(line, "Anna") for line in lines) + room.end()


@given(st.data(), st.sampled_from(LANGUAGES))
def test_what_strangers_wrote_is_never_markup(data: st.DataObject, words: Words) -> None:
    def hostile() -> str:
        return data.draw(HOSTILE)

    line = a_line(
        event_id=hostile(),
        sender=hostile(),
        body=hostile(),
        msgtype=hostile(),
        formatted_body="<script>",
        reply_to=hostile(),
        thread=hostile(),
        edits=[{"event_id": "$e", "sent_at": AT, "body": hostile()}],
        reactions=[{"sender": hostile(), "key": hostile(), "sent_at": AT}],
        attachments=[
            {"name": hostile(), "mimetype": hostile(), "size": 5, "sha256": "ab", "path": "attachments/ab.png"},
            {"name": hostile(), "mimetype": None, "size": None, "sha256": None, "path": None},
        ],
    )
    gone = a_line(redacted={"by": hostile(), "at": AT, "reason": hostile()})
    read(page_of(line, gone, words=words, name=hostile(), people=(hostile(), "Bas")))


@given(st.text())
def test_a_text_stays_what_it_was_but_for_what_html_cannot_hold(value: str) -> None:
    assert "".join(read(f"<p>{text(value)}</p>").texts) == "".join(
        "\ufffd" if text(char) == "\ufffd" else char for char in value
    )


def test_an_edited_message_shows_its_last_text_and_the_earlier_ones() -> None:
    edits = [{"event_id": f"${n}", "sent_at": AT, "body": body} for n, body in enumerate(("om 10 uur", "om 11 uur"))]
    texts = read(page_of(a_line(body="om 9 uur", edits=edits))).texts
    assert [part for part in texts if "uur" in part] == ["om 11 uur", "om 10 uur", "om 9 uur"]
    assert any(part.startswith("bewerkt 2 maart 2026 09:01") for part in texts)


def test_a_removed_message_says_who_removed_it_and_nothing_else() -> None:
    page = page_of(a_line(body=None, redacted={"by": "@bas:x", "at": AT, "reason": "per ongeluk"}), people=("bas",))
    assert "verwijderd door <bdi>bas</bdi>, 2 maart 2026 09:01: <bdi>per ongeluk</bdi>" in page
    assert "hoi" not in page
    assert "removed" in page_of(a_line(redacted={"by": None, "at": None, "reason": None}), words=EN)


def test_days_threads_replies_and_files() -> None:
    late = "2026-03-02T23:30:00.000Z"  # the next day in Amsterdam
    file = {"name": "offerte.pdf", "mimetype": None, "size": 1234, "sha256": "ab" * 32, "path": None}
    page = page_of(
        a_line(),
        a_line(event_id="$2", sent_at=late, thread="$1", msgtype="m.file", attachments=[file]),
        a_line(event_id="$3", sent_at=late, reply_to="$1"),
        a_line(event_id="$4", sent_at=late, state_key="", content={}),
    )
    reader = read(page)
    assert [part for part in reader.texts if " 2026" in part] == ["maandag 2 maart 2026", "dinsdag 3 maart 2026"]
    assert "SHA-256 " + "ab" * 32 in reader.texts
    assert "(1,2 kB)" in "".join(reader.texts)
    anchor = page.partition('<article id="')[2].partition('"')[0]
    assert f'<a href="#{anchor}">in een draad</a>' in page
    assert f'<a href="#{anchor}">antwoord</a>' in page
    assert "jsonl: 1" in page


def test_what_could_not_be_read_says_so() -> None:
    assert "Encrypted message that could not be read" in page_of(a_line(encrypted=True, body=None), words=EN)


@pytest.mark.parametrize(
    ("count", "words", "expected"),
    [
        (0, NL, "0 B"),
        (999, NL, "999 B"),
        (1234, NL, "1,2 kB"),
        (1234, EN, "1.2 kB"),
        (34_567_000, EN, "35 MB"),
        (10**13, EN, "10000 GB"),
    ],
)
def test_sizes(count: int, words: Words, expected: str) -> None:
    assert words.size(count) == expected
