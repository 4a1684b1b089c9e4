"""Files that Windows keeps packed (WOF): the specimen holds one text four times, packed by wimlib with each method.

`data/wof.ntfs.gz` was made with mkntfs and ntfs-3g: a sparse file, the chunks beside it in a stream, a reparse point.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError, EvidenceError, UnsupportedError
from moisson.evidence.ntfs import Ntfs
from moisson.evidence.unpacking import expand_lzx, expand_xpress
from moisson.reader import Memory
from tests.conftest import unpack

from .specimens import sha, split

WANTED = (77_270, "b4fc6ab1fcf19a8d6e6ddddf7269b07708895196eec011fabdfd0ea2e01de77c")
POINT = struct.Struct("<IHHIIII")


@pytest.fixture(scope="module")
def disk():
    return unpack(Path(__file__).parent / "data" / "wof.ntfs.gz")


def files(data):
    system = Ntfs(Memory(data))
    return system, [e for e in split(system)[0] if e.path.endswith(".txt")]


def point(provider=2, method=0):
    return POINT.pack(0x80000017, 16, 0, 1, provider, 1, method)


def test_every_method_is_unpacked(disk):
    system, entries = files(disk)
    assert {e.path for e in entries} == {"xpress-4096.txt", "xpress-8192.txt", "xpress-16384.txt", "lzx-32768.txt"}
    for entry in entries:
        assert (entry.size, sha(system.open(entry.locator))) == WANTED, entry.path
        assert "compressed" in entry.flags
        assert system.open(entry.locator).pread(70_000, 100) == system.open(entry.locator).whole()[70_000:70_100]
        assert system.slack(entry.locator).size == 0


def test_a_backing_archive_is_refused(disk):
    system, entries = files(disk.replace(point(), point(provider=1)))
    (entry,) = [e for e in entries if e.path == "xpress-4096.txt"]
    with pytest.raises(UnsupportedError, match="not known"):
        system.open(entry.locator)


@pytest.mark.parametrize("expand", [expand_xpress, expand_lzx])
@given(data=st.binary(max_size=600), size=st.integers(1, 32768))
@settings(max_examples=150, deadline=None)
def test_noise_unpacks_to_the_size_or_is_damaged(expand, data, size):
    try:
        assert len(expand(data, size)) == size
    except DamagedError as error:
        assert str(error)


def test_an_unknown_method_is_refused(disk):
    assert point() in disk
    system, entries = files(disk.replace(point(), point(method=9)))
    (entry,) = [e for e in entries if e.path == "xpress-4096.txt"]
    with pytest.raises(UnsupportedError, match="not known"):
        system.open(entry.locator)


def test_what_lies_in_an_archive_elsewhere_is_refused_not_read_as_zeros(disk):
    name = "Wof".encode("utf-16-le")
    assert disk.count(name) >= 4
    system, entries = files(disk.replace(name, b"X" + name[1:]))
    for entry in entries:
        if ":" not in entry.path:
            with pytest.raises(UnsupportedError, match="archive"):
                system.open(entry.locator)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_chunks_raise_or_give_the_size_that_was_promised(disk, seed):
    raw = bytearray(disk)
    system, entries = files(disk)
    beside = [a for e in entries for a in system.table.record(int(e.locator.split("-")[0])).attributes if a.name]
    for attribute in beside:
        for at, length in system.table.place(attribute)[:1]:
            for n in range(seed * 40, seed * 40 + 30):
                raw[at + (n * 97) % length] ^= 0x55
    system, entries = files(bytes(raw))
    for entry in entries:
        try:
            assert len(system.open(entry.locator).whole()) == entry.size
        except EvidenceError as error:
            assert str(error)
