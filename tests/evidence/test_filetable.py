"""The file table where its beginning, its mirror or the end of the image is gone."""

from __future__ import annotations

import pytest

from moisson.errors import DamagedError
from moisson.evidence.filetable import Table
from moisson.evidence.ntfs import Ntfs
from moisson.reader import Memory
from tests.conftest import unpack

from .media import changed
from .specimens import live, split


@pytest.fixture(scope="module")
def made(corpora):
    return unpack(corpora / "filesystems" / "made" / "ntfs.raw.gz")


class Cut(Memory):
    """A medium that declares more than it has."""

    def __init__(self, data, size):
        super().__init__(data)
        self.size = size

    def pread(self, offset, n):
        n = max(0, min(n, self.size - offset))
        return self.data[offset : offset + n].ljust(n, b"\0")


@pytest.mark.corpus
def test_the_mirror_is_not_needed_and_serves_when_it_is(made):
    boot = Table(Memory(made)).boot
    whole = live(Ntfs(Memory(made)))
    assert live(Ntfs(Memory(changed(made, boot.mirror, bytes(4096))))) == whole
    assert live(Ntfs(Memory(changed(made, boot.table, bytes(1024))))) == whole
    with pytest.raises(DamagedError):
        Ntfs(Memory(changed(changed(made, boot.mirror, bytes(4096)), boot.table, bytes(1024))))


@pytest.mark.corpus
def test_a_cut_image_still_names_every_file(made):
    table = Table(Memory(made))
    end = max(at + n for at, n in table.extents if at is not None)
    whole, _ = split(Ntfs(Memory(made)))
    entries, faults = split(system := Ntfs(Cut(made[:end], len(made))))
    assert not faults
    assert {(e.path, e.size) for e in entries} == {(e.path, e.size) for e in whole}
    for entry in entries:
        if "truncated" in entry.flags:
            assert len(system.open(entry.locator).whole()) == entry.size
    assert any("truncated" in e.flags for e in entries)


@pytest.mark.corpus
def test_a_cut_table_is_said(made):
    table = Table(Memory(made))
    first = table.extents[0][0]
    assert first is not None
    entries, faults = split(Ntfs(Cut(made[: first + 66 * 1024], len(made))))
    assert entries
    assert any("beyond the end" in f.detail for f in faults)


@pytest.mark.corpus
def test_every_record_has_its_place(made):
    table = Table(Memory(made))
    for number in range(table.count):
        at = table.offset(number)
        assert made[at : at + table.boot.record] == table.raw(number)
