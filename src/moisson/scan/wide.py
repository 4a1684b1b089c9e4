"""Runs of UTF-16 and UTF-32 in bytes, gathered into one text that can be scanned like any other."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from moisson import native

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEAST = 5
_STRAYS, _SIGNS, _FOREIGN = 2, 8, "\u00c0"
_LOW = rb"[\t\n\r\x20-\x7e\xa0-\xff]"
# Latin Extended-A, Greek to Arabic Supplement, and the marks and dashes of General Punctuation.
_RAISED = rb"[\x01\x03-\x07]"
_MARKS = rb"[\x0c-\x1f\x26\x2a-\x2f\x32\x33]"
_LE = re.compile(rb"(?:" + _LOW + rb"\x00|[\x01-\xff]" + _RAISED + rb"|" + _MARKS + rb"\x20){5,}", re.DOTALL)
_BE = re.compile(rb"(?:\x00" + _LOW + rb"|" + _RAISED + rb"[\x01-\xff]|\x20" + _MARKS + rb"){5,}", re.DOTALL)
_LONG_LE = re.compile(rb"(?:" + _LOW + rb"\x00\x00\x00|[\x01-\xff]\x06\x00\x00){6,}", re.DOTALL)
_LONG_BE = re.compile(rb"(?:\x00\x00\x00" + _LOW + rb"|\x00\x00\x06[\x01-\xff]){6,}", re.DOTALL)
_RARE = re.compile(
    "[^\t\n\r -~\u00c0-\u017f\u0400-\u044f\u060c\u061b\u061f\u0621-\u064a\u0660-\u0669\u067e-\u06d3\u06f0-\u06f9«°º»]+"
)
# A letter beside a sign of another script: what one byte off makes of the end of a word.
_GLUED = re.compile(
    "[A-Za-z0-9][\u0370-\u05ff\u0620-\u06ff]|[\u0370-\u05ff\u0620-\u06ff][A-Za-z0-9]"
    "|[\u0621-\u064a][\u0660-\u0669]|[\u0660-\u0669][\u0621-\u064a]"
)
_SIGN = re.compile("[\x00-/:-@\\[-`{-\u00bf]")
_SORTS = (
    ("utf16le", "utf-16-le", 2, _LE), ("utf16be", "utf-16-be", 2, _BE),
    ("utf32le", "utf-32-le", 4, _LONG_LE), ("utf32be", "utf-32-be", 4, _LONG_BE),
)  # fmt: skip
_SEPARATOR = b"\0\0"
# What may stand before an ASCII sign of two bytes, or behind the last, when the higher byte comes first.
_RAISES = frozenset(b"\x00\x01\x03\x04\x05\x06\x07\x20")
_SHOWN = frozenset(b"\t\n\r" + bytes(range(0x20, 0x7F)) + bytes(range(0xA0, 0x100)))


class Run(NamedTuple):
    """A run where it stands, as UTF-8; `scheme` is the layer that decodes it, `width` its bytes a sign."""

    start: int
    end: int
    scheme: str
    width: int
    text: bytes


class Joined:
    """Runs put one after the other, and the way back."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self.runs: list[Run] = []
        self._at: list[int] = []
        parts, size = [], 0
        for run in runs:
            self.runs.append(run)
            self._at.append(size)
            parts += [run.text, _SEPARATOR]
            size += len(run.text) + len(_SEPARATOR)
        self.data = b"".join(parts)

    def origin(self, start: int, end: int) -> tuple[int, int, str]:
        """Where a span of the joined text stands in the bytes, and its scheme."""
        number = bisect_right(self._at, start) - 1
        run, at = self.runs[number], self._at[number]
        first = _signs(run.text, start - at)
        last = _signs(run.text, min(end - at, len(run.text)))
        return run.start + first * run.width, run.start + last * run.width, run.scheme


def _signs(text: bytes, end: int) -> int:
    return end if text.isascii() else len(text[:end].decode("utf-8", "replace"))


def runs(data: bytes, ranges: Iterable[tuple[int, int]], long: Iterable[tuple[int, int]] = ()) -> Iterator[Run]:
    """The runs in these ranges, in order; of two that claim the same bytes, the likelier."""
    for orders, places in (((0, 1), ranges), ((2, 3), long)):
        for start, stop in places:
            yield from _in_range(data, start, stop, orders)


def spans(data: bytes, start: int, stop: int, order: int) -> list[tuple[int, int, int]]:
    """Where runs in a range begin and end, and how likely they are text; the order is a place in `_SORTS`."""
    if native.code:
        return native.code.wide(data, start, min(stop, len(data)), order)
    _, charset, _, pattern = _SORTS[order]
    return [(*m.span(), _score(m[0].decode(charset, "replace"))) for m in pattern.finditer(data, start, stop)]


def _in_range(data: bytes, start: int, stop: int, orders: tuple[int, ...]) -> list[Run]:
    found: list[tuple[int, int, int, int]] = []
    places = [(start, stop)]
    for order in orders:
        width = _SORTS[order][2]
        seen = [span for first, last in places for span in spans(data, first, last, order)]
        found += ((-score, first - last, order, first) for first, last, score in seen if score >= 4 * LEAST)
        if order == 0 and all(_is_sole(data, first, last) for first, last, _ in seen):
            ends = [start, *(end for first, last, _ in seen for end in (first, last)), stop]
            places = [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if b - a >= width * LEAST]
    if len(found) == 1:
        _, size, order, first = found[0]
        return [_run(data, first, first - size, order)]
    kept: list[Run] = []
    taken = bytearray(stop - start)
    for _, size, order, first in sorted(found):
        width, last = _SORTS[order][2], first - size
        if taken.find(1, first - start + width, last - start - width) < 0:
            taken[first - start : last - start] = b"\1" * (last - first)
            kept.append(_run(data, first, last, order))
    return sorted(kept)


def _run(data: bytes, first: int, last: int, order: int) -> Run:
    scheme, charset, width, _ = _SORTS[order]
    return Run(first, last, scheme, width, data[first:last].decode(charset, "replace").encode())


def _is_sole(data: bytes, first: int, last: int) -> bool:
    """Whether a run of ASCII, lower bytes first, can only be shorter with the higher first, and so cannot be that."""
    before = data[max(0, first - 2) : first]
    alone = before[-1:] == b"" or before[-1] not in _RAISES or before in (b"\0\0", b"\0")
    if not alone or (last < len(data) and data[last] in _SHOWN):
        return False
    return data.count(0, first, last) == (last - first) // 2 and data[first:last:2].isascii()


def _score(text: str) -> int:
    """Usual signs and blanks less rare signs, by four: read one byte off, letters may stay but blanks and ends do not.

    What idles at the ends hardly counts, for one byte off it may be one sign more.
    """
    first, before = _idle(text)
    last, behind = _idle(text[::-1])
    text = text[first : len(text) - last]
    score = 4 * (len(text) + 2 * text.count(" ")) + min(3, before + behind)
    if text.isascii():
        return score
    return score - 12 * sum(map(len, _RARE.findall(text))) - 8 * len(_GLUED.findall(text))


def _idle(text: str) -> tuple[int, int]:
    """How many first signs may be chance, and how many of them are neither letters nor marks.

    These are marks, a few letters beyond Latin-1 before a sign within it, and what is no letter before one of ASCII.
    """
    strays = next((n for n in range(_STRAYS + 1) if text[n : n + 1] < _FOREIGN), 0)
    strays = strays or next((n for n in range(_STRAYS) if not "\u200c" <= text[n : n + 1] <= "\u2033"), _STRAYS)
    signs = next((n for n in range(_SIGNS) if not _SIGN.match(text, strays + n)), _SIGNS)
    signs = signs if text[strays + signs : strays + signs + 1] < _FOREIGN else 0
    return strays + signs, signs
