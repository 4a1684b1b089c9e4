from __future__ import annotations

import random

import pytest
import zstandard

from moisson.model import Sighting
from moisson.reader import Reader
from moisson.scan.decode import decode
from moisson.scan.sweep import sweep_bytes
from tests.counting import growth


@pytest.mark.parametrize("checksum", [True, False])
def test_a_zstandard_frame_says_how_long_it_is(checksum):
    packer = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=checksum)
    for n in (1, 100, 60_000):
        frame = packer.compress(b"anna@verger.example " * n)
        found = decode("zstd", Reader.of(frame + b"what comes after"))
        assert (found.used, found.whole, len(found.data)) == (len(frame), True, 20 * n)
        assert not decode("zstd", Reader.of(packer.compress(random.Random(n).randbytes(500_000))[:-9])).whole


def test_many_tiny_frames_are_passed_over_one_by_one():
    frame = zstandard.compress(b"a" * 10)
    found = sweep_bytes(b"mail anna@verger.example " + zstandard.compress(frame * 5000), "E")
    assert "anna@verger.example" in {s.value for s in found if isinstance(s, Sighting)}
    assert growth(lambda n: list(sweep_bytes(zstandard.compress(frame * n), "E")), 1000) < 3
