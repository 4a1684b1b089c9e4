"""Ranges against sets of byte numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moisson.evidence import extents
from moisson.evidence.extents import Claims, Pieces, complement, first, length, merge, overlaps, rest
from moisson.reader import Memory

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=12)
EXTENTS = st.lists(st.tuples(st.none() | st.integers(0, 60), st.integers(0, 12)), max_size=10)
DATA = bytes(range(1, 65))


def covered(ranges):
    return {i for at, n in ranges if at is not None for i in range(at, at + n)}


def spread(pieces):
    """The bytes that extents stand for, zeros for holes and for what lies beyond the medium."""
    return b"".join(bytes(n) if at is None else DATA[at : at + n].ljust(n, b"\0") for at, n in pieces)


@given(RANGES)
def test_merge_covers_the_same_bytes_in_order_and_without_overlap(ranges):
    merged = merge(ranges)
    assert covered(merged) == covered(ranges)
    ends = [at + n for at, n in merged]
    assert all(end < at for end, (at, _) in zip(ends, merged[1:], strict=False))


@given(RANGES, st.integers(0, 80))
def test_complement_is_the_rest(ranges, size):
    free = complement(merge(ranges), size)
    assert covered(free) == set(range(size)) - covered(ranges)
    assert all(n > 0 for _, n in free)


@given(RANGES, st.integers(0, 70), st.integers(0, 10))
def test_overlaps_is_intersection(ranges, at, n):
    assert overlaps(merge(ranges), at, n) == bool(covered(ranges) & set(range(at, at + n)))


@given(EXTENTS, st.integers(0, 130), st.none() | st.integers(0, 130), st.integers(0, 130), st.integers(0, 130))
def test_pieces_are_the_extents_one_after_the_other(pieces, size, valid, offset, n):
    whole = spread(pieces)[:size]
    if valid is not None:
        whole = whole[:valid]
    whole = whole.ljust(size, b"\0")
    medium = Pieces(Memory(DATA), pieces, size, valid)
    assert medium.size == size
    assert medium.pread(offset, n) == whole[offset : offset + n]


def test_pieces_of_nothing_and_before_the_start():
    assert Pieces(Memory(DATA), [], 4).pread(0, 10) == bytes(4)
    assert Pieces(Memory(DATA), [(0, 4)], -1).pread(0, 10) == b""
    assert Pieces(Memory(DATA), [(0, 4)], 4).pread(-1, 2) == b""


@given(EXTENTS, st.integers(0, 100))
def test_length_first_and_rest(pieces, start):
    assert length(pieces) == len(spread(pieces))
    assert length(pieces, real=True) == sum(n for at, n in pieces if at is not None)
    known = [at for at, _ in pieces if at is not None]
    assert first(pieces) == (known[0] if known else -1)
    left, at = [], 0
    for place, n in pieces:
        left += [place + i for i in range(n) if place is not None and at + i >= start]
        at += n
    assert [i for place, n in rest(pieces, start) for i in range(place, place + n)] == left


@given(st.lists(EXTENTS, max_size=8))
def test_claims_are_one_merge(parts):
    claims = Claims()
    for part in parts:
        claims.add(part)
    assert claims.merged() == merge((at, n) for part in parts for at, n in part if at is not None)


def test_claims_stay_small_when_the_same_is_claimed_again(monkeypatch):
    monkeypatch.setattr(extents, "_MANY", 100)
    claims = Claims()
    for _ in range(50):
        claims.add((at, 10) for at in range(0, 400, 10))
        assert len(claims._ranges) <= 200
    assert claims.merged() == [(0, 400)]
