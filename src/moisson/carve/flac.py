"""FLAC: frames whose numbers follow one another, each with its sums, the last one read bit by bit (RFC 9639)."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moisson.carve.ground import SECTOR, Carved, Span, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.reader import Reader

_KIND = "audio/flac"
_BLOCKS, _FRAMES = 4096, 2_000_000
_LONGEST = 1 << 17
_LOOKS, _BIT = (1 << 14, _LONGEST), 8
_SYNC = re.compile(rb"\xff[\xf8\xf9]", re.DOTALL)
_SIZES = {0: 0, 1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
_LANES = 512
_REACH, _COST = 4 << 20, 8 << 20


class Frame(NamedTuple):
    """The header of a frame: its number (of the first sample where sizes vary), its samples, and where bits begin."""

    number: int
    varies: bool
    samples: int
    channels: int
    depth: int
    body: int


def carve_flac(data: Reader, offset: int, limit: int) -> Carved | None:
    """FLAC by its blocks of metadata and its frames; one gap is closed where a frame has its sum over it."""
    span = Span(data, offset, limit)
    told = span.pread(8, 34)
    at = _metadata(span)
    if at < 0 or len(told) < 34:
        return None
    packed = int.from_bytes(told[10:18], "big")
    if not packed >> 44 or int.from_bytes(told[:2], "big") < 16:
        return None
    depth, total = (packed >> 36 & 31) + 1, packed & (1 << 36) - 1
    starts, frames = _follow(span, at, depth)
    if not frames:
        return None
    good = _holding(span, starts)
    end = _last(span, starts[-1], frames[-1])
    whole = end > 0 and (not total or _samples(frames) >= total)
    if good == len(starts) - 1 and whole:
        return span.carved(_KIND, end)
    if (good < len(starts) - 1 or not end) and (found := _bridge(span, starts[good], frames[good], depth, total)):
        return found
    if whole:
        return span.carved(_KIND, end, 0.45, "damaged")
    end = end if end and good == len(starts) - 1 else starts[good]
    return span.carved(_KIND, end, 0.4, "truncated") if end > at else None


def _metadata(span: Span) -> int:
    """Where the blocks of metadata end, the first of which tells of the stream; -1 when they make no sense."""
    at = 4
    for number in range(_BLOCKS):
        head = span.pread(at, 4)
        size = int.from_bytes(head[1:], "big")
        if len(head) < 4 or head[0] & 0x7F > 6 or (head[0] & 0x7F == 0) != (number == 0) or (not number and size != 34):
            return -1
        at += 4 + size
        if head[0] & 0x80:
            return at
    return -1


def _samples(frames: Sequence[Frame]) -> int:
    """How many samples the frames have up to the end of the last one."""
    last = frames[-1]
    return last.number + last.samples if last.varies else last.number * frames[0].samples + last.samples


def _follow(span: Span, at: int, depth: int) -> tuple[list[int], list[Frame]]:
    """Where frames begin that follow one another, and their headers."""
    starts, frames = list[int](), list[Frame]()
    frame = _header(span.pread(at, 20), depth)
    while frame is not None and len(frames) < _FRAMES:
        starts.append(at)
        frames.append(frame)
        if (found := _next(span, at + frame.body, at + _LONGEST, frame, depth)) is None:
            break
        if len(frames) == 1 and crc16([span.pread(at, found[0] - at)])[0]:
            break
        at, frame = found
    return starts, frames


def _next(span: Span, start: int, stop: int, before: Frame, depth: int) -> tuple[int, Frame] | None:
    """The next header of the number that is due."""
    due = before.number + (before.samples if before.varies else 1)
    while start < min(stop, span.size):
        wanted = min(1 << 14, stop - start)
        piece = span.pread(start, wanted + 20)
        for m in _SYNC.finditer(piece):
            frame = _header(piece[m.start() : m.start() + 20], depth, due, before.varies)
            if frame:
                return start + m.start(), frame
        start += wanted
    return None


def _header(raw: bytes, depth: int, due: int | None = None, varies: bool = False) -> Frame | None:
    """The header of a frame whose sum holds, and whose number is the one that is due."""
    if len(raw) < 6 or raw[0] != 0xFF or raw[1] & 0xFE != 0xF8 or raw[3] & 1:
        return None
    size, rate, channels, sample = raw[2] >> 4, raw[2] & 15, raw[3] >> 4, raw[3] >> 1 & 7
    if not size or rate == 15 or channels > 10 or sample not in _SIZES:
        return None
    ones = 8 - (raw[4] ^ 0xFF).bit_length()
    more = max(0, ones - 1)
    if ones in (1, 8) or len(raw) < 6 + more:
        return None
    number, at = raw[4] & (0x3F >> more if more else 0x7F), 5
    for byte in raw[5 : 5 + more]:
        if byte & 0xC0 != 0x80:
            return None
        number, at = number << 6 | byte & 0x3F, at + 1
    if due is not None and (number != due or bool(raw[1] & 1) != varies):
        return None
    wide = 1 if size == 6 else 2 if size == 7 else 0
    samples = int.from_bytes(raw[at : at + wide], "big") + 1 if wide else 192 if size == 1 else 0
    samples = samples or (576 << size - 2 if size < 6 else 256 << size - 8)
    at += wide + (1 if rate == 12 else 2 if rate in (13, 14) else 0)
    if at >= len(raw) or _crc8(raw[:at]) != raw[at]:
        return None
    return Frame(number, bool(raw[1] & 1), samples, channels, _SIZES[sample] or depth, at + 1)


def _last(span: Span, at: int, frame: Frame) -> int:
    """Where a frame ends that nothing follows, by reading its bits; 0 when it does not hold."""
    for size in _LOOKS:
        raw = span.pread(at, size)
        if not span.ground.afford(_BIT * len(raw)):
            return 0
        try:
            end = _bits_end(raw, frame) + 2
        except IndexError:
            continue
        except ValueError:
            return 0
        if end <= len(raw):
            return at + end if not crc16([raw[:end]])[0] else 0
    return 0


def _bits_end(raw: bytes, frame: Frame) -> int:
    """Where the bits of a frame end; raises `IndexError` when there are too few, `ValueError` when they are wrong."""
    bits = bin(int.from_bytes(b"\1" + raw, "big"))[3:]
    place, count = 8 * frame.body, 2 if frame.channels > 7 else frame.channels + 1
    for channel in range(count):
        wider = (frame.channels in (8, 10) and channel == 1) or (frame.channels == 9 and channel == 0)
        place = _subframe(bits, place, frame.samples, frame.depth + wider)
        if place > len(bits):
            raise IndexError("not enough bits")
    return -(-place // 8)


def _number(bits: str, at: int, count: int) -> int:
    if at + count > len(bits):
        raise IndexError("not enough bits")
    return int(bits[at : at + count], 2)


def _next_one(bits: str, at: int) -> int:
    if (found := bits.find("1", at)) < 0:
        raise IndexError("not enough bits")
    return found + 1


def _subframe(bits: str, at: int, samples: int, depth: int) -> int:
    """Where the bits of a channel end."""
    kind, wasted = _number(bits, at + 1, 6), bits[at + 7] == "1"
    if bits[at] == "1":
        raise ValueError("no subframe")
    at += 8
    if wasted:
        after = _next_one(bits, at)
        depth, at = depth - (after - at), after
    if depth < 1:
        raise ValueError("no bits left")
    if kind == 0:
        return at + depth
    if kind == 1:
        return at + depth * samples
    if 8 <= kind <= 12:
        return _residual(bits, at + (kind - 8) * depth, samples, kind - 8)
    if kind < 32:
        raise ValueError("a reserved kind")
    order = kind - 31
    at += order * depth
    precision = _number(bits, at, 4) + 1
    return _residual(bits, at + 9 + order * precision, samples, order)


def _residual(bits: str, at: int, samples: int, order: int) -> int:
    wide = 4 + _number(bits, at, 2)
    parts = _number(bits, at + 2, 4)
    at += 6
    if wide > 5 or samples >> parts << parts != samples or samples >> parts < order:
        raise ValueError("no residual")
    for part in range(1 << parts):
        count = (samples >> parts) - (0 if part else order)
        power = _number(bits, at, wide)
        at += wide
        if power == (1 << wide) - 1:
            at += 5 + _number(bits, at, 5) * count
            continue
        for _ in range(count):
            at = _next_one(bits, at) + power
    return at


def _holding(span: Span, starts: Sequence[int]) -> int:
    """How many frames from the first have their sums, the last one left out."""
    pairs = list(pairwise(starts))
    done = 0
    while done < len(pairs):
        lanes = max(1, min(_LANES, _HELD // max(b - a for a, b in pairs[done : done + _LANES])))
        sums = crc16([span.pread(a, b - a) for a, b in pairs[done : done + lanes]])
        if any(sums):
            return done + next(n for n, total in enumerate(sums) if total)
        done += lanes
    return len(pairs)


def _bridge(span: Span, at: int, frame: Frame, depth: int, total: int) -> Carved | None:
    """A gap in the frame at `at`, told by the next one behind it, proved by the frame's own sum."""
    found = _next(span, at + frame.body, at + _REACH, frame, depth) if span.ground.afford(_COST) else None
    if found is None:
        return None
    after, _ = found
    first = -(-(span.offset + at + frame.body) // SECTOR) * SECTOR - span.offset
    sums, wanted = _borders(span, at, first, after)
    tries = 0
    for gap in range((after - at - 32) // SECTOR, 0, -1):
        if after - at - gap * SECTOR > _LONGEST >> 2 or tries > _TRIES:
            break
        for cut in range(len(sums) - gap):
            if sums[cut] ^ sums[cut + gap] == wanted[cut + gap]:
                return _joined(span, first + cut * SECTOR, gap * SECTOR, after, depth, total, frame)
        tries += max(0, len(sums) - gap)
    return None


def _borders(span: Span, at: int, first: int, after: int) -> tuple[list[int], list[int]]:
    """At each sector from `first` on the sum since `at`, and by what it must differ where a gap ends that leaves none.

    The sum of a whole is the sum of its head, moved on by the length of its tail, and the sum of the tail.
    """
    one, many, back, far = _moves()
    count = max(0, (after - first) // SECTOR)
    parts = [span.pread(first + i * SECTOR, SECTOR) for i in range(count)]
    head, *blocks = [crc16([span.pread(at, first - at)])[0], *crc16(parts)]
    sums = [head]
    for block in blocks:
        sums.append(int(many[sums[-1]]) ^ block)
    rest = span.pread(first + count * SECTOR, after - first - count * SECTOR)
    whole = sums[-1]
    for _ in rest:
        whole = int(one[whole])
    whole ^= crc16([rest])[0]
    for _ in rest:
        whole = int(back[whole])
    wanted = [whole]
    for _ in blocks:
        wanted.append(int(far[wanted[-1]]))
    return sums, wanted[::-1]


def _joined(span: Span, cut: int, gap: int, after: int, depth: int, total: int, first: Frame) -> Carved | None:
    starts, frames = _follow(span, after, depth)
    end = _last(span, starts[-1], frames[-1]) if frames else 0
    if not end or _holding(span, starts) < len(starts) - 1:
        return None
    last = frames[-1]
    done = last.number + last.samples if last.varies else last.number * first.samples + last.samples
    whole = not total or done >= total
    extents = joined(((span.offset, cut), (span.offset + cut + gap, end - cut - gap)))
    flags = ("rejoined",) if whole else ("rejoined", "truncated")
    return Carved(_KIND, extents, "", 1.0 if whole else 0.4, flags)


@cache
def _table() -> np.ndarray:
    """The sums of single bytes, polynomial 0x8005."""
    values = np.arange(256, dtype=np.uint32) << 8
    for _ in range(8):
        values = np.where(values & 0x8000, values << 1 ^ 0x8005, values << 1) & 0xFFFF
    return values.astype(np.uint16)


@cache
def _moves() -> tuple[np.ndarray, ...]:
    """What a sum becomes with a zero more and with a sector of zeros more, and the ways back."""
    values = np.arange(65536, dtype=np.uint32)
    one = _table()[values >> 8] ^ (values << 8 & 0xFFFF)
    many = one
    for _ in range(9):
        many = many[many]
    return one, many, np.argsort(one), np.argsort(many)


_HELD, _TRIES = 16 << 20, 4096


def crc16(parts: Sequence[bytes]) -> list[int]:
    """The sums of several ranges at once, each with its own stored sum at its end: 0 where that is right."""
    if not parts:
        return []
    longest = max(map(len, parts))
    # Zeros in front change nothing, for the sum begins with zero; so all are of one length.
    lanes = np.frombuffer(b"".join(part.rjust(longest, b"\0") for part in parts), np.uint8).reshape(len(parts), longest)
    columns = np.ascontiguousarray(lanes.T)
    table, total = _table(), np.zeros(len(parts), np.uint16)
    for column in columns:
        total = table[(total >> 8) ^ column] ^ (total << 8)
    return [int(n) for n in total]


def _crc8(raw: bytes) -> int:
    total, table = 0, _table8()
    for byte in raw:
        total = table[total ^ byte]
    return total


@cache
def _table8() -> bytes:
    """The sums of single bytes, polynomial 0x07."""
    values = list(range(256))
    for _ in range(8):
        values = [(value << 1 ^ 0x07 if value & 0x80 else value << 1) & 0xFF for value in values]
    return bytes(values)
