"""Tables that lie: loops, chains that share clusters, containers whose tables lead elsewhere. What is there comes, flagged."""

from __future__ import annotations

import pytest

from moisson.errors import DamagedError, EvidenceError
from moisson.evidence.image import open_image
from moisson.evidence.mount import mount
from moisson.evidence.rows import Geometry
from moisson.evidence.tsk import Tree
from moisson.reader import Memory
from tests.conftest import unpack
from tests.counting import Counted

from .specimens import live, member, sha, split


@pytest.fixture(scope="module", params=["fat12", "fat16", "fat32"])
def fat(request, corpora):
    return unpack(corpora / "filesystems" / "made" / f"{request.param}.raw.gz")


def chained(data, cluster, after):
    """The volume with the next cluster of one exchanged in its first table."""
    raw, at = bytearray(data), Geometry(Memory(data))
    place = at.table + cluster * at.bits // 8
    if at.bits == 12:
        old = int.from_bytes(raw[place : place + 2], "little")
        new = (old & 0xF | after << 4) if cluster & 1 else (old & 0xF000 | after)
        raw[place : place + 2] = new.to_bytes(2, "little")
    else:
        raw[place : place + at.bits // 8] = after.to_bytes(at.bits // 8, "little")
    return bytes(raw)


def cluster_of(data, path):
    tree = Tree("fat", Memory(data))
    at = tree.rows
    entry = next(e for e in split(tree)[0] if e.path == path)
    return (entry.offset - at.heap) // at.cluster + 2


@pytest.mark.corpus
def test_a_chain_that_bites_its_tail_is_cut_and_said_so(fat):
    first = cluster_of(fat, "big.txt")
    tree = Tree("fat", Memory(chained(fat, first + 2, first)))
    whole = live(Tree("fat", Memory(fat)))
    entries = {e.path: e for e in split(tree)[0]}
    assert entries["big.txt"].size <= whole["big.txt"][0]
    assert {"size-cut", "content-gone"} & set(entries["big.txt"].flags)
    for path, (size, digest) in whole.items():
        if path != "big.txt":
            assert (entries[path].size, sha(tree.open(entries[path].locator))) == (size, digest)


@pytest.mark.corpus
def test_two_files_that_share_clusters_are_both_read(fat):
    big, noise = cluster_of(fat, "big.txt"), cluster_of(fat, "Images/noise.bin")
    tree = Tree("fat", Memory(chained(fat, noise, big + 1)))
    entries = {e.path: e for e in split(tree)[0]}
    assert live(tree)["big.txt"] == live(Tree("fat", Memory(fat)))["big.txt"]
    assert entries["Images/noise.bin"].size == 32768


@pytest.mark.corpus
def test_chains_of_our_own_end(fat):
    first = cluster_of(fat, "big.txt")
    looped = Memory(chained(fat, first + 2, first))
    geometry = Geometry(looped)
    assert sum(n for _, n in geometry.chain(first, 1 << 40)) == 3 * geometry.cluster
    assert geometry.chain(0, 1 << 40) == geometry.chain(1 << 30, 1 << 40) == []
    assert geometry.by_number(0) is geometry.by_number(1 << 60) is None


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/ext4.qcow2.gz", "made/ext4-compressed.qcow2.gz", "made/ext4-stream.vmdk.gz"])
def test_containers_whose_tables_lead_elsewhere_end_and_never_grow(corpora, name):
    data = unpack(corpora / "filesystems" / name)
    size = open_image([(name[:-3], Memory(data))]).size
    for seed in range(12):
        raw = bytearray(data)
        for n in range(40):
            at = 4096 + (seed * 7919 + n * 104729) % (min(len(raw), 1 << 19) - 4104)
            raw[at : at + 4] = (seed * n * 2654435761 & 0xFFFFFFFF).to_bytes(4, "big")
        medium = Counted(Memory(bytes(raw)))
        try:
            image = open_image([(name[:-3], medium)])
            assert len(image.pread(0, 1 << 30)) <= max(size, image.size)
            entries, _ = split(mount("ext", image))
        except EvidenceError as error:
            assert str(error)
            continue
        finally:
            assert medium.bytes < 64 << 20
        assert len(entries) < 100


@pytest.mark.corpus
def test_a_disc_whose_directories_are_noise_is_refused_and_not_waited_for(corpora):
    data = bytearray(member(corpora / "dftt" / "14-iso9660-1.zip", "14-iso9660-1/iso-endian.iso").data)
    for sector in (112, 116):
        data[sector * 512 : sector * 512 + 512] = b"\xaa" * 512
    with pytest.raises(DamagedError):
        Tree("iso9660", Memory(bytes(data)))
