"""Pictures made of blocks whose lengths are given: PNG (sums), GIF, BMP."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from moisson.carve.ground import SECTOR, Carved, Ground, Part, Span, joined

if TYPE_CHECKING:
    from moisson.reader import Reader

_LARGEST = 1 << 30
_BLOCKS = 200_000
_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_DEPTHS = frozenset((1, 2, 4, 8, 16, 24, 32))
_GAP = 4 << 20
_STEPS, _FEW = 3, 1000
_CELL, _COST, _FREE, _CHAINS = 4096, 256, 1024, 1 << 18


def carve_png(data: Reader, offset: int, limit: int) -> Carved | None:
    """A PNG by its chunks, each with its sum, which also proves where a gap lies in one (ISO/IEC 15948)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 33)
    if len(head) < 33 or head[12:16] != b"IHDR" or zlib.crc32(head[12:29]) != int.from_bytes(head[29:33], "big"):
        return None
    width, height, depth, color = struct.unpack_from(">IIBB", head, 16)
    if not width or not height or depth not in (1, 2, 4, 8, 16) or color not in (0, 2, 3, 4, 6):
        return None
    end, whole = _chunks(span, 33)
    if whole:
        return span.carved("image/png", end)
    if bridge := _bridge(span, end):
        split, gap, rest, done = bridge
        ranges = ((offset, split), (offset + split + gap, rest - split - gap))
        flags = ("rejoined",) if done else ("rejoined", "truncated")
        return Carved("image/png", ranges, "", 1.0 if done else 0.4, flags)
    return span.carved("image/png", end, 0.4, "truncated") if end > 33 else None


def _chunks(span: Span, at: int) -> tuple[int, bool]:
    """Where the good chunks end, and whether the last of them was the end of the picture."""
    for _ in range(_BLOCKS):
        head = span.pread(at, 8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(kind) < 4 or not kind.isalpha() or length > min(_LARGEST, span.size - at - 12):
            return at, False
        total = zlib.crc32(kind)
        for piece in span.chunks(at + 8, at + 8 + length):
            total = zlib.crc32(piece, total)
        if total != span.number(at + 8 + length, 4, big=True):
            return at, False
        at += 12 + length
        if kind == b"IEND":
            return at, True
    return at, False


def _bridge(span: Span, at: int) -> tuple[int, int, int, bool] | None:
    """A gap in the chunk at `at`: where it begins, its length, where the picture then ends, whether it is whole."""
    head = span.pread(at, 8)
    length = int.from_bytes(head[:4], "big")
    if head[4:] != b"IDAT" or length > _GAP or not span.ground.afford(_GAP):
        return None
    after = at + 8 + length
    reach = span.pread(after, _GAP)
    for gap in range(SECTOR, len(reach) - 12, SECTOR):
        follows, kind = int.from_bytes(reach[gap + 4 : gap + 8], "big"), reach[gap + 8 : gap + 12]
        if kind not in (b"IDAT", b"IEND", b"tEXt", b"iTXt", b"eXIf", b"tIME", b"zTXt") or follows > _LARGEST:
            continue
        wanted = int.from_bytes(reach[gap : gap + 4], "big")
        if split := _split(span, at, length, gap, wanted):
            end, whole = _chunks(span, after + gap + 4)
            return split, gap, end, whole
    return None


def _split(span: Span, at: int, length: int, gap: int, wanted: int) -> int:
    """The sector at which a gap begins so that the chunk has its sum, or 0."""
    body, later = span.pread(at + 4, length + 4), span.pread(at + 4 + gap, length + 4)
    first = -(-(span.offset + at + 8) // SECTOR) * SECTOR - span.offset - at - 4
    done, total = 0, 0
    for cut in range(first, length + 4, SECTOR):
        total, done = zlib.crc32(body[done:cut], total), cut
        if not span.ground.afford(length - cut):
            return 0
        if zlib.crc32(later[cut:], total) == wanted:
            return at + 4 + cut
    return 0


def carve_gif(data: Reader, offset: int, limit: int) -> Carved | None:
    """A GIF by its blocks to the trailer, a gap being where its sub-blocks go on in step (GIF89a specification)."""
    span = Span(data, offset, limit)
    end, last = _blocks(span)
    joint = _in_step(span, last) if last else None
    return joint or (span.carved("image/gif", end, 0.95) if end else None)


def _blocks(span: Span) -> tuple[int, int]:
    """Where the trailer ends, or 0; and where the sub-blocks begin of the first picture whose chain loses step.

    A chain falls into step again by chance, so a picture may have its end and a gap all the same.
    """
    head = span.pread(0, 13)
    if len(head) < 13 or head[:6] not in (b"GIF87a", b"GIF89a"):
        return 0, 0
    width, height, packed = struct.unpack_from("<HHB", head, 6)
    if not width or not height:
        return 0, 0
    at = 13 + (3 << (packed & 7) + 1 if packed & 0x80 else 0)
    pictures = odd = last = 0
    for number in range(_BLOCKS):
        mark = span.pread(at, 11)
        if mark[:1] == b";" and pictures:
            return at + 1, odd
        if number > _FEW and not span.ground.afford(_COST):
            break
        if mark[:1] == b"!":
            at = _sub_blocks(span, at + 2)
        elif mark[:1] == b"," and len(mark) == 11 and _fits(mark, width, height):
            begin = at + 10 + (3 << (mark[9] & 7) + 1 if mark[9] & 0x80 else 0)
            if not 1 <= span.number(begin, 1) <= 11:
                break
            last, at, pictures = begin + 1, _sub_blocks(span, begin + 1), pictures + 1
            odd = odd or (0 if at > 0 and _even(span, last, at) else last)
        else:
            break
        if at < 0:
            break
    return 0, odd or last


def _even(span: Span, start: int, end: int) -> bool:
    """Whether all sub-blocks but the last are full, as most writers have them."""
    full = _full(span, start, end - start)
    due = start + 256 * full
    return full < _STEPS or due + 1 == end or due + span.number(due, 1) + 2 == end


def _full(span: Span, start: int, most: int) -> int:
    """How many full sub-blocks follow one another, as far as looking can be paid for."""
    count, size = 0, 1 << 10
    while 256 * count < most and span.ground.afford(size // 16):
        lengths = span.pread(start + 256 * count, min(size, most - 256 * count))[::256]
        full = len(lengths) - len(lengths.lstrip(b"\xff"))
        count += full
        if full < len(lengths) or not lengths:
            break
        size = min(2 * size, 1 << 20)
    return count


def _in_step(span: Span, start: int) -> Carved | None:
    """A gap in a chain of full sub-blocks: behind it each length stands where the chain would have it."""
    if span.pread(start, 256 * _STEPS)[::256].strip(b"\xff") or not span.ground.afford(_GAP):
        return None
    full = _full(span, start, _GAP)
    due = start + 256 * full
    if full < _STEPS:
        return None
    reach = span.pread(due, _GAP)
    first = due - 256 - (span.offset + due - 256) % -SECTOR
    for gap in range(SECTOR, len(reach), SECTOR):
        if reach[gap : gap + 256 * _STEPS : 256].strip(b"\xff") and b";" not in reach[gap : gap + 256 * _STEPS]:
            continue
        for cut in range(first, due + 1, SECTOR):
            if not span.ground.afford(1 << 14):
                return None
            part = Part(span, 0, cut, cut + gap, span.size - cut - gap)
            end, odd = _joint(span, part)
            if end > due and not odd:
                extents = joined(((span.offset, cut), (span.offset + cut + gap, end - cut)))
                return Carved("image/gif", extents, "", 0.95, ("rejoined",))
    return None


def _joint(span: Span, part: Part) -> tuple[int, int]:
    """The blocks of a picture in two pieces; what was walked is paid for afterwards."""
    ground = Ground(part)
    found = _blocks(Span(ground, 0, part.size))
    span.ground.credit -= len(ground.chains) * _COST
    return found


def _fits(mark: bytes, width: int, height: int) -> bool:
    left, top, wide, high = struct.unpack_from("<HHHH", mark, 1)
    return bool(wide and high and left + wide <= width + 64 and top + high <= height + 64)


def _sub_blocks(span: Span, at: int) -> int:
    """Where a chain of sub-blocks ends, or -1 when it runs over the end.

    Chains that meet are one from there on, so where each came into a cell is kept with where it ended.
    """
    ground, place, end = span.ground, span.offset + at, -1
    begun: list[int] = []
    while place < ground.size and (len(begun) < _FREE or ground.afford(_COST)):
        if (end := ground.chains.get(place, 0)) != 0:
            break
        begun.append(place)
        piece, inside, end = ground.pread(place, _CELL - place % _CELL), 0, -1
        while inside < len(piece) and piece[inside]:
            inside += 1 + piece[inside]
        place += inside
        if inside < len(piece):
            end = place + 1
            break
    ground.chains.update(dict.fromkeys(begun, end))
    if len(ground.chains) > _CHAINS:
        ground.chains = {}
    return end - span.offset if 0 < end <= span.offset + span.size else -1


def carve_bmp(data: Reader, offset: int, limit: int) -> Carved | None:
    """A bitmap whose header, dimensions and length agree ([MS-WMF] 2.2.2)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 54)
    if len(head) < 54 or head[:2] != b"BM" or head[6:10] != bytes(4):
        return None
    size, pixels, header = int.from_bytes(head[2:6], "little"), *struct.unpack_from("<II", head, 10)
    if header not in _HEADERS or not 14 + header <= pixels <= 14 + header + 4096 or size > span.size:
        return None
    if header == 12:
        (width, height, planes, depth), packed = struct.unpack_from("<HHHH", head, 18), 0
    else:
        width, height, planes, depth, packed = struct.unpack_from("<iiHHI", head, 18)
    if planes != 1 or depth not in _DEPTHS or width <= 0 or not height or packed > 6:
        return None
    area = (width * depth + 31) // 32 * 4 * abs(height)
    if packed in (0, 3, 6) and not pixels + area <= size <= pixels + area + 4096:
        return None
    return span.carved("image/bmp", size, 0.8) if pixels < size <= _LARGEST else None
