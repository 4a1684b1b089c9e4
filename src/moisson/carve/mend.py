"""A JPEG in pieces: where its decoding stops making sense, and which sectors carry it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moisson.carve import huffman, segments
from moisson.carve.ground import SECTOR, Carved, Part, Span, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.carve.huffman import Coding, State
    from moisson.carve.segments import Layout

_DISTINCT = 90
_SCAN = 4 << 20
_REACH = 8 << 20
_PROBE = 3072
_BACK = 16
_TRIES = 1500
_CLUSTER = 4096
_PIECES = 4
_COST = 40


def doubtful(span: Span | Part, layout: Layout) -> bool:
    """Whether a closed scan shows signs of bytes that are not its own: sectors of few values, or an empty foot."""
    assert layout.frame
    for start in layout.scans[-1:]:
        body = span.pread(start, min(layout.end - start, _SCAN))
        if any(_distinct(body[i : i + SECTOR]) < _DISTINCT for i in range(0, len(body) - SECTOR, SECTOR)):
            return True
    image = segments.small(span, layout.end, layout.frame)
    if image is None:
        return True
    foot = np.asarray(image)[-max(2, image.height // 12) :]
    return bool(image.height > 16 and foot.size and int(foot.max()) == int(foot.min()))


def _distinct(block: bytes) -> int:
    return len(set(block))


def join(span: Span, layout: Layout) -> Carved | None:
    """The picture as its decoding proves it: unbroken after all, or joined over gaps; None when it proves neither."""
    if layout.frame is None or (code := huffman.coding(span, layout.frame, layout.scans[0])) is None:
        return None
    ranges: list[tuple[int, int]] = [(0, span.size)]
    state = huffman.State(layout.scans[0], 0, 0, (0,) * len(layout.frame.components))
    for _ in range(_PIECES):
        part = _part(span, ranges)
        raw, state, stop = _read(span, part, code, state)
        if state.done == code.mcus:
            end = segments.entropy_end(part, state.at)
            if end - state.at <= 16 and part.pread(end, 2) == b"\xff\xd9":
                return _result(span, ranges, end + 2)
        if stop < 0 or not (found := _next(span, part, raw, code, stop, state)):
            return None
        ranges, state = found
    return None


def _part(span: Span, ranges: list[tuple[int, int]]) -> Part:
    return Part(span, *(n for pair in ranges for n in pair))


def _result(span: Span, ranges: list[tuple[int, int]], end: int) -> Carved:
    kept: list[tuple[int, int]] = []
    for at, length in ranges:
        take = min(length, end)
        kept.append((span.offset + at, take))
        end -= take
    extents = joined(kept)
    return Carved("image/jpeg", extents, "", 1.0, ("rejoined",) if len(extents) > 1 else ())


def _read(span: Span, part: Part, code: Coding, state: State) -> tuple[bytes, State, int]:
    """Decode on: the bytes, the state after the last good MCU, and where it stopped (-1 when it may not go on)."""
    until = min(segments.entropy_end(part, state.at), state.at + _SCAN)
    while code.restart and part.pread(until, 2)[1:] in _RESTARTS:
        until = min(segments.entropy_end(part, until + 2), state.at + _SCAN)
    raw = part.pread(0, until)
    if not span.ground.afford((until - state.at) * _COST):
        return raw, state, -1
    try:
        state = huffman.decode(raw, code, state)
    except huffman.Broken as broken:
        return raw, broken.state, broken.at
    return raw, state, state.at


_RESTARTS = frozenset(bytes((b,)) for b in range(0xD0, 0xD8))


def _next(
    span: Span, part: Part, raw: bytes, code: Coding, stop: int, state: State
) -> tuple[list[tuple[int, int]], State] | None:
    """The best place to go on: the sectors before which the good bytes may end, and those that decode after them."""
    stop = max(stop, state.at)
    foreign = _foreign(raw, part.size - part.ranges[-1][1], stop, (span.offset + part.ranges[-1][0]) % SECTOR)
    last_start, before = part.ranges[-1][0], part.size - part.ranges[-1][1]
    phase = (span.offset + last_start - before) % SECTOR
    first = foreign or (stop + phase) // SECTOR * SECTOR - phase
    starts = list(_starts(span, last_start + first - before))
    tries = 0
    back = 1 if foreign else _BACK
    for cut in range(first, max(first - back * SECTOR, before, 1024), -SECTOR):
        held = _state_at(raw, code, state, cut, span)
        if held is None:
            return None
        for start in sorted(starts, key=lambda start: (start - last_start - cut + before) % _CLUSTER > 0):
            if tries >= _TRIES or not span.ground.afford(_PROBE * 4):
                return None
            tries += 1
            if start > last_start + cut - before and _fits(span, raw[held.at - 4 : cut], start, code, held):
                kept = [*part.ranges[:-1], (last_start, cut - before), (start, span.size - start)]
                return kept, held
    return None


def _foreign(raw: bytes, since: int, stop: int, phase: int) -> int:
    """The first of two sectors in a row that hold too few values to be entropy, or 0."""
    first = max(since, _first(raw) + SECTOR)
    begin = first + -(first - since + phase) % SECTOR
    for at in range(begin, min(stop, len(raw) - 2 * SECTOR) + 1, SECTOR):
        if _distinct(raw[at : at + SECTOR]) < _DISTINCT and _distinct(raw[at + SECTOR : at + 2 * SECTOR]) < _DISTINCT:
            return at
    return 0


def _state_at(raw: bytes, code: Coding, state: State, cut: int, span: Span) -> State | None:
    """The state after the last MCU that lies wholly before `cut`; decoding starts again, for few states are kept."""
    if state.at <= cut:
        return state
    begin = huffman.State(_first(raw), 0, 0, (0,) * len(state.levels))
    if not span.ground.afford((cut - begin.at) * _COST):
        return None
    try:
        return huffman.decode(raw[:cut], code, begin)
    except huffman.Broken as broken:
        return broken.state


def _first(raw: bytes) -> int:
    """Where the first scan of a picture begins."""
    return segments.survey(_Bytes(raw)).scans[0]


class _Bytes:
    def __init__(self, raw: bytes) -> None:
        self.raw, self.size, self.present = raw, len(raw), len(raw)

    def pread(self, offset: int, n: int) -> bytes:
        return self.raw[offset : offset + n]


def _starts(span: Span, after: int) -> Iterator[int]:
    """Sectors that may carry a scan on: many values, and no marker but restarts and the last."""
    reach = span.pread(after, _REACH)
    for at in range(SECTOR, len(reach) - SECTOR, SECTOR):
        block = reach[at : at + SECTOR]
        if reach[at : at + 3] == b"\xff\xd8\xff":
            continue
        found = segments.entropy_end(_Bytes(block), 0)
        whole = found >= len(block) - 1
        if (whole and _distinct(block) >= _DISTINCT) or block[found : found + 2] == b"\xff\xd9":
            yield after + at


def _fits(span: Span, held: bytes, start: int, code: Coding, state: State) -> bool:
    """Whether the bytes at `start` decode on from a state whose last bytes are `held`."""
    more = span.pread(start, _PROBE)
    end = segments.entropy_end(_Bytes(more), 0)
    while code.restart and more[end + 1 : end + 2] in _RESTARTS:
        end = segments.entropy_end(_Bytes(more), end + 2)
    closes = more[end : end + 2] == b"\xff\xd9"
    raw = held + more[:end]
    try:
        after = huffman.decode(raw, code, huffman.State(4, state.bits, state.done, state.levels))
    except (huffman.Broken, IndexError):
        return False
    if after.done == code.mcus:
        return closes and len(raw) - after.at <= 16
    return not closes and end >= min(_PROBE - 1, span.size - start) and len(raw) - after.at < SECTOR
