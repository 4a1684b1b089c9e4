"""The sections of Expert Witness segments: geometry, tables of chunks, stored digests, sectors that could not be read.

Segments are put in order by their own numbers. A run of segments without a hole before it counts its chunks from the
start; a run after a hole counts from the end, if the image ends in it; what lies between two holes has no known place.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, cast

from isal import isal_zlib

from moisson.errors import DamagedError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

SIGNATURE = b"EVF\x09\x0d\x0a\xff\x00"
LOGICAL = b"LVF\x09\x0d\x0a\xff\x00"
SECOND = b"EVF2\x0d\x0a\x81\x00"
IsalError = cast("type[Exception]", isal_zlib.error)
SECTIONS = 1_000_000
SEGMENTS = 20_000
CHUNK_MOST = 64 << 20
_FIELDS = {"c": "case", "n": "number", "a": "description", "e": "examiner", "t": "notes", "m": "acquired", "av": "tool"}
_PACKED = 1 << 31


class Section(NamedTuple):
    kind: str
    at: int
    end: int
    next: int


class Geometry(NamedTuple):
    chunks: int
    chunk: int
    sector: int
    size: int


NOWHERE = Geometry(0, 0, 0, 0)


@dataclass(slots=True)
class Table:
    """The place of `count` chunks of one segment, the first of them chunk `first` of the image."""

    segment: int
    count: int
    base: int
    at: int
    end: int
    first: int = 0
    mirror: int = 0
    found: array[int] | None = None

    def load(self, part: Medium) -> tuple[array[int], bool]:
        """The entries, and whether a checksum (of the table or of its copy) vouches for them."""
        if self.found is not None:
            return self.found, True
        first = self._entries(part, self.at)
        if first[1] or not self.mirror:
            return first
        second = self._entries(part, self.mirror)
        return second if second[1] else first

    def _entries(self, part: Medium, at: int) -> tuple[array[int], bool]:
        raw = part.pread(at, self.count * 4 + 4)
        body = raw[: self.count * 4].ljust(self.count * 4, b"\0")
        entries = array("I", body)
        if sys.byteorder == "big":
            entries.byteswap()
        return entries, isal_zlib.adler32(body) == int.from_bytes(raw[self.count * 4 :], "little")

    def span(self, entries: array[int], index: int) -> tuple[int, int, bool]:
        """Offset in the segment, stored length, and whether it is deflated, of the chunk at `index` of this table.

        Past 2 GiB some writers let the offset run into the flag; such a chunk is told by its length, not by its flag.
        """
        value = entries[index]
        at = self.base + (value & ~_PACKED)
        if index + 1 < len(entries):
            end = self.base + (entries[index + 1] & ~_PACKED)
            if end < at and self.base + entries[index + 1] > at:
                end = self.base + entries[index + 1]
        else:
            end = self.end
        return at, max(0, end - at), bool(value & _PACKED)


@dataclass(slots=True)
class Found:
    """What the segments say."""

    parts: list[Medium]
    geometry: Geometry = NOWHERE
    tables: list[Table] = field(default_factory=list)
    stored: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    unread: list[tuple[int, int]] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)


def read_segments(parts: Sequence[Medium]) -> Found:
    """Read every section of every segment; raises `DamagedError`, or `UnsupportedError` for another version."""
    numbered = _order(parts)
    found = Found([part for _, part in numbered])
    runs: list[list[Table]] = [[]]
    previous, whole, ended = 0, True, False
    for place, (number, part) in enumerate(numbered):
        if number != previous + 1 or not whole:
            runs.append([])
            if number != previous + 1:
                found.marks.add("missing-segment")
        previous = number
        tables, last = _read_segment(found, place, part)
        runs[-1] += tables
        whole, ended = last in ("next", "done"), last == "done"
    if not found.geometry.size:
        raise DamagedError("no volume section in the segments of this E01")
    if not ended:
        found.marks.add("missing-segment" if whole else "truncated")
    _place(found, runs, ended)
    return found


def _order(parts: Sequence[Medium]) -> list[tuple[int, Medium]]:
    by_number: dict[int, Medium] = {}
    for part in parts[:SEGMENTS]:
        head = part.pread(0, 13)
        if head[:8] in (LOGICAL, SECOND):
            what = "logical evidence (L01)" if head[:8] == LOGICAL else "EWF version 2 (Ex01, Lx01)"
            raise UnsupportedError(f"{what} is not read here: export it as E01 or raw")
        if head[:8] == SIGNATURE and len(head) == 13:
            by_number.setdefault(int.from_bytes(head[9:11], "little"), part)
    if not by_number:
        raise DamagedError("no segment of this E01 begins as a segment should")
    return sorted(by_number.items())


def _sections(part: Medium) -> Iterator[Section]:
    at = 13
    for _ in range(SECTIONS):
        raw = part.pread(at, 76)
        if at + 76 > part.present or len(raw) < 76 or isal_zlib.adler32(raw[:72]) != int.from_bytes(raw[72:], "little"):
            return
        after, size = int.from_bytes(raw[16:24], "little"), int.from_bytes(raw[24:32], "little")
        kind = raw[:16].rstrip(b"\0").decode("ascii", "replace")
        yield Section(kind, at + 76, at + size if size > 76 else after, after)
        if after <= at or kind in ("next", "done"):
            return
        at = after


def _read_segment(found: Found, place: int, part: Medium) -> tuple[list[Table], str]:
    tables: list[Table] = []
    sectors: Section | None = None
    last = ""
    for section in _sections(part):
        last = section.kind
        if last == "sectors":
            sectors = section
        elif last == "table":
            end = sectors.end if sectors else section.at - 76
            if table := _table(part, place, section, min(end, part.present) if end > part.present else end):
                tables.append(table)
                sectors = None
        elif last == "table2" and tables and not tables[-1].mirror:
            tables[-1].mirror = section.at + 24
        else:
            _read_other(found, part, section)
    if sectors and found.geometry.chunk:
        if walked := _walk(part, place, sectors, found.geometry):
            tables.append(walked)
        found.marks.add("table-errors")
    return tables, last


def _table(part: Medium, place: int, section: Section, end: int) -> Table | None:
    head = part.pread(section.at, 24)
    room = (min(section.end, part.present) - section.at - 24) // 4
    count = int.from_bytes(head[:4], "little")
    if len(head) < 24 or room <= 0:
        return None
    if isal_zlib.adler32(head[:20]) != int.from_bytes(head[20:], "little"):
        count = (section.end - section.at - 28) // 4
    if not 0 < count <= room:
        return None
    return Table(place, count, int.from_bytes(head[8:16], "little"), section.at + 24, end)


def _walk(part: Medium, place: int, section: Section, geometry: Geometry) -> Table | None:
    """Find the chunks of a section whose table was never written or is lost, one after the other, by their sums."""
    chunk = geometry.chunk
    at, end = section.at, min(section.end, part.present) if section.end > section.at else part.present
    offsets = array("I")
    while at < end and at - section.at < _PACKED and len(offsets) < geometry.chunks:
        stored = part.pread(at, min(chunk + 1024, end - at))
        inflater = isal_zlib.decompressobj()
        try:
            data = inflater.decompress(stored, chunk + 1)
            length = len(stored) - len(inflater.unused_data) if inflater.eof else 0
        except IsalError:
            data, length = b"", 0
        if length and len(data) == chunk:
            offsets.append((at - section.at) | _PACKED)
        elif isal_zlib.adler32(stored[:chunk]) == int.from_bytes(stored[chunk : chunk + 4], "little"):
            offsets.append(at - section.at)
            length = chunk + 4
        else:
            break
        at += length
    return Table(place, len(offsets), section.at, 0, at, found=offsets) if offsets else None


def _read_other(found: Found, part: Medium, section: Section) -> None:
    room = max(0, section.end - section.at)
    if section.kind in ("volume", "disk", "data"):
        _read_volume(found, part.pread(section.at, min(room, 1052)))
    elif section.kind in ("hash", "digest"):
        body = 32 if section.kind == "hash" else 76
        raw = part.pread(section.at, body + 4)
        if isal_zlib.adler32(raw[:body]) == int.from_bytes(raw[body:], "little"):
            if any(raw[:16]):
                found.stored["md5"] = raw[:16].hex()
            if section.kind == "digest" and any(raw[16:36]):
                found.stored["sha1"] = raw[16:36].hex()
    elif section.kind == "error2":
        count = min(int.from_bytes(part.pread(section.at, 4), "little"), 1_000_000, room // 8)
        raw = part.pread(section.at + 520, count * 8)
        found.unread += struct.iter_unpack("<II", raw[: len(raw) // 8 * 8])
        found.marks.add("read-errors")
    elif section.kind in ("header", "header2") and room <= 1 << 20:
        _read_header(found, part.pread(section.at, room))


def _read_volume(found: Found, raw: bytes) -> None:
    if len(raw) < 24:
        return
    if len(raw) < 1052 and raw[85:90] == b"SMART":
        raise UnsupportedError("SMART images (S01) are not read here: export it as E01 or raw")
    short = len(raw) < 1052
    chunks, per, sector = (int.from_bytes(raw[i : i + 4], "little") for i in (4, 8, 12))
    sectors = int.from_bytes(raw[16 : 20 if short else 24], "little")
    sound = isal_zlib.adler32(raw[:-4]) == int.from_bytes(raw[-4:], "little")
    chunk, size = per * sector, (sectors or chunks * per) * sector
    if not 0 < chunk <= CHUNK_MOST or not 0 < size < 1 << 62 or (found.geometry.size and not sound):
        return
    if not found.geometry.size or "header-errors" in found.marks:
        found.geometry = Geometry(-(-size // chunk), chunk, sector, size)
        (found.marks.discard if sound else found.marks.add)("header-errors")


def _read_header(found: Found, raw: bytes) -> None:
    try:
        text = isal_zlib.decompressobj().decompress(raw, 1 << 20)
    except IsalError:
        return
    wide = text[:2] in (b"\xff\xfe", b"\xfe\xff")
    lines = text.decode("utf-16" if wide else "latin-1", "replace").splitlines()
    for names, values in pairwise(lines[:8]):
        if "\t" in names and "c" in names.split("\t"):
            for name, value in zip(names.split("\t"), values.split("\t"), strict=False):
                if name in _FIELDS and value.strip():
                    found.about[_FIELDS[name]] = value.strip()[:1000]
            return


def _place(found: Found, runs: list[list[Table]], ended: bool) -> None:
    lost = runs[1:-1] if ended else runs[1:]
    if any(lost):
        found.marks.add("segments-without-place")
    at = _number(runs[0], 0)
    found.tables = runs[0]
    if len(runs) > 1 and ended:
        start = found.geometry.chunks - sum(table.count for table in runs[-1])
        if start >= at:
            _number(runs[-1], start)
            found.tables = runs[0] + runs[-1]


def _number(tables: list[Table], at: int) -> int:
    for table in tables:
        table.first = at
        at += table.count
    return at
