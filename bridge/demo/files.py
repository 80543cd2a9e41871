"""Real files for the demo company: PDF, XLSX, PNG and a voice message."""

from __future__ import annotations

import io
import math
import struct
import wave
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from openpyxl import Workbook
from openpyxl.styles import Font
from ruamel.yaml import YAML

from bridge.demo.pictures import DRAWINGS, SIZE, png
from bridge.demo.script import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PNG = "image/png"
WAV = "audio/wav"
_RATE = 8000
_WAVEFORM_POINTS = 60
_TWIP = 30  # column widths of a sheet, in characters at the most


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file with what a client says of it."""

    name: str
    data: bytes
    mimetype: str
    info: Mapping[str, Any] = field(default_factory=dict)  # w and h in pixels, duration in milliseconds
    waveform: tuple[int, ...] = ()  # 0 to 1024, of a voice message


def make_file(kind: str, name: str, *, seconds: int = 5) -> MadeFile:
    """The file that the script calls `name`.

    Args:
        kind: of the step: file, image, sticker or voice.
        seconds: of a voice message.

    Raises:
        KeyError: there is no such file.
    """
    if kind == "voice":
        return _voice(name, seconds)
    if kind in ("image", "sticker"):
        data = png(DRAWINGS[name], transparent=kind == "sticker")
        return MadeFile(f"{name}.png", data, PNG, {"w": SIZE[0], "h": SIZE[1]})
    texts = YAML(typ="safe", pure=True).load((FOLDER / "files.yaml").read_text(encoding="utf-8"))
    if name in texts["pdf"]:
        return MadeFile(f"{name}.pdf", _pdf(**texts["pdf"][name]), PDF)
    return MadeFile(f"{name}.xlsx", _xlsx(texts["xlsx"][name]), XLSX)


def _pdf(heading: str, lines: Sequence[str], table: Sequence[Sequence[str]] = ()) -> bytes:
    page = FPDF()
    page.add_page()
    page.set_font("Helvetica", "B", 18)
    page.cell(0, 12, heading, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_font("Helvetica", size=11)
    for line in lines:
        page.multi_cell(0, 7, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if table:
        page.ln(6)
        with page.table(text_align="LEFT") as rows:
            for row in table:
                cells = rows.row()
                for text in row:
                    cells.cell(text)
    page.ln(12)
    page.set_font("Helvetica", "I", 9)
    page.cell(0, 6, "Van Dijk Machinebouw")
    return bytes(page.output())


def _xlsx(rows: Sequence[Sequence[str | int]]) -> bytes:
    book = Workbook()
    sheet = book.create_sheet("Blad 1", 0)
    for row in rows:
        sheet.append(list(row))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for number, column in enumerate(zip(*rows, strict=True), 1):
        width = max(len(str(value)) for value in column) + 2
        sheet.column_dimensions[chr(ord("A") + number - 1)].width = min(width, _TWIP)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _voice(name: str, seconds: int) -> MadeFile:
    """Somebody who hums; nobody speaks in a demo."""
    samples = [_hum(number / _RATE) for number in range(seconds * _RATE)]
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(struct.pack(f"<{len(samples)}h", *(int(sample * 20_000) for sample in samples)))
    step = len(samples) // _WAVEFORM_POINTS
    loudness = tuple(
        int(1024 * max(map(abs, samples[at : at + step]))) for at in range(0, step * _WAVEFORM_POINTS, step)
    )
    return MadeFile(f"{name}.wav", target.getvalue(), WAV, {"duration": seconds * 1000}, loudness)


def _hum(second: float) -> float:
    swell = 0.5 + 0.5 * math.sin(2 * math.pi * 1.7 * second)
    pitch = 140 + 30 * math.sin(2 * math.pi * 0.6 * second)
    return swell * (0.7 * math.sin(2 * math.pi * pitch * second) + 0.3 * math.sin(4 * math.pi * pitch * second))
