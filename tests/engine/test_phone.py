"""Archives delivered as exhibits: members as entries, packed tars read at any place."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
import zlib
from itertools import pairwise

import pytest
from tests.conftest import DEMO

from moisson.engine import phone
from moisson.engine.phone import Inflated, open_archive
from moisson.errors import AddressError, DamagedError, EvidenceError
from moisson.reader import Memory

CONTENTS = {"data/a.txt": b"amber", "data/deep/noise.bin": random.Random(1).randbytes(300_000), "empty": b""}


def tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in CONTENTS.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def packed():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in CONTENTS.items():
            archive.writestr(name, data)
    return out.getvalue()


FORMS = {"tar": (tar, [], "tar"), "tar.gz": (lambda: gzip.compress(tar()), ["gzip"], "tar"), "zip": (packed, [], "zip")}


@pytest.mark.parametrize("form", FORMS)
def test_members_are_entries(form):
    make, outer, kind = FORMS[form]
    layers, archive = open_archive(Memory(make()))
    assert ([str(layer) for layer in layers], archive.kind) == (outer, kind)
    entries = list(archive.entries())
    assert {e.path: archive.open(e.locator).whole() for e in entries if not e.directory} == CONTENTS
    assert {e.path: e.size for e in entries} == {path: len(data) for path, data in CONTENTS.items()}
    assert {e.name for e in entries} == {"a.txt", "noise.bin", "empty"}
    _, again = open_archive(Memory(make()))
    assert [e.locator for e in again.entries()] == [e.locator for e in entries]
    with pytest.raises(AddressError):
        archive.open("missing")
    assert (archive.slack("x").whole(), archive.extents("x"), archive.free()) == (b"", [], [])


@pytest.mark.parametrize(
    "raw", [b"", b"PK", b"\x1f\x8b", bytes(4096), b"\x7fELF" + bytes(600), gzip.compress(b"no tar at all" * 100)]
)
def test_what_is_no_archive(raw):
    try:
        assert open_archive(Memory(raw)) is None
    except DamagedError:
        assert raw[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("level", [0, 1, 9])
def test_any_place_of_a_packed_file(monkeypatch, level):
    monkeypatch.setattr(phone, "_STRIDE", 64 << 10)
    monkeypatch.setattr(phone, "_PIECE", 4 << 10)
    chance = random.Random(level)
    data = b"".join(chance.choice((chance.randbytes(5000), b"kestrel " * 900)) for _ in range(200))
    medium = Inflated(Memory(gzip.compress(data, level)))
    assert medium.size == len(data)
    assert len(medium._points) > 5
    for _ in range(60):
        at, n = chance.randrange(len(data)), chance.randrange(200_000)
        assert medium.pread(at, n) == data[at : at + n]
    assert medium.pread(len(data), 10) == medium.pread(5, 0) == b""
    assert medium.pread(0, len(data) + 10) == data


def test_two_gzip_members_are_one_file():
    data = tar()
    half = len(data) // 2
    medium = Inflated(Memory(gzip.compress(data[:half]) + gzip.compress(data[half:])))
    assert medium.size == len(data)
    assert medium.pread(0, len(data)) == data


def test_a_bomb_is_unpacked_a_bounded_piece_at_a_time(monkeypatch):
    monkeypatch.setattr(phone, "_MOST_POINTS", 4)
    monkeypatch.setattr(phone, "_STRIDE", 4 << 20)
    data = tar()[:1024] + bytes(64 << 20)
    medium = Inflated(Memory(gzip.compress(data, 9)))
    assert medium.size == len(data)
    assert 2 <= len(medium._points) <= 4
    assert medium.pread(0, 1024) == data[:1024]
    assert medium.pread(60 << 20, 100) == bytes(100)
    pieces = [piece for _, _, piece in medium._inflate(0, zlib.decompressobj(31))]
    assert max(map(len, pieces)) <= phone._MOST
    assert sum(map(len, pieces)) == len(data)


def test_a_torn_tar_gives_what_came_before():
    raw = gzip.compress(tar(), 0)
    try:
        _, archive = open_archive(Memory(raw[: len(raw) // 2]))
        found = {e.path for e in archive.entries()}
    except EvidenceError:
        pytest.fail("the members before the end are lost")
    assert "data/a.txt" in found


@pytest.mark.parametrize("form", FORMS)
def test_damage_raises_nothing_else(form):
    whole = FORMS[form][0]()
    for seed in range(20):
        chance = random.Random(seed)
        raw = bytearray(whole)
        for _ in range(chance.randrange(1, 20)):
            reach = len(raw) if seed % 2 else min(2000, len(raw))
            raw[chance.randrange(4, reach)] = chance.randrange(256)
        if seed % 5 == 0:
            del raw[chance.randrange(600, len(raw)) :]
        try:
            if found := open_archive(Memory(bytes(raw))):
                for entry in found[1].entries():
                    try:
                        assert len(found[1].open(entry.locator).head()) <= 4096
                    except EvidenceError:
                        continue
        except EvidenceError:
            continue


def test_the_telephone_of_the_demonstration():
    path = DEMO / "media" / "AMP-004.zip"
    if not path.exists():
        pytest.skip("the demonstration haul is not beside this checkout")
    _, archive = open_archive(Memory(path.read_bytes()))
    reference = zipfile.ZipFile(path)
    wanted = {i.filename: reference.read(i) for i in reference.infolist() if not i.is_dir()}
    assert {e.path: archive.open(e.locator).whole() for e in archive.entries()} == wanted
    assert all(a.locator != b.locator for a, b in pairwise(archive.entries()))
