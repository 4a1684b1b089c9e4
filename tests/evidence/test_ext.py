"""ext by our own walk: the rows The Sleuth Kit gives, with their true times, in linear time, and whatever is damaged."""

from __future__ import annotations

import random
import struct
import subprocess

import pytest
from msgspec.structs import replace

from moisson.errors import EvidenceError, PasswordError
from moisson.evidence.ext import Ext
from moisson.evidence.extents import merge
from moisson.evidence.image import open_image
from moisson.evidence.inodes import Inodes
from moisson.evidence.names import read_names
from moisson.evidence.tsk import Tree
from moisson.evidence.volume import open_volume, scan
from moisson.reader import Memory, Window
from tests.conftest import unpack
from tests.counting import growth

from .media import part, run
from .specimens import live, mutated, sha, split

NAMES = ["made/ext2.raw.gz", "made/ext3.raw.gz", "made/ext4.raw.gz", "dfvfs/ext2.E01", "dfvfs/ímynd.dd"]
NAMES += ["dfvfs/image.vhd.gz", "plaso/syslog_image.dd", "cryptsetup/img_fs_ext4.img.xz", "made/gpt.raw.gz"]


def plain(entry):
    """An entry without what The Sleuth Kit does not know: parts of seconds, creation, which holes are real."""
    times = {key: (t := getattr(entry, key)) and t.ns // 1_000_000_000 for key in ("modified", "accessed", "changed")}
    bare = replace(entry, modified=None, accessed=None, changed=None, created=None)
    return replace(bare, flags=tuple(f for f in entry.flags if f != "sparse")), times


def both(medium):
    return Ext(medium), Tree("ext", medium)


@pytest.mark.corpus
@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_the_sleuth_kit(corpora, name):
    image = open_image([part(corpora / "filesystems", name)])
    volume = next(v for v in scan(image) if v.kind == "ext")
    ours, theirs = both(open_volume(image, volume.layers))
    assert [plain(e) for e in split(ours)[0]] == [plain(e) for e in split(theirs)[0]]
    assert live(ours) == live(theirs)
    assert ours.free() == theirs.free()
    assert (ours.label, ours.serial) == (theirs.label, theirs.serial)
    for entry in split(ours)[0]:
        if not entry.directory and "~" not in entry.locator:
            assert merge(e for e in ours.extents(entry.locator) if e[0] is not None) == merge(
                e for e in theirs.extents(entry.locator) if e[0] is not None
            )


def test_times_to_the_nanosecond(corpora):
    entries = {e.path: e for e in split(Ext(Memory(unpack(corpora / "filesystems/made/ext4.raw.gz"))))[0]}
    assert entries["big.txt"].created.ns % 1_000_000_000
    assert str(entries["big.txt"].modified) == "2024-02-29T12:34:56Z"


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Holes, many fragments, three levels of blocks, second names, long links: written by mke2fs."""
    folder = tmp_path_factory.mktemp("ext")
    tree = folder / "tree"
    (tree / "many").mkdir(parents=True)
    chance = random.Random(3)
    for n in range(700):
        (tree / "many" / f"name {n}").write_bytes(chance.randbytes(n))
    (tree / "link").symlink_to("x/" * 60)
    (tree / "second").hardlink_to(tree / "many" / "name 699")
    with (tree / "holes").open("wb") as file:
        for n in range(0, 400, 2):
            file.seek(n * 4096)
            file.write(chance.randbytes(4096))
    (tree / "large").write_bytes(chance.randbytes(300_000))
    return folder


@pytest.mark.parametrize(("sort", "options"), [("ext2", ["-b", "1024"]), ("ext4", ["-b", "4096"]),
                                               ("ext4", ["-b", "1024", "-O", "inline_data,64bit", "-I", "256"])])  # fmt: skip
def test_every_file_of_a_tree_is_read_back(wide, sort, options):
    disk = wide / "disk"
    disk.unlink(missing_ok=True)
    run("mke2fs", "-q", "-t", sort, *options, "-N", "2000", "-d", "tree", "disk", "16M", cwd=wide)
    system = Ext(Memory(disk.read_bytes()))
    entries, faults = split(system)
    assert not faults
    found = {e.path: system.open(e.locator).whole() for e in entries if not e.directory}
    tree = wide / "tree"
    wanted = {str(p.relative_to(tree)): p.read_bytes() for p in tree.rglob("*") if p.is_file() and not p.is_symlink()}
    assert found.pop("link") == b"x/" * 60
    assert found == wanted
    (holes,) = [e for e in entries if e.path == "holes"]
    assert "sparse" in holes.flags
    assert sum("link" in e.flags for e in entries) == 1


@pytest.mark.corpus
def test_an_encrypted_file_is_locked(corpora):
    data = bytearray(unpack(corpora / "filesystems/made/ext4.raw.gz"))
    system = Ext(Memory(bytes(data)))
    (big,) = [e for e in split(system)[0] if e.path == "big.txt"]
    at = system.inodes.groups[0][1] * system.block + (int(big.locator) - 1) * system.inodes.width
    data[at + 33] |= 0x08
    locked = Ext(Memory(bytes(data)))
    assert "encrypted" in next(e for e in split(locked)[0] if e.path == "big.txt").flags
    with pytest.raises(PasswordError):
        locked.open(big.locator)


def rows(count):
    blocks, room, piece = [], 4096, []
    for n in range(count):
        name = f"a name of some length {n:07d}".encode()
        size = (len(name) + 11) & ~3
        if room < size + 60:
            piece[-1] = piece[-1][:4] + struct.pack("<H", len(piece[-1]) + room) + piece[-1][6:]
            blocks.append(b"".join(piece).ljust(4096, b"\0"))
            room, piece = 4096, []
        piece.append((struct.pack("<IHBB", n + 11, size, len(name), 1) + name).ljust(size, b"\0"))
        room -= size
    return b"".join(blocks)


def test_a_hundred_thousand_names_cost_linear_work():
    data = rows(100_000)
    found = sum(not f.gone for f in read_names(data, 4096, 200_000, typed=True))
    assert found > 99_000
    assert growth(lambda n: list(read_names(data[: n * 44], 4096, 200_000, typed=True)), 5000) < 3


@pytest.mark.corpus
def test_a_directory_that_holds_itself(corpora):
    data = bytearray(unpack(corpora / "filesystems/made/ext4.raw.gz"))
    entries = {e.path: e for e in split(Ext(Memory(bytes(data))))[0]}
    at = data.index(b"leaf.txt") - 8
    data[at : at + 4] = int(entries["deep"].locator).to_bytes(4, "little")
    found, _ = split(Ext(Memory(bytes(data))))
    assert len(found) < 40
    assert "deep/1/2/3/4/5/leaf.txt" in {e.path for e in found}


@pytest.mark.corpus
def test_files_of_a_lost_directory_are_found_by_inode(corpora):
    data = bytearray(unpack(corpora / "filesystems/made/ext4.raw.gz"))
    whole = Ext(Memory(bytes(data)))
    held = live(whole)
    (deep,) = [e for e in split(whole)[0] if e.path == "deep"]
    ((place, _),) = whole.extents(deep.locator)
    data[place : place + whole.block] = bytes(whole.block)
    broken = Ext(Memory(bytes(data)))
    entries, _ = split(broken)
    lost = {sha(broken.open(e.locator)) for e in entries if e.state == "orphan" and not e.directory}
    assert held["deep/1/2/3/4/5/leaf.txt"][1] in lost


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["ext2", "ext4"])
def test_damage_raises_nothing_but_faults_of_the_evidence(corpora, name):
    data = unpack(corpora / "filesystems" / "made" / f"{name}.raw.gz")
    for seed in range(60):
        medium = Memory(mutated(data, seed, 1 << 19))
        try:
            system = Ext(medium)
            entries, _ = split(system)
            for entry in entries:
                assert 0 <= entry.size <= medium.size
                if not entry.directory:
                    system.open(entry.locator).head()
        except EvidenceError as error:
            assert str(error)


@pytest.mark.corpus
def test_what_a_deletion_leaves(corpora, tmp_path):
    (tmp_path / "disk").write_bytes(unpack(corpora / "filesystems/made/ext2.raw.gz"))
    for path in ("big.txt", "Images/noise.bin"):
        subprocess.run(["debugfs", "-w", "-R", f"rm {path}", "disk"], cwd=tmp_path, check=True, capture_output=True)
    ours, theirs = both(Memory((tmp_path / "disk").read_bytes()))
    assert [plain(e) for e in split(ours)[0]] == [plain(e) for e in split(theirs)[0]]
    assert {e.path for e in split(ours)[0] if e.state == "deleted"} >= {"big.txt", "Images/noise.bin"}


@pytest.mark.corpus
@pytest.mark.parametrize("per_group", [1, 7, 0xFFFFFFFF])
def test_a_superblock_that_claims_billions_of_groups_takes_no_memory(corpora, per_group):
    data = bytearray(unpack(corpora / "filesystems" / "made" / "ext2.raw.gz"))
    data[1024:1028], data[1064:1068] = b"\xff\xff\xff\xff", per_group.to_bytes(4, "little")
    medium = Window(Memory(bytes(data)), 0, 1 << 44)
    inodes = Inodes(medium)
    assert len(inodes.groups) * 32 <= len(data)
    assert sum(len(table) for _, table in inodes.tables()) <= len(data)
