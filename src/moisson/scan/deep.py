"""Whole stretches of text in raw bytes, for search, and with everything that the finder over texts sees in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from moisson.scan.near import Mark
from moisson.selectors import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.selectors.kind import Context

_RUN = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}){16,65536}"
)
_AROUND = 512
_LETTERS = re.compile(rb"[A-Za-z\xc3-\xef]{3}")


class Run(NamedTuple):
    """A stretch of text that is the block's own, and the same with what stands around it."""

    start: int
    end: int
    wide_start: int
    wide_end: int


def runs(data: bytes, ranges: Iterable[tuple[int, int]], first: int, stop: int) -> Iterator[Run]:
    """Runs of UTF-8 in these ranges, cut at both ends of what is the block's own."""
    for a, b in ranges:
        for m in _RUN.finditer(data, a, b):
            start, end = _whole(data, max(m.start(), first)), _whole(data, min(m.end(), stop))
            if start < end and _LETTERS.search(data, start, end):
                yield Run(
                    start,
                    end,
                    _whole(data, max(m.start(), start - _AROUND)),
                    min(_whole(data, min(m.end(), end + _AROUND)), m.end()),
                )


def _whole(data: bytes, at: int) -> int:
    """The next place that is not in the middle of a letter."""
    while at < len(data) and data[at] & 0xC0 == 0x80:
        at += 1
    return at


def joined(*sorts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of several sorts as one list without overlaps."""
    merged: list[tuple[int, int]] = []
    for a, b in sorted(range_ for ranges in sorts for range_ in ranges):
        if merged and a <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(b, merged[-1][1])
        else:
            merged.append((a, b))
    return merged


def marks(data: bytes, run: Run, ctx: Context) -> Iterator[Mark]:
    """What the finder sees in a run, with places in bytes."""
    text = data[run.wide_start : run.wide_end].decode("utf-8", "replace")
    plain = text.isascii()
    for f in find.find(text, ctx):
        if plain:
            start, end = f.start, f.start + f.length
        else:
            start = len(text[: f.start].encode())
            end = start + len(text[f.start : f.start + f.length].encode())
        if run.start <= run.wide_start + start < run.end:
            yield Mark(run.wide_start + start, run.wide_start + end, f.kind, f.value, f.confidence)
