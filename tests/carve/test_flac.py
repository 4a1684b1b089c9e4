from __future__ import annotations

import random

import pytest

from moisson.carve.find import find
from moisson.carve.flac import crc16
from moisson.reader import Reader
from tests.carve.made import flac

KNOWN = b"123456789", 0xFEE8


def test_the_sum_is_that_of_the_catalogue():
    assert crc16([KNOWN[0]]) == [KNOWN[1]]
    assert crc16([b"", KNOWN[0] + KNOWN[1].to_bytes(2, "big"), KNOWN[0]]) == [0, 0, KNOWN[1]]


@pytest.mark.parametrize("name", ["flac.flac", "testFLAC.flac", "test.flac"])
def test_streams_of_real_encoders_end_where_their_bits_end(corpora, name):
    path = next(iter(corpora.rglob(name)), None)
    if path is None:
        pytest.skip(f"no {name}")
    data = path.read_bytes()
    found = next(find(Reader.of(data + random.Random(1).randbytes(3000))))
    assert (found.kind, found.extents, found.confidence) == ("audio/flac", ((0, len(data)),), 1.0)


def test_two_pieces_are_joined_where_the_frame_between_has_its_sum(corpora):
    path = next(iter(corpora.rglob("flac.flac")), None)
    data = path.read_bytes() if path else flac(60)
    gap = random.Random(3).randbytes(3 * 4096)
    found = next(find(Reader.of(data[:8192] + gap + data[8192:] + bytes(500))))
    assert found.extents == ((0, 8192), (8192 + len(gap), len(data) - 8192))
    assert found.flags == ("rejoined",)


def test_a_stream_that_breaks_off_ends_with_its_last_good_frame():
    data = flac()
    found = next(find(Reader.of(data[: len(data) // 2])))
    assert "truncated" in found.flags
    assert (found.size - 42) % 201 == 0


def test_a_changed_sample_is_damage():
    data = bytearray(flac())
    data[42 + 201 * 5 + 100] ^= 1
    found = next(find(Reader.of(bytes(data))))
    assert "damaged" in found.flags
