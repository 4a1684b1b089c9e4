"""One page of a PDF: its text in reading order, also where letters run from right to left."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import pypdfium2.raw as pdfium

from moisson.extract import rtl

MAX_CHARS = 400_000
_BREAK = re.compile(r"(?<=[^\W\d_])\ufffe(?=[^\W\d_])")
_AFTER_LAM = "اأإآٱىيجحخمه"


@dataclass(slots=True)
class Glyph:
    """What was painted at one place: one character, or the letters of a ligature."""

    text: str
    left: float
    right: float
    baseline: float
    size: float


def page_text(page: Any) -> str:
    """The text of a page; by geometry if any of it is right-to-left, for then the order of the file says nothing."""
    layer = page.get_textpage()
    try:
        if layer.count_chars() > MAX_CHARS:
            return str(layer.get_text_range(0, MAX_CHARS))
        text = str(layer.get_text_range(0, -1)).replace("\0", "")
        text = _BREAK.sub("", text).replace("\ufffe", "-")
        if not rtl.RIGHT.search(text):
            return text.replace("\r\n", "\n")
        return "\n".join(line_text(line) for line in lines(glyphs(layer))) + "\n"
    finally:
        layer.close()


def glyphs(layer: Any) -> list[Glyph]:
    """What is painted on the page, ligatures joined, without the blanks that the library adds."""
    raw = layer.raw
    box, x, y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()
    matrix = pdfium.FS_MATRIX()
    found: list[Glyph] = []
    origin = (0.0, 0.0, -1.0)
    for i in range(layer.count_chars()):
        code = pdfium.FPDFText_GetUnicode(raw, i)
        if not code or code in (13, 10, 0xFFFE) or pdfium.FPDFText_IsGenerated(raw, i) == 1:
            continue
        pdfium.FPDFText_GetLooseCharBox(raw, i, box)
        pdfium.FPDFText_GetCharOrigin(raw, i, x, y)
        char = chr(code) if code < 0x110000 else "\ufffd"
        if pdfium.FPDFText_GetMatrix(raw, i, matrix) and abs(matrix.b) > abs(matrix.a):
            turned = -1.0 if matrix.b > 0 else 1.0
            a, b, base = *sorted((box.bottom * -turned, box.top * -turned)), x.value * turned
            size = abs(box.right - box.left)
        elif matrix.a < 0 and matrix.d < 0:
            a, b, base, size = -box.right, -box.left, -y.value, abs(box.top - box.bottom)
        else:
            a, b, base, size = box.left, box.right, y.value, abs(box.top - box.bottom)
        if char in " \xa0" and b - a < 0.1:  # a blank without width stands anywhere; the gap tells
            continue
        here = (a, base, b)
        if found and here == origin and char not in " \xa0":
            found[-1].text = _joined(found[-1].text, rtl.plain(char))
            continue
        origin = here
        found.append(Glyph(rtl.plain(char), a, b, base, size or 10.0))
    return found


def _joined(before: str, char: str) -> str:
    """The letters of one ligature: the library turns right-to-left ones around, except those it took apart itself."""
    if not rtl.RIGHT.match(char) or (before == "\u0644" and char in _AFTER_LAM):
        return before + char
    return char + before


def lines(found: list[Glyph]) -> list[list[Glyph]]:
    """Glyphs on one baseline with their marks, from the top of the page to its foot, each line from left to right."""
    out: list[list[Glyph]] = []
    bases: list[float] = []
    for glyph in found:
        near = next(
            (i for i in range(len(out) - 1, max(-1, len(out) - 40), -1) if _same(bases[i], out[i], glyph)), None
        )
        if near is None:
            out.append([glyph])
            bases.append(glyph.baseline)
        else:
            out[near].append(glyph)
    order = sorted(range(len(out)), key=lambda i: -bases[i]) if _flows(bases) else list(range(len(out)))
    return [sorted(out[i], key=lambda g: g.left) for i in order]


def _same(base: float, line: list[Glyph], glyph: Glyph) -> bool:
    size = max(glyph.size, line[0].size)
    mark = all(rtl.kind(c) == "NSM" for c in glyph.text)
    return abs(base - glyph.baseline) <= size * (0.6 if mark else 0.28)


def _flows(bases: list[float]) -> bool:
    """Whether the lines come almost from top to foot, so that sorting them cannot mix columns."""
    ups = sum(b > a + 1 for a, b in pairwise(bases))
    return ups * 4 <= len(bases)


def line_text(line: list[Glyph]) -> str:
    """The letters of a line in reading order, with blanks where there are gaps."""
    widths = [g.right - g.left for g in line if g.right > g.left and g.text.strip()]
    gap = 0.22 * (median(widths) if widths else 5.0)
    gap = max(gap, 0.05 * max(g.size for g in line))
    cells: list[str] = []
    end: float | None = None
    for glyph in line:
        blank = not glyph.text.strip()
        mark = all(rtl.kind(c) == "NSM" for c in glyph.text) and not blank
        if end is not None and not blank and not mark and glyph.left - end > gap and cells and cells[-1] != " ":
            cells.append(" ")
        if blank:
            if cells and cells[-1] != " ":
                cells.append(" ")
        else:
            cells.append(glyph.text)
        if not mark:
            end = max(end, glyph.right) if end is not None else glyph.right
    return rtl.logical(_trimmed(cells))


def _trimmed(cells: list[str]) -> list[str]:
    while cells and cells[-1] == " ":
        cells.pop()
    return cells
