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

_DISTINCT, _AT_ONCE = 90, 1024
_SCAN = 4 << 20
_REACH = 8 << 20
_PROBE = 3072
_BACK = 16
_EFFORT = 12 << 20
_CLOSINGS = 8
_CLUSTER = 4096
_PIECES = 4
_COST = 40


def doubtful(span: Span | Part, layout: Layout) -> bool:
    """Whether a closed scan shows signs of bytes that are not its own: sectors of few values, or an empty foot."""
    assert layout.frame
    for start in layout.scans[-1:]:
        body = span.pread(start, min(layout.end - start, _SCAN))
        if not _varied(body[:-1]).all():
            return True
    image = segments.small(span, layout.end, layout.frame)
    if image is None:
        return True
    foot = np.asarray(image)[-max(2, image.height // 12) :]
    return bool(image.height > 16 and foot.size and int(foot.max()) == int(foot.min()))


def _varied(raw: bytes) -> np.ndarray:
    """Of each whole sector, whether it holds as many values as entropy does."""
    rows = np.frombuffer(raw, np.uint8, len(raw) // SECTOR * SECTOR).reshape(-1, SECTOR)
    found = np.empty(len(rows), bool)
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        seen = np.zeros((len(some), 256), bool)
        seen[np.arange(len(some))[:, None], some] = True
        found[first : first + _AT_ONCE] = seen.sum(axis=1) >= _DISTINCT
    return found


def join(span: Span, layout: Layout) -> Carved | None:
    """The picture as its decoding proves it: unbroken after all, or joined over gaps; None when it proves neither."""
    if layout.frame is None or (code := huffman.coding(span, layout.frame, layout.scans[0])) is None:
        return None
    ranges: list[tuple[int, int]] = [(0, span.size)]
    state = huffman.State(layout.scans[0], 0, 0, (0,) * len(layout.frame.components))
    floor = span.ground.credit - _EFFORT
    for _ in range(_PIECES):
        part = _part(span, ranges)
        raw, state, stop = _read(span, part, code, state)
        if end := _closed(part, code, state):
            return _result(span, ranges, end)
        if stop < 0 or not (found := _next(span, part, raw, code, state, stop, floor)):
            return None
        ranges, state = found
    return None


def _closed(part: Part, code: Coding, state: State) -> int:
    """Where a picture ends that is full and closed at once, or 0."""
    if state.done < code.mcus:
        return 0
    end = segments.entropy_end(part, state.at)
    return end + 2 if end - state.at <= 16 and part.pread(end, 2) == b"\xff\xd9" else 0


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
    return raw, state, state.at if state.done == code.mcus else until


_RESTARTS = frozenset(bytes((b,)) for b in range(0xD0, 0xD8))


def _next(
    span: Span, part: Part, raw: bytes, code: Coding, state: State, stop: int, floor: int
) -> tuple[list[tuple[int, int]], State] | None:
    """The best place to go on: where the good bytes may end, and the sector that decodes after them.

    Cuts and gaps of whole clusters come first. What closes the picture is taken at once; what only decodes for a while
    is taken if it lies on clusters and nothing closes.
    """
    last, before = part.ranges[-1][0], part.size - part.ranges[-1][1]
    cuts, far = _cuts(span, part, raw, max(stop, state.at))
    starts = _starts(span, last + min(cuts) - before) if cuts else []
    near = _state_at(raw, code, state, far, span)
    if near is None:
        return None
    spare: tuple[list[tuple[int, int]], State] | None = None
    closings = _CLOSINGS
    for cut, start in _pairs(cuts, starts, last - before):
        if span.ground.credit < floor or not span.ground.afford(_PROBE * 4):
            break
        held = _state_at(raw, code, near, cut, span)
        if held is None or not _fits(span, raw[held.at - 4 : cut], start, code, held):
            continue
        ranges = [*part.ranges[:-1], (last, cut - before), (start, span.size - start)]
        joint = _part(span, ranges)
        closings -= 1
        if _closed(joint, code, _read(span, joint, code, held)[1]):
            return ranges, held
        if spare is None and not (last + cut - before) % _CLUSTER and not (start - last - cut + before) % _CLUSTER:
            spare = ranges, held
        if not closings:
            break
    return spare


def _cuts(span: Span, part: Part, raw: bytes, stop: int) -> tuple[list[int], int]:
    """Where the good bytes may end, in bytes of the joined ones, and a place before all of these."""
    last, before = part.ranges[-1][0], part.size - part.ranges[-1][1]
    least = max(before, _first(raw), 1024) + 1
    if foreign := _foreign(raw, before, stop, (span.offset + last) % SECTOR):
        return ([foreign] if foreign > least else []), least
    phase = (span.offset + last - before) % SECTOR
    top = (stop + phase) // SECTOR * SECTOR - phase
    cuts = list(range(top, max(top - _BACK * SECTOR, least), -SECTOR))
    return cuts, max(least, top - (_BACK + 1) * SECTOR)


def _pairs(cuts: list[int], starts: list[int], shift: int) -> Iterator[tuple[int, int]]:
    """Cuts and starts to try, those on clusters of the file first; `shift` leads from a cut to its place."""
    whole = [cut for cut in cuts if not (cut + shift) % _CLUSTER]
    for cut in whole:
        yield from ((cut, start) for start in starts if start > cut + shift and not start % _CLUSTER)
    for cut in cuts:
        for start in starts:
            if start > cut + shift and ((cut + shift) % _CLUSTER or start % _CLUSTER):
                yield cut, start


def _foreign(raw: bytes, since: int, stop: int, phase: int) -> int:
    """The first of two sectors in a row that hold too few values to be entropy, or 0."""
    first = max(since, _first(raw) + SECTOR)
    begin = first + -(first - since + phase) % SECTOR
    good = _varied(raw[begin : stop + 2 * SECTOR])
    poor = np.flatnonzero(~(good[:-1] | good[1:]))
    return begin + int(poor[0]) * SECTOR if len(poor) and begin + int(poor[0]) * SECTOR <= stop else 0


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


def _starts(span: Span, after: int) -> list[int]:
    """Sectors that may carry a scan on: many values, and no marker but restarts and the last."""
    reach = span.pread(after, _REACH)
    raw = np.frombuffer(reach, np.uint8)
    marks = np.flatnonzero(raw[:-1] == 0xFF)
    follows = raw[marks + 1]
    marks = marks[(follows != 0) & (follows != 0xFF) & (follows & 0xF8 != 0xD0) & (marks % SECTOR != SECTOR - 1)]
    sectors, first = np.unique(marks // SECTOR, return_index=True)
    marked = np.zeros(len(raw) // SECTOR + 1, bool)
    marked[sectors] = True
    count = max(0, (len(raw) - 1) // SECTOR)
    good = _varied(reach[: count * SECTOR]) & ~marked[:count]
    closing = sectors[raw[marks[first] + 1] == 0xD9]
    good[closing[closing < count]] = True
    return [after + int(sector) * SECTOR for sector in np.flatnonzero(good) if sector]


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
