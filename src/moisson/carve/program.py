"""Programs: ELF and PE by their tables of sections, the latter by their sum where they have one."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from moisson.carve.ground import SECTOR, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_ELF, _PE = "application/x-executable", "application/vnd.microsoft.portable-executable"
_LARGEST = 1 << 30
_SECTIONS, _SEGMENTS = 65_000, 20_000
_NAMES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-$/@+: ")
_EMPTY, _STRINGS = 8, 3
_SUMMED = 256 << 20
_WINDOW = 1 << 16


def carve_elf(data: Reader, offset: int, limit: int) -> Carved | None:
    """An ELF file to the end of its tables, sections and segments (System V ABI, ELF-64 Object File Format)."""
    span = Span(data, offset, limit)
    head = span.pread(0, 64)
    if len(head) < 64 or head[4] not in (1, 2) or head[5] not in (1, 2) or head[6] != 1 or any(head[9:16]):
        return None
    order, wide = "<" if head[5] == 1 else ">", head[4] == 2
    kind, machine, version = struct.unpack_from(f"{order}HHI", head, 16)
    _, programs, sections, _, own, *rest = struct.unpack_from(f"{order}{'QQQ' if wide else 'III'}I6H", head, 24)
    program, many, section, count, names = rest
    if version != 1 or not machine or not (1 <= kind <= 4 or kind >= 0xFE00) or own != (64 if wide else 52):
        return None
    if (many and program != (56 if wide else 32)) or (count and section != (64 if wide else 40)) or not many | count:
        return None
    segments = _segments(span, order, wide, programs, many) if many else []
    rows = _sections(span, order, wide, sections, count, names) if sections else []
    if segments is None or rows is None or not (segments or rows):
        return None
    end = max(programs + many * program, *segments, *rows, own)
    if end > span.size:
        return span.carved(_ELF, span.size, 0.4, "truncated")
    return span.carved(_ELF, end, 0.95 if rows else 0.6, *(() if rows else ("uncertain",)))


def _segments(span: Span, order: str, wide: bool, at: int, many: int) -> list[int] | None:
    """Where the segments end, None when their table makes no sense."""
    step = 56 if wide else 32
    raw = span.pread(at, step * min(many, _SEGMENTS))
    ends = []
    for i in range(0, len(raw) - step + 1, step):
        _, place, size = _placed(
            raw, i, f"{order}IIQQQQ" if wide else f"{order}IIIII", (0, 2, 5) if wide else (0, 1, 4)
        )
        if place + size > _LARGEST:
            return None
        ends.append(place + size if size else 0)
    return ends if len(raw) == step * many else None


def _sections(span: Span, order: str, wide: bool, at: int, count: int, names: int) -> list[int] | None:
    """Where the sections end, None unless the names of all of them stand in the section that is to hold them."""
    step = 64 if wide else 40
    code, fields = (f"{order}IIQQQQ", (0, 1, 4, 5)) if wide else (f"{order}IIIIII", (0, 1, 4, 5))
    if at + step > span.size:
        return [at + step * count] if count else None
    first = span.pread(at, step)
    if (
        any(first[: 4 if count else step // 2])
        or not 0 < (count := count or _placed(first, 0, code, fields)[3]) <= _SECTIONS
    ):
        return None
    raw = span.pread(at, step * count)
    rows = [_placed(raw, i, code, fields) for i in range(0, len(raw) - step + 1, step)]
    if len(rows) < count:
        return [at + step * count]
    ends = [place + size for _, kind, place, size in rows[1:] if kind not in (0, _EMPTY)]
    if max(ends, default=0) > _LARGEST or names >= count or (names and rows[names][1] != _STRINGS):
        return None
    return [at + step * count, *ends] if not names or _named(span, rows, names) else None


def _named(span: Span, rows: Sequence[tuple[int, ...]], names: int) -> bool:
    """Whether sections have names of the usual characters; what lies beyond the end of the medium may have any."""
    _, _, place, size = rows[names]
    text = span.pread(place, min(size, 1 << 20))
    if len(text) < min(size, 1 << 20):
        return place + size > span.size
    wanted = [text[row[0] : text.find(b"\0", row[0])] for row in rows[1:200] if row[0] < len(text)]
    return text[:1] == b"\0" and bool(wanted) and all(_NAMES.issuperset(name) for name in wanted)


def _placed(raw: bytes, at: int, code: str, fields: tuple[int, ...]) -> tuple[int, ...]:
    row = struct.unpack_from(code, raw, at)
    return tuple(row[i] for i in fields)


def carve_pe(data: Reader, offset: int, limit: int) -> Carved | None:
    """A program of Windows to the end of its sections, its signature and its symbols (PE Format).

    What is laid behind them belongs to it where its sum says so.
    """
    span = Span(data, offset, limit)
    new = span.number(60, 4)
    if not 64 <= new <= 4096:
        return None
    head = span.pread(new, 24)
    if len(head) < 24 or head[:4] != b"PE\0\0":
        return None
    machine, count, _, symbols, number, size, _ = struct.unpack_from("<HHIIIHH", head, 4)
    extra = span.pread(new + 24, size)
    if not machine or not 1 <= count <= 96 or size < 96 or len(extra) < size or extra[:2] not in (b"\x0b\1", b"\x0b\2"):
        return None
    end = _raw_end(span, new + 24 + size, count, *struct.unpack_from("<II", extra, 32))
    if end <= 0:
        return None
    if 0 < symbols < _LARGEST and number < 1 << 24:
        strings = symbols + 18 * number
        length = span.number(strings, 4)
        end = max(end, strings + (length if 4 <= length < 1 << 28 else 0))
    tables = 112 if extra[:2] == b"\x0b\2" else 96
    place, signed = struct.unpack_from("<II", extra, tables + 32) if size >= tables + 40 else (0, 0)
    if place and place % 8 == 0 and end <= place <= end + SECTOR and _signatures(span, place, signed):
        end = place + signed
    if end > span.size:
        return span.carved(_PE, span.size, 0.4, "truncated")
    return _summed(span, end, new + 88, int.from_bytes(extra[64:68], "little"))


def _raw_end(span: Span, at: int, count: int, align: int, filed: int) -> int:
    """Where the last section ends in the file; -1 when the sections make no sense."""
    raw, end = span.pread(at, 40 * count), at + 40 * count
    if len(raw) < 40 * count or not filed or filed & (filed - 1) or not 16 <= filed <= 1 << 16 or not align:
        return -1
    before = 0
    for i in range(0, len(raw), 40):
        virtual, size, place = struct.unpack_from("<III", raw, i + 12)
        if virtual < before or virtual % min(align, SECTOR) or size > _LARGEST or place > _LARGEST:
            return -1
        if not raw[i : i + 8].rstrip(b"\0") or b"\0" in raw[i : i + 8].rstrip(b"\0"):
            return -1
        before = virtual
        if size and place:
            end = max(end, place + size)
    return end


def _signatures(span: Span, at: int, size: int) -> bool:
    """Whether entries of the attribute certificate table begin here and fill what is declared."""
    end = at + size
    while at < end:
        length, revision, kind = span.number(at, 4), span.number(at + 4, 2), span.number(at + 6, 2)
        if length < 9 or revision not in (0x100, 0x200) or not 1 <= kind <= 4:
            return False
        at += -(-length // 8) * 8
    return 0 < size <= 1 << 24 and at == end


def _summed(span: Span, end: int, at: int, wanted: int) -> Carved | None:
    """The file with its own sum, at its end by the headers or at an end before zeros; else as the headers say."""
    if not wanted or end > _SUMMED:
        return span.carved(_PE, end, 0.9)
    total = _folded(span, 0, end & ~1) - (wanted & 0xFFFF) - (wanted >> 16)
    last = span.number(end - 1, 1) if end & 1 else 0
    if (_fold(total + last) + end) & 0xFFFFFFFF == wanted:
        return span.carved(_PE, end)
    if not end - _WINDOW <= wanted <= end + (64 << 20) or at % 2:
        return span.carved(_PE, end, 0.9)
    stop = min(span.size, wanted)
    for place in range(end & ~1, stop, 1 << 20):
        raw = span.pread(place, min(1 << 20, stop - place) & ~1)
        if not raw or not span.ground.afford(len(raw)):
            break
        words = np.frombuffer(raw, "<u2").astype(np.int64)
        sums = total + np.cumsum(words)
        ends = place + 2 * np.arange(1, len(words) + 1)
        good = np.flatnonzero(((sums - 1) % 0xFFFF + 1 + ends == wanted) & (words != 0))
        for found in (int(ends[i]) for i in good[:64]):
            if span.blank(found, min(found - (span.offset + found) % -SECTOR, span.size)):
                return span.carved(_PE, found)
        total = int(sums[-1])
    return span.carved(_PE, end, 0.9)


def _folded(span: Span, start: int, stop: int) -> int:
    """The sum of the little-endian words of a range of even length."""
    total = 0
    for piece in span.chunks(start, stop):
        total += int(np.frombuffer(piece, "<u2").sum(dtype=np.int64))
    return total


def _fold(total: int) -> int:
    return (total - 1) % 0xFFFF + 1 if total > 0 else 0
