"""Pictures and scans: how tesseract is asked, and what it finds where it is installed."""

from __future__ import annotations

import io
import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from bridge.search.extract import ocr
from bridge.search.extract.ocr import Tesseract, find_tesseract
from bridge.search.extract.outcome import BROKEN, PICTURES, Extracted, UnreadableError
from bridge.search.extract.reader import Reader, command
from bridge.search.extract.reading import extract
from tests import extract_files as files
from tests.extract_files import WORDS

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"


def row(word: str, line: int = 1, sure: float = 96.5, block: int = 1) -> str:
    return f"5\t1\t{block}\t1\t{line}\t1\t0\t0\t10\t10\t{sure}\t{word}"


def stand_in(folder: Path, rows: list[str], *, languages: str = "eng\nnld\nosd", does: str = "") -> Path:
    """A program that answers as tesseract does, and keeps what it was given beside it when it may."""
    table = folder / "table"
    table.write_text("\n".join([HEAD, "1\t1\t0\t0\t0\t0\t0\t0\t1240\t400\t-1\t", *rows]), encoding="utf-8")
    program = folder / "tesseract"
    program.write_text(
        "#!/bin/sh\n"
        f"if [ \"$1\" = --list-langs ]; then printf 'List of available languages (3):\\n{languages}\\n'; exit; fi\n"
        f'echo "$@" >> {folder}/asked\n{does}\ncat > {folder}/given\ncat {table}\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


def test_words_are_put_together_again(tmp_path: Path) -> None:
    rows = [
        row("Offerte"),
        row("één"),
        row("~~", sure=12.0),
        row(" "),
        row("tweede", line=2),
        row("blok", block=2),
        "5\t1\t1",
        row("met\ttab"),
    ]
    program = stand_in(tmp_path, rows)
    assert Tesseract(program).read(b"a picture") == "Offerte één\ntweede\nblok\nmet\ttab"
    assert (tmp_path / "asked").read_text() == "stdin stdout -l nld+eng tsv\n"
    assert (tmp_path / "given").read_bytes() == b"a picture"


def test_a_photo_without_words_has_no_text(tmp_path: Path) -> None:
    reader = Tesseract(stand_in(tmp_path, [row("a"), row("|,"), row("zeker", sure=30)]))
    assert reader.read(b"a photo") == ""
    assert extract(io.BytesIO(files.scan()), reader).state == "no_text"


@pytest.mark.parametrize(("languages", "chosen"), [("eng\nosd", "eng"), ("osd\nnld", "nld"), ("osd\ndeu\nfra", "deu")])
def test_the_languages_that_are_there(tmp_path: Path, languages: str, chosen: str) -> None:
    Tesseract(stand_in(tmp_path, [], languages=languages)).read(b"")
    assert (tmp_path / "asked").read_text() == f"stdin stdout -l {chosen} tsv\n"


def test_no_language_at_all(tmp_path: Path) -> None:
    found = extract(io.BytesIO(files.scan()), Tesseract(stand_in(tmp_path, [], languages="osd")))
    assert found == Extracted("no_ocr", reason="tesseract has no language installed")


@pytest.mark.parametrize(
    ("does", "reason"),
    [("exit 1", BROKEN), ("kill -XCPU $$", "OCR took too long"), ("exec sleep 60", "OCR took too long")],
)
def test_a_picture_that_does_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, reason: str) -> None:
    monkeypatch.setattr(ocr, "PAGE_SECONDS", 0.5)
    reader = Tesseract(stand_in(tmp_path, [row("woord")], does=f"{does} < /dev/null > /dev/null"))
    with pytest.raises(UnreadableError) as raised:
        reader.read(b"a picture")
    assert (raised.value.state, raised.value.reason) == ("failed", reason)


def test_scanned_pages_are_read_and_others_are_not(tmp_path: Path) -> None:
    asked: list[int] = []
    reader = Tesseract(stand_in(tmp_path, [row("gescand")]), before=lambda: asked.append(1))
    found = extract(io.BytesIO(files.scanned_pdf("een", None, "twee")), reader)
    assert found == Extracted("done", "gewone bladzijde\n\ngescand\n\ngescand", 3)
    assert len(asked) == 2
    picture = (tmp_path / "given").read_bytes()
    assert picture.startswith(b"P5 2481 3508 255\n")  # A4 at 300 dots an inch
    assert len(picture) == len(b"P5 2481 3508 255\n") + 2481 * 3508


def test_a_page_of_any_size_becomes_a_picture_of_some_size(tmp_path: Path) -> None:
    reader = Tesseract(stand_in(tmp_path, [row("gescand")]))
    huge = files.scanned_pdf("x").replace(b"595.28 841.89", b"14400 14400  ")
    assert extract(io.BytesIO(huge), reader).text == "gescand"
    assert (tmp_path / "given").stat().st_size < 26_000_000


async def read(reader: Reader, data: bytes) -> Extracted:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        found = await reader.read(file.fileno())
    await reader.close()
    return found


async def test_the_confined_process_can_start_it(tmp_path: Path) -> None:
    program = stand_in(tmp_path, [row("gescand")])
    program.write_text(f"#!/bin/sh\n[ \"$1\" = --list-langs ] && printf 'x\\neng\\n' || cat {tmp_path}/table\n")
    assert (await read(Reader(command(program)), files.scan())).text == "gescand"


async def test_what_this_machine_can_read_of_a_scan() -> None:
    """With tesseract the words, without it the reason."""
    program = find_tesseract()
    picture, pages = await read(Reader(command(program)), files.scan()), files.scanned_pdf(WORDS, WORDS)
    scanned = await read(Reader(command(program)), pages)
    if program is None:
        assert picture == Extracted("no_ocr", reason=PICTURES)
        assert scanned == Extracted("no_ocr", pages=2, reason=PICTURES)
    else:
        for found in (picture, scanned):
            assert found.state == "done"
            assert "offerte" in (found.text or "")
            assert "Vergaderverslag" in (found.text or "")


def test_it_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = stand_in(tmp_path, [])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_tesseract() == program
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert find_tesseract() is None
    assert os.environ["PATH"].startswith(str(tmp_path))
