"""What the native code does, in whole-word operations of numpy: gates, and structures without a signature."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from moisson.scan import hiber, outlook
from moisson.scan.gates import ARABIC, PAGE, RANDOM, TEXT, WIDE, ZERO, Gates

if TYPE_CHECKING:
    from collections.abc import Iterable

    Words = np.ndarray[Any, np.dtype[Any]]

_PART = 512
_PIECE = 1 << 17
_U = np.uint64
_HIGH = _U(0x8080808080808080)
_WIDE_EVEN, _WIDE_ODD = _U(0xF800F800F800F800), _U(0x00F800F800F800F8)
_SHOWN, _LANE_ONES, _LANE_TOPS = _U(0x00E800E800E800E8), _U(0x0001000100010001), _U(0x8000800080008000)
_LONG_HIGH, _LONG_LOW = _U(0xFFFFF900FFFFF900), _U(0xE0)
_ARABIC_EVEN = np.uint32(0xC0FCC0FC), np.uint32(0x80D880D8)
_ARABIC_ODD = np.uint32(0xFCC0FCC0), np.uint32(0xD880D880)
_NEWER, _OLDER, _LOW, _FIRST, _OWN = _U(1 << 40), _U(1 << 24), _U(0xFFFFFFFF), _U(4), _U(2)
_SHORT, _HALF, _LEAST, _MOST = _U(0xFFFF), _U(32), _U(16), _U(8192)
_ALL = _U(0x0101010101010101)
_DENSE = 3
_MOSTLY = 7
_SAMPLE = 32


def look(data: bytes | memoryview, *, flags: bool = True) -> Gates:
    """The gates of a block, which begins at a page; nothing beyond 4 MiB or so at once, for the sake of the cache."""
    raw = np.frombuffer(data, np.uint8)
    size = len(raw)
    if len(raw) % 8:
        raw = np.frombuffer(bytes(data) + bytes(-size % 8), np.uint8)
    words = raw.view(_U)
    if not words.any():
        return Gates(True, [], [], [], [], [], bytearray([ZERO] * (-(-size // PAGE) if flags else 0)))
    low, even, odd, old, first, second = _tests(raw, words)
    full = words != 0
    wide, long = _wide(words, even & full, odd & full, size)
    dense = _by_part(_runs(low & ~even & ~odd))
    gates = Gates(
        False,
        _merge(np.flatnonzero(dense) * _PART, _PART, 512, PAGE, size),
        wide,
        long,
        _merge(np.flatnonzero(first | second) * 4, 4, 128, 64, size),
        _merge(_varied(np.flatnonzero(old & ~low), words) * 8, 8, 128, 64, size),
        bytearray(),
    )
    if flags:
        gates.flags.extend(_flags(raw, full, dense))
        for ranges, flag, margin in ((wide, WIDE, 24), (gates.arabic, ARABIC, 128)):
            _mark(gates.flags, ranges, flag, margin)
    return gates


def _tests(raw: Words, words: Words) -> tuple[Words, ...]:
    """For each eight bytes: below 128, every second a small high byte (two parities), all letters of old charsets; for
    each four: two Arabic letters in UTF-8 (two parities).
    """
    n = len(words)
    low, even, odd, old = (np.empty(n, bool) for _ in range(4))
    first, second = np.empty(2 * n, bool), np.empty(2 * n, bool)
    spare, short = np.empty(_PIECE // 8, _U), np.empty(_PIECE // 4, np.uint32)
    letters, blanks, shifted = np.empty(_PIECE, bool), np.empty(_PIECE, bool), np.empty(_PIECE, np.uint8)
    halves = raw.view(np.uint32)
    for at in range(0, n, _PIECE // 8):
        v = words[at : at + _PIECE // 8]
        here = slice(at, at + len(v))
        t = spare[: len(v)]
        for mask, out in ((_HIGH, low), (_WIDE_EVEN, even), (_WIDE_ODD, odd)):
            np.equal(np.bitwise_and(v, mask, out=t), 0, out=out[here])
        h = halves[2 * at : 2 * (at + len(v))]
        s = short[: len(h)]
        for (pick, value), out in ((_ARABIC_EVEN, first), (_ARABIC_ODD, second)):
            np.equal(np.bitwise_and(h, pick, out=s), value, out=out[2 * at : 2 * (at + len(v))])
        b = raw[8 * at : 8 * (at + len(v))]
        c, d, e = letters[: len(b)], blanks[: len(b)], shifted[: len(b)]
        np.less_equal(np.subtract(b, 0xC0, out=e), 0x33, out=c)
        np.logical_or(c, np.equal(b, 0x20, out=d), out=c)
        np.equal(c.view(_U), _ALL, out=old[here])
    return low, even, odd, old, first, second


def _runs(plain: Words) -> Words:
    """Where three true ones begin in a row."""
    three: Words = plain[:-2] & plain[1:-1] & plain[2:] if len(plain) >= _DENSE else plain[:0]
    return three


def _by_part(tests: Words) -> Words:
    """Whether any test holds, for each 512 bytes."""
    each = _PART // 8
    whole = len(tests) // each
    found: Words = np.empty(-(-len(tests) // each), bool)
    found[:whole] = tests[: whole * each].reshape(whole, each).any(axis=1)
    found[whole:] = tests[whole * each :].any()
    return found


def _wide(words: Words, even: Words, odd: Words, size: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Ranges of UTF-16, and those of UTF-32."""
    spots, longs = [], []
    for test, shift in ((even, 0), (odd, 8)):
        at = np.flatnonzero(test)
        if not len(at):
            continue
        v = words[at]
        lanes = (v >> _U(shift)) & _SHOWN
        spots.append(_readable(at[((lanes - _LANE_ONES) & _LANE_TOPS) == 0], words, bool(shift)))
        for turn in (shift, shift + 16):
            x = v >> _U(turn)
            good = ((x & _LONG_HIGH) == 0) & ((x & _LONG_LOW) != 0)
            if turn:
                good &= (v & _U((1 << min(turn, 16)) - 1)) == 0 if turn < 24 else (v & _U(0xFFFF00)) == 0
            longs.append(_paired(_plain(at[good], words, turn // 8)))
    wide = np.unique(np.concatenate(spots)) if spots else np.empty(0, np.int64)
    long = np.unique(np.concatenate(longs)) if longs else np.empty(0, np.int64)
    return _merge(wide * 8, 8, 24, 16, size), _merge(long * 8, 8, 32, 32, size, least=16)


def _varied(at: Words, words: Words) -> Words:
    """Those places that are not one byte eight times."""
    v = words[at]
    varied: Words = at[v != (v & _U(0xFF)) * _ALL]
    return varied


def _readable(at: Words, words: Words, odd: bool) -> Words:
    """Those places where all four signs are ASCII or Arabic, one perhaps of Latin-1."""
    pairs = words[at].view(np.uint8).reshape(-1, 4, 2)
    low, high = pairs[:, :, int(odd)], pairs[:, :, int(not odd)]
    accents = (low >= 0xA0) & (high == 0)
    shown = ((low >= 0x20) & (low < 0x7F) & (high == 0)) | (high == 6) | accents
    good: Words = at[shown.all(axis=1) & (accents.sum(axis=1) < 2)]
    return good


def _plain(at: Words, words: Words, place: int) -> Words:
    """Those places where two signs of UTF-32, the first at this byte, are Latin-1 or Arabic."""
    raw = words[at].view(np.uint8).reshape(-1, 8)
    good = np.ones(len(at), bool)
    for low in (place, place + 4):
        shown = ((raw[:, low] >= 0x20) & (raw[:, low] < 0x7F)) | (raw[:, low] >= 0xA0)
        good &= (shown & (raw[:, low + 1] == 0)) | (raw[:, low + 1] == 6) if low < 7 else raw[:, low] > 0
    return at[good]


def _paired(at: Words) -> Words:
    """Those places that have a neighbour."""
    if len(at) < 2:
        return at[:0]
    near = np.diff(at) == 1
    return at[np.concatenate((near, [False])) | np.concatenate(([False], near))]


def _merge(starts: Words, length: int, margin: int, gap: int, size: int, *, least: int = 0) -> list[tuple[int, int]]:
    """Ranges around sorted places, joined where they come near each other."""
    if not len(starts):
        return []
    breaks = np.flatnonzero(np.diff(starts) > gap + length)
    firsts = starts[np.concatenate(([0], breaks + 1))].tolist()
    lasts = starts[np.concatenate((breaks, [len(starts) - 1]))].tolist()
    merged: list[tuple[int, int]] = []
    for first, last in zip(firsts, lasts, strict=True):
        if last + length - first < least:
            continue
        start, stop = max(0, first - margin), min(size, last + length + margin)
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], stop
        else:
            merged.append((start, stop))
    return merged


def _flags(raw: Words, full: Words, dense: Words) -> bytes:
    """Zero, text and random for each page; random is judged by a few of its bytes."""
    pages = -(-len(raw) // PAGE)
    parts = np.zeros((2, pages * PAGE // _PART), bool)
    parts[0, : -(-len(full) * 8 // _PART)] = _by_part(full)
    parts[1, : len(dense)] = dense
    some = parts[0].reshape(pages, -1).any(axis=1)
    text = parts[1].reshape(pages, -1).sum(axis=1) >= _MOSTLY
    flags = np.where(some, 0, ZERO).astype(np.uint8) | np.where(text, TEXT, 0).astype(np.uint8)
    unclear = np.flatnonzero(some & ~text)
    unclear = unclear[(unclear + 1) * PAGE <= len(raw)]
    if len(unclear):
        sample = raw[: len(raw) // PAGE * PAGE].reshape(-1, PAGE)[unclear, ::_SAMPLE].astype(np.int32)
        sample += (np.arange(len(unclear), dtype=np.int32) * 256)[:, None]
        counts = np.bincount(sample.ravel(), minlength=256 * len(unclear)).reshape(-1, 256)
        collisions = (counts * (counts - 1)).sum(axis=1)
        n = PAGE // _SAMPLE
        flags[unclear[collisions < 1.4 * n * (n - 1) / 256]] |= RANDOM
    return flags.tobytes()


def _mark(flags: bytearray, ranges: Iterable[tuple[int, int]], flag: int, margin: int) -> None:
    for start, stop in ranges:
        for page in range((start + margin) // PAGE, min(len(flags), -(-(stop - margin) // PAGE))):
            flags[page] |= flag


def blocks(data: bytes, start: int, stop: int) -> list[tuple[int, int, int, int]]:
    """The blocks of Outlook's whose trailers end every 64 bytes from `start` on: end, size, key and room of each."""
    words = np.frombuffer(data, "<u8", (stop - start) // 64 * 8, start).reshape(-1, 8)
    numbers = words[:, 7].copy()
    likely = np.flatnonzero(((numbers & _LOW) - _FIRST < _OLDER) | (numbers - _FIRST < _NEWER))
    # Both kinds say their size in 16 bits, and mark blocks of the store's own, never encoded, by the second bit.
    likely = likely[numbers[likely] & _OWN == 0]
    left = words[likely, 6]
    likely = likely[((left & _SHORT) - _LEAST < _MOST) | ((left >> _HALF & _SHORT) - _LEAST < _MOST)]
    found = []
    for row in likely.tolist():
        end = start + 64 * (row + 1)
        for tail in outlook.trailers(data[end - 16 : end]):
            if tail.room <= end and outlook.proves(tail, data[end - tail.room : end - tail.room + tail.size]):
                found.append((end, tail.size, tail.key, tail.room))
                break
    return found


def sets(data: bytes, start: int, stop: int, most: int) -> list[int]:
    """The first places in a range where the header of a set of pages may begin."""
    raw = np.frombuffer(data, np.uint8, min(stop + 11, len(data)) - start, start)
    n = max(0, len(raw) - 11)
    # The upper half of the place of a page is zero, and so few pages are in a set.
    some = (raw[8 : n + 8] == 0) & (raw[9 : n + 9] == 0) & (raw[10 : n + 10] == 0) & (raw[11 : n + 11] == 0)
    some &= (raw[:n] - np.uint8(1)) < 16
    places = (start + at for at in np.flatnonzero(some).tolist())
    return list(islice((at for at in places if hiber.header(data[at : at + hiber.HEAD])), most))
