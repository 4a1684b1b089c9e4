from __future__ import annotations

import hashlib
import random

import pytest

from moisson.engine import alone
from moisson.errors import EvidenceError
from moisson.settings import Settings


@pytest.fixture(scope="module")
def medium(tmp_path_factory):
    path = tmp_path_factory.mktemp("alone") / "disk.dd"
    noise = random.Random(5)
    data = bytearray(noise.randbytes(alone.PIECE + (6 << 20)))
    for n, at in enumerate((4096, 70_001, alone.PIECE - 9, alone.PIECE + 5_000_000)):
        value = f"  person{n}@galerie-delta.example  ".encode()
        data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def sweep(path, workers):
    seen = []
    steps = []
    found = alone.sweep(
        [path], "disk", Settings(), workers, lambda s: seen.extend(s.sightings), lambda done, size: steps.append(done)
    )
    return found, [(s.kind, s.value, s.address) for s in seen if "galerie" in s.value], steps


def test_every_value_is_found_once_across_pieces_and_workers(medium):
    one, seen, steps = sweep(medium, 1)
    assert [value for kind, value, _ in seen if kind == "email"] == [
        f"person{n}@galerie-delta.example" for n in range(4)
    ]
    assert steps[-1] == one.size == medium.stat().st_size
    assert one.digests["sha256"] == hashlib.sha256(medium.read_bytes()).hexdigest()
    two, again, _ = sweep(medium, 2)
    assert sorted(again) == sorted(seen)
    assert two.digests == one.digests
    assert one.failures == two.failures == []


def test_what_is_no_image_any_more_says_so(tmp_path):
    path = tmp_path / "half.E01"
    path.write_bytes(b"EVF\t\r\n\xff\0" + bytes(3000))
    with pytest.raises(EvidenceError):
        sweep(path, 1)
