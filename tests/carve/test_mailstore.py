from __future__ import annotations

import random
import struct

import pytest

from moisson.carve import mailmarks
from moisson.carve.find import find
from moisson.carve.ground import Carved
from moisson.carve.mailmarks import BLOCKS, MAP, NODES, PAGE, Mark
from moisson.reader import Memory, Reader
from tests.counting import Counted, growth

STORES = ("be/Data/Outlook_Files/outlook.pst", "mail/ingest-file/testPST.pst", "mail/tika/testPST_variousBodyTypes.pst")
CLUSTER = 4096


def first(data: bytes) -> Carved:
    return next(find(Reader.of(data)))


def content(data: bytes, carved: Carved) -> bytes:
    return b"".join(data[at : at + n] for at, n in carved.extents)


def store(version: int, blocks: int = 40, seed: int = 1) -> bytes:
    """A store of the older or the newer kind: a map, a tree of one page for its nodes, one for its blocks."""
    form, rng = mailmarks.shape(version), random.Random(seed)
    word, width = form.word, struct.calcsize(form.word)
    length, at, rows = 0x4400 + (1 << 16), 0x4400 + 3 * PAGE, b""
    out = bytearray(length)

    def put(mark: Mark, body: bytes) -> None:
        room, check = mark.room(form), mailmarks.total(body[: mark.size])
        last = (check, mark.number) if word == "Q" else (mark.number, check)
        trailer = mailmarks.needle(mark) + struct.pack("<IQ" if word == "Q" else "<II", *last)
        out[mark.at : mark.at + room] = body.ljust(room - form.trailer, b"\0") + trailer

    for number in range(4, 4 + 4 * blocks, 4):
        mark = Mark(0, number, at, rng.randint(16, 1500))
        put(mark, rng.randbytes(mark.size))
        entry = struct.pack(f"<2{word}HH", number, at, mark.size, 2).ljust(3 * width, b"\0")
        rows, at = rows + entry, at + mark.room(form)
    step, most = 3 * width, form.counts // (3 * width)
    pages = [Mark(kind, 500 + kind, 0x4400 + n * PAGE, form.summed) for n, kind in ((1, NODES), (2, BLOCKS))]
    for mark, body in zip(pages, (b"", rows[: most * step]), strict=True):
        told = bytes((len(body) // step, most, step, 0))
        put(mark, (body.ljust(form.counts, b"\0") + told).ljust(form.summed, b"\0"))
    put(Mark(MAP, 0x4400, 0x4400, form.summed), bytes(form.summed))
    head = bytearray(564)
    head[:4], head[8:12], head[form.valid] = b"!BDN", b"SM" + struct.pack("<H", version), 2
    struct.pack_into(f"<{word}", head, form.length, length)
    for n, mark in enumerate(pages):
        struct.pack_into(f"<2{word}", head, form.roots + 2 * n * width, mark.number, mark.at)
    struct.pack_into("<I", head, 4, mailmarks.total(head[8:479]))
    out[:564] = head
    return bytes(out)


@pytest.mark.corpus
@pytest.mark.parametrize("name", STORES)
def test_a_store_is_proved_by_all_it_names(corpora, name):
    data = (corpora / name).read_bytes()
    found = first(data + bytes(4096))
    assert (found.extents, found.confidence, found.flags) == (((0, len(data)),), 1.0, ())
    broken = bytearray(data)
    broken[0x4400 + 9] ^= 1
    assert first(bytes(broken)).flags == ("damaged",)


@pytest.mark.corpus
@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("cut", [10, 14, 17])
@pytest.mark.parametrize("gap", [1, 5])
def test_a_store_in_two_pieces_is_joined(corpora, name, cut, gap):
    data = (corpora / name).read_bytes()
    shot = data[: cut * CLUSTER] + random.Random(gap).randbytes(gap * CLUSTER) + data[cut * CLUSTER :]
    found = first(shot + bytes(CLUSTER))
    assert "rejoined" in found.flags
    assert content(shot, found) == data or "uncertain" in found.flags


@pytest.mark.corpus
@pytest.mark.parametrize("name", STORES)
def test_a_store_that_was_cut_off_claims_only_what_holds(corpora, name):
    data = (corpora / name).read_bytes()
    found = first(data[: 1 << 16] + random.Random(1).randbytes(1 << 18))
    assert found.flags == ("truncated",)
    assert found.confidence < 0.5
    assert 0x4400 < found.size <= 1 << 16


@pytest.mark.parametrize("version", [14, 23])
def test_both_kinds_of_stores(version):
    data = store(version)
    assert first(data).confidence == 1.0
    for cut in (6, 7):
        shot = data[: cut * CLUSTER] + random.Random(1).randbytes(2 * CLUSTER) + data[cut * CLUSTER :]
        assert content(shot, first(shot)) == data


def test_a_newer_store_is_told_by_its_header_alone():
    head = bytearray(store(23))
    head[10] = 36
    head[4:8] = struct.pack("<I", mailmarks.total(head[8:479]))
    assert first(bytes(head)).confidence == 0.9


def test_many_headers_cost_no_more_than_their_size():
    sector = bytearray(store(23)[:512] + bytes(512))
    struct.pack_into("<2Q", sector, 216, 4, 1 << 14)
    struct.pack_into("<Q", sector, 184, 1 << 40)
    sector[4:8] = struct.pack("<I", mailmarks.total(sector[8:479]))
    medium = Counted(Memory(bytes(sector) * 2048))
    assert [c for c in find(Reader(medium)) if c.confidence >= 0.9] == []
    assert medium.bytes < 64 * medium.size
    assert growth(lambda n: list(find(Reader.of(bytes(sector) * n))), 128) < 3
