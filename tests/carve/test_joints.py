"""Files in two pieces, with all sorts of bytes between them, and around blocks of pointers."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.carve.find import find
from moisson.carve.ground import Carved
from moisson.reader import Reader
from tests.carve.made import evtx, files, film, flac, hive, pdf, picture, zipped

CLUSTER = 4096


def between(way: str, seed: int) -> bytes:
    rng = random.Random(seed)
    size = rng.randint(1, 5) * CLUSTER
    if way == "zeros":
        return bytes(size)
    if way == "text":
        return (b"An old letter that lay here. " * (size // 29 + 1))[:size]
    if way == "picture":
        data = picture("JPEG", seed, (90, 70))
        return data + bytes(-len(data) % CLUSTER)
    return rng.randbytes(size)


def split(data: bytes, seed: int, way: str) -> tuple[bytes, list[tuple[int, int]]]:
    rng = random.Random(seed)
    cut = rng.randrange(1, len(data) // CLUSTER + (len(data) % CLUSTER > 0)) * CLUSTER
    gap = between(way, seed)
    shot = bytes(CLUSTER) + data[:cut] + gap + data[cut:]
    ranges = [(CLUSTER, cut), (CLUSTER + cut + len(gap), len(data) - cut)]
    return shot + bytes(-len(shot) % CLUSTER) + bytes(CLUSTER), ranges


def carve(shot: bytes) -> dict[int, Carved]:
    return {c.offset: c for c in find(Reader.of(shot))}


@pytest.mark.parametrize("way", ["zeros", "text", "random", "picture"])
@pytest.mark.parametrize("name", ["jpeg", "png", "zip", "sqlite", "hive", "gzip", "gif", "flac"])
def test_two_pieces_are_joined(name, way):
    data = {
        "jpeg": picture("JPEG", 3, (200, 160), quality=80),
        "png": picture("PNG", 3),
        "zip": zipped(3, 9),
        "hive": hive(9),
        "gif": picture("GIF", 3),
        "flac": flac(120),
        "gzip": files()["gzip"][1],
        "sqlite": files()["sqlite"][1],
    }[name]
    shot, ranges = split(data, 5, way)
    found = carve(shot)[CLUSTER]
    assert found.extents == tuple(ranges)
    assert "rejoined" in found.flags


def test_a_hive_that_was_cut_off_does_not_go_on_in_another():
    first, other = hive(9), hive(12)
    found = carve(bytes(CLUSTER) + first[: 3 * CLUSTER] + bytes(2 * CLUSTER) + other + bytes(CLUSTER))
    assert found[CLUSTER].flags == ("truncated",)
    assert found[6 * CLUSTER].extents == ((6 * CLUSTER, len(other)),)


def test_an_event_log_goes_on_behind_a_chunk_that_is_none():
    log = bytearray(evtx(5))
    log[4096 + 65536 : 4096 + 65540] = b"lost"
    assert carve(bytes(log) + bytes(CLUSTER))[0].extents == ((0, len(log)),)


@pytest.mark.parametrize("way", ["zeros", "text", "random"])
def test_a_pdf_in_two_pieces_is_joined(way):
    shot, ranges = split(pdf(), 5, way)
    assert carve(shot)[CLUSTER].extents == tuple(ranges)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1 << 20), way=st.sampled_from(["zeros", "text", "random", "picture"]))
def test_what_is_called_whole_is_whole(seed, way):
    data = picture("JPEG", seed % 50, (150, 100), quality=75)
    shot, ranges = split(data, seed, way)
    found = carve(shot).get(CLUSTER)
    if found and found.confidence >= 0.95:
        assert found.extents == tuple(ranges)


def test_a_picture_of_restarts_is_joined():
    data = picture("JPEG", 3, (200, 160), quality=80, restart_marker_blocks=8)
    shot, ranges = split(data, 6, "random")
    assert carve(shot)[CLUSTER].extents == tuple(ranges)


def laid(data: bytes, first: int) -> bytes:
    """As ext2 with blocks of 1 KiB lays a file that begins with block `first`."""
    blocks = [data[i : i + 1024].ljust(1024, b"\0") for i in range(0, len(data), 1024)]
    out, number = b"".join(blocks[:12]), first + 12
    rest, groups = blocks[12:], 0
    while rest:
        part, rest = rest[:256], rest[256:]
        if groups == 1:
            more = [number + 1 + 257 * i for i in range(-(-(len(part) + len(rest)) // 256))]
            out += struct.pack(f"<{len(more)}I", *more).ljust(1024, b"\0")
            number += 1
        out += struct.pack(f"<{len(part)}I", *range(number + 1, number + 1 + len(part))).ljust(1024, b"\0")
        out += b"".join(part)
        number, groups = number + 1 + len(part), groups + 1
    return out


@pytest.mark.parametrize("name", ["jpeg", "zip", "bmp", "film", "evtx", "large"])
def test_blocks_of_pointers_are_left_out(name):
    data = picture("BMP", 1, (300, 200)) if name == "large" else files()[name][1]
    shot = bytes(5 * 1024) + laid(data, 5) + random.Random(1).randbytes(4096)
    found = carve(shot)[5 * 1024]
    assert b"".join(shot[at : at + n] for at, n in found.extents) == data
    assert "rejoined" in found.flags


def early(samples: int = 40) -> bytes:
    """A film whose tables come first."""
    data = film(samples)
    start, moov = data.find(b"mdat") - 4, data.find(b"moov") - 4
    tables, shift = bytearray(data[moov:]), len(data) - moov
    at = tables.find(b"stco") + 12
    for i in range(samples):
        (place,) = struct.unpack_from(">I", tables, at + 4 * i)
        struct.pack_into(">I", tables, at + 4 * i, place + shift)
    return data[:start] + bytes(tables) + data[start:moov]


@pytest.mark.parametrize("way", ["zeros", "text", "random", "picture"])
@pytest.mark.parametrize("make", [film, early])
def test_a_film_in_two_pieces_is_joined(make, way):
    data = make(40)
    shot, ranges = split(data, 7, way)
    found = carve(shot)[CLUSTER]
    assert found.extents == tuple(ranges)
    assert "rejoined" in found.flags


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 20), way=st.sampled_from(["zeros", "text", "random", "picture"]))
def test_a_film_that_is_called_whole_is_whole(seed, way):
    shot, ranges = split(film(30), seed, way)
    found = carve(shot).get(CLUSTER)
    if found and found.confidence >= 0.9:
        assert found.extents == tuple(ranges)
