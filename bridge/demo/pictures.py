"""The pictures of the demo company: a technical drawing, what would be photos, and a sticker."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SIZE = (800, 560)
_PAPER, _TRANSPARENT = (250, 250, 247, 255), (0, 0, 0, 0)
_INK, _RED, _STEEL, _DARK = "#1d2733", "#c0392b", "#9aa5b1", "#5b6673"

Draw = ImageDraw.ImageDraw


def png(drawing: Callable[[Draw], None], *, transparent: bool = False) -> bytes:
    """A drawing as a file."""
    picture = Image.new("RGBA", SIZE, _TRANSPARENT if transparent else _PAPER)
    drawing(ImageDraw.Draw(picture))
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def _bracket(draw: Draw) -> None:
    """Technical drawing 4502-017 revision B: a plate with four holes, dimensions and a title block."""
    draw.rectangle((20, 20, 780, 540), outline=_INK, width=3)
    draw.rectangle((140, 110, 500, 390), outline=_INK, width=3)
    for x, y in ((190, 160), (450, 160), (190, 340), (450, 340)):
        draw.ellipse((x - 22, y - 22, x + 22, y + 22), outline=_INK, width=3)
        draw.line((x - 34, y, x + 34, y), fill=_RED)
        draw.line((x, y - 34, x, y + 34), fill=_RED)
    draw.ellipse((260, 190, 380, 310), outline=_INK, width=3)
    _dimension(draw, (190, 70), (450, 70), "104 (rev A: 100)")
    _dimension(draw, (140, 430), (500, 430), "144")
    draw.text((540, 160), "4x D 17.5\nS355, t = 12\nRa 3.2", fill=_INK, font_size=22)
    draw.rectangle((500, 450, 780, 540), outline=_INK, width=2)
    draw.text((512, 458), "Van Dijk Machinebouw\n4502-017  REV B\ntandwielkastbeugel  1:2", fill=_INK, font_size=20)


def _dimension(draw: Draw, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
    draw.line((*start, *end), fill=_INK, width=2)
    for (x, y), side in ((start, 1), (end, -1)):
        draw.polygon([(x, y), (x + 14 * side, y - 5), (x + 14 * side, y + 5)], fill=_INK)
    draw.text(((start[0] + end[0]) // 2, start[1] - 14), text, fill=_INK, anchor="mm", font_size=20)


def _cell(draw: Draw) -> None:
    """The palletising cell: a fence, a robot arm, a conveyor, boxes on a pallet and two on the roof."""
    draw.rectangle((0, 400, 800, 560), fill="#c9ced4")
    draw.rectangle((60, 60, 740, 80), fill=_DARK)
    for x in range(60, 741, 85):
        draw.rectangle((x - 4, 60, x + 4, 420), fill=_DARK)
    draw.rectangle((330, 380, 430, 420), fill=_INK)
    draw.line((380, 380, 340, 240, 500, 170, 540, 240), fill="#e67e22", width=26, joint="curve")
    draw.rectangle((60, 330, 300, 350), fill=_STEEL)
    boxes = [(90, 290), (180, 290), (520, 245), (110, 20), (180, 20)]
    boxes += [(560 + 60 * column, 360 - 42 * row) for row in range(3) for column in range(2)]
    for x, y in boxes:
        draw.rectangle((x, y, x + 54, y + 38), fill="#c8965a", outline="#7a5a34", width=2)
    draw.rectangle((550, 400, 690, 420), fill="#8d6e46")
    draw.text((400, 480), "FAT 4502", fill=_INK, anchor="mm", font_size=40)


def _duct(draw: Draw) -> None:
    """A cable duct that runs into the foot of the robot."""
    draw.rectangle((430, 120, 640, 500), fill="#e67e22", outline=_INK, width=4)
    draw.rectangle((40, 250, 470, 330), fill=_STEEL, outline=_INK, width=4)
    for number, colour in enumerate(("#2c3e50", "#2980b9", "#27ae60", "#c0392b")):
        draw.line((40, 265 + 16 * number, 470, 265 + 16 * number), fill=colour, width=7)
    _dimension(draw, (380, 400), (460, 400), "20 mm")


def _burr(draw: Draw) -> None:
    """The end of a shaft with a burr."""
    draw.rectangle((0, 0, 800, 560), fill="#39424d")
    draw.rounded_rectangle((0, 190, 560, 370), 20, fill=_STEEL)
    draw.rectangle((420, 190, 440, 370), fill="#7f8a96")
    draw.polygon([(430, 190), (444, 158), (458, 190)], fill="#dfe4ea")
    draw.ellipse((380, 110, 510, 240), outline="#f1c40f", width=6)
    draw.text((600, 120), "88-2041", fill="white", anchor="mm", font_size=34)


def _bearing(draw: Draw) -> None:
    """A bearing full of grease and dust."""
    draw.ellipse((180, 60, 620, 500), fill=_STEEL, outline=_INK, width=5)
    draw.ellipse((240, 120, 560, 440), fill="#6b5a45")
    for number in range(10):
        angle = number * math.tau / 10
        x, y = 400 + 135 * math.cos(angle), 280 + 135 * math.sin(angle)
        draw.ellipse((x - 26, y - 26, x + 26, y + 26), fill="#b9b2a6", outline=_INK, width=3)
    draw.ellipse((300, 180, 500, 380), fill=_STEEL, outline=_INK, width=5)
    draw.ellipse((340, 220, 460, 340), fill=_PAPER)


def _cake(draw: Draw) -> None:
    """A piece of cake with a candle."""
    draw.polygon([(160, 420), (640, 420), (600, 250), (200, 250)], fill="#f6d7a7", outline=_INK, width=4)
    draw.polygon([(200, 250), (600, 250), (560, 190), (240, 190)], fill="#c0392b", outline=_INK, width=4)
    draw.rectangle((385, 90, 415, 200), fill="#ecf0f1", outline=_INK, width=3)
    draw.ellipse((382, 40, 418, 92), fill="#f39c12")


DRAWINGS: Mapping[str, Callable[[Draw], None]] = {
    "tekening": _bracket,
    "cel": _cell,
    "goot": _duct,
    "braam": _burr,
    "lager": _bearing,
    "taart": _cake,
}
