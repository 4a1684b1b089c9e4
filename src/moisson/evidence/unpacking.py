"""The two packings of WOF by chunk: XPRESS with Huffman codes ([MS-XCA] 2.2), and LZX ([MS-PATCH]) as WIM has it.

Every chunk stands alone; what leaves its bounds raises `DamagedError`.
"""

from __future__ import annotations

import struct

from moisson.errors import DamagedError

_SLOTS = 30
_MAIN, _LENGTHS, _PRE, _ALIGNED = 256 + 8 * _SLOTS, 249, 20, 8
_FOOTER = [0, 0, 0, 0, *(n // 2 - 1 for n in range(4, _SLOTS))]
_BASE = [sum(1 << bits for bits in _FOOTER[:n]) for n in range(_SLOTS)]
_WHOLE = 32768
_CALL, _FILE = 0xE8, 12_000_000
_DEEPEST = 16
_XPRESS_BLOCK = 65536


class _Bits:
    """Bits from the upper end of words of 16."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at, self.held, self.left = data, at, 0, 0

    def need(self, count: int) -> None:
        while self.left < count:
            if self.at >= len(self.data) + 8:
                raise DamagedError("a packed chunk ends too early")
            word = int.from_bytes(self.data[self.at : self.at + 2], "little")
            self.held, self.left, self.at = (self.held << 16 | word) & 0xFFFFFFFFFF, self.left + 16, self.at + 2

    def take(self, count: int) -> int:
        self.need(count)
        self.left -= count
        return self.held >> self.left & (1 << count) - 1

    def symbol(self, code: _Code) -> int:
        self.need(code.depth)
        symbol, length = code.table[self.held >> self.left - code.depth & (1 << code.depth) - 1]
        self.left -= length
        return symbol


class _Code:
    """A canonical Huffman code as a table of all its prefixes."""

    def __init__(self, lengths: list[int]) -> None:
        self.depth = max(lengths, default=0)
        used = sum(1 << self.depth - n for n in lengths if n)
        if not self.depth or self.depth > _DEEPEST or used > 1 << self.depth:
            raise DamagedError("impossible codes in a packed chunk")
        self.table: list[tuple[int, int]] = []
        for length in range(1, self.depth + 1):
            for symbol, n in enumerate(lengths):
                if n == length:
                    self.table += [(symbol, length)] * (1 << self.depth - length)
        self.table += [(0, self.depth)] * ((1 << self.depth) - len(self.table))


def _copy(out: bytearray, distance: int, count: int, size: int) -> None:
    if not 0 < distance <= len(out) or len(out) + count > size:
        raise DamagedError("a match of a packed chunk leaves it")
    start = len(out) - distance
    if distance >= count:
        out += out[start : start + count]
        return
    piece = bytes(out[start:])
    out += (piece * (count // distance + 1))[:count]


def expand_xpress(data: bytes, size: int) -> bytes:
    """A chunk of XPRESS with Huffman codes."""
    out = bytearray()
    _xpress_block(data, 0, out, size, size)
    return bytes(out)


def unpack_xpress(data: bytes, size: int) -> tuple[bytes, int]:
    """A stream of XPRESS with Huffman codes, new ones each 64 KiB, and the bytes it took; damage ends it early."""
    out, at = bytearray(), 0
    while len(out) < size:
        try:
            at = _xpress_block(data, at, out, min(size, len(out) + _XPRESS_BLOCK), size)
        except DamagedError:
            if not out:
                raise
            break
    return bytes(out), min(at, len(data))


def _xpress_block(data: bytes, at: int, out: bytearray, end: int, size: int) -> int:
    """What one set of codes says, up to `end`, over which a last match may reach; returns what follows it."""
    if len(data) < at + 256:
        raise DamagedError("a packed chunk has no codes")
    code = _Code([n for byte in data[at : at + 256] for n in (byte & 15, byte >> 4)])
    bits = _Bits(data, at + 256)
    bits.need(32)
    while len(out) < end:
        symbol = bits.symbol(code)
        if bits.left < 16:
            bits.need(16)
        if symbol < 256:
            out.append(symbol)
            continue
        count, width = symbol & 15, symbol - 256 >> 4
        if count == 15:
            count, bits.at = data[bits.at] if bits.at < len(data) else 0, bits.at + 1
            if count == 255:
                count, bits.at = int.from_bytes(data[bits.at : bits.at + 2], "little"), bits.at + 2
                if not count:
                    count, bits.at = int.from_bytes(data[bits.at : bits.at + 4], "little"), bits.at + 4
                count -= 15
            count += 15
        distance = (1 << width) + (bits.take(width) if width else 0)
        if bits.left < 16:
            bits.need(16)
        _copy(out, distance, max(count, 0) + 3, size)
    return bits.at


class _Lzx:
    """One chunk of LZX while it is unpacked."""

    def __init__(self, data: bytes, size: int) -> None:
        self.bits, self.size, self.out = _Bits(data, 0), size, bytearray()
        self.main, self.lengths = [0] * _MAIN, [0] * _LENGTHS
        self.recent = [1, 1, 1]

    def expand(self) -> bytes:
        while len(self.out) < self.size:
            kind = self.bits.take(3)
            size = _WHOLE if self.bits.take(1) else self.bits.take(16)
            end = min(self.size, len(self.out) + size)
            if kind == 3:
                self._plain(end)
            elif kind in (1, 2) and size:
                self._block(end, aligned=kind == 2)
            else:
                raise DamagedError("an unknown block in a packed chunk")
        return _undo_calls(self.out)

    def _plain(self, end: int) -> None:
        bits = self.bits
        bits.take(bits.left % 16 or 16)
        bits.at -= bits.left // 8
        bits.left = 0
        head = bits.data[bits.at : bits.at + 12]
        count = end - len(self.out)
        body = bits.data[bits.at + 12 : bits.at + 12 + count]
        if len(head) < 12 or len(body) < count or not count:
            raise DamagedError("a packed chunk ends too early")
        self.recent = list(struct.unpack("<III", head))
        self.out += body
        bits.at += 12 + count + (count & 1)

    def _read(self, lengths: list[int], start: int, end: int) -> None:
        """Lengths of codes, told as differences from those of the block before."""
        code = _Code([self.bits.take(4) for _ in range(_PRE)])
        at = start
        while at < end:
            symbol = self.bits.symbol(code)
            if symbol < 17:
                lengths[at] = (lengths[at] - symbol) % 17
                at += 1
                continue
            if symbol == 19:
                run = 4 + self.bits.take(1)
                value = (lengths[at] - self.bits.symbol(code)) % 17
            else:
                run, value = (4 + self.bits.take(4) if symbol == 17 else 20 + self.bits.take(5)), 0
            run = min(run, end - at)
            lengths[at : at + run] = [value] * run
            at += run

    def _block(self, end: int, *, aligned: bool) -> None:
        footer = _Code([self.bits.take(3) for _ in range(_ALIGNED)]) if aligned else None
        self._read(self.main, 0, 256)
        self._read(self.main, 256, _MAIN)
        self._read(self.lengths, 0, _LENGTHS)
        main = _Code(self.main)
        more = _Code(self.lengths) if any(self.lengths) else None
        bits, out = self.bits, self.out
        while len(out) < end:
            symbol = bits.symbol(main)
            if symbol < 256:
                out.append(symbol)
                continue
            count = symbol & 7
            if count == 7:
                if more is None:
                    raise DamagedError("impossible codes in a packed chunk")
                count += bits.symbol(more)
            _copy(out, self._distance(symbol - 256 >> 3, footer), count + 2, self.size)

    def _distance(self, slot: int, footer: _Code | None) -> int:
        recent = self.recent
        if slot < 3:
            recent[0], recent[slot] = recent[slot], recent[0]
            return recent[0]
        width = _FOOTER[slot]
        if footer is not None and width >= 3:
            value = self.bits.take(width - 3) << 3 if width > 3 else 0
            value += self.bits.symbol(footer)
        else:
            value = self.bits.take(width) if width else 0
        self.recent = [_BASE[slot] + value - 2, recent[0], recent[1]]
        return self.recent[0]


def _undo_calls(out: bytearray) -> bytes:
    """Give back to the calls of x86 code the distances they had."""
    at, last = out.find(_CALL), len(out) - 10
    while 0 <= at < last:
        value = int.from_bytes(out[at + 1 : at + 5], "little", signed=True)
        if -at <= value < _FILE:
            value = value - at if value >= 0 else value + _FILE
            out[at + 1 : at + 5] = (value & 0xFFFFFFFF).to_bytes(4, "little")
        at = out.find(_CALL, at + 5)
    return bytes(out)


def expand_lzx(data: bytes, size: int) -> bytes:
    """A chunk of LZX."""
    return _Lzx(data, size).expand()
