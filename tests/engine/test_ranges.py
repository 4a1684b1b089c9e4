"""Free space as a stream, and what lies where in it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.engine.ranges import (
    SECTOR,
    Free,
    Kept,
    cell_of,
    cells,
    clip,
    is_text,
    merge_touching,
    offset_of,
    runs,
    texts,
    without,
)
from moisson.evidence.extents import merge
from moisson.identify.blocks import BLOCK, Match
from moisson.reader import Memory, Reader
from moisson.scan import gates
from moisson.scan.sweep import Stretch

some = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=12).map(merge)


class Counting(Memory):
    """A medium that counts how many bytes were read of it."""

    read = 0

    def pread(self, offset, n):
        data = super().pread(offset, n)
        self.read += len(data)
        return data


@given(ranges=some, size=st.integers(0, 500))
def test_every_free_byte_has_its_place_in_the_stream_and_back(ranges, size):
    medium = Memory(bytes(n % 251 for n in range(size)))
    free = Free(medium, ranges)
    inside = [at for start, n in ranges for at in range(start, min(start + n, size))]
    assert free.medium.size == len(inside)
    for place, at in enumerate(inside):
        assert free.before(at) == place
        assert list(free.places(place, 1)) == [(at, 1)]
        assert free.medium.pread(place, 1) == medium.pread(at, 1)
    whole = [at for start, n in free.places(0, len(inside) + 9) for at in range(start, start + n)]
    assert whole == inside


@given(ranges=some, start=st.integers(0, 500), length=st.integers(0, 500))
def test_a_range_of_the_stream_is_where_its_bytes_are(ranges, start, length):
    medium = Memory(bytes(n % 251 for n in range(600)))
    free = Free(medium, ranges)
    data = b"".join(medium.pread(at, n) for at, n in free.places(start, length))
    assert data == free.medium.pread(start, length)


@given(ranges=some, taken=some, start=st.integers(0, 460), length=st.integers(0, 300))
def test_without_leaves_exactly_what_is_free_and_not_taken(ranges, taken, start, length):
    def points(rows):
        return {at for offset, n in rows for at in range(offset, offset + n)}

    left = list(without(ranges, taken, start, start + length))
    asked = set(range(start, start + length))
    assert points(left) == (points(ranges) - points(taken)) & asked
    assert left == merge(left)
    assert points(clip(ranges, start, start + length)) == points(ranges) & asked


def test_texts_end_in_zeros_and_begin_at_sectors():
    data = bytearray(8 * SECTOR)
    data[10:40] = b"the first of three small texts"
    data[2 * SECTOR : 2 * SECTOR + 30] = b"another text, and zeros behind"
    data[5 * SECTOR : 5 * SECTOR + 5] = b"short"
    data[7 * SECTOR :] = b"x" * SECTOR
    found = [(at, bytes(data[at : at + n])) for at, n in texts(Memory(bytes(data)), 0, len(data))]
    assert found == [
        (10, b"the first of three small texts"),
        (2 * SECTOR, b"another text, and zeros behind"),
        (7 * SECTOR, b"x" * SECTOR),
    ]


@settings(deadline=None)
@given(
    parts=st.lists(st.tuples(st.sampled_from([b"\0", b"a", b"word "]), st.integers(1, 900)), max_size=12),
    start=st.integers(0, 700),
)
def test_no_long_text_is_lost_between_zeros(parts, start):
    data = b"".join(what * n for what, n in parts)
    seen = bytearray(len(data))
    for at, n in texts(Memory(data), start, len(data) - start) if start < len(data) else ():
        assert start <= at < at + n <= len(data)
        assert data[at] * data[at + n - 1]
        assert not any(seen[at : at + n])
        seen[at : at + n] = b"\1" * n
    rest = bytes(0 if seen[at] else data[at] for at in range(start, len(data)))
    assert max((len(part) for part in rest.split(b"\0")), default=0) < 12


def test_one_reading_serves_all_who_look():
    medium = Counting(bytes(range(256)) * (3 << 12))
    kept = Kept(medium)
    for _ in range(3):
        for at in range(0, medium.size, 300_000):
            assert kept.pread(at, 300_000) == medium.data[at : at + 300_000]
    assert medium.read == medium.size
    assert kept.pread(medium.size - 3, 10) == medium.data[-3:]
    assert kept.pread(medium.size, 10) == kept.pread(-1, 4) == b""


def test_a_long_reading_goes_by_what_is_kept():
    medium = Counting(bytes(40 << 20))
    kept = Kept(medium)
    assert len(kept.pread(5, 40 << 20)) == (40 << 20) - 5


def test_blocks_that_follow_each_other_are_one_run():
    matches = [Match(BLOCK * n, 0, n + 4) for n in range(3)] + [Match(BLOCK * 3, 0, 9), Match(0, 1, 0)]
    assert list(runs(matches)) == [(0, 0, 3), (0, BLOCK * 3, 1), (1, 0, 1)]
    assert list(runs([])) == []


def test_addresses_count_in_their_medium():
    assert offset_of("E3/@120+31/gzip/@4+2", 0) == 120
    assert offset_of("E3/p2/bde/@77/zip", 2) == 77
    assert merge_touching([(5, 3), (8, 2), (20, 1), (12, 8)]) == [(5, 5), (20, 1), (12, 8)]


def test_what_is_all_text_is_a_text():
    assert is_text(Reader.of("رسالة\r\n".encode()))
    assert is_text(Reader.of("\ufeffabc".encode("utf-16-le")))
    assert not is_text(Reader.of(b"abc\0def"))
    assert not is_text(Reader.of(b"\xff\xfea"))
    assert not is_text(Reader.of(b"a" * ((1 << 20) + 1)))


@given(
    pages=st.lists(st.sampled_from([0, gates.ZERO, gates.TEXT, gates.RANDOM]), max_size=60), last=st.integers(1, 4096)
)
def test_cells_count_every_byte_once(pages, last):
    stretches = [Stretch(n * 4096, 4096, flags) for n, flags in enumerate(pages)]
    if stretches:
        stretches[-1] = stretches[-1]._replace(length=last)
    size = sum(s.length for s in stretches)
    found = list(cells(stretches, "E", 0, size, 1 << 14))
    assert [(c.offset, c.length) for c in found] == [
        (at, n) for at, n in ((c.offset, sum(c.kinds.values())) for c in found)
    ]
    assert sum(c.length for c in found) == size
    assert all(a.offset + a.length == b.offset for a, b in pairwise(found))


def test_cells_grow_with_the_medium():
    assert cell_of(0) == cell_of(1 << 30) == 1 << 16
    assert cell_of((1 << 30) + 1) == 1 << 17
    assert (8 << 40) // cell_of(8 << 40) <= 16_384
