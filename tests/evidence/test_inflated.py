"""Inflating from any place on."""

from __future__ import annotations

import gzip
import random
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError
from moisson.evidence import inflated
from moisson.evidence.inflated import GZIP, RAW, Index, Inflated, Point
from moisson.reader import Memory

PLAIN = b"".join(b"%d line of text %d\n" % (n, n * n % 977) for n in range(60_000))


def deflated(data):
    packer = zlib.compressobj(6, zlib.DEFLATED, RAW)
    return packer.compress(data) + packer.flush()


@pytest.fixture
def short_strides(monkeypatch):
    monkeypatch.setattr(inflated, "_STRIDE", 20_000)
    monkeypatch.setattr(inflated, "_OUTPUT", 7_000)
    monkeypatch.setattr(inflated, "_POINTS", 8)


@pytest.mark.parametrize(("wbits", "pack"), [(GZIP, gzip.compress), (RAW, deflated)])
def test_any_place_in_any_order(short_strides, wbits, pack):
    medium = Inflated(Memory(pack(PLAIN)), wbits, len(PLAIN))
    assert medium.size == len(PLAIN)
    chance = random.Random(5)
    for _ in range(150):
        at, n = chance.randrange(len(PLAIN)), chance.randrange(30_000)
        assert medium.pread(at, n) == PLAIN[at : at + n]
    assert 2 < len(medium._points) <= 8
    assert medium.crc == zlib.crc32(PLAIN)


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("wbits", [GZIP, RAW])
def test_another_process_starts_where_the_index_says(short_strides, level, wbits):
    chance = random.Random(level)
    plain = b"".join(chance.choice((chance.randbytes(3000), b"kestrel " * 900)) for _ in range(300))
    packer = zlib.compressobj(level, zlib.DEFLATED, wbits)
    raw = packer.compress(plain) + packer.flush()
    if wbits == GZIP:
        raw, plain = raw + gzip.compress(PLAIN), plain + PLAIN
    index = msgspec.msgpack.decode(msgspec.msgpack.encode(Inflated(Memory(raw), wbits).index), type=Index)
    assert level == 0 or len({point.bits for point in index.points}) > 2
    for _ in range(40):
        at, n = chance.randrange(len(plain)), chance.randrange(30_000)
        assert Inflated(Memory(raw), wbits, index=index).pread(at, n) == plain[at : at + n]
    assert Inflated(Memory(raw), wbits, index=index).pread(0, len(plain) + 9) == plain


def test_a_lazy_one_goes_no_further_than_it_is_read(short_strides):
    medium = Inflated(Memory(gzip.compress(PLAIN)), GZIP, lazy=True)
    assert medium.pread(100_000, 10) == PLAIN[100_000:100_010]
    assert (medium.complete, medium.pread(5, 5)) == (False, PLAIN[5:10])
    assert medium.pread(len(PLAIN) - 5, 50) == PLAIN[-5:]
    assert (medium.complete, medium.size, medium.damage) == (True, len(PLAIN), "")
    assert medium.index == Inflated(Memory(gzip.compress(PLAIN)), GZIP).index


def test_a_wrong_index_gives_wrong_bytes_or_damage_and_nothing_worse():
    chance, raw = random.Random(9), gzip.compress(PLAIN)
    for _ in range(100):
        window = zlib.compress(chance.randbytes(chance.randrange(70_000))) if chance.random() < 0.8 else b"junk"
        point = Point(0, chance.randrange(len(raw)), chance.randrange(-1, 8), window)
        try:
            medium = Inflated(Memory(raw), GZIP, index=Index(1 << 20, "", (point,)))
            assert len(medium.pread(0, 1000)) <= 1000
        except DamagedError:
            continue


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=3000), max_size=5), st.integers(0, 9000), st.integers(0, 9000))
def test_gzip_members_are_joined(parts, at, n):
    whole = b"".join(parts)
    medium = Inflated(Memory(b"".join(map(gzip.compress, parts))), GZIP)
    assert (medium.size, medium.damage) == (len(whole), "" if parts else "the packed stream ends before its end")
    assert medium.pread(at, n) == whole[at : at + n]


def test_what_follows_the_stream_is_left_alone():
    medium = Inflated(Memory(gzip.compress(b"abc") + bytes(512)), GZIP)
    assert (medium.pread(0, 99), medium.damage) == (b"abc", "")


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_cut_stream_keeps_what_unpacks(keep):
    packed = gzip.compress(PLAIN)
    medium = Inflated(Memory(packed[: int(len(packed) * keep)]), GZIP)
    assert 0 < medium.size <= len(PLAIN)
    assert medium.pread(0, medium.size) == PLAIN[: medium.size]
    assert medium.damage


@pytest.mark.corpus
def test_a_damaged_gzip_of_the_corpora(corpora):
    medium = Inflated(Memory((corpora / "filesystems" / "dfvfs" / "corrupt1.gz").read_bytes()), GZIP)
    assert medium.damage
    assert len(medium.pread(0, medium.size)) == medium.size


def test_a_stream_shorter_than_declared_is_said():
    medium = Inflated(Memory(deflated(b"x" * 1000)), RAW, 2000)
    assert (medium.size, medium.pread(900, 200)) == (1000, b"x" * 100)
    assert Inflated(Memory(deflated(b"x" * 1000)[:-2]), RAW, 2000).damage


def test_a_stream_longer_than_declared_is_cut():
    medium = Inflated(Memory(deflated(bytes(50_000_000))), RAW, 100)
    assert medium.pread(0, 1 << 30) == bytes(100)


@settings(max_examples=80)
@given(st.binary(max_size=200), st.sampled_from([RAW, GZIP]))
def test_noise_raises_nothing_else(data, wbits):
    try:
        medium = Inflated(Memory(data), wbits, 500)
        medium.pread(0, 500)
    except DamagedError:
        pass
    else:
        assert medium.size <= 500
