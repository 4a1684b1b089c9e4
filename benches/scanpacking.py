"""What Windows packs: NTFS files, hibernation files, prefetch files, stores of Outlook; the other way round."""

from __future__ import annotations

import heapq
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


def lznt1(rng: Random, text: str) -> bytes:
    """NTFS compression (MS-XCA 2.5): chunks of 4096 bytes, greedy matches."""
    data, out = text.encode(), bytearray()
    for start in range(0, len(data), 4096):
        chunk = data[start : start + 4096]
        body = _lznt1_chunk(chunk)
        kind = 0xB000 if len(body) < len(chunk) else 0x3000
        body = body if kind == 0xB000 else chunk
        out += (kind | (len(body) - 1)).to_bytes(2, "little") + body
    return bytes(out + b"\0\0")


def _lznt1_chunk(chunk: bytes) -> bytes:
    out, at, seen = bytearray(), 0, {}
    while at < len(chunk):
        flags, group = 0, bytearray()
        for bit in range(8):
            if at >= len(chunk):
                break
            shift = 12
            while shift > 4 and (at - 1) >> (16 - shift) and at:
                shift -= 1
            size = 0
            found = seen.get(chunk[at : at + 3], -1)
            if found >= 0 and at - found <= 1 << (16 - shift):
                while size < (1 << shift) + 2 and at + size < len(chunk) and chunk[found + size] == chunk[at + size]:
                    size += 1
            step = max(1, size if size >= 3 else 1)
            if size >= 3:
                flags |= 1 << bit
                group += ((at - found - 1) << shift | (size - 3)).to_bytes(2, "little")
            else:
                group.append(chunk[at])
            for i in range(at, at + step):
                seen[chunk[i : i + 3]] = i
            at += step
        out.append(flags)
        out += group
    return bytes(out)


def xpress(rng: Random, text: str) -> bytes:
    """A hibernation block (plain LZ77 of MS-XCA 2.4 behind its signature)."""
    data, out = text.encode("utf-8"), bytearray()
    for start in range(0, len(data), 65536):
        body = _xpress_body(data[start : start + 65536].ljust(65536, b"\0"))
        head = b"\x81\x81xpress" + bytes([15]) + ((len(body) - 1) << 10).to_bytes(4, "little") + bytes(19)
        out += head + body
        out += bytes(-len(out) % 8)
    return bytes(out)


def _xpress_body(data: bytes) -> bytes:
    out, at, seen = bytearray(4), 0, {}
    flag_at, flags, bits, nibble = 0, 0, 0, -1
    while at < len(data):
        found, size = seen.get(data[at : at + 3], -1), 0
        if found >= 0 and at - found <= 8192:
            while size < 60000 and at + size < len(data) and data[found + size] == data[at + size]:
                size += 1
        if size >= 3:
            out_len = size - 3
            out += ((at - found - 1) << 3 | min(out_len, 7)).to_bytes(2, "little")
            if out_len >= 7:
                rest = out_len - 7
                if nibble < 0:
                    nibble = len(out)
                    out.append(min(rest, 15))
                else:
                    out[nibble] |= min(rest, 15) << 4
                    nibble = -1
                if rest >= 15:
                    if rest - 15 < 255:
                        out.append(rest - 15)
                    else:
                        out += b"\xff" + out_len.to_bytes(2, "little")
            flags = flags << 1 | 1
            step = size
        else:
            out.append(data[at])
            flags <<= 1
            step = 1
        for i in range(at, at + min(step, 64)):
            seen[data[i : i + 3]] = i
        at += step
        bits += 1
        if bits == 32:
            out[flag_at : flag_at + 4] = flags.to_bytes(4, "little")
            flag_at, flags, bits = len(out), 0, 0
            out += bytes(4)
    rest = 32 - bits
    out[flag_at : flag_at + 4] = ((flags << rest | ((1 << rest) - 1)) & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes(out)


def hiberset(rng: Random, text: str) -> bytes:
    """Sets of pages of a hibernation file of Windows 8 and later (MS-XCA 2.1)."""
    data, out, page = text.encode(), bytearray(), rng.randint(16, 1 << 18)
    for start in range(0, len(data), 65536):
        piece = data[start : start + 65536]
        pages = -(-len(piece) // 4096)
        body = xpress_huffman(piece.ljust(pages * 4096, b"\0"))
        runs, left = [], pages
        while left:
            runs.append(min(left, rng.randint(1, 4)))
            left -= runs[-1]
        out += (len(runs) | len(body) << 8 | 2 << 30).to_bytes(4, "little")
        for run in runs:
            out += (page << 4 | (run - 1)).to_bytes(8, "little")
            page += run + rng.randint(1, 99)
        out += body
    return bytes(out)


def mam(rng: Random, text: str) -> bytes:
    """A file packed as those of the prefetcher of Windows 10."""
    data = text.encode()
    pieces = [xpress_huffman(data[at : at + 65536], last=at + 65536 >= len(data)) for at in range(0, len(data), 65536)]
    return b"MAM\x04" + len(data).to_bytes(4, "little") + b"".join(pieces)


def xpress_huffman(data: bytes, *, last: bool = True) -> bytes:
    """One block of MS-XCA 2.1: matches where three bytes repeat, codes by how often symbols are."""
    tokens, at, seen = [], 0, {}
    while at < len(data):
        found, size = seen.get(data[at : at + 3], -1), 0
        if found >= 0 and at - found < 65536:
            while size < 400 and at + size < len(data) and data[found + size] == data[at + size]:
                size += 1
        if size >= 3:
            back = at - found
            width = back.bit_length() - 1
            tokens.append((256 + (width << 4) + min(size - 3, 15), size - 3, width, back - (1 << width)))
        else:
            tokens.append((data[at], 0, 0, 0))
        for i in range(at, at + max(1, min(size, 64)) if size >= 3 else at + 1):
            seen[data[i : i + 3]] = i
        at += size if size >= 3 else 1
    return _coded([*tokens, (256, 0, 0, 0)] if last else tokens)


def _coded(tokens: list[tuple[int, int, int, int]]) -> bytes:
    lengths = _code_lengths(Counter(symbol for symbol, *_ in tokens))
    codes, code = {}, 0
    for length in range(1, 16):
        for symbol in range(512):
            if lengths[symbol] == length:
                codes[symbol] = code
                code += 1
        code <<= 1
    out = bytearray(lengths[i] | lengths[i + 1] << 4 for i in range(0, 512, 2)) + bytearray(4)
    bits = _Words(out)
    for symbol, rest, width, low in tokens:
        bits.write(lengths[symbol], codes[symbol])
        if symbol >= 256 and rest >= 15:
            out += bytes([rest - 15]) if rest < 270 else b"\xff" + rest.to_bytes(2, "little")
        bits.write(width, low)
    return bits.done()


class _Words:
    """Bits in words of 16, of which two are always under way while bytes go between them."""

    def __init__(self, out: bytearray) -> None:
        self.out, self.first, self.second = out, len(out) - 4, len(out) - 2
        self.word, self.free = 0, 16

    def write(self, count: int, value: int) -> None:
        if count <= self.free:
            self.word, self.free = self.word << count | value, self.free - count
            return
        spill = count - self.free
        self._put(self.word << self.free | value >> spill)
        self.first, self.second = self.second, len(self.out)
        self.out += bytes(2)
        self.word, self.free = value & (1 << spill) - 1, 16 - spill

    def _put(self, word: int) -> None:
        self.out[self.first : self.first + 2] = word.to_bytes(2, "little")

    def done(self) -> bytes:
        self._put(self.word << self.free)
        return bytes(self.out)


def _code_lengths(counts: Counter[int]) -> list[int]:
    """Lengths of Huffman codes of at most 15 bits; where they are longer, all symbols get nine bits."""
    heap = [(n, symbol, (symbol,)) for symbol, n in counts.items()]
    if len(heap) == 1:
        heap.append((0, 511, (511,)))
    heapq.heapify(heap)
    lengths = [0] * 512
    while len(heap) > 1:
        (n, first, left), (m, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in (*left, *right):
            lengths[symbol] += 1
        heapq.heappush(heap, (n + m, first, (*left, *right)))
    return lengths if max(lengths) <= 15 else [9] * 512


def outlook(rng: Random, text: str) -> bytes:
    """Blocks of a store of Outlook, encoded one way or the other ([MS-PST] 2.2.2.8, 5.1 to 5.3)."""
    data, out, way = text.encode("utf-16-le"), bytearray(), rng.randint(1, 2)
    for start in range(0, len(data), 8176):
        piece, number = data[start : start + 8176], rng.randint(10, 1 << 22) * 4
        code = piece.translate(_tables()[0]) if way == 1 else _cycle(piece, number)
        check = _checksum(code)
        out += code + bytes(-(len(code) + 16) % 64)
        out += (
            len(code).to_bytes(2, "little")
            + rng.randbytes(2)
            + check.to_bytes(4, "little")
            + number.to_bytes(8, "little")
        )
    return bytes(out)


@cache
def _tables() -> tuple[bytes, bytes, bytes]:
    text = files("moisson.scan").joinpath("data/outlook.txt").read_text("ascii")
    raw = bytes.fromhex("".join(line for line in text.splitlines() if line[0] != "#"))
    return raw[:256], raw[256:], bytes(raw[:256].index(i) for i in range(256))


def _cycle(data: bytes, key: int) -> bytes:
    """CryptCyclic of [MS-PST] 5.2, byte by byte."""
    one, two, three = _tables()
    turn, out = (key ^ key >> 16) & 0xFFFF, bytearray()
    for byte in data:
        byte = two[one[byte + turn & 255] + (turn >> 8) & 255]
        out.append(three[byte - (turn >> 8) & 255] - turn & 255)
        turn = turn + 1 & 0xFFFF
    return bytes(out)


def _checksum(data: bytes) -> int:
    """ComputeCRC of [MS-PST] 5.3, bit by bit."""
    check = 0
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ (0xEDB88320 if check & 1 else 0)
    return check
