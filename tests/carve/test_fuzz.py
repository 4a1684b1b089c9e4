"""Every carver against its own file, changed: it may say anything but nonsense, and must end."""

from __future__ import annotations

import bz2
import io
import random
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.carve.anchors import anchors, text_carver
from moisson.carve.find import BROKEN, find
from moisson.carve.ground import Ground
from moisson.reader import Memory, Reader
from tests.carve.made import files
from tests.counting import Counted, calls, growth

CARVERS = sorted({anchor.carver for anchor in anchors()})


def attempt(data: bytes) -> None:
    for name in CARVERS:
        anchor = next(a for a in anchors() if a.carver == name)
        for call in (anchor.call, text_carver()):
            try:
                found = call(Ground(Memory(data)), 0, len(data))
            except BROKEN:
                continue
            if found is not None:
                assert found.extents
                assert all(at >= 0 and n > 0 and at + n <= len(data) for at, n in found.extents)


@pytest.mark.parametrize("name", files())
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_changed_bytes(name, seed):
    rng = random.Random(seed)
    data = bytearray(files()[name][1][: 1 << 15])
    for _ in range(rng.randint(1, 12)):
        at = min(int(rng.expovariate(1 / 300)), len(data) - 1)
        data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    data = data[: rng.choice((len(data), rng.randint(1, len(data))))]
    attempt(bytes(data))


@settings(max_examples=200, deadline=None)
@given(number=st.integers(0, len(anchors()) - 1), rest=st.binary(max_size=600))
def test_anything_behind_an_anchor(number, rest):
    anchor = anchors()[number]
    data = bytes(anchor.at) + anchor.literals[0] + rest
    attempt(data)


GIF = b"GIF89a\x40\0\x40\0\0\0\0"
STORED = struct.pack("<BHH", 0, 507, 507 ^ 0xFFFF)
FALSE = {
    "zip": b"PK\3\4" + bytes(22) + b"\1\0\0\0a",
    "pdf": b"%PDF-1.4\n",
    "pdf off the sectors": b"%PDF-1.4\n" + b" %PDF-1.4\n" * 40,
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3",
    "gzip of stored blocks": b"\x1f\x8b\x08\0\0\0\0\0\0\3" + STORED,
    "zip member of stored blocks": b"PK\3\4"
    + struct.pack("<HHHHHIIIHH", 20, 8, 8, 0, 0, 0, 0, 0, 1, 0)
    + b"a"
    + STORED,
    "card": b"BEGIN:VCARD\n",
    "rtf": b"{\\rtf1 ",
    "gif": GIF + b",\0\0\0\0\x40\0\x40\0\0\x08",
    "gif with a comment": GIF + b"!\xfe",
    "gif in step": GIF + b",\0\0\0\0\x40\0\x40\0\0\x08" + b"\xff" * 400,
    "rar": b"Rar!\x1a\7\1\0" + bytes(4) + b"\xff\xff\x7f",
    "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHHI", 3, 40, 50, 8, 3, 0),
    "elf": b"\x7fELF\2\1\1" + bytes(9),
    "pe": b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0",
    "flac": b"fLaC\x80\0\0\x22" + bytes(34) + b"\xff\xf8\xc9\x18",
    "film": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2\0\0\1\0mdat",
}


@pytest.mark.parametrize("name", FALSE)
def test_many_false_beginnings_cost_no_more_than_their_size(name):
    sector = FALSE[name] + random.Random(1).randbytes(512 - len(FALSE[name]))
    medium = Counted(Memory(sector * 4096))
    assert [c for c in find(Reader(medium)) if c.confidence >= 0.9] == []
    assert medium.bytes < 64 * medium.size
    assert growth(lambda n: list(find(Reader.of(sector * n))), 256) < 3


def test_what_breaks_in_its_first_piece_is_nothing():
    packed = bytearray(bz2.compress(b"ab" * (5 << 20)))
    packed[-40] ^= 0xFF
    attempt(bytes(packed))
    assert list(find(Reader.of(bytes(packed)))) == []


def test_a_member_that_swells_is_not_unpacked_at_every_sector():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("swollen"), bytes(200 << 20), zipfile.ZIP_DEFLATED)
    data = out.getvalue()
    parted = data[: 150 << 10] + data[1024:5120] + data[150 << 10 :]
    unpacked = calls(lambda: list(find(Reader.of(parted.ljust(1 << 20, b"\0")))))["decompress"]
    assert 0 < unpacked < 1000


def test_a_compound_file_in_two_pieces_ends_with_the_medium():
    table = [0xFFFFFFFD, 2, 3, 4, 5, 6, 0xFFFFFFFE, 0xFFFFFFFE]
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<8I", 1, 7, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack(
        "<109I", 0, *[0xFFFFFFFF] * 108
    )
    root = "Root Entry".encode("utf-16-le").ljust(64, b"\0") + struct.pack("<HB", 22, 5)
    first = head + struct.pack("<128I", *table, *[0xFFFFFFFF] * 120) + random.Random(1).randbytes(3 * 512)
    second = random.Random(2).randbytes(3 * 512) + root.ljust(300, b"\0")
    gap = b"\x41 word of another text. ".ljust(32) * 64
    found = next(find(Reader.of(first + gap + second)))
    assert found.flags == ("rejoined", "uncertain")
    assert sum(found.extents[-1]) == len(first + gap + second)
