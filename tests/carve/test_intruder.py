"""Compound files that were cut off, and what others lie where they said to go on."""

from __future__ import annotations

import random
import struct

import pytest

from moisson.carve.find import find
from moisson.reader import Reader
from tests.carve.made import picture

HEAD = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6) + bytes(10)
END, FREE, TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


@pytest.mark.corpus
@pytest.mark.parametrize("other", ["photos/tiff/Arbitro.tiff", "unix/plaso/plist/com.apple.loginitems.plist"])
@pytest.mark.parametrize("keep", [8192, 20_480, 28_672])
def test_a_compound_file_that_was_cut_off_claims_no_other_file(corpora, other, keep):
    data, second = (corpora / "docs/tika/testVISIO.vsd").read_bytes(), (corpora / other).read_bytes()
    shot = data[:keep] + random.Random(1).randbytes(4096) + second
    found = {c.offset: c for c in find(Reader.of(shot + bytes(-len(shot) % 512) + bytes(1 << 16)))}
    assert found[0].flags == ("truncated",)
    assert found[0].size <= keep + 4096
    assert found[keep + 4096].size == len(second)


def compound(stream: bytes) -> bytes:
    """A compound file of one stream."""
    count = -(-len(stream) // 512)
    table = [TABLE, END, *range(3, 2 + count), END]
    fat = struct.pack(f"<{len(table)}I", *table)
    assert len(fat) <= 512
    head = HEAD + struct.pack("<8I", 1, 1, 0, 4096, END, 0, END, 0) + struct.pack("<109I", 0, *[FREE] * 108)
    entries = b"".join(
        name.encode("utf-16-le").ljust(64, b"\0")
        + struct.pack("<HBB3I", 2 * len(name) + 2, kind, 1, FREE, FREE, 1 if kind == 5 else FREE)
        + bytes(36)
        + struct.pack("<IQ", begin, size)
        for name, kind, begin, size in (("Root Entry", 5, END, 0), ("Data", 2, 2, len(stream)))
    )
    return head + fat.ljust(512, b"\xff") + entries.ljust(512, b"\0") + stream.ljust(512 * count, b"\0")


@pytest.mark.parametrize("before", [0, 512, 1536])
def test_a_picture_in_a_stream_belongs_to_it(before):
    inside = picture("PNG", 4, (60, 50))
    data = compound(random.Random(2).randbytes(before) + inside + b"more of the same stream" * 40)
    assert [(c.offset, c.size, c.confidence) for c in find(Reader.of(data + bytes(512)))] == [(0, len(data), 0.95)]
