"""Whatever a program sends to a webhook becomes a message or a refusal that helps."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.engine.webhook_dialect import dialect_of, to_html
from bridge.engine.webhook_page import CUT, MAX_CONTENT
from bridge.engine.webhook_payload import MAX_NAME, House, PayloadError, Sent, read

PAYLOADS = sorted((Path(__file__).parent / "payloads").glob("*.json"))
HOUSE = House(ZoneInfo("Europe/Amsterdam"), "nl")

# Of those that the Matrix specification lists (Client-Server API, "m.room.message msgtypes"), what we make.
TAGS = {
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "a", "ul", "ol", "li", "blockquote", "table", "thead", "tbody",
    "tr", "th", "td", "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "code": {"class"}, "ol": {"start"}, "th": {"style"}, "td": {"style"}}

words = st.sampled_from(
    ["*a*", "**", "<", ">", "<script>", "<https://x.y|z>", "<!here>", "`", "```", "~", "|", "- ", "\n", "#", "![", "](",
     "javascript:alert(1)", "data:text/html,x", "&lt;", "&#60;b&#62;", "[a]: b", "@room", "\x00", "1. ", "    ",
     "|-|-|\n", "https://example.com/", '"onmouseover="x', "'", "mailto:a@b", "<b", "\r\n", "\u202e"]
)  # fmt: skip
texts = st.lists(words | st.text(max_size=5), max_size=12).map("".join)
keys = st.sampled_from(
    ["text", "attachments", "blocks", "content", "embeds", "username", "fields", "title", "title_link", "value", "type",
     "elements", "pretext", "fallback", "footer", "ts", "image_url", "url", "author_name", "author_link", "accessory",
     "alt_text", "actions", "name", "author", "timestamp", "mrkdwn_in", "description", "alias", "thumbnail"]
)  # fmt: skip
kinds = st.sampled_from(
    ["header", "section", "context", "divider", "image", "actions", "markdown", "mrkdwn", "plain_text"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | kinds,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=25,
)


class Checked(HTMLParser):
    """Fails on what a client must not be given."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        for name, value in attrs:
            assert name in ATTRIBUTES.get(tag, set())
            if name == "href":
                assert urlsplit(value or "").scheme.lower() in {"http", "https", "mailto"}
        if tag not in {"br", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"br", "hr"}:
            assert self.open.pop() == tag


def take(body: bytes, kind: str = "application/json", agent: str = "", charset: str = "utf-8") -> dict[str, Any]:
    return read(Sent(body, kind, charset, agent), "Bouw", HOUSE)


def taken(payload: Any, agent: str = "") -> dict[str, Any]:
    return take(json.dumps(payload).encode(), agent=agent)


def html_of(payload: Any) -> str:
    return str(taken(payload)["formatted_body"])


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_what_is_documented_is_shown(path: Path) -> None:
    sample = json.loads(path.read_text(encoding="utf-8"))
    content = taken(sample["payload"], sample["user_agent"])
    assert content["formatted_body"].split("\n") == sample["html"]
    assert content["body"].split("\n") == sample["body"]
    assert (content["msgtype"], content["format"], content["m.mentions"]) == (
        "m.text",
        "org.matrix.custom.html",
        {},
    )
    Checked(content["formatted_body"])


@given(st.dictionaries(keys, values, max_size=6) | values, st.sampled_from(["", "Slackbot 1.0"]))
def test_any_json_is_shown_safely_or_refused(payload: Any, agent: str) -> None:
    try:
        content = taken(payload, agent)
    except PayloadError:
        return
    assert content["m.mentions"] == {}
    assert "@room" not in content["body"].lower()
    assert not set(content["body"]) & {"\x00", "\r"}
    json.dumps(content, ensure_ascii=False).encode()
    Checked(content.get("formatted_body", ""))


@given(st.binary(max_size=60), st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded"]))
def test_any_body_is_shown_safely_or_refused(body: bytes, kind: str) -> None:
    try:
        content = take(body, kind)
    except PayloadError:
        return
    Checked(content.get("formatted_body", ""))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"hallo", b"[]", b'"x"', b"null", b'{"text": ', b'{"text": "\xff"}', b'{"text": "\\ud800"}', b"{}",
        b"[" * 200_000, b'{"a":' * 50_000, b'{"text": {}, "attachments": [[], "x", null], "blocks": {"a": 1}}',
        b'{"text": ' + b"9" * 10_000 + b"}", b'{"attachments": [{"image_url": "javascript:alert(1)"}]}',
        b'{"blocks": [{"type": "divider"}]}', b'{"status": "firing", "alerts": []}',
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match="Send JSON with"):
        take(body)


def test_plain_text_means_nothing_but_itself() -> None:
    content = take(b"*a* <b>\r\nregel twee", "text/plain")
    assert content["body"] == "Bouw:\n*a* <b>\nregel twee"
    assert content["formatted_body"] == "<p><strong>Bouw:</strong> *a* &lt;b&gt;<br />regel twee</p>"
    assert take("één".encode("latin-1"), "text/plain", charset="latin-1")["body"] == "Bouw: één"
    assert "<strong>a</strong>" in take(b"**a**", "text/markdown")["formatted_body"]


def test_forms() -> None:
    form = "application/x-www-form-urlencoded"
    for body in (urlencode({"payload": '{"text": "*a* & b"}'}).encode(), b'{"text": "*a* & b"}', b"text=*a*+%26+b"):
        assert take(body, form)["body"] == "Bouw: *a* & b"
    for body in (b"", b"payload=x", b"&".join(b"a=1" for _ in range(200))):
        with pytest.raises(PayloadError):
            take(body, form)


@pytest.mark.parametrize(
    ("payload", "agent", "bold"),
    [
        ({"text": "*a*"}, "", False),
        ({"text": "*a*"}, "curl/8.5.0", False),
        ({"text": "*a*"}, "@slack:webhook/7.0.2 node/20", True),
        ({"text": "*a*"}, "Alertmanager/0.28.1", True),
        ({"text": "*a* <https://x.y|z>"}, "", True),
        ({"text": "*a* <!channel>"}, "", True),
        ({"text": "*a*", "mrkdwn": True}, "", True),
        ({"text": "*a*", "alias": "Rocket"}, "", True),
        ({"text": "*a*", "attachments": [{"mrkdwn_in": ["text"]}]}, "", True),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*a*"}}]}, "", True),
        ({"text": "*a* **b** <https://x.y|z>"}, "Slackbot", False),
        ({"text": "*a* [z](https://x.y)"}, "Slackbot", False),
        ({"text": "*a*\n\n|b|c|\n|---|---|\n"}, "Slackbot", False),
        ({"content": "*a* <@U1>"}, "Slackbot", False),
    ],
)
def test_one_star_is_bold_where_the_sender_means_that(payload: dict[str, Any], agent: str, bold: bool) -> None:
    assert ("<strong>a</strong>" in taken(payload, agent)["formatted_body"]) is bold


def test_texts_that_say_nothing_of_their_dialect() -> None:
    assert dialect_of(["a * b", "<b>", "https://x.y", "a|b", "<mailto:a@b>", "<https://x.y>"]) is None


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("[klik](javascript:alert(1))", "<p>[klik](javascript:alert(1))</p>"),
        ("<javascript:alert(1)|klik>", "<p>&lt;javascript:alert(1)|klik&gt;</p>"),
        ("<b>a</b><!-- x -->", "<p>&lt;b&gt;a&lt;/b&gt;&lt;!-- x --&gt;</p>"),
        ("![p](https://x/p.png)", '<p><a href="https://x/p.png">p</a></p>'),
        ("![](https://x/p.png)", '<p><a href="https://x/p.png">https://x/p.png</a></p>'),
        ("[info]: geen definitie", "<p>[info]: geen definitie</p>"),
        ("- a\nb", "<ul>\n<li>a</li>\n</ul>\n<p>b</p>"),
        ("> a\nb", "<blockquote>\n<p>a</p>\n</blockquote>\n<p>b</p>"),
        ("<https://x/?a=1&amp;b=2>", '<p><a href="https://x/?a=1&amp;b=2">https://x/?a=1&amp;b=2</a></p>'),
        ("<@!123> <@&45> <@U1|>", "<p>@123 @45 @U1</p>"),
        ("<!date^1^{date}|gisteren> <!subteam^S1|@ops> <#C1|bouw>", "<p>gisteren @ops #bouw</p>"),
    ],
)
def test_both_dialects(text: str, html: str) -> None:
    assert to_html(text, "markdown") == html
    assert to_html(text, "slack") == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*a* _b_ ~c *d*~ 1~2~3", "<p><strong>a</strong> <em>b</em> <s>c <strong>d</strong></s> 1~2~3</p>"),
        ("x ```a &amp; b``` y", "<p>x</p>\n<pre><code>a &amp; b\n</code></pre>\n<p>y</p>"),
        (">>> a\nb", "<blockquote>\n<p>a<br />\nb</p>\n</blockquote>"),
        ("# a\n    b\n---", "<p># a<br />\nb<br />\n---</p>"),
    ],
)
def test_what_only_slack_has(text: str, html: str) -> None:
    assert to_html(text, "slack") == html


def test_a_name_is_one_short_line() -> None:
    content = taken({"text": "a", "username": "<b>An\nna</b>" + "x" * 200})
    name = content["body"].partition(":")[0]
    assert name.startswith("<b>An na</b>x")
    assert len(name) == MAX_NAME
    assert "<strong>&lt;b&gt;An na" in content["formatted_body"]
    nothings: list[Any] = ["", "  ", None, [], {}]
    for nothing in nothings:
        assert taken({"text": "a", "username": nothing})["body"] == "Bouw: a"


@pytest.mark.parametrize(
    ("ts", "shown"),
    [
        (1764061200, "2025-11-25 10:00"), ("1764061200.0001", "2025-11-25 10:00"), (1764061200000, "2025-11-25 10:00"),
        ("2025-11-25T09:00:00Z", "2025-11-25 10:00"), ("2025-11-25 09:00", "2025-11-25 10:00"),
        (1e300, ""), (-1e300, ""), ("nan", ""), ("gisteren", ""), (None, ""), ("0001-01-01T00:00:00+14:00", ""),
    ],
)  # fmt: skip
def test_times(ts: Any, shown: str) -> None:
    assert taken({"attachments": [{"text": "a", "ts": ts}]})["body"] == (f"Bouw:\na\n{shown}" if shown else "Bouw: a")


@pytest.mark.parametrize("unit", ["x", "<", "é", '"', "\N{GRINNING FACE}", "*a* ", "a\n", "\t|", "]("])
@pytest.mark.parametrize("length", [5_000, 29_000, 200_000])
def test_a_long_text_loses_its_form_and_then_its_end(unit: str, length: int) -> None:
    content = taken({"text": "begin " + unit * (length // len(unit))})
    assert len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()) <= MAX_CONTENT
    assert content["body"].removeprefix("Bouw:").strip().startswith("begin")
    assert content["body"].endswith(CUT["nl"]) or length < 200_000
    assert ("formatted_body" in content) == (length == 5_000) or length == 29_000


def test_what_makes_work_takes_no_time() -> None:
    """Much of little: each piece would be formatted by itself."""
    content = taken({"attachments": [{"text": "a"}] * 15_000})
    assert "formatted_body" not in content
