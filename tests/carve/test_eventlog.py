from __future__ import annotations

import random
import struct

import pytest

from moisson.carve.find import find
from moisson.carve.ground import Carved
from moisson.reader import Memory, Reader
from tests.conftest import unpack
from tests.counting import Counted, growth

LOG = "windows/plaso/SysEvent.Evt.gz"
CLOSING = struct.pack("<5I", 40, 0x11111111, 0x22222222, 0x33333333, 0x44444444)


def carve(data: bytes) -> list[Carved]:
    return list(find(Reader.of(data)))


def content(data: bytes, carved: Carved) -> bytes:
    return b"".join(data[at : at + n] for at, n in carved.extents)


def record(number: int, text: bytes) -> bytes:
    size = 56 + -(-len(text) // 4) * 4 + 4
    head = struct.pack("<I4s4I", size, b"LfLe", number, 1, 1, 7).ljust(56, b"\0")
    return (head + text).ljust(size - 4, b"\0") + struct.pack("<I", size)


def log(records: int = 40, seed: int = 1, dirty: bool = False) -> bytes:
    """A log that has not come to its end yet."""
    rng = random.Random(seed)
    body = b"".join(record(n, rng.randbytes(rng.randint(9, 400))) for n in range(1, records + 1))
    end, told = 48 + len(body), 48 if dirty else 48 + len(body)
    head = struct.pack("<I4s9II", 48, b"LfLe", 1, 1, 48, told, records + 1, 1, 1 << 19, int(dirty), 0, 48)
    closing = CLOSING + struct.pack("<5I", 48, end, records + 1, 1, 40)
    return (head + body + closing).ljust(1 << 16, b"\0")


@pytest.mark.parametrize("dirty", [False, True])
def test_a_log_is_walked_to_the_record_that_closes_it(dirty):
    data = log(dirty=dirty)
    (found,) = carve(data + random.Random(2).randbytes(4096))
    assert (found.kind, found.extents, found.confidence) == ("application/x-ms-evt", ((0, len(data)),), 1.0)


def test_a_log_without_its_last_record_is_cut_off():
    found = carve(log()[:4096] + random.Random(2).randbytes(4096))[0]
    assert found.flags == ("truncated",)
    assert found.size <= 4096


@pytest.mark.corpus
def test_a_log_of_xp_that_has_turned_comes_back_whole(corpora):
    data = unpack(corpora / LOG)
    found = carve(bytes(512) + data + random.Random(1).randbytes(70_000))[0]
    assert (found.extents, found.confidence) == (((512, len(data)),), 1.0)


@pytest.mark.corpus
@pytest.mark.parametrize("cluster", [10, 122, 225, 300, 439, 485])
def test_a_log_of_xp_in_two_pieces_is_joined(corpora, cluster):
    data = unpack(corpora / LOG)
    cut = cluster * 4096
    shot = data[:cut] + random.Random(cluster).randbytes(8192) + data[cut:]
    found = carve(shot)[0]
    assert content(shot, found) == data
    assert "rejoined" in found.flags


@pytest.mark.corpus
def test_records_that_have_lost_their_log_are_kept(corpora):
    data = unpack(corpora / LOG)[1024:]
    found = carve(data)
    assert {c.kind for c in found} == {"application/x-ms-evt-records"}
    assert sum(c.size for c in found) > 0.9 * len(data)
    assert all(c.flags == ("fragment",) for c in found)


def test_many_heads_cost_no_more_than_their_size():
    sector = struct.pack("<I4s9II", 48, b"LfLe", 1, 1, 48, 1 << 20, 9, 1, 1 << 30, 1, 0, 48)
    sector += record(1, bytes(40)) + record(2, bytes(300))[:300]
    medium = Counted(Memory(sector.ljust(512, b"\1") * 4096))
    assert [c for c in find(Reader(medium)) if c.confidence >= 0.9] == []
    assert medium.bytes < 64 * medium.size
    assert growth(lambda n: list(find(Reader.of(sector.ljust(512, b"\1") * n))), 256) < 3
