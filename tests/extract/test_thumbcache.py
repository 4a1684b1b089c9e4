"""Caches of thumbnails: made ones, for the corpora have none; the sum is held against heads that were published."""

from __future__ import annotations

import random
import struct

import pytest

from moisson.carve.find import find
from moisson.errors import DamagedError
from moisson.extract.thumbcache import entry, first, read_thumbcache, total
from moisson.reader import Memory, Reader
from tests.carve.made import picture

LAYOUTS = {20: (24, 56), 21: (16, 48), 30: (16, 56), 32: (16, 56)}
PUBLISHED = ((80, 0x482D656EE647F25E, 32, 0xA8EA5F607C65AAD6), (128, 0x0924BC51F9B84EE8, 80, 0x4D8B419F9128FE1D))


def made(version: int, name: str, data: bytes, padding: int = 3) -> bytes:
    """An entry of a version."""
    place, length = LAYOUTS[version]
    title = name.encode("utf-16-le")
    size = length + len(title) + padding + len(data)
    head = struct.pack("<4sIQ", b"CMMM", size, 99).ljust(place, b"\0")
    head = (head + struct.pack("<III", len(title), padding, len(data))).ljust(length - 8, b"\0")
    return head + struct.pack("<Q", total(head)) + title + bytes(padding) + data


def cached(version: int, free: int = 4000) -> bytes:
    head = struct.pack("<4s5I", b"CMMM", version, 3, 24, 24, 2)
    shown = (
        made(version, "1a2b", picture("PNG", 1)) + made(version, "3c", b"") + made(version, "4d", picture("JPEG", 2))
    )
    return head + shown + struct.pack("<4sI", b"CMMM", free).ljust(free, b"\0")


@pytest.mark.parametrize(("size", "number", "name", "check"), PUBLISHED)
def test_the_sum_is_that_of_published_heads(size, number, name, check):
    head = struct.pack("<4sIQIIIIQ", b"CMMM", size, number, name, 0, 0, 0, 0)
    assert total(head) == check
    found = entry(Reader.of((head + struct.pack("<Q", check)).ljust(size, b"\0")), 0)
    assert found is not None
    assert found.end == size


def test_the_sum_is_the_one_that_the_catalogue_of_sums_lists():
    assert total(b"123456789") == 0x75D4B74F024ECEEA


@pytest.mark.parametrize("version", LAYOUTS)
def test_each_picture_is_a_child(version):
    children = list(read_thumbcache(Reader.of(cached(version))))
    assert [(c.name, c.role) for c in children] == [("1a2b", "thumbnail"), ("4d", "thumbnail")]
    assert [c.open().whole() for c in children] == [picture("PNG", 1), picture("JPEG", 2)]


@pytest.mark.parametrize("version", LAYOUTS)
@pytest.mark.parametrize("free", [48, 4000])
def test_a_cache_is_carved_to_its_end(version, free):
    data = cached(version, free)
    (found,) = find(Reader.of(data + random.Random(1).randbytes(512)))
    assert (found.kind, found.extents) == ("application/x-ms-thumbcache", ((0, len(data)),))
    entries = find(Reader.of(bytes(512) + data[first(Reader.of(data)) :]))
    assert next(entries).flags == ("fragment",)


def test_what_is_no_cache_says_so():
    with pytest.raises(DamagedError):
        list(read_thumbcache(Reader.of(b"CMMM" + random.Random(1).randbytes(400))))
    sector = b"CMMM" + struct.pack("<I", 1 << 20) + bytes(504)
    assert list(find(Reader(Memory(sector * 400)))) == []


@pytest.mark.parametrize("version", LAYOUTS)
def test_a_changed_head_ends_the_walk(version):
    data = bytearray(cached(version))
    data[data.find(b"CMMM", 30) + 8] ^= 1
    assert len(list(read_thumbcache(Reader.of(bytes(data))))) == 1
