"""The files of the demo company, its progress, and the file that is replayed."""

from __future__ import annotations

import gzip
import io
import json
import wave
from typing import TYPE_CHECKING

import pytest
from openpyxl import load_workbook
from PIL import Image

from bridge.demo.files import PDF, PNG, WAV, XLSX, MadeFile, make_file
from bridge.demo.progress import open_progress
from bridge.demo.replay import messages, open_lines
from bridge.demo.script import load_company
from bridge.errors import PostkamerError

if TYPE_CHECKING:
    from pathlib import Path

FILES = [
    (step.kind, step.data["file"])
    for plan in load_company().rooms
    for step in plan.steps
    if step.kind in ("file", "image", "sticker", "voice")
]


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_every_file_of_the_script_is_what_it_says(kind: str, name: str) -> None:
    made = make_file(kind, name)
    check = {PDF: _check_pdf, PNG: _check_png, XLSX: _check_xlsx, WAV: _check_wav}
    check[made.mimetype](made)


def _check_pdf(made: MadeFile) -> None:
    assert made.data.startswith(b"%PDF-")
    assert made.data.rstrip().endswith(b"%%EOF")


def _check_png(made: MadeFile) -> None:
    with Image.open(io.BytesIO(made.data)) as picture:
        picture.load()
        assert (picture.format, *picture.size) == ("PNG", made.info["w"], made.info["h"])


def _check_xlsx(made: MadeFile) -> None:
    book = load_workbook(io.BytesIO(made.data))
    assert book.worksheets[0].max_row > 3


def _check_wav(made: MadeFile) -> None:
    with wave.open(io.BytesIO(made.data)) as sound:
        assert sound.getnframes() / sound.getframerate() * 1000 == made.info["duration"]
    assert all(0 <= loudness <= 1024 for loudness in made.waveform)


def test_progress_stays_and_forgets_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    with open_progress(path) as progress:
        assert not progress.resumed
        progress.done("first", "$1")
        assert progress.once("seed", lambda: 4) == 4
    with path.open("a") as file:
        file.write('["second", "$')
    with open_progress(path) as progress:
        assert progress.resumed
        assert progress["first"] == "$1"
        assert "second" not in progress
        assert progress.once("seed", lambda: 5) == 4
        progress.done("second", "$2")
    with open_progress(path) as progress:
        assert progress["second"] == "$2"
    assert path.stat().st_mode & 0o077 == 0


def test_lines_are_done_in_any_order(tmp_path: Path) -> None:
    with open_lines(tmp_path / "lines") as lines:
        for number in (2, 1, 5):
            lines.done(number)
    with (tmp_path / "lines").open("a") as file:
        file.write("4")  # torn
    with open_lines(tmp_path / "lines") as lines:
        assert [number in lines for number in range(1, 7)] == [True, True, False, False, True, False]


@pytest.mark.parametrize("packed", [True, False])
def test_chat_is_read_plain_and_packed(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "chat"
    line = {"room": "r", "topic": "t", "sender": "s", "ts": 1519693360, "body": "b"}
    text = (json.dumps(line) + "\n").encode() * 2
    path.write_bytes(gzip.compress(text) if packed else text)
    found = list(messages(path))
    assert [number for number, _ in found] == [1, 2]
    assert (found[1][1].room, found[1][1].topic, found[1][1].ts) == ("r", "t", 1519693360)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"room": "r", "sender": "s", "ts": 1, "body": "b"}\n{"room": 4}\n', "line 2: .*room"),
        (b"hello\n", "line 1"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
    ],
)
def test_a_file_that_is_no_chat_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "chat"
    path.write_bytes(content)
    with pytest.raises(PostkamerError, match=message):
        list(messages(path))
    with pytest.raises(PostkamerError, match="cannot be read"):
        list(messages(tmp_path / "absent"))
