"""FAT, exFAT, ext and ISO 9660: deleted files, times without a zone, and what a wrong recovery would claim."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import time

import pytest

from moisson.evidence.extents import merge
from moisson.evidence.filesystem import Budget, Entry, Fault, printable
from moisson.evidence.tsk import Tree
from moisson.evidence.volume import scan
from moisson.reader import Memory
from tests.conftest import unpack

from .specimens import live, member, sha, split


@pytest.fixture(scope="module")
def dftt(corpora):
    values = json.loads((corpora / "dftt" / "expected.json").read_text())
    return lambda name: (member(corpora / "dftt" / name, values[name]["image"]), values[name])


@pytest.mark.corpus
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Asia/Baghdad", "America/New_York"])
def test_fat_times_are_those_of_the_wall(dftt, monkeypatch, zone):
    medium, _ = dftt("5-fat-daylight.zip")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        entries = {e.name: e for e in split(Tree("fat", medium))[0]}
    finally:
        monkeypatch.undo()
        time.tzset()
    second = 1_000_000_000
    for name, created in (("winter.txt", 1072965601), ("summer.txt", 1086102001)):
        found = entries[name].created
        assert (found.ns // second, found.zone) == (created, "local"), name
    assert entries["winter.txt"].modified.ns // second == 1072965602
    assert entries["summer.txt"].modified.ns // second == 1086102004


@pytest.mark.corpus
def test_deleted_files_are_found_and_a_naive_recovery_is_not_sold_as_certain(dftt):
    medium, values = dftt("6-undel-fat.zip")
    entries, _ = split(tree := Tree("fat", medium))
    assert not [e for e in entries if e.state == "live" and not e.directory]
    dead = {e.size: e for e in entries if not e.directory and e.size}
    exact = 0
    for wanted in values["deleted_files"]:
        entry = dead[wanted["size"]]
        assert entry.state in ("deleted", "orphan")
        exact += sha(tree.open(entry.locator)) == wanted["sha256"]
        assert entry.path.split("/")[-1][1:].lower() == wanted["path"].rsplit("/", 1)[-1][1:]
    assert exact >= 3
    assert {e.name[1:].lower() for e in entries if e.directory} >= {"ir1", "ir2"}


@pytest.mark.corpus
def test_fragmented_deleted_files_that_are_read_wrong_are_uncertain(dftt):
    medium, values = dftt("6-undel-fat.zip")
    tree = Tree("fat", medium)
    naive = {f["md5_of_naive_contiguous_read"] for f in values["deleted_files"]} - {None}
    wrong = 0
    for entry in split(tree)[0]:
        if not entry.directory and entry.size:
            digest = hashlib.md5(tree.open(entry.locator).whole(), usedforsecurity=False).hexdigest()
            if digest in naive:
                wrong += 1
                assert entry.state in ("deleted", "orphan")
                assert "uncertain" in entry.flags
    assert wrong >= len(naive)


@pytest.mark.corpus
def test_contradictory_labels(dftt):
    medium, _ = dftt("9-fat-label.zip")
    tree = Tree("fat", medium)
    entries, faults = split(tree)
    assert tree.label
    assert not faults
    assert not [e for e in entries if "Volume Label" in e.name]


@pytest.mark.corpus
def test_iso_images_with_two_trees(corpora):
    for name in ("iso-dirtree1.iso", "iso-dirtree2.iso", "iso-endian.iso"):
        medium = member(corpora / "dftt" / "14-iso9660-1.zip", f"14-iso9660-1/{name}")
        tree = Tree("iso9660", medium)
        rows = list(tree.entries())
        assert all(isinstance(r, Entry | Fault) for r in rows)
        for entry in split(tree)[0]:
            if not entry.directory:
                assert tree.open(entry.locator).size == entry.size


@pytest.mark.skipif(not shutil.which("mke2fs"), reason="mke2fs is not installed")
@pytest.mark.parametrize("block", [1024, 4096])
def test_a_backup_superblock_serves(tmp_path, block):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.txt").write_bytes(b"kestrel " * 3000)
    size = 5 * 8 * block * block // (4 if block == 4096 else 1)
    command = ["mke2fs", "-q", "-t", "ext4", "-b", str(block), "-d", "tree", "disk", f"{size // 1024}k"]
    subprocess.run(command, cwd=tmp_path, check=True)
    data = (tmp_path / "disk").read_bytes()
    gone = Memory(data[:1024] + bytes(1024) + data[2048:])
    (volume,) = scan(gone)
    assert (volume.kind, volume.flags) == ("ext", ("backup-superblock",))
    tree = Tree("ext", gone)
    assert live(tree) == live(Tree("ext", Memory(data)))
    assert "a.txt" in live(tree)
    assert any("superblock" in f.detail for f in split(tree)[1])


@pytest.mark.corpus
@pytest.mark.parametrize(("name", "kind"), [("fat12", "fat"), ("fat16", "fat"), ("fat32", "fat"), ("exfat", "exfat")])
def test_the_deleted_file_of_the_made_volumes_is_whole(corpora, name, kind):
    values = json.loads((corpora / "filesystems" / "expected.json").read_text())[f"made/{name}.raw.gz"]
    (wanted,) = [e for e in values["filesystems"][0]["entries"] if e.get("deleted") and e.get("sha256")]
    tree = Tree(kind, Memory(unpack(corpora / "filesystems" / "made" / f"{name}.raw.gz")))
    dead = [e for e in split(tree)[0] if e.state == "deleted" and e.size]
    assert [(e.size, sha(tree.open(e.locator))) for e in dead] == [(wanted["size"], wanted["sha256"])]
    assert b"copper-heron-77" in tree.open(dead[0].locator).whole()


def with_size(data, size):
    """A FAT volume whose big.txt claims another size."""
    raw = bytearray(data)
    row = raw.index(b"BIG     TXT")
    raw[row + 28 : row + 32] = size.to_bytes(4, "little")
    return Memory(bytes(raw))


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["fat12", "fat32"])
def test_a_size_beyond_the_chain_is_cut_and_said_so(corpora, name):
    data = unpack(corpora / "filesystems" / "made" / f"{name}.raw.gz")
    tree = Tree("fat", with_size(data, 900_000))
    (big,) = [e for e in split(tree)[0] if e.path == "big.txt"]
    assert "size-cut" in big.flags
    assert 56_000 <= big.size <= 60_000
    assert tree.open(big.locator).size == big.size


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["fat12", "fat16", "fat32"])
def test_a_size_of_four_gigabytes_leaves_what_the_chain_holds(corpora, name):
    data = unpack(corpora / "filesystems" / "made" / f"{name}.raw.gz")
    before = Tree("fat", Memory(data))
    whole = next(e for e in split(before)[0] if e.path == "big.txt")
    tree = Tree("fat", with_size(data, 0xFFFFFFFF))
    (big,) = [e for e in split(tree)[0] if e.path == "big.txt"]
    assert (big.locator, big.flags, big.offset) == (whole.locator, ("size-cut",), whole.offset)
    assert tree.extents(big.locator) == merge(before.extents(whole.locator))
    assert tree.open(big.locator).whole()[: whole.size] == before.open(whole.locator).whole()
    assert not any(at <= big.offset < at + n for at, n in tree.free())


@pytest.mark.corpus
def test_noise_is_no_file_of_four_gigabytes(corpora):
    data = bytearray(unpack(corpora / "filesystems" / "made" / "fat32.raw.gz"))
    tree = Tree("fat", Memory(bytes(data)))
    before = {e.path for e in split(tree)[0] if e.state == "live"}
    start = tree.rows.heap + 320
    data[start : start + 192] = random.Random(5).randbytes(192)
    assert {e.path for e in split(Tree("fat", Memory(bytes(data))))[0] if e.state == "live"} <= before


@pytest.mark.corpus
def test_only_guesses_are_uncertain(corpora, dftt):
    medium, values = dftt("6-undel-fat.zip")
    flagged = {e.size for e in split(Tree("fat", medium))[0] if "uncertain" in e.flags}
    assert flagged == {f["size"] for f in values["deleted_files"]} - {780}


@pytest.mark.corpus
def test_a_directory_that_is_its_own_child(corpora):
    data = bytearray(unpack(corpora / "filesystems" / "made" / "fat16.raw.gz"))
    row = data.index(b"DEEP       ")
    cluster = int.from_bytes(data[row + 26 : row + 28], "little")
    inner = data.index(b"1          \x10")
    data[inner + 26 : inner + 28] = cluster.to_bytes(2, "little")
    entries, _ = split(Tree("fat", Memory(bytes(data))))
    assert len(entries) < 200
    assert "deep/1" in {e.path for e in entries}


def test_the_budget_keeps_names_without_content_once_the_volume_is_full():
    rows = [Entry(str(n), f"f{n}", f"f{n}", 40, "deleted", slack=3) for n in range(4)]
    budget = Budget(100)
    found = list(budget.spend(iter(rows)))
    assert [(e.size, e.flags) for e in found] == [(40, ()), (40, ()), (0, ("beyond-volume",)), (0, ("beyond-volume",))]
    (fault,) = budget.over()
    assert (fault.kind, fault.detail[:1]) == ("limit", "2")
    assert list(Budget(1).over()) == []


@pytest.mark.parametrize(
    ("name", "text"), [(b"a\xffb", "a\\xffb"), ("a\ud800", "a\\ud800"), ("é", "é"), ("é".encode(), "é"), (b"x", "x")]
)
def test_printable(name, text):
    assert printable(name) == text
