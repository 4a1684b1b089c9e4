"""NTFS by record: the same files as by directory, and more of them."""

from __future__ import annotations

import json

import pytest

from moisson.errors import DamagedError, EvidenceError, PasswordError
from moisson.evidence import unlock
from moisson.evidence.image import Descriptor, open_image
from moisson.evidence.ntfs import Ntfs
from moisson.evidence.tsk import Tree
from moisson.evidence.volume import Volume, open_volume, scan
from moisson.reader import Memory
from tests.conftest import DEMO, unpack

from .specimens import live, sha, split


@pytest.fixture(scope="module")
def made(corpora):
    return unpack(corpora / "filesystems" / "made" / "ntfs.raw.gz")


def digests(system):
    """The digests of the live files of the user with their sizes, without their paths."""
    return sorted(
        (e.size, sha(system.open(e.locator)))
        for e in split(system)[0]
        if e.state == "live" and not e.directory and "system" not in e.flags and not e.path.startswith("$")
        if "encrypted" not in e.flags
    )


@pytest.fixture(scope="module")
def computer():
    """The Windows computer of the demonstration haul."""
    path = DEMO / "media" / "AMP-001.E01"
    if not path.exists():
        pytest.skip("the demonstration haul is not beside this checkout")
    with path.open("rb") as file:
        image = open_image([(path.name, Descriptor(file.fileno()))])
        yield [(v, open_volume(image, v.layers)) for v in scan(image) if isinstance(v, Volume) and v.kind == "ntfs"]


def test_by_record_and_by_directory_the_demo_computer_holds_the_same(computer):
    assert computer
    for _, medium in computer:
        by_record, by_tree = digests(Ntfs(medium)), digests(Tree("ntfs", medium))
        assert len(by_record) > 100
        assert set(by_record) == set(by_tree)


def test_paths_are_the_same_too(computer):
    for _, medium in computer:
        paths = [
            {e.path for e in split(s)[0] if e.state == "live" and not e.path.startswith("$")}
            for s in (Ntfs(medium), Tree("ntfs", medium))
        ]
        assert paths[0] == paths[1]


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/ntfs", "dfir_ntfs/ntfs3", "dfir_ntfs/ntfs3_attrlist"])
def test_by_record_and_by_directory_the_specimens_hold_the_same(corpora, name):
    medium = Memory(unpack(corpora / "filesystems" / f"{name}.raw.gz"))
    found = digests(Ntfs(medium))
    assert found
    assert set(found) == set(digests(Tree("ntfs", medium)))


@pytest.mark.corpus
def test_a_hundred_names_of_one_file(corpora):
    medium = Memory(unpack(corpora / "filesystems" / "dfir_ntfs" / "ntfs3_attrlist.raw.gz"))
    system = Ntfs(medium)
    entries = [e for e in split(system)[0] if e.path.endswith(".txt")]
    values = json.loads((corpora / "filesystems" / "expected.json").read_text())
    first = values["dfir_ntfs/ntfs3_attrlist.raw.gz"]["filesystems"][0]["entries_first_20"][0]
    assert {e.path for e in entries} == {f"{n}.txt" for n in range(1, 101)}
    assert len({e.locator for e in entries}) == 100
    assert sum("link" in e.flags for e in entries) == 99
    assert {sha(system.open(e.locator)) for e in entries} == {first["sha256"]}


@pytest.mark.corpus
def test_the_hidden_stream(made):
    system = Ntfs(Memory(made))
    (stream,) = [e for e in split(system)[0] if e.path == "Documents/rapport.txt:secret"]
    assert "stream" in stream.flags
    assert b"violet-otter-12" in system.open(stream.locator).whole()


@pytest.mark.corpus
def test_the_boot_sector_may_be_gone(made):
    raw = bytearray(made)
    raw[:512] = bytes(512)
    system = Ntfs(Memory(bytes(raw)))
    assert live(system) == live(Ntfs(Memory(made)))
    raw[-8192:] = bytes(8192)
    with pytest.raises(DamagedError):
        Ntfs(Memory(bytes(raw)))


def table_at(data):
    """Where the file table begins."""
    cluster = int.from_bytes(data[11:13], "little") * data[13]
    return int.from_bytes(data[48:56], "little") * cluster


@pytest.mark.corpus
def test_a_torn_record_costs_one_file_and_is_said(made):
    raw = bytearray(made)
    (entry,) = [e for e in split(Ntfs(Memory(made)))[0] if e.path == "big.txt"]
    number = int(entry.locator.split("-")[0])
    raw[table_at(made) + number * 1024 + 510] ^= 0xFF
    system = Ntfs(Memory(bytes(raw)))
    _, faults = split(system)
    assert str(number) in {f.locator for f in faults}
    whole = live(Ntfs(Memory(made)))
    del whole["big.txt"]
    assert live(system) == whole
    with pytest.raises(EvidenceError):
        system.open(entry.locator)


@pytest.mark.corpus
@pytest.mark.parametrize("claim", [1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_a_size_bomb_is_cut(made, claim):
    raw = bytearray(made)
    (entry,) = [e for e in split(Ntfs(Memory(made)))[0] if e.path == "big.txt"]
    at = table_at(made) + int(entry.locator.split("-")[0]) * 1024
    place = made.index((56_000).to_bytes(8, "little") * 2, at, at + 1024)
    raw[place : place + 8] = claim.to_bytes(8, "little")
    system = Ntfs(Memory(bytes(raw)))
    (big,) = [e for e in split(system)[0] if e.path == "big.txt"]
    assert "size-cut" in big.flags
    assert big.size <= 60_000
    assert len(system.open(big.locator).whole()) == big.size


@pytest.mark.corpus
def test_directories_that_are_their_own_parents(made):
    raw = bytearray(made)
    entries = [e for e in split(Ntfs(Memory(made)))[0] if e.path.startswith("deep") and e.directory]
    start = table_at(made)
    for entry in entries:
        number = int(entry.locator.split("-")[0])
        at = start + number * 1024
        sequence = int.from_bytes(made[at + 16 : at + 18], "little")
        name = entry.name.encode("utf-16-le")
        place = made.find(name, at, at + 1024) - 66
        assert place > at, place
        raw[place : place + 8] = (number | sequence << 48).to_bytes(8, "little")
    found, _ = split(Ntfs(Memory(bytes(raw))))
    leaf = [e for e in found if e.name == "leaf.txt"]
    assert len(leaf) == 1
    assert leaf[0].path.startswith("$OrphanFiles/")
    assert len(leaf[0].path) < 4096


def record_of(made, path):
    """Where the record of a file lies."""
    (entry,) = [e for e in split(Ntfs(Memory(made)))[0] if e.path == path]
    return table_at(made) + int(entry.locator.split("-")[0]) * 1024, entry


@pytest.mark.corpus
def test_a_further_record_of_the_table_itself_is_no_file(made):
    raw = bytearray(made)
    at, _ = record_of(made, "big.txt")
    raw[at + 32 : at + 40] = (1 << 48).to_bytes(8, "little")
    entries, _ = split(Ntfs(Memory(bytes(raw))))
    assert {e.path for e in entries} == {e.path for e in split(Ntfs(Memory(made)))[0]} - {"big.txt"}


@pytest.mark.corpus
def test_a_file_encrypted_by_windows_is_flagged_and_locked(made):
    raw = bytearray(made)
    at, entry = record_of(made, "big.txt")
    place = at + int.from_bytes(made[at + 20 : at + 22], "little")
    while int.from_bytes(made[place : place + 4], "little") != 0x80:
        place += int.from_bytes(made[place + 4 : place + 8], "little")
    raw[place + 12 : place + 14] = (0x4000).to_bytes(2, "little")
    system = Ntfs(Memory(bytes(raw)))
    (big,) = [e for e in split(system)[0] if e.path == "big.txt"]
    assert "encrypted" in big.flags
    assert big.size == entry.size
    with pytest.raises(PasswordError, match="EFS"):
        system.open(big.locator)


@pytest.mark.corpus
@pytest.mark.parametrize(("reused", "wanted"), [(False, "deep/1/2/3/4/5/leaf.txt"), (True, "$OrphanFiles/leaf.txt")])
def test_the_old_parent_of_a_deleted_file_is_told_by_its_sequence(made, reused, wanted):
    raw = bytearray(made)
    leaf, _ = record_of(made, "deep/1/2/3/4/5/leaf.txt")
    (folder,) = [e for e in split(Ntfs(Memory(made)))[0] if e.path == "deep/1/2/3/4/5"]
    parent = table_at(made) + int(folder.locator.split("-")[0]) * 1024
    raw[leaf + 22] &= 0xFE
    sequence = int.from_bytes(raw[parent + 16 : parent + 18], "little")
    raw[parent + 16 : parent + 18] = (sequence + 1).to_bytes(2, "little")
    raw[parent + 22] &= 0xFF if reused else 0xFE
    (found,) = [e for e in split(Ntfs(Memory(bytes(raw))))[0] if e.name == "leaf.txt"]
    assert (found.path, found.state) == (wanted, "orphan" if reused else "deleted")


@pytest.mark.corpus
def test_a_wiped_table_is_said(corpora):
    medium = Memory(unpack(corpora / "filesystems" / "cryptsetup" / "bitlk-aes-cbc-128.img.xz"))
    clear = unlock.open_clear(medium, "bitlocker", ("anaconda",))
    try:
        entries, faults = split(Ntfs(clear))
    except DamagedError:
        return
    assert faults or not entries
