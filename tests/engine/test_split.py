"""A part of a split archive says that it is one."""

from __future__ import annotations

import io
import zipfile

import pytest

from moisson.engine.messages import Read, Wanted
from moisson.engine.read import Walk
from moisson.engine.split import SAID, is_part
from moisson.model import Failure
from moisson.reader import Reader
from moisson.settings import Settings


@pytest.mark.parametrize(
    "name", ["a.zip.001", "A.7Z.012", "a.z01", "a.part1.rar", "a.part003.rar", "a.r00", "a.tar.gz.002"]
)
def test_a_part_is_known_by_its_name(name):
    assert is_part(name)


@pytest.mark.parametrize("name", ["a.zip", "a.7z", "a.rar", "a.001", "a.zip.0001", "a.part1.rar.txt", "zip.001", ""])
def test_other_names_are_none(name):
    assert not is_part(name)


def failures(name, data):
    found = []
    walk = Walk(Settings(), None, (), lambda where: None, lambda where, records: found.extend(records))
    walk.read(Read("E", Wanted(f"E/dir:{name}", name, name, len(data), "live")), Reader.of(data), None)
    return [(r.kind, r.detail) for r in found if isinstance(r, Failure) and r.address == f"E/dir:{name}"]


def test_what_cannot_be_read_of_a_split_archive_says_so_once():
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        for n in range(4):
            archive.writestr(f"{n}.txt", bytes([65 + n]) * 3000)
    whole = buffer.getvalue()
    for name, data in (("a.zip.001", whole[:5000]), ("a.zip.002", whole[5000:10000]), ("a.zip.003", whole[10000:])):
        assert failures(name, data) == [("unsupported", SAID)], name
    assert failures("a.zip.001", whole) == []
    assert failures("a.zip", whole[:5000]) == []
