"""Sets of pages of a hibernation file, and files packed as the prefetcher does."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from benches import scanpacking
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError
from moisson.model import Sighting
from moisson.reader import Memory, Reader
from moisson.scan import hiber, layers
from moisson.scan.block import Block
from moisson.scan.decode import decode
from moisson.scan.sweep import Options, sweep, sweep_bytes


def words(rng, size):
    return "".join(rng.choices(["gare ", "samedi ", "the ", "river ", "clé\n", "7 "], k=size // 4))


@pytest.fixture(scope="module")
def memory():
    """A hibernation file of 40 sets with an address in each, and those addresses."""
    rng = random.Random(8)
    parts, planted = [], []
    for n in range(40):
        planted.append(f"page{n:02}@example.org")
        lead = words(rng, rng.randint(9000, 60_000))[:30_000]
        parts.append(scanpacking.hiberset(rng, f"{lead}\n{planted[-1]}\n{words(rng, 9000)}"))
    return b"".join(parts), planted


def addresses(records):
    return [r.value for r in records if isinstance(r, Sighting) and r.kind == "email"]


def test_every_set_of_a_hibernation_file_is_unpacked(memory):
    data, planted = memory
    image = bytes(4096) + data + random.Random(1).randbytes(70_000)
    found = [r for r in sweep_bytes(image, "E") if isinstance(r, Sighting)]
    assert sorted(addresses(found)) == planted
    assert {r.address.split("/")[2] for r in found} == {"hiberset"}


@pytest.mark.parametrize("size", [1 << 18, 1 << 19])
def test_units_that_begin_within_a_file_lose_nothing(memory, size):
    data, planted = memory
    image = Reader(Memory(bytes(4096) + data + bytes(-len(data) % 4096)))
    found = [r for at in range(0, image.size, size) for r in sweep(image, "E", at, at + size)]
    assert sorted(addresses(found)) == planted


def test_a_set_that_is_not_packed_is_no_layer():
    text = b"anna@verger.example " * 205
    one = (1 | 4096 << 8).to_bytes(4, "little") + (99 << 4).to_bytes(8, "little") + text[:4096]
    two = (1 | 4096 << 8).to_bytes(4, "little") + (140 << 4).to_bytes(8, "little") + bytes(4096)
    found = [r for r in sweep_bytes(one + two * 4, "E", Options(repeats=1)) if isinstance(r, Sighting)]
    assert [r.address for r in found] == ["E/@12+19"]


@pytest.mark.parametrize("noise", [bytes(300_000), random.Random(2).randbytes(300_000), bytes(range(256)) * 1200])
def test_other_bytes_are_no_sets(noise):
    medium = Memory(noise)
    assert hiber.first(medium, noise, 0, len(noise), 0) == -1
    assert not list(hiber.chain(medium, 0, len(noise)))


@given(st.binary(min_size=1, max_size=70_000))
@settings(max_examples=25, deadline=None)
def test_what_is_packed_comes_back(raw):
    text = raw.decode("latin-1")
    packed = scanpacking.mam(random.Random(1), text)
    found = decode("mam", Reader.of(packed + b"after"))
    assert (found.data, found.whole) == (text.encode(), True)
    assert len(packed) - 4 <= found.used <= len(packed)


def test_codes_are_new_each_64_kib():
    text = words(random.Random(3), 300_000)
    packed = scanpacking.mam(random.Random(1), text)
    assert decode("mam", Reader.of(packed + b"after")).data == text.encode()


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_damage_is_told(tail):
    head = (1 | (len(tail) + 8) << 8 | 2 << 30).to_bytes(4, "little") + (7 << 4).to_bytes(8, "little")
    with suppress(DamagedError):
        assert len(hiber.block(Reader.of(head + tail), 1 << 20)[0]) <= 4096


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("BYTECODEGENERATOR.EXE-C1E9BCE6.pf", 603_246),
        ("ONEDRIVE.EXE-7E152375.pf", 71_240),
        ("NOTEPAD.EXE-D8414F97.pf", 34_286),
        ("AM_DELTA_PATCH_1.443.990.0.EX-7037CF86.pf", 11_888),
    ],
)
def test_prefetch_files_of_windows_10(corpora, name, size):
    data = (corpora / "windows" / "plaso" / "winprefetch" / name).read_bytes()
    found = decode("mam", Reader.of(data + b"what comes after"))
    assert (len(found.data), found.used, found.whole) == (size, len(data), True)
    assert found.data[4:8] == b"SCCA"
    assert int.from_bytes(found.data[12:16], "little") == size


def test_sets_that_swell_stay_within_their_room():
    page = scanpacking.xpress_huffman(bytes(65536))
    one = (1 | len(page) << 8 | 2 << 30).to_bytes(4, "little")
    data = b"".join(one + (n << 4 | 15).to_bytes(8, "little") + page for n in range(99, 3000)) + b"end@example.org"
    held = Block(data, 0, 0, len(data), Reader.of(data), "E", 0)
    made = list(layers.unsigned(held))
    assert sum(len(layer.data) for layer in made) <= (32 << 20) + 65536
    assert addresses(sweep_bytes(data, "E")) == ["end@example.org"]
