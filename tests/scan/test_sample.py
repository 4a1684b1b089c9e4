from __future__ import annotations

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.reader import Memory, Reader
from moisson.scan.sample import sample, sort_of
from moisson.scan.shares import SIZE, interval


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


WORDS = "le rendez-vous est confirmé pour samedi à la gare routière, apporte les clés\n".encode()


@pytest.mark.parametrize(
    ("data", "sort"),
    [
        (bytes(SIZE), "empty"),
        (b"\xff" * SIZE, "empty"),
        ((WORDS * 2000)[:SIZE], "text"),
        (noise(SIZE), "random"),
        (bytes(range(0x80, 0xC0)) * (SIZE // 64), "other"),
    ],
)
def test_bytes_are_of_a_sort(data, sort):
    assert sort_of(data) == sort


def test_pictures_are_known_by_their_stuffing(corpora):
    path = max((corpora / "photos").rglob("*.jpg"), key=lambda p: p.stat().st_size)
    data = path.read_bytes()
    middle = len(data) // 2
    assert sort_of(data[middle : middle + SIZE]) == "pictures"


def test_deflated_text_is_not_taken_for_encrypted():
    words = "".join(
        random.Random(2).choices(["samedi ", "gare ", "clé ", "route ", "voir ", "dix "], k=400_000)
    ).encode()
    packed = zlib.compress(words)
    assert sort_of(packed[1000 : 1000 + SIZE]) in ("compressed", "other")


def test_a_wiped_medium_and_an_encrypted_one():
    assert sample(Reader(Memory(bytes(40 * SIZE)))).verdict == "wiped"
    assert sample(Reader(Memory(noise(40 * SIZE)))).verdict == "encrypted"
    assert sample(Reader(Memory(b""))).verdict == "wiped"


def test_shares_come_near_the_truth():
    parts = [noise(SIZE, n) if n % 4 == 0 else bytes(SIZE) for n in range(800)]
    random.Random(3).shuffle(parts)
    found = sample(Reader(Memory(b"".join(parts))), seed=4, places=200)
    shares = {s.sort: s for s in found.shares}
    assert shares["random"].low <= 0.25 <= shares["random"].high
    assert found.verdict == "mostly empty, the rest mostly random"


def test_the_same_seed_looks_at_the_same_places():
    reader, first, second = Reader(Memory(noise(300 * SIZE))), [], []
    sample(reader, 7, 50, lambda at, data: first.append(at))
    sample(reader, 7, 50, lambda at, data: second.append(at))
    assert first == second == sorted(first)


@given(st.integers(1, 2000), st.data())
def test_intervals_hold_their_middle(of, data):
    n = data.draw(st.integers(0, of))
    low, high = interval(n, of)
    assert 0 <= low <= n / of <= high <= 1
