"""Blocks of Outlook's stores, of real stores and of both encodings."""

from __future__ import annotations

import random

import pytest
from benches import scanpacking
from hypothesis import given
from hypothesis import strategies as st

from moisson.model import Sighting
from moisson.reader import Reader
from moisson.scan import outlook
from moisson.scan.decode import decode
from moisson.scan.sweep import sweep_bytes


def test_the_tables_are_those_of_the_specification():
    encode, shuffle, undo = outlook.tables()
    assert sorted(encode) == sorted(shuffle) == sorted(undo) == list(range(256))
    assert all(undo[encode[n]] == n and shuffle[shuffle[n]] == n for n in range(256))
    assert (encode[:4], shuffle[:4], undo[:4]) == (b"\x41\x36\x13\x62", b"\x14\x53\x0f\x56", b"\x47\xf1\xb4\xe6")


@given(st.binary(min_size=1, max_size=9000), st.integers(0, 2**32 - 1))
def test_the_second_encoding_undoes_itself(data, key):
    assert outlook.cycled(outlook.cycled(data, key), key) == data


@pytest.mark.parametrize("seed", range(6))
def test_blocks_of_both_encodings_are_found_where_they_stand(seed):
    rng = random.Random(seed)
    text = "".join(rng.choices(["gare ", "samedi ", "river ", "السوق ", "\r\n"], k=5000)) + " karim@orchard.example "
    blocks = scanpacking.outlook(rng, text)
    data = rng.randbytes(64 * 50) + blocks + rng.randbytes(6400)
    seen = list(outlook.find(data, 0, len(data), 0))
    assert b"".join(body for _, _, body in seen).decode("utf-16-le") == text
    assert [start for start, _, _ in seen] == [3200 + 8192 * n for n in range(len(seen))]
    assert "karim@orchard.example" in {r.value for r in sweep_bytes(data, "E") if isinstance(r, Sighting)}


def test_a_broken_checksum_is_no_block():
    data = bytearray(scanpacking.outlook(random.Random(3), "hello there " * 40))
    data[9] ^= 1
    assert not list(outlook.find(bytes(data), 0, len(data), 0))


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("be/Data/Outlook_Files/outlook.pst", 107),
        ("mail/tika/testPST_variousBodyTypes.pst", 61),
        ("mail/ingest-file/testPST.pst", 85),
    ],
)
def test_real_stores(corpora, path, count):
    data = (corpora / path).read_bytes()
    seen = list(outlook.find(data, 0, len(data), 0))
    assert len(seen) == count
    assert sum(body[2] == 0xEC for _, _, body in seen) > count // 2
    for start, end, body in seen:
        found = decode("outlook", Reader.of(data[start:]))
        assert (found.data, found.used) == (body, end - start)
