from __future__ import annotations

import json
import os
import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.errors import DamagedError, EvidenceError, UnsupportedError
from moisson.evidence.image import Descriptor, open_image
from moisson.reader import Medium, Memory
from tests.evidence.media import changed, part, run, sha256, whole

CONTAINERS = {
    "made/ext4.E01": ("e01",),
    "made/ext4.qcow2.gz": ("qcow2",),
    "made/ext4-compressed.qcow2.gz": ("qcow2",),
    "made/ext4-stream.vmdk.gz": ("vmdk",),
    "made/ext4.vhd.gz": ("vhd",),
    "made/ext4.vhdx.gz": ("vhdx",),
    "made/ext4.raw.gz": ("raw",),
    "made/ext4.split.001.gz": ("split", "made/ext4.split.002.gz", "made/ext4.split.003.gz"),
    "dfvfs/ext2.E01": ("e01",),
    "dfvfs/ext2.qcow2.gz": ("qcow2",),
    "dfvfs/ext2.splitraw.000.gz": ("split", "dfvfs/ext2.splitraw.001.gz"),
    "dfvfs/ext2.vhd.gz": ("vhd",),
    "dfvfs/ext2.vmdk.gz": ("vmdk",),
    "dfvfs/hfsplus_zlib.dmg": ("dmg",),
    "dfvfs/windows_volume.qcow2.gz": ("qcow2",),
    "plaso/image-split.E01.gz": ("e01", "plaso/image-split.E02.gz"),
    "plaso/image.E01": ("e01",),
    "plaso/image.qcow2.gz": ("qcow2",),
    "plaso/image.vmdk": ("vmdk",),
}


@pytest.fixture(scope="module")
def folder(corpora: Path) -> Path:
    return corpora / "filesystems"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict:
    return json.loads((folder / "expected.json").read_text())


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two megabytes: words that compress, noise that does not, zeros."""
    rng = random.Random(7)
    words = [rng.randbytes(5) for _ in range(500)]
    data = b"".join(rng.choices(words, k=160_000)) + rng.randbytes(600_000)
    path = tmp_path_factory.mktemp("disk") / "disk.raw"
    path.write_bytes(data.ljust(2 << 20, b"\0"))
    return path


def read(path: Path) -> tuple[str, Medium]:
    return path.name, Memory(path.read_bytes())


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_hold_what_other_readers_found(name: str, folder: Path, expected: dict) -> None:
    kind, *more = CONTAINERS[name]
    image = open_image([part(folder, n) for n in (name, *more)])
    assert (image.kind, image.flags, image.errors()) == (kind, (), [])
    assert image.size == image.present == expected[name]["media_size"]
    assert sha256(image) == expected[name]["media_sha256"]


def test_split_parts_come_in_any_order(folder: Path, expected: dict) -> None:
    parts = [part(folder, f"made/ext4.split.00{n}.gz") for n in (3, 1, 2)]
    assert sha256(open_image(parts)) == expected["made/ext4.raw.gz"]["media_sha256"]


def test_a_missing_part_in_the_middle_keeps_the_others_in_place(folder: Path) -> None:
    full = whole(part(folder, "made/ext4.raw.gz")[1])
    pieces = [("d.dd.aa", full[:1000000]), ("d.dd.ac", full[2000000:3000000]), ("d.dd.ad", full[3000000:])]
    image = open_image([(name, Memory(data)) for name, data in pieces])
    assert image.flags == ("missing-segment",)
    assert image.errors() == [(1000000, 1000000, "part missing")]
    assert whole(image) == full[:1000000] + bytes(1000000) + full[2000000:]


def test_a_differencing_disk_needs_its_parent(folder: Path) -> None:
    child, parent = part(folder, "dfvfs/image-differential.vhd.gz"), part(folder, "dfvfs/image.vhd.gz")
    image = open_image([child, parent])
    assert whole(image) == whole(open_image([parent, child]))
    assert whole(image) == whole(open_image([parent]))
    assert whole(image).strip(b"\0")
    with pytest.raises(UnsupportedError, match="changes to another disk"):
        open_image([child])


def test_notes_beside_an_image_are_not_part_of_it(folder: Path, expected: dict) -> None:
    image = open_image([("ext4.E01.txt", Memory(b"acquired by")), part(folder, "made/ext4.E01")])
    assert sha256(image) == expected["made/ext4.E01"]["media_sha256"]


def test_descriptor_reads_without_position(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4)
    fd = os.open(path, os.O_RDONLY)
    try:
        medium = Descriptor(fd)
        assert (medium.size, medium.present) == (1024, 1024)
        assert medium.pread(255, 2) == b"\xff\0"
        assert (medium.pread(1020, 99), medium.pread(2000, 1), medium.pread(-1, 5)) == (b"\xfc\xfd\xfe\xff", b"", b"")
    finally:
        os.close(fd)
    with pytest.raises(DamagedError, match="no data"):
        medium.pread(0, 1)


@pytest.mark.parametrize(
    "options",
    [
        ["-O", "qcow2"],
        ["-O", "qcow2", "-c"],
        ["-O", "qcow2", "-c", "-o", "compression_type=zstd"],
        ["-O", "qcow2", "-o", "compat=0.10,cluster_size=4096"],
        ["-O", "qcow2", "-o", "extended_l2=on,cluster_size=128k"],
        ["-O", "qcow2", "-c", "-o", "extended_l2=on,compression_type=zstd"],
        ["-O", "vmdk"],
        ["-O", "vmdk", "-o", "subformat=monolithicFlat"],
        ["-O", "vmdk", "-o", "subformat=twoGbMaxExtentSparse"],
        ["-O", "vmdk", "-o", "subformat=twoGbMaxExtentFlat"],
        ["-O", "vmdk", "-o", "subformat=streamOptimized"],
        ["-O", "vpc", "-o", "subformat=fixed,force_size=on"],
        ["-O", "vpc", "-o", "subformat=dynamic,force_size=on"],
        ["-O", "vhdx", "-o", "subformat=dynamic"],
        ["-O", "vhdx", "-o", "subformat=fixed"],
    ],
    ids=lambda options: "-".join(options),
)
def test_what_qemu_writes_reads_the_same(options: list[str], disk: Path, tmp_path: Path) -> None:
    run("qemu-img", "convert", *options, disk, "out.img", cwd=tmp_path)
    parts = [read(path) for path in sorted(tmp_path.iterdir())]
    image = open_image(parts)
    data = disk.read_bytes()
    assert whole(image)[: len(data)] == data
    assert not whole(image)[len(data) :].strip(b"\0")
    rng = random.Random(1)
    for _ in range(50):
        at, n = rng.randrange(len(data)), rng.randrange(200_000)
        assert image.pread(at, n)[: len(data) - at] == data[at : at + n]
    assert (image.flags, image.errors()) == ((), [])


def test_a_backing_chain_is_followed_and_missed(disk: Path, tmp_path: Path) -> None:
    run("qemu-img", "convert", "-O", "qcow2", disk, "base.qcow2", cwd=tmp_path)
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "base.qcow2", "top.qcow2", cwd=tmp_path)
    run("qemu-io", "-c", "write -q -P 0x41 65536 1000", "top.qcow2", cwd=tmp_path)
    data = changed(disk.read_bytes(), 65536, b"A" * 1000)
    assert whole(open_image([read(tmp_path / "base.qcow2"), read(tmp_path / "top.qcow2")])) == data
    alone = open_image([read(tmp_path / "top.qcow2")])
    assert alone.pread(131072, 10) == bytes(10)
    assert alone.flags == ("backing-missing",)
    assert alone.errors() == [(131072, 10, "in the backing file, which is not here")]


def test_a_broken_compressed_cluster_is_zeros_and_said_so(folder: Path) -> None:
    name, medium = part(folder, "made/ext4-compressed.qcow2.gz")
    good, data = whole(open_image([(name, medium)])), whole(medium)
    at = 5 << 16  # where QEMU puts the first compressed cluster
    image = open_image([(name, Memory(changed(data, at, b"\xff" * 600)))])
    bad = whole(image)
    assert image.errors()
    assert image.flags == ("chunk-errors",)
    for offset, length, _ in image.errors():
        assert not bad[offset : offset + length].strip(b"\0")
        bad = changed(bad, offset, good[offset : offset + length])
    assert bad == good


@pytest.mark.parametrize("name", [n for n in CONTAINERS if n.startswith("made/")] + ["dfvfs/hfsplus_zlib.dmg"])
def test_damage_never_surprises(name: str, folder: Path) -> None:
    base = part(folder, name)
    data = whole(base[1])
    rng = random.Random(name)
    for _ in range(25):
        damaged = bytearray(data[: rng.choice((len(data), rng.randrange(len(data))))])
        for _ in range(rng.choice((0, 3, 40)) if damaged else 0):
            damaged[rng.randrange(min(len(damaged), rng.choice((128, 4096, 1 << 30))))] = rng.choice(
                (0, 255, rng.randrange(256))
            )
        try:
            image = open_image([(base[0], Memory(bytes(damaged)))])
            for at in (0, 4096, image.size // 2, max(0, image.size - 70_000)):
                assert len(image.pread(at, 65536)) == min(65536, image.size - at)
            assert image.present <= image.size
        except EvidenceError:
            pass


@given(
    st.sampled_from(
        (
            b"EVF\x09\x0d\x0a\xff\x00\x01",
            b"QFI\xfb\0\0\0\3",
            b"KDMV\1\0\0\0",
            b"conectix",
            b"vhdxfile",
            b"# Disk DescriptorFile\n",
        )
    ),
    st.binary(max_size=3000),
)
@settings(max_examples=150, deadline=None)
def test_headers_of_noise_are_refused_in_kind(head: bytes, noise: bytes) -> None:
    with suppress(EvidenceError):
        open_image([("x", Memory(head + noise))]).pread(0, 4096)
