"""`postkamer new-bot`: a bot that works, is typed, and is found as an entry point; never over what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.config.loader import load_text
from bridge.engine.loading import load, runner
from tests.unit.test_config_loader import GOOD

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def run(folder: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False,
                          timeout=SECONDS, env={"PYTHONPATH": str(ROOT), "PATH": ""})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-bot", "tea_time", "--dir", str(tmp_path / "new")]) == 0
    folder = tmp_path / "new" / "tea_time"
    assert files(folder) == [
        "README.md",
        "postkamer_tea_time/__init__.py",
        "postkamer_tea_time/strings/en.yaml",
        "postkamer_tea_time/strings/nl.yaml",
        "pyproject.toml",
        "tests/test_tea_time.py",
    ]
    assert 'tea_time = "postkamer_tea_time:TeaTimeBot"' in (folder / "pyproject.toml").read_text()
    assert "$" not in "".join((folder / name).read_text() for name in files(folder))
    assert f"pytest {folder}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["coffee", "bot", "tea_time"])
def test_its_own_tests_pass(tmp_path: Path, name: str) -> None:
    assert main(["new-bot", name, "--dir", str(tmp_path)]) == 0
    said = run(tmp_path / name, "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider")
    assert "passed" in said


def test_it_is_typed(tmp_path: Path) -> None:
    assert main(["new-bot", "coffee", "--dir", str(tmp_path)]) == 0
    cache = ROOT / ".mypy_cache" / "bots"
    said = run(tmp_path / "coffee", "mypy", "--strict", "--cache-dir", str(cache), "-p", "postkamer_coffee")
    assert "Success" in said


def test_it_is_found_once_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["new-bot", "lunch", "--dir", str(tmp_path)]) == 0
    folder = tmp_path / "lunch"
    metadata = folder / "postkamer_lunch-0.1.0.dist-info"  # as pip makes it
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: postkamer-lunch\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[postkamer.bots]\nlunch = postkamer_lunch:LunchBot\n")
    monkeypatch.syspath_prepend(str(folder))
    loaded = load(load_text(GOOD, tmp_path / "config.yaml"), ())
    assert loaded.problems == []
    ((user, bots),) = loaded.users.items()
    assert (user.localpart, [str(found) for found in bots]) == ("postkamer", ["lunch (postkamer-lunch 0.1.0)"])
    assert runner(bots).bots[0].name == "lunch"


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "coffee").mkdir()
    (tmp_path / "file").touch()
    for where in (tmp_path, tmp_path / "file"):
        assert main(["new-bot", "coffee", "--dir", str(where)]) == 1
        assert "nothing was changed" in capsys.readouterr().err
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["My-Bot", "1a", "class", "a.b", "", "../x"])
def test_names_that_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["new-bot", "--dir", str(tmp_path), name])
    assert "must be the name of a bot" in capsys.readouterr().err
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["coffee", "core", "help", "hulp", "taal"])
def test_a_name_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "acme-1.dist-info").mkdir()
    (tmp_path / "acme-1.dist-info" / "entry_points.txt").write_text("[postkamer.bots]\ncoffee = acme:Coffee\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["new-bot", name, "--dir", str(tmp_path)]) == 1
    assert f"there is a bot {name} already" in capsys.readouterr().err
