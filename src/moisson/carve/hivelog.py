"""Logs of registry hives: entries with sums, or the dirty sectors of older ones (Registry file format, Suhanov)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.carve.ground import SECTOR, Span

if TYPE_CHECKING:
    from moisson.carve.ground import Carved

NEW, OLD = 6, (0, 1, 2)
_KIND = "application/x-ms-regf-log"
_GROWTH, _BLANK, _STALE = 1 << 16, 1 << 19, 1 << 20
_PAGE = 4096
_WORD = 0xFFFFFFFF


def changes(span: Span) -> Carved | None:
    """A log of entries one after the other (LOG1, LOG2), the head of each proved by its sum.

    What is left of older entries behind the newest belongs to the file as well, and the zeros that it was given.
    """
    at = SECTOR
    while size := _entry(span, at):
        at += size
        if not _entry(span, at) and (older := _older(span, at)):
            at = older
    return span.carved(_KIND, _given(span, at)) if at > SECTOR else None


def _entry(span: Span, at: int) -> int:
    """The length of the entry at a place, or 0."""
    head = span.pread(at, 40)
    size = int.from_bytes(head[4:8], "little")
    good = len(head) == 40 and head[:4] == b"HvLE" and size and not size % SECTOR and at + size <= span.size
    return size if good and marvin32(head[:32]) == head[32:] else 0


def _older(span: Span, end: int) -> int:
    """Where an entry goes on whose beginning a newer one has overwritten, or 0."""
    if not any(span.pread(end, SECTOR)):
        return 0
    at = end
    while (at := span.find(b"HvLE", at, end + _STALE)) >= 0:
        if not at % SECTOR and _entry(span, at):
            return at
        at += 4
    return 0


def _given(span: Span, end: int) -> int:
    """The length of a file whose entries end here: to the last step of growth that zeros fill and no further."""
    full = -(-end // _GROWTH) * _GROWTH
    if full > span.size or not span.blank(end, full):
        return end
    while full + _GROWTH <= min(span.size, end + _BLANK) and span.blank(full, full + _GROWTH):
        full += _GROWTH
    return full if full - end < _BLANK - _GROWTH else -(-end // _GROWTH) * _GROWTH


def dirty(span: Span, length: int) -> Carved | None:
    """An older log: a bit for each sector of the bins, then the sectors whose bit is set; some end with the header."""
    bits = length // SECTOR // 8
    raw = span.pread(SECTOR, 4 + bits)
    if len(raw) < 4 + bits or raw[:4] != b"DIRT" or not bits:
        return None
    start = SECTOR + -(-(4 + bits) // SECTOR) * SECTOR
    end = start + SECTOR * int.from_bytes(raw[4:], "little").bit_count()
    if start < end <= span.size:
        return span.carved(_KIND, end, 0.9 if _begun(span, raw[4:], start) else 0.6)
    return span.carved(_KIND, min(end, span.size), 0.4, "truncated") if end > start else None


def _begun(span: Span, bits: bytes, start: int) -> bool:
    """Whether the sectors that begin a bin do so in the log."""
    count = index = 0
    for number in range(len(bits) * 8):
        if not bits[number >> 3] >> (number & 7) & 1:
            continue
        if not number * SECTOR % _PAGE:
            head = span.pread(start + index * SECTOR, 8)
            if head[:4] == b"hbin" and int.from_bytes(head[4:], "little") != number * SECTOR:
                return False
            count += head[:4] == b"hbin"
        index += 1
    return count > 0


def marvin32(data: bytes) -> bytes:
    """The sum of whole words that Windows has for its registry logs (Suhanov, 5.3; Niels Ferguson's Marvin32)."""
    low, high = 0x7A4E55C5, 0x82EF4D88
    for word in (*struct.unpack(f"<{len(data) // 4}I", data), 0x80, 0):
        low = low + word & _WORD
        high ^= low
        low = (_turned(low, 20) + high) & _WORD
        high = _turned(high, 9) ^ low
        low = (_turned(low, 27) + high) & _WORD
        high = _turned(high, 19)
    return struct.pack("<II", low, high)


def _turned(word: int, by: int) -> int:
    return (word << by | word >> 32 - by) & _WORD
