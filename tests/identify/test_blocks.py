from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import DamagedError, UsageError
from moisson.identify import blocks
from moisson.identify.blocks import BLOCK, SECTOR, Blocks, Match, compile_targets, tells


def noise(size, seed):
    return random.Random(seed).randbytes(size)


@pytest.fixture
def sought(tmp_path):
    folder = tmp_path / "sought"
    folder.mkdir()
    (folder / "a.bin").write_bytes(noise(5 * BLOCK + 100, 1))
    (folder / "b.bin").write_bytes(noise(BLOCK, 2) + bytes(BLOCK) + noise(2 * BLOCK, 3))
    (folder / "c.bin").write_bytes(noise(BLOCK, 2))
    targets = compile_targets([folder], tmp_path / "blocks.bin")
    assert [(t.name, t.blocks) for t in targets] == [("a.bin", 5), ("b.bin", 2), ("c.bin", 0)]
    return tmp_path / "blocks.bin"


@pytest.fixture
def loaded(sought):
    descriptor = os.open(sought, os.O_RDONLY)
    found = Blocks.of(descriptor)
    os.close(descriptor)
    return found


@given(st.integers(0, 40), st.integers(0, 5))
def test_a_block_is_found_at_every_sector(sectors, tail):
    whole = noise(3 * BLOCK, 7)
    rows = [(int(blocks.fingerprints(whole[n * BLOCK :][:SECTOR])[0]), n) for n in range(3)]
    data = bytes(sectors * SECTOR) + whole + bytes(tail)
    found = {int(f): at for at, f in enumerate(blocks.fingerprints(data[: len(data) - len(data) % SECTOR]))}
    assert [found[first] for first, _ in rows] == [sectors + 8 * n for n in range(3)]


def test_blocks_of_a_sought_file_are_found_where_they_lie(loaded):
    data = noise(3 * SECTOR, 9) + noise(5 * BLOCK + 100, 1)[BLOCK : 3 * BLOCK] + noise(10 * SECTOR, 10)
    assert list(loaded.find(data, 1 << 40)) == [
        Match((1 << 40) + 3 * SECTOR, 0, 1),
        Match((1 << 40) + 3 * SECTOR + BLOCK, 0, 2),
    ]


def test_what_several_share_and_what_is_blank_is_nobodys(loaded):
    assert list(loaded.find(noise(BLOCK, 2) + bytes(4 * BLOCK))) == []


def test_the_first_sector_alone_is_no_match(loaded):
    assert list(loaded.find(noise(5 * BLOCK, 1)[:SECTOR] + noise(2 * BLOCK, 12))) == []


def test_a_block_cut_by_the_end_waits_for_the_next_piece(loaded):
    whole = noise(5 * BLOCK, 1)[:BLOCK]
    assert list(loaded.find(whole[: BLOCK - SECTOR])) == []
    assert [m.number for m in loaded.find(whole)] == [0]


def test_little_variety_tells_nothing():
    assert not tells(bytes(BLOCK))
    assert not tells(b"abcdefgh" * 512)
    assert not tells(bytes(range(64)) * 64)
    assert tells(noise(BLOCK, 1))


def test_wrong_lists_are_refused(tmp_path, sought):
    with pytest.raises(UsageError, match="no sought file"):
        compile_targets([_blank(tmp_path)], tmp_path / "x")
    with pytest.raises(UsageError, match="no such file"):
        compile_targets([tmp_path / "gone"], tmp_path / "x")
    with pytest.raises(DamagedError):
        Blocks(sought.read_bytes()[:-1])
    with pytest.raises(DamagedError):
        Blocks(b"")


def _blank(folder):
    path = folder / "blank"
    path.write_bytes(bytes(10 * BLOCK))
    return path
