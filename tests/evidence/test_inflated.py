"""Inflating from any place on."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError
from moisson.evidence import inflated
from moisson.evidence.inflated import GZIP, RAW, Inflated
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
    medium = Inflated(Memory(pack(PLAIN)), wbits, None if wbits == GZIP else len(PLAIN))
    assert medium.size == len(PLAIN)
    chance = random.Random(5)
    for _ in range(150):
        at, n = chance.randrange(len(PLAIN)), chance.randrange(30_000)
        assert medium.pread(at, n) == PLAIN[at : at + n]
    assert len(medium._points) <= 8


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=3000), max_size=5), st.integers(0, 9000), st.integers(0, 9000))
def test_gzip_members_are_joined(parts, at, n):
    whole = b"".join(parts)
    medium = Inflated(Memory(b"".join(map(gzip.compress, parts))), GZIP)
    assert (medium.size, medium.damage) == (len(whole), "" if parts else "gzip: the stream ends before its end")
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
    assert medium.pread(0, 1000) == b"x" * 1000
    with pytest.raises(DamagedError):
        medium.pread(900, 200)


def test_a_stream_longer_than_declared_is_cut():
    medium = Inflated(Memory(deflated(bytes(50_000_000))), RAW, 100)
    assert medium.pread(0, 1 << 30) == bytes(100)


@settings(max_examples=80)
@given(st.binary(max_size=200), st.sampled_from([RAW, GZIP]))
def test_noise_raises_nothing_else(data, wbits):
    try:
        medium = Inflated(Memory(data), wbits, None if wbits == GZIP else 500)
        medium.pread(0, 500)
    except DamagedError:
        pass
    else:
        assert medium.size <= 500 or wbits == GZIP
