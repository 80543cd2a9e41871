"""Bots of others are found as entry points, and each bot belongs to one user."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.botapi.bot import Bot
from bridge.cli.check_bots import check_bots
from bridge.cli.report import Report
from bridge.config.loader import load_text
from bridge.engine.loading import Loaded, load
from tests.unit.test_config_loader import GOOD

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.config.schema import Config

    Install = Callable[..., None]


class Archive(Bot):
    name = "archive"


class Core(Bot):
    name = "core"


OURS = (Archive, Core)
BOT = "from bridge.botapi.bot import Bot\nclass {0}(Bot):\n    name = '{1}'\n"


def config(users: str = "", folder: Path = Path("/x")) -> Config:
    return load_text(GOOD + (f"bots: {{users: [{users}]}}\n" if users else ""), folder / "config.yaml")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a package on the path as pip would have left it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(package: str, module: str, source: str, **entries: str) -> None:
        (tmp_path / f"{module}.py").write_text(source)
        metadata = tmp_path / f"{package}-1.2.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        lines = [f"{name} = {target}" for name, target in entries.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[postkamer.bots]", *lines, ""]))

    return install


def users(loaded: Loaded) -> dict[str, list[str]]:
    return {user.localpart: [str(found) for found in bots] for user, bots in loaded.users.items()}


def test_by_default() -> None:
    loaded = load(config(), OURS)
    assert users(loaded) == {"postkamer": ["archive", "core"]}
    assert loaded.problems == []
    assert [(user.localpart, name, near) for user, name, near in loaded.missing] == [
        ("postkamer", "search", "archive"),
        ("postkamer", "webhook", None),
        ("mededelingen", "announce", None),
    ]


def test_a_bot_belongs_to_who_lists_it_or_to_the_first(install: Install) -> None:
    install("acme", "acme_one", BOT.format("Coffee", "coffee") + BOT.format("Tea", "tea"), c="acme_one:Coffee",
            t="acme_one:Tea")  # fmt: skip
    mine = "{localpart: a, displayname: A}, {localpart: b, displayname: B, bots: [coffee, archive]}"
    loaded = load(config(mine), OURS)
    assert users(loaded) == {"a": ["core", "tea (acme 1.2)"], "b": ["archive", "coffee (acme 1.2)"]}
    assert (loaded.missing, loaded.problems) == ([], [])


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("import nowhere_at_all\n", "acme_x:Coffee", "cannot be imported: ModuleNotFoundError: No module named"),
        ("1 / 0\n", "acme_x:Coffee", "cannot be imported: ZeroDivisionError: division by zero"),
        ("def f(:\n", "acme_x:Coffee", "cannot be imported: SyntaxError"),
        ("x = 1\n", "acme_x:Coffee", "cannot be imported: AttributeError"),
        ("x = 1\n", "acme_x:x", "is no bot: acme_x:x is not a subclass of bridge.botapi.Bot"),
        ("class Coffee: pass\n", "acme_x:Coffee", "is no bot"),
        ("from bridge.botapi.bot import Bot\nclass C(Bot): pass\n", "acme_x:C", "bot coffee of acme 1.2 has no name"),
        (BOT.format("C", "My Bot"), "acme_x:C", "has a name that cannot be used: it must be the name of a bot such as"),
        (
            BOT.format("C", "core"),
            "acme_x:C",
            "bot core (acme 1.2) is not used: Postkamer itself has a bot of that name",
        ),
    ],
)
def test_a_bot_that_cannot_be_used_hinders_no_other(
    install: Install, monkeypatch: pytest.MonkeyPatch, source: str, target: str, expected: str
) -> None:
    monkeypatch.delitem(sys.modules, "acme_x", raising=False)
    install("acme", "acme_x", source, coffee=target)
    loaded = load(config(), OURS)
    (problem,) = loaded.problems
    assert expected in problem.message
    assert problem.hint
    assert "\n" not in problem.message
    assert users(loaded) == {"postkamer": ["archive", "core"]}


def test_two_packages_with_one_name(install: Install) -> None:
    install("zulu", "zulu_two", BOT.format("Coffee", "coffee"), c="zulu_two:Coffee")
    install("acme", "acme_two", BOT.format("Coffee", "coffee"), c="acme_two:Coffee")
    loaded = load(config(), ())
    assert users(loaded) == {"postkamer": ["coffee (acme 1.2)"]}
    assert [problem.message for problem in loaded.problems] == [
        "bot coffee (zulu 1.2) is not used: acme 1.2 has a bot of that name"
    ]


def test_what_check_says(install: Install, tmp_path: Path) -> None:
    install("acme", "acme_three", "import nowhere_at_all\n", c="acme_three:Coffee")
    (tmp_path / "b.txt").write_text("x")
    mine = (
        "{localpart: a, displayname: A, bots: [archve], avatar: a.png},"
        "{localpart: b, displayname: B, bots: [announce], avatar: b.txt}"
    )
    lines: list[str] = []
    report = Report(lines.append)
    check_bots(config(mine, tmp_path), report, ())
    assert report.problems == 3
    assert lines == [
        (
            "PROBLEM  bot c of acme 1.2 cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'\n"
            "         install what it needs beside Postkamer, or uninstall acme"
        ),
        (
            "note     @a:example.com lists only archve, which is not installed: it is in the registration, and not "
            "started"
        ),
        (
            f"PROBLEM  avatar of @a:example.com: {tmp_path}/a.png cannot be read (No such file or directory)\n"
            "         correct avatar in bots.users"
        ),
        (
            "note     @b:example.com lists only announce, which is not installed: it is in the registration, and not "
            "started"
        ),
        (
            f"PROBLEM  avatar of @b:example.com: {tmp_path}/b.txt is no picture by its name\n"
            "         take a .png, .jpg, .gif or .webp"
        ),
    ]


def test_check_proposes_and_lists() -> None:
    lines: list[str] = []
    check_bots(config("{localpart: a, displayname: A, bots: [archve]}"), Report(lines.append), OURS)
    assert lines[-1] == "note     @a:example.com lists the bot archve, which is not installed (did you mean archive?)"
    check_bots(config("{localpart: a, displayname: A}, {localpart: b, displayname: B}"), Report(lines.append), OURS)
    assert lines[-1] == "note     @b:example.com has no bots: it is in the registration, and not started"


def test_a_bot_that_cannot_be_made() -> None:
    class Broken(Bot):
        name = "broken"

        def __init__(self, more: str) -> None:
            del more

    lines: list[str] = []
    check_bots(config("{localpart: a, displayname: A}"), Report(lines.append), (Broken,))
    assert lines[0].startswith("PROBLEM  bots of @a:example.com: bot broken cannot be started: TypeError:")
