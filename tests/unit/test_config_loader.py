"""Reading config.yaml: what is right comes out typed, what is wrong all at once with path, line and what to write."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bridge.config.checks import REDACTED, HostPort
from bridge.config.loader import ConfigError, load, load_text, warnings

GOOD = """\
homeserver:
  address: http://127.0.0.1:8008/
  server_name: example.com
appservice:
  as_token: as-0123456789abcdef
  hs_token: hs-0123456789abcdef
encryption:
  pickle_key: "a key"
"""
PATH = Path("/etc/postkamer/config.yaml")


def problems(text: str, path: Path = PATH) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_text(text, path)
    first, *lines = str(caught.value).splitlines()
    assert first == f"{path}: {len(lines)} problem{'' if len(lines) == 1 else 's'}"
    assert len(caught.value.problems) == len(lines)
    assert all(line.startswith("  ") for line in lines)
    return [line[2:] for line in lines]


def test_defaults() -> None:
    config = load_text(GOOD, PATH)
    assert config.homeserver.address == "http://127.0.0.1:8008"
    assert config.data_dir == PATH.parent / "data"
    assert config.appservice.listen == HostPort("127.0.0.1", 29350)
    assert config.archive.redaction_retention == timedelta(days=30)
    assert config.archive.max_attachment_size == 100 * 1024**2
    assert config.database.url is None
    assert config.encryption.pickle_key.reveal() == "a key"


def test_no_secret_is_shown() -> None:
    shown = repr(load_text(GOOD, PATH))
    assert "0123456789abcdef" not in shown
    assert "a key" not in shown
    assert REDACTED in shown


def test_values_and_empty_sections() -> None:
    config = load_text(
        GOOD
        + "data_dir: /srv/archive\ndatabase:\narchive: {max_attachment_size: 5, attempts: 7}\n"
        + 'monitoring:\n  listen: "[::1]:8080"\nlogging: {level: debug, format: json}\n',
        PATH,
    )
    assert config.data_dir == Path("/srv/archive")
    assert config.database.pool_size == 10
    assert (config.archive.max_attachment_size, config.archive.attempts) == (5, 7)
    assert config.monitoring.listen == HostPort("::1", 8080)
    assert (config.logging.level, config.logging.format) == ("debug", "json")


def test_five_mistakes_are_five_lines() -> None:
    text = """\
homeserver:
  adress: https://matrix.example.com
  server_name: https://example.com
appservice:
  as_token: as-0123456789abcdef
  hs_token: <FILL IN>
encryption:
  pickle_key: "a key"
archive:
  attempts: many
logging:
  level: verbose
"""
    assert problems(text) == [
        "homeserver.adress (line 2): unknown key; did you mean 'address'?",
        (
            "homeserver.server_name (line 3): must be only the name of the homeserver such as example.com, as it "
            "stands after the colon in @anna:example.com, got 'https://example.com'"
        ),
        "appservice.hs_token (line 6): is still the placeholder: run `postkamer init`, or write a secret of your own",
        "archive.attempts (line 10): must be a whole number, got 'many'",
        "logging.level (line 12): must be one of debug, info, warning, error, got 'verbose'",
    ]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("databse:\n  pool_size: 3\n", ["databse (line 9): unknown key; did you mean 'database'?",
                                       "database.pool_size (line 10): must be from 4 to 100, got '3'"]),
        ("as_token: x\n",
         ["as_token (line 9): unknown key; did you mean 'appservice.as_token'? Indent it under `appservice:`"]),
        ("bots: {x: 1}\n",
         [("bots.x (line 9): unknown key; known here: "
         "language, timezone, commands_per_minute, users")]),
        ("bots:\n  localpart: postkamer\n  displayname: 'De Post: hier'\n",
         [("bots.localpart (line 10): unknown key; it belongs to an entry of 'users' now: write "
           '`users: [{localpart: postkamer, displayname: "De Post: hier"}]` instead'),
          ("bots.displayname (line 11): unknown key; it belongs to an entry of 'users' now: write "
           '`users: [{localpart: postkamer, displayname: "De Post: hier"}]` instead')]),
        ("bots: {localpart: postkamer}\n",
         [("bots.localpart (line 9): unknown key; it belongs to an entry of 'users' now: write "
           "`users: [{localpart: postkamer, displayname: …}]` instead")]),
        ("bots: [x]\n",
         [("bots (line 9): must be a section with the keys "
         "language, timezone, commands_per_minute, users, not a list")]),
        ("bots: x\n",
         [("bots (line 9): must be a section with the keys "
         "language, timezone, commands_per_minute, users, not a single value")]),
        ("bots: {users: [{localpart: a, displayname: 5}]}\n",
         ["bots.users[0].displayname (line 9): must be a text (put quotes around it), got '5'"]),
        ("bots: {users: [{localpart: a, displayname: 2026-01-01}]}\n",
         ["bots.users[0].displayname (line 9): must be a text (put quotes around it), got '2026-01-01'"]),
        ("bots: {users: [{localpart: a, displayname: }]}\n",
         ["bots.users[0].displayname (line 9): must be a text, not nothing"]),
        ("bots: {users: [{localpart: a, displayname: [a]}]}\n",
         ["bots.users[0].displayname (line 9): must be a text, not a list"]),
        ("bots: {users: [{localpart: a, displayname: {a: b}}]}\n",
         ["bots.users[0].displayname (line 9): must be a text, not a section"]),
        ("bots: {users: [{localpart: a, displayname: !x y}]}\n",
         ["bots.users[0].displayname (line 9): must be a text (put quotes around it), got 'y'"]),
        ("bots: {[a]: b}\n", ["bots (line 9): a key must be a word with a colon behind it"]),
        ("bots:\n  language: nl\n  language: nl\n",
         ["bots.language (line 11): is here twice, first on line 10: keep one of them"]),
        ("encryption: {pickle_key: x}\n", ["encryption (line 9): is here twice, first on line 7: keep one of them"]),
        ("archive: {attempts: 0x10}\n", ["archive.attempts (line 9): must be a whole number, got '0x10'"]),
        ("archive: {attempts: 5.0}\n", ["archive.attempts (line 9): must be a whole number, got '5.0'"]),
        ("archive: {redaction_retention: 30}\n",
         [("archive.redaction_retention (line 9): must be a length of time such as 30d, 12h or 1d 30m (d, h, m, s), "
          "got '30'")]),
        ('bots: {users: [{localpart: a, displayname: "a\\0\\ud800"}]}\n',
         [r"bots.users[0].displayname (line 9): must not hold control characters or line breaks, got 'a\x00\ud800'"]),
        ("monitoring: {listen: 0.0.0.0:29350}\n",
         ["monitoring.listen (line 9): must differ from appservice.listen (127.0.0.1:29350): take another port"]),
        ("bots: {users: [{localpart: _postkamer, displayname: x}]}\n",
         ["bots.users[0].localpart (line 9): must differ from appservice.sender_localpart: take another name"]),
        ("bots: {users: [{localpart: a, displayname: x}, {localpart: a, displayname: y}]}\n",
         ["bots.users[1].localpart (line 9): must differ from bots.users[0].localpart: take another name"]),
        ("webhooks: {listen: 127.0.0.1:39350}\n",
         ["webhooks.listen (line 9): must differ from monitoring.listen (127.0.0.1:39350): take another port"]),
        ("webhooks: {listen: 127.0.0.1:29350}\n",
         ["webhooks.listen (line 9): must differ from appservice.listen (127.0.0.1:29350): take another port"]),
    ],
)  # fmt: skip
def test_one_mistake(extra: str, expected: list[str]) -> None:
    assert problems(GOOD + extra) == expected


def test_missing() -> None:
    assert problems("bots: {}\nhomeserver:\nappservice: {as_token: as-0123456789abcdef}") == [
        "encryption (line 1): missing section; write `encryption:` and under it its required keys: pickle_key",
        "homeserver.address (line 2): is required; write `address:` and a URL such as https://matrix.example.com",
        (
            "homeserver.server_name (line 2): is required; write `server_name:` and the name of the homeserver such as "
            "example.com"
        ),
        (
            "appservice.hs_token (line 3): is required; write `hs_token:` and a secret of your own, or "
            "`hs_token_file:` and a path"
        ),
    ]


def test_comparisons_are_made_beside_other_mistakes() -> None:
    text = GOOD.replace("hs-0", "as-0").replace("http:", "htp:") + "monitoring: {listen: 127.0.0.1:29350}\n"
    assert [line.partition(" ")[0] for line in problems(text)] == [
        "homeserver.address",
        "appservice.hs_token",
        "monitoring.listen",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty: `postkamer init` makes one"),
        ("# only a comment\n", "is empty: `postkamer init` makes one"),
        ("- a\n", "line 1: must hold sections of settings ('homeserver:' and so on), not a list"),
        ("\nhello\n", "line 2: must hold sections of settings ('homeserver:' and so on), not a single value"),
        ("bots:\n\tdisplayname: x\n", ("line 2: is not YAML (found character '\\t' that cannot start any token): "
                                     "use spaces instead of tabs")),
        ("a: 1\n---\nb: 1\n", ("line 2: is not YAML (but found another document): keep one document: remove "
                            "what follows the line ---")),
        ("a: 1\nb: 'x\n", ("line 2: is not YAML (found unexpected end of stream): close the quote or the bracket that "
                         "begins here")),
        ("a: 1\nb: \x07\n", "line 2: is not YAML: remove the control characters"),
        ("- " * 5000, "is not a file of settings: it is nested too deep"),
    ],
)  # fmt: skip
def test_not_a_config(text: str, expected: str) -> None:
    assert problems(text) == [expected]


@pytest.mark.parametrize("text", ["a: *hunter2", "a: !hunter2!x y", "hunter2: [::]:80", "a: 'hunter2\n", "a: @hunter2"])
def test_a_syntax_error_quotes_nothing(text: str) -> None:
    (line,) = problems(text)
    assert line.startswith("line 1: is not YAML")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "extra",
    [
        "database: {url: mysql://u:hunter2@h/d}\n",
        "database: {url: 5, urll: hunter2}\n",
        "database:\n  url: a\n  url: hunter2\n",
        "token: hunter2\n",
        "homeserver: {address: http://u:hunter2@h}\n",
    ],
)
def test_a_problem_quotes_no_secret(extra: str) -> None:
    assert "hunter2" not in "\n".join(problems(GOOD.replace("homeserver:\n", "homeservr:\n") + extra))


def test_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("fedcba9876543210\n")
    (tmp_path / "url").write_text("postgresql://u:p@h/d")
    text = GOOD.replace("as_token: as-0123456789abcdef", "as_token_file: token")
    config = load_text(text + f"database: {{url_file: {tmp_path}/url}}\n", tmp_path / "config.yaml")
    assert config.appservice.as_token.reveal() == "fedcba9876543210"
    assert config.database.url is not None
    assert config.database.url.reveal() == "postgresql://u:p@h/d"


def test_secrets_from_wrong_files(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    (tmp_path / "short").write_text("hunter2")
    (tmp_path / "key").write_text("<FILL IN>")
    cases = {
        "as_token_file: empty": f"the value in {tmp_path}/empty must not be empty",
        "as_token_file: bytes": f"{tmp_path}/bytes: is not UTF-8: save the file as UTF-8",
        "as_token_file: short": f"the value in {tmp_path}/short must be 16 or more letters, digits and . _ ~ + / = -",
        "as_token_file: key": f"the value in {tmp_path}/key is still the placeholder: run `postkamer init`",
        "as_token_file: nowhere": f"{tmp_path}/nowhere is not there",
        "as_token_file: .": f"{tmp_path}: cannot be read (Is a directory): look at the path and at who may read it",
        "as_token_file: 5": "must be a path, got '5'",
        "as_token_file: ": "must be a path, not nothing",
        "as_tokenfile: nowhere": "unknown key; did you mean 'as_token_file'?",
    }
    for line, expected in cases.items():
        text = GOOD.replace("as_token: as-0123456789abcdef", line)
        found = problems(text, tmp_path / "config.yaml")
        assert found[0] == f"appservice.{line.partition(':')[0]} (line 5): {expected}"
    both = GOOD.replace("as_token: as", "as_token_file: short\n  as_token: as")
    assert problems(both, tmp_path / "config.yaml") == [
        "appservice.as_token_file (line 5): is here beside as_token: keep one of them"
    ]


def test_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with pytest.raises(ConfigError, match="is not there: `postkamer init` makes it"):
        load(path)
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path)
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match="line 2: is not UTF-8"):
        load(path)
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load(path)
    path.write_text("\N{ZERO WIDTH NO-BREAK SPACE}" + GOOD)
    assert load(path).data_dir == tmp_path / "data"


def test_others_that_can_read_it_are_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD)
    path.chmod(0o600)
    assert warnings(path) == []
    path.chmod(0o640)
    assert warnings(path) == [f"{path} holds secrets and others can read it (mode 0640): run `chmod 600 {path}`"]
    assert load(path)
