from __future__ import annotations

import random
import struct

import pytest

from moisson.carve.anchors import anchors
from moisson.carve.cells import carve_cells, cells
from moisson.carve.find import find
from moisson.carve.ground import Ground
from moisson.carve.keys import read_cells
from moisson.reader import Memory, Reader
from tests.conftest import unpack

HIVES = ("plaso/NTUSER-WIN7.DAT.gz", "regipy/NTUSER.DAT.xz", "plaso/regf/UsrClass.dat.gz")
KIND = "application/x-ms-regf-cells"


def cell(body: bytes) -> bytes:
    size = -(-(4 + len(body)) // 8) * 8
    return struct.pack("<i", -size) + body.ljust(size - 4, b"\0")


def key(name: bytes, year: int = 0x01CE) -> bytes:
    head = b"nk" + struct.pack("<HQ", 0x20, year << 48).ljust(70, b"\0") + struct.pack("<HH", len(name), 0)
    return cell(head + name)


def value(name: bytes, number: int) -> bytes:
    return cell(b"vk" + struct.pack("<HIIIHH", len(name), 0x80000004, number, 4, 1, 0) + name)


def test_cells_are_followed_to_the_last_that_says_what_it_is():
    run = key(b"Software") + value(b"Port", 443) + cell(b"lf" + struct.pack("<H", 1) + bytes(8))
    (found,) = find(Reader.of(random.Random(1).randbytes(520) + run + random.Random(2).randbytes(4000)))
    assert (found.kind, found.extents, found.flags) == (KIND, ((520, len(run)),), ("fragment",))
    lines = next(read_cells(Reader.of(run))).text.splitlines()
    assert lines[0].startswith("[Software] 2013")
    assert lines[1] == "Port: 443"


@pytest.mark.parametrize("spoilt", [key(b"Software", 0x0400), b"".join((key(b""), key(b"")))])
def test_what_is_no_key_begins_nothing(spoilt):
    assert carve_cells(Ground(Memory(spoilt + value(b"a", 1) * 4)), 0, 400) is None


@pytest.mark.corpus
@pytest.mark.parametrize("name", HIVES)
def test_clusters_without_a_bin_give_their_keys(corpora, name):
    data = unpack(corpora / "windows" / name)
    seen = 0
    for at in range(4096, len(data) - 8192, 4096):
        if data[at : at + 4] == b"hbin" or seen >= 20:
            continue
        found = [c for c in find(Reader.of(data[at : at + 4096])) if c.kind == KIND]
        for c in found:
            held = list(cells(data[at + c.offset : at + c.offset + c.size]))
            assert sum(cell.size for cell in held) == c.size
        seen += bool(found)
    assert seen > 2


@pytest.mark.corpus
def test_nothing_else_holds_cells(corpora, index):
    places = [a for a in anchors() if a.carver == "cells:carve_cells"]
    tried = 0
    for path in sorted(p for p in corpora.rglob("*") if p.is_file() and p.stat().st_size < 1 << 20):
        data = (
            unpack(path) if index["files"].get(str(path.relative_to(corpora)), {}).get("packed") else path.read_bytes()
        )
        if data[:4] == b"regf" or b"hbin" in data:
            continue
        for anchor in places:
            at = data.find(anchor.literals[0], anchor.at)
            while at >= 0:
                tried += 1
                assert carve_cells(Ground(Memory(data)), at - anchor.at, len(data)) is None
                at = data.find(anchor.literals[0], at + 1)
    assert tried > 10
