"""The types of the settings: what they take, what they refuse, and that they come back from text as they were."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.checks import (
    ByteSize,
    Duration,
    HostPort,
    LaterJoiners,
    Localpart,
    Secret,
    ServerName,
    TimeZone,
    WebUrl,
    between,
    identifier,
    not_empty,
    postgresql_url,
    token,
)
from bridge.config.ids import BotName, IdPattern, MatrixId

if TYPE_CHECKING:
    from collections.abc import Callable

TYPES: list[Any] = [
    BotName,
    ByteSize,
    Duration,
    HostPort,
    IdPattern,
    LaterJoiners,
    Localpart,
    MatrixId,
    Secret,
    ServerName,
    TimeZone,
    WebUrl,
]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:29350", "127.0.0.1", 29350),
        ("[::1]:1", "::1", 1),
        ("my-host.example:65535", "my-host.example", 65535),
    ],
)
def test_host_port(text: str, host: str, port: int) -> None:
    address = HostPort.parse(text)
    assert (address.host, address.port) == (host, port)
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "29350", ":29350", "host:", "host:0", "host:65536", "host:x", "::1:80", "[::1]", "[x]:80", "a b:80", "h:٣"],
)
def test_host_port_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must"):
        HostPort.parse(text)


def test_addresses_that_collide() -> None:
    one = HostPort("127.0.0.1", 80)
    assert one.collides(HostPort("127.0.0.1", 80))
    assert one.collides(HostPort("0.0.0.0", 80))  # noqa: S104
    assert HostPort("::", 80).collides(one)
    assert not one.collides(HostPort("127.0.0.1", 81))
    assert not one.collides(HostPort("10.0.0.1", 80))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://matrix.example.com/", "https://matrix.example.com"),
        ("http://127.0.0.1:8008", "http://127.0.0.1:8008"),
        ("http://[::1]:8008//", "http://[::1]:8008"),
        ("http://[::1]", "http://[::1]"),
        (" https://example.com/chat/ ", "https://example.com/chat"),
    ],
)
def test_web_url(text: str, url: str) -> None:
    assert WebUrl.parse(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "matrix.example.com",
        "ftp://example.com",
        "https://",
        "https:///x",
        "https://a b",
        "https://example.com/é",
        "https://example.com:0",
        "https://example.com:",
        "https://example.com:x",
        "https://u:p@example.com",
        "https://example.com/?q=1",
        "https://example.com/#x",
        "https://example.com/_matrix/client",
        "https://exa\x00mple.com",
        "https://[zz]",
    ],
)
def test_web_url_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must"):
        WebUrl.parse(text)


@pytest.mark.parametrize(
    "text", ["example.com", "localhost:8448", "[::1]:8448", "1.2.3.4", "[2001:db8::1]", "A.example"]
)
def test_server_name(text: str) -> None:
    assert ServerName.parse(text) == text


@pytest.mark.parametrize(
    "text", ["", "https://example.com", "@anna:example.com", "a b", "::1", "example.com:0", "x" * 256]
)
def test_server_name_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name of the homeserver"):
        ServerName.parse(text)


@pytest.mark.parametrize("text", ["", "@bot", "Bot", "a:b", "a b", "ü", "a=b", "x" * 101])
def test_localpart_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a short name"):
        Localpart.parse(text)


def test_localpart() -> None:
    assert Localpart.parse("_postkamer.2-x") == "_postkamer.2-x"


def test_a_secret_hides_itself() -> None:
    secret = Secret.parse("hunter2")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r} {secret!s} {[secret]} {'%s' % (secret,)}"  # noqa: UP031
    assert secret == Secret("hunter2")
    assert secret != Secret("hunter3")


@pytest.mark.parametrize("text", ["", "  ", "<FILL IN: x>", " <FILL IN", "a\x00b", "a\nb", "\ud800"])
def test_secret_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|placeholder"):
        Secret.parse(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30d", timedelta(days=30)),
        ("30d 12h 90m 10s", timedelta(days=30, hours=13, minutes=30, seconds=10)),
        ("1h30m", timedelta(minutes=90)),
        ("0s", timedelta(0)),
        ("36500d", timedelta(days=36500)),
    ],
)
def test_duration(text: str, length: timedelta) -> None:
    assert Duration.parse(text) == length


@pytest.mark.parametrize(
    "text", ["", "30", "d", "30 days", "-1d", "1.5h", "1h 1d", "36501d", "9999999d 999999999h", "٣d"]
)
def test_duration_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("1", 1), ("1K", 1024), ("100M", 100 * 1024**2), ("2 G", 2 * 1024**3), ("1T", 1024**4)]
)
def test_byte_size(text: str, size: int) -> None:
    assert ByteSize.parse(text) == size


@pytest.mark.parametrize("text", ["", "M", "-1", "1.5G", "100MB", "100m", "9223372036854775808", "9999999T", "٣M"])
def test_byte_size_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        ByteSize.parse(text)


@pytest.mark.parametrize(
    ("text", "proposal"),
    [
        ("Europe/Amsterdm", "did you mean Europe/Amsterdam?"),
        ("europe/amsterdam", "did you mean Europe/Amsterdam?"),
        ("amsterdam", "did you mean Europe/Amsterdam?"),
        ("America/New York", "did you mean America/New_York?"),
        ("zzzzzz", "such as Europe/Amsterdam"),
        ("../../etc/passwd", "such as Europe/Amsterdam"),
    ],
)
def test_time_zone_refused(text: str, proposal: str) -> None:
    with pytest.raises(ValueError, match=r"^must be a time zone") as caught:
        TimeZone.parse(text)
    assert str(caught.value).endswith(proposal)


def test_time_zone() -> None:
    assert TimeZone.parse("Europe/Amsterdam").zone.key == "Europe/Amsterdam"
    assert TimeZone.parse("UTC").zone.key == "UTC"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("as_client", LaterJoiners("as_client")),
        ("all", LaterJoiners("all")),
        ("30d", LaterJoiners("window", Duration(days=30))),
        ("1d 12h", LaterJoiners("window", Duration(hours=36))),
    ],
)
def test_later_joiners(text: str, value: LaterJoiners) -> None:
    assert LaterJoiners.parse(text) == value
    assert str(value) == text


@pytest.mark.parametrize("text", ["", "client", "30", "none", "-1d"])
def test_later_joiners_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be as_client, all, or"):
        LaterJoiners.parse(text)


@pytest.mark.parametrize("text", ["@anna:example.com", "@a.b-c=d/e+F:example.com:8448", "@x:[::1]:80"])
def test_matrix_id(text: str) -> None:
    assert MatrixId.parse(text) == text
    assert IdPattern.parse(text).matches(text)


@pytest.mark.parametrize("text", ["", "anna", "anna:example.com", "@anna", "@:example.com", "@a b:c", "@a:b/c", "@a:*"])
def test_matrix_id_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a Matrix id such as"):
        MatrixId.parse(text)


@pytest.mark.parametrize(
    ("pattern", "user_id", "matches"),
    [
        ("@*:partner.nl", "@anna:partner.nl", True),
        ("@*:partner.nl", "@anna:partner.nl.evil.com", False),
        ("@*:partner.nl", "@anna:evil.com:partner.nl", False),
        ("@*:partner.nl", "@anna:sub.partner.nl", False),
        ("@*:partner.nl", "@anna:partnerxnl", False),
        ("@*:*.partner.nl", "@anna:sub.partner.nl", True),
        ("@*:*", "@anna:example.com:8448", True),
        ("@x-?:a.nl", "@x-1:a.nl", True),
        ("@x-?:a.nl", "@x-12:a.nl", False),
        ("@x-?:a.nl", "@x-:a.nl", False),
        ("@anna:a.nl", "@anna:a.nl\n", False),
        ("@anna:a.nl", "@Anna:a.nl", False),
    ],
)
def test_id_pattern(pattern: str, user_id: str, matches: bool) -> None:
    assert IdPattern.parse(pattern).matches(user_id) is matches


@pytest.mark.parametrize("text", ["", "*", "@*", "partner.nl", "*:partner.nl", "@*:", "@a:b c", "@*:https://x"])
def test_id_pattern_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a Matrix id in which"):
        IdPattern.parse(text)


@pytest.mark.parametrize("text", ["", "Archive", "1a", "a-b", "class", "_a", "ü", "a" * 51, "a\n"])
def test_bot_name_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be the name of a bot such as archive"):
        BotName.parse(text)


@given(st.integers(0, 2**63 - 1))
def test_a_size_comes_back(number: int) -> None:
    assert ByteSize.parse(str(ByteSize(number))) == number


@given(st.timedeltas(timedelta(0), timedelta(days=36500)))
def test_a_duration_comes_back(length: timedelta) -> None:
    whole = timedelta(days=length.days, seconds=length.seconds)
    assert Duration.parse(str(Duration(days=whole.days, seconds=whole.seconds))) == whole


@given(st.ip_addresses(), st.integers(1, 65535))
def test_an_address_comes_back(host: object, port: int) -> None:
    address = HostPort(str(host), port)
    assert HostPort.parse(str(address)) == address


@given(st.sampled_from(TYPES), st.text())
def test_any_text_is_taken_or_refused(kind: Any, text: str) -> None:
    try:
        value = kind.parse(text)
    except ValueError:
        return
    assert isinstance(value, kind)


@pytest.mark.parametrize("kind", TYPES)
def test_the_shape_names_the_example(kind: Any) -> None:
    assert kind is Secret or kind.EXAMPLE in kind.SHAPE
    assert kind is Secret or kind.parse(kind.EXAMPLE)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (between(1, 5), [1, 5], [0, 6]),
        (not_empty, [("a",)], [()]),
        (identifier, ["postkamer", "a.b_c~d-1"], ["", "a b", "a/b", "ü"]),
        (token, [Secret("x" * 16)], [Secret("x" * 15), Secret("x" * 16 + " "), Secret("é" * 16)]),
        (
            postgresql_url,
            [Secret("postgresql://u:p@h:5432/d"), Secret("postgres://u:p@/d?host=/run/x"), Secret("postgresql://h/d")],
            [
                Secret("mysql://u:p@h/d"),
                Secret("u:p@h/d"),
                Secret("postgresql://u:p#a@h/d"),
                Secret("postgresql://u:p/a@h/d"),
                Secret("postgresql://[u:p@h/d"),
                Secret("postgresql://u:p@h:99999/d"),
            ],
        ),
    ],
)
def test_checks(check: Callable[[Any], None], good: list[Any], bad: list[Any]) -> None:
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(ValueError, match=r"^must ") as caught:
            check(value)
        assert not isinstance(value, Secret) or value.reveal() not in str(caught.value)
