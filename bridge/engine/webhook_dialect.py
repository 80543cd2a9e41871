"""The two ways in which senders of webhooks write: Markdown, and what Slack calls mrkdwn.

They are read by one parser, with CommonMark's tables and strikethrough, and with Slack's `<url|text>`, `<!here>` and
`<@U1>` (Mattermost takes these too). What differs is `*word*`: italics in Markdown, bold in Slack and Rocket.Chat. HTML
of the sender is shown as text, a picture is a link, and a link leads to http, https or mailto alone.

Sources: CommonMark 0.31; "Formatting text for app surfaces" (docs.slack.dev); "Message attachments" (Mattermost).
"""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline

Dialect: TypeAlias = Literal["markdown", "slack"]

# Slack's: <https://…>, <https://…|text>, <!here>, <!date^…|text>, <@U1|name>, <#C1|name>
_ANGLE = re.compile(r"<((?:https?://|mailto:|tel:|![a-z]|@[!&]?\w|#\w)[^<>|\n]*)(?:\|([^<>\n]*))?>")
_TILDE = re.compile(r"~(?=[^\s~])([^~\n]*[^\s~])~(?!~)")
_SAFE_URL = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+", re.IGNORECASE)
_FENCE = re.compile(r"```(.+?)```", re.DOTALL)
_LONG_QUOTE = re.compile(r"^>>>[ \n]?(.*)\Z", re.MULTILINE | re.DOTALL)

_SURELY_MARKDOWN = re.compile(r"\*\*[^\s*]|\]\(https?://|^\|?[ :]*-{3,}[ :]*\|", re.MULTILINE)
_SURELY_SLACK = re.compile(r"<(?:https?://[^<>|\s]+\|[^<>\n]+|!(?:here|channel|everyone|date\^|subteam\^)|[@#][CUW]\w)")


def dialect_of(texts: Iterable[str]) -> Dialect | None:
    """What the texts themselves say; None when they say nothing."""
    known: Dialect | None = None
    for text in texts:
        if _SURELY_MARKDOWN.search(text):
            return "markdown"
        if known is None and _SURELY_SLACK.search(text):
            known = "slack"
    return known


def is_link(url: str) -> bool:
    """Whether people may be led there."""
    return _SAFE_URL.fullmatch(url) is not None


def to_html(text: str, dialect: Dialect) -> str:
    """Paragraphs, lists, tables, code blocks …"""
    return str(_parser(dialect).render(_prepared(text) if dialect == "slack" else text)).strip()


def to_inline_html(text: str, dialect: Dialect) -> str:
    """What fits within a line; a line break is `<br />`."""
    return str(_parser(dialect).renderInline(text)).strip()


def to_plain(text: str, dialect: Dialect) -> str:
    """For clients that show no HTML: Markdown as it is, without Slack's angle brackets and escapes."""
    text = _ANGLE.sub(_plain_angle, text)
    return unescaped(text) if dialect == "slack" else text


def unescaped(text: str) -> str:
    """Slack's three escapes, undone."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 (the parser calls it)
        return is_link(url)


@cache
def _parser(dialect: Dialect) -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    # A line like "[info]: text" is a definition in Markdown, and would be gone.
    parser.disable("reference")
    parser.block.ruler.before("paragraph", "line", _line_ends_block, {"alt": ["paragraph", "blockquote"]})
    parser.inline.ruler.before("autolink", "angle", _angle)
    parser.add_render_rule("image", _render_image)
    if dialect == "slack":
        # Four spaces, a # in front or dashes below mean nothing there.
        parser.disable(["code", "heading", "lheading", "hr"])
        parser.inline.ruler.before("strikethrough", "tilde", _tilde)
        parser.core.ruler.push("unescaped", _unescape_code)
        parser.add_render_rule("em_open", _render_em)
        parser.add_render_rule("em_close", _render_em)
    return parser


def _prepared(text: str) -> str:
    """Slack's blocks, written as Markdown has them: ``` anywhere in a line, >>> for all that follows."""
    text = _FENCE.sub(lambda found: "\n```\n" + found[1].strip("\n") + "\n```\n", text)
    return _LONG_QUOTE.sub(lambda found: "> " + found[1].replace("\n", "\n> "), text)


def _parts_of(found: re.Match[str]) -> tuple[str, str]:
    """What stands between angle brackets: the text to show, and where it leads ("" when nowhere)."""
    what, text = unescaped(found[1]), unescaped(found[2] or "")
    if what.startswith("!"):
        name = what[1:].partition("^")[0]
        return text or ("@group" if name == "subteam" else name if name == "date" else f"@{name}"), ""
    if what[0] in "@#":
        return what[0] + (text or what[1:]).lstrip("@#!&"), ""
    shown = text or what.removeprefix("mailto:").removeprefix("tel:")
    return shown, what if is_link(what) else ""


def _plain_angle(found: re.Match[str]) -> str:
    text, url = _parts_of(found)
    return f"{text} ({url})" if url and text not in {url, url.removeprefix("mailto:")} else text


def _line_ends_block(state: StateBlock, line: int, _end: int, silent: bool) -> bool:
    """A quote or an item of a list ends with the first line that does not look like it: in a chat each line counts."""
    return silent and (state.parentType == "blockquote" or state.sCount[line] < state.blkIndent)


def _angle(state: StateInline, silent: bool) -> bool:
    found = _ANGLE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        text, url = _parts_of(found)
        if url:
            state.push("link_open", "a", 1).attrs = {"href": state.md.normalizeLink(url)}
        state.push("text", "", 0).content = text
        if url:
            state.push("link_close", "a", -1)
    state.pos = found.end()
    return True


def _tilde(state: StateInline, silent: bool) -> bool:
    before = state.src[state.pos - 1 : state.pos]
    found = None if before == "~" or before.isalnum() else _TILDE.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("s_open", "s", 1)
        whole, state.pos, state.posMax = state.posMax, found.start(1), found.end(1)
        state.md.inline.tokenize(state)
        state.posMax = whole
        state.push("s_close", "s", -1)
    state.pos = found.end()
    return True


def _unescape_code(state: StateCore) -> None:
    """Slack's escapes are meant in code too."""
    for token in state.tokens:
        for one in (token, *(token.children or ())):
            if one.type in {"fence", "code_inline"}:
                one.content = unescaped(one.content)


def _render_em(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    del renderer, options, env
    token = tokens[index]
    name = "strong" if token.markup == "*" else "em"
    return f"<{name}>" if token.nesting == 1 else f"</{name}>"


def _render_image(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    del renderer, options, env
    url = html.escape(str(tokens[index].attrs["src"]))
    return f'<a href="{url}">{html.escape(tokens[index].content) or url}</a>'
