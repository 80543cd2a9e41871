"""The page for bot writers: its pieces make a bot that is typed and whose tests pass; it names the whole API."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import bridge.botapi
import bridge.botapi.testing

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "bots.md"
PIECE = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SECONDS = 120


def write_bot(folder: Path) -> None:
    """Put each piece into its file; a file that comes again goes on."""
    files: defaultdict[str, str] = defaultdict(str)
    for name, text in PIECE.findall(PAGE.read_text(encoding="utf-8")):
        files[name] += text
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def run(folder: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False,
                          timeout=SECONDS, env={"PYTHONPATH": f"{folder}:{ROOT}", "PATH": ""})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    write_bot(tmp_path)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n", encoding="utf-8"
    )
    assert "3 passed" in run(tmp_path, "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "tests")


def test_the_code_of_the_page_is_typed(tmp_path: Path) -> None:
    write_bot(tmp_path)
    cache = ROOT / ".mypy_cache" / "bots"
    run(tmp_path, "mypy", "--strict", "--cache-dir", str(cache), "postkamer_parcels", "tests/test_parcels.py")


def test_no_piece_is_left_out() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(PIECE.findall(text)) == len(re.findall("^```(?:python|yaml)$", text, re.MULTILINE))


def test_every_name_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = {*bridge.botapi.__all__, *bridge.botapi.testing.__all__}
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", text)) == []
