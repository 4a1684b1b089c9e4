"""What was looked at of each medium, byte range by byte range: a table, and a picture (SVG 1.1)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from moisson.evidence.extents import complement, merge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from moisson.evidence.extents import Range
    from moisson.store.query import Reader

COLUMNS, WIDTH, ROW, GAP = 128, 1024, 26, 8
_LEAST = 0.4
_LEFT, _TOP, _FOOT = 230, 40, 58
_HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}" font-family="sans-serif" font-size="12">'
_PATTERN = (
    '<defs><pattern id="unseen" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<path d="M0 6 6 0" stroke="#c00"/></pattern></defs>'
)
_COLOURS = {
    "zero": "#eeeeee",
    "text": "#2a7f62",
    "utf16": "#4aa3a2",
    "arabic": "#1f5f99",
    "random": "#b3541e",
    "other": "#8c8c8c",
    "read": "#d7c49e",
}
_LABELS = {
    "zero": "zeros",
    "text": "text",
    "utf16": "UTF-16",
    "arabic": "Arabic",
    "random": "compressed or encrypted",
    "other": "other bytes",
    "read": "read through files only",
}
_CELLS = """select "offset", length, kinds from stretches where exhibit = ? and medium = ? and run like 'sweep.%'
    order by 1"""
_MEDIA = "select exhibit, medium from extents union select exhibit, medium from stretches where run like 'sweep.%'"
_SAMPLES = "select exhibit, length, kinds from stretches where run like 'sample.%' order by exhibit"
_FILES = """select x."offset", x.length from extents x where x.exhibit = ? and x.medium = ? and x.state != 'slack'
    and exists (select 1 from items i where i.exhibit = x.exhibit and i.address = x.address and i.sha256 != '')
    order by 1"""


class Coverage(NamedTuple):
    """One medium: its size, the bytes by sort of what was swept, what was read through files, and what nobody read."""

    exhibit: str
    medium: str
    size: int
    kinds: dict[str, int]
    swept: list[Range]
    read: list[Range]
    cells: list[tuple[int, int, dict[str, int]]]

    @property
    def unseen(self) -> list[Range]:
        """The ranges that no step has looked at."""
        return complement(merge((*self.swept, *self.read)), self.size)


def coverage(reader: Reader) -> Iterator[Coverage]:
    """Every medium of the case whose bytes were mapped, in order."""
    sizes: dict[str, int] = dict(reader.stream("select exhibit, size from items where role = 'medium'"))  # type: ignore[arg-type]
    media = set(reader.stream(_MEDIA))
    for exhibit, medium in sorted(media):
        cells = [(at, n, _kinds(kinds)) for at, n, kinds in reader.stream(_CELLS, exhibit, medium)]
        files = merge(reader.stream(_FILES, exhibit, medium))
        kinds: dict[str, int] = {}
        for _, _, counts in cells:
            for name, n in counts.items():
                kinds[name] = kinds.get(name, 0) + n
        swept = merge((at, n) for at, n, _ in cells)
        known = sizes.get(exhibit, 0) if medium == exhibit else 0
        size = max(known, *(at + n for at, n in (*swept[-1:], *files[-1:], (0, 0))))
        yield Coverage(exhibit, medium, size, kinds, swept, files, cells)


def sampled(reader: Reader) -> Iterator[tuple[str, int, dict[str, int]]]:
    """What a sample says of each image: its exhibit, its size, and the estimated bytes by sort."""
    for exhibit, size, kinds in reader.stream(_SAMPLES):
        yield exhibit, size, _kinds(kinds)


def by_share(kinds: dict[str, int]) -> list[tuple[str, int]]:
    """Sorts with their bytes, the largest first."""
    return sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))


def _kinds(raw: str | None) -> dict[str, int]:
    return msgspec.json.decode(raw, type=dict[str, int]) if raw else {}


def draw(found: Sequence[Coverage], out: Path) -> None:
    """Write the picture: a bar a medium, each of its columns divided by what its bytes are."""
    height = _TOP + len(found) * (ROW + GAP) + _FOOT
    lines = [
        _HEAD.format(_LEFT + WIDTH + 20, height),
        _PATTERN,
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<text x="10" y="24" font-size="15">What was looked at</text>',
    ]
    for n, each in enumerate(found):
        lines += _bar(each, _TOP + n * (ROW + GAP))
    lines += _legend(height - 34)
    out.write_text("\n".join((*lines, "</svg>\n")), encoding="utf-8")


def _bar(each: Coverage, top: int) -> Iterator[str]:
    label = escape(each.medium if len(each.medium) < 26 else each.medium[:25] + "…")
    yield f'<text x="10" y="{top + 15}">{label}</text>'
    yield f'<text x="{_LEFT - 8}" y="{top + 15}" text-anchor="end" fill="#666">{each.size / 1e6:,.0f} MB</text>'
    step = WIDTH / COLUMNS
    for column, counts in enumerate(_columns(each)):
        x, y = _LEFT + column * step, float(top)
        whole = sum(counts.values()) or 1.0
        for name in (*_COLOURS, "unseen"):
            if (part := ROW * counts.get(name, 0.0) / whole) >= _LEAST:
                fill = _COLOURS.get(name, "url(#unseen)")
                yield f'<rect x="{x:.0f}" y="{y:.1f}" width="{step:.0f}" height="{part:.1f}" fill="{fill}"/>'
                y += part
    yield f'<rect x="{_LEFT}" y="{top}" width="{WIDTH}" height="{ROW}" fill="none" stroke="#999"/>'


def _columns(each: Coverage) -> list[dict[str, float]]:
    """Bytes by sort in each column."""
    width = max(1, each.size / COLUMNS)
    sorts: list[dict[str, float]] = [{} for _ in range(COLUMNS)]
    for at, n, kinds in each.cells:
        whole = sum(kinds.values()) or 1
        for column, part in _spread(at, n, width):
            for name, count in kinds.items():
                sorts[column][name] = sorts[column].get(name, 0) + part * count / whole
    for ranges, name in ((each.read, "read"), (each.unseen, "unseen")):
        for at, n in ranges:
            for column, part in _spread(at, n, width):
                if name == "unseen" or not each.cells:
                    sorts[column][name] = sorts[column].get(name, 0) + part
    return sorts


def _spread(at: int, n: int, width: float) -> Iterator[tuple[int, float]]:
    """How much of a range falls into which column."""
    first, last = int(at / width), min(COLUMNS - 1, int((at + n - 1) / width))
    for column in range(min(first, COLUMNS - 1), last + 1):
        part = min(at + n, (column + 1) * width) - max(at, column * width)
        if part > 0:
            yield column, part


def _legend(top: int) -> Iterable[str]:
    x = 10
    for name, colour in (*_COLOURS.items(), ("unseen", "url(#unseen)")):
        label = _LABELS.get(name, "nothing looked at")
        yield f'<rect x="{x}" y="{top}" width="14" height="14" fill="{colour}" stroke="#999"/>'
        yield f'<text x="{x + 20}" y="{top + 12}">{label}</text>'
        x += 40 + 7 * len(label)
