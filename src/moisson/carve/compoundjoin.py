"""Compound files in two pieces: where the records of their streams stop to follow one another, and where they go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moisson.carve.ground import SECTOR, Carved, Part, Span, joined
from moisson.carve.storage import Stream, content, follows, many, streams
from moisson.identify.containers import compound_kind
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moisson.reader import Medium

_REACH, _COST = 8 << 20, 4 << 20
_PROVED, _PIECE, _CUTS = 6, 8192, 4096
_CLUSTER = 4096
_FREE = 0xFFFFFFFF


class Doubt(NamedTuple):
    """The stream whose records stop: the last good one, and where the next should begin."""

    stream: Stream
    last: int
    due: int


def doubtful(data: Reader, table: np.ndarray, first: int, shift: int) -> Doubt | None:
    """The first stream of records that breaks off, None when all hold or nothing can be said."""
    return _doubt(data.medium, streams(data.medium, table, first, shift))


def _doubt(data: Medium, found: Iterable[Stream]) -> Doubt | None:
    doubts = []
    for stream in found:
        raw = content(data, stream)
        last, due = follows(stream.name, raw)
        if due < len(raw) and last > 0 and many(stream.name, raw, len(raw), 3) == 3:
            doubts.append(Doubt(stream, last, due))
    return min(doubts, key=lambda doubt: doubt.stream.place(doubt.last), default=None)


def rejoin(span: Span, doubt: Doubt, size: int, kind: str, table: np.ndarray, first: int, shift: int) -> Carved | None:
    """The file with the gap behind which its records go on, where its tables all lie before the gap."""
    stream, due = doubt.stream, doubt.due
    at = stream.place(due)
    cut = at // SECTOR * SECTOR
    left = stream.size - due
    if at < 0 or not span.ground.afford(_COST):
        return None
    for gap in range(SECTOR, min(_REACH, span.size - size) + 1, SECTOR):
        if not many(stream.name, span.pread(at + gap, 16), left, 1):
            continue
        view = _view(span, cut, gap)
        raw = _piece(view, stream, due)
        if not span.ground.afford(_PIECE) or many(stream.name, raw, left, _PROVED) < _PROVED:
            continue
        if found := _cut(span, doubt, gap, size, kind, streams(view, table, first, shift)):
            return found
    return None


def place(span: Span, head: bytes, table: np.ndarray, first: int, shift: int, gap: int, least: int) -> Carved | None:
    """The file where the gap, whose length is known, must lie so that its records follow one another."""
    used = np.flatnonzero(table != _FREE)
    size = (int(used[-1]) + 2) << shift if len(used) else 0
    if not size or size + gap > span.size:
        return None
    found = streams(_view(span, least, gap), table, first, shift)
    doubt = _doubt(span.reader(span.size).medium, found)
    if doubt is None:
        return None
    kind = compound_kind(Reader(_view(span, least, gap)), head)
    return _cut(span, doubt, gap, size, kind, found)


def _view(span: Span, cut: int, gap: int) -> Part:
    return Part(span, 0, cut, cut + gap, span.size - cut - gap)


def _piece(view: Part, stream: Stream, at: int) -> bytes:
    """Some bytes of a stream from a place in it on."""
    index, inside = divmod(at, stream.sector)
    places = stream.places[index : index + _PIECE // stream.sector + 1]
    return b"".join(view.pread(place, stream.sector) for place in places)[inside : inside + stream.size - at]


def _cut(span: Span, doubt: Doubt, gap: int, size: int, kind: str, found: list[Stream]) -> Carved | None:
    """The sectors between the last good record and the next at which all streams hold: the best of them."""
    low, high = doubt.stream.place(doubt.last), doubt.stream.place(doubt.due)
    if high < 0 or high - low > _CUTS * SECTOR or size + gap > span.size:
        return None
    good = []
    for cut in range((low // SECTOR + 1) * SECTOR, high // SECTOR * SECTOR + 1, SECTOR):
        if not span.ground.afford(size):
            break
        view = _view(span, cut, gap)
        if _doubt(view, found) is None:
            good.append(cut)
    if not good:
        return None
    whole = [cut for cut in good if cut % _CLUSTER == 0]
    cut, sure = (whole or good)[0], len(good) == 1
    extents = joined(((span.offset, cut), (span.offset + cut + gap, size - cut)))
    flags = ("rejoined",) if sure else ("rejoined", "uncertain")
    return Carved(kind, extents, "", 0.95 if sure else 0.75 if len(whole) == 1 else 0.6, flags)
