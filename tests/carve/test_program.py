from __future__ import annotations

import random
from pathlib import Path

import pytest

from moisson.carve.find import find
from moisson.carve.ground import Carved, Ground
from moisson.carve.program import carve_elf, carve_pe
from moisson.reader import Memory, Reader
from tests.carve.made import elf, program

KINDS = {"application/x-executable": "ident", "application/vnd.microsoft.portable-executable": "ident"}


def first(data: bytes) -> Carved:
    return next(find(Reader.of(data)))


def test_what_lies_behind_the_sections_belongs_to_a_program_whose_sum_says_so():
    installer = program(more=random.Random(7).randbytes(6000))
    found = first(installer + bytes(-len(installer) % 512) + random.Random(1).randbytes(2048))
    assert (found.extents, found.confidence) == (((0, len(installer)),), 1.0)


def test_without_a_sum_a_program_ends_with_its_sections():
    data = program(summed=False)
    assert first(data + random.Random(1).randbytes(4096)).size == len(data)


def test_a_wrong_sum_is_not_believed():
    data = bytearray(program())
    data[600] ^= 1
    assert first(bytes(data)).confidence == 0.9


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.95])
def test_a_program_that_is_cut_off_says_so(keep):
    for made in (elf(), program()):
        found = first(made[: int(len(made) * keep)])
        assert "truncated" in found.flags
        assert found.confidence < 0.5


def test_names_of_sections_must_be_names():
    data = bytearray(elf())
    data[64 + 3000 + 2] = 1
    assert carve_elf(Ground(Memory(bytes(data))), 0, len(data)) is None


def test_a_sector_that_begins_with_two_letters_is_no_program():
    rng = random.Random(5)
    data = b"".join(b"MZ" + rng.randbytes(510) for _ in range(300))
    assert [c for c in (carve_pe(Ground(Memory(data)), at, len(data)) for at in range(0, len(data), 512)) if c] == []


def test_programs_of_this_machine_come_back_whole():
    names = sorted({path.resolve() for path in sorted(Path("/usr/bin").iterdir())[:200]})
    seen = 0
    for path in names:
        if (
            not path.is_file()
            or path.stat().st_size > 1 << 20
            or not (data := path.read_bytes()).startswith(b"\x7fELF")
        ):
            continue
        assert first(data + bytes(-len(data) % 512) + bytes(4096)).size == len(data), path.name
        seen += 1
    if not seen:
        pytest.skip("no ELF files here")
