from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.address import Layer, bytes_at
from moisson.errors import AddressError, EvidenceError, PasswordError
from moisson.evidence.partition import read_table
from moisson.evidence.volume import Damage, Locked, Volume, open_volume, scan
from moisson.reader import Medium, Memory
from tests.evidence.media import changed, part, whole

PLAIN = {
    "ext2": "ext", "ext3": "ext", "ext4": "ext", "xfs": "xfs", "btrfs": "btrfs", "fat12": "fat", "fat16": "fat",
    "fat32": "fat", "exfat": "exfat", "ntfs": "ntfs", "hfs": "hfs", "squashfs": "squashfs", "lvm": "lvm",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(corpora: Path) -> Path:
    return corpora / "filesystems"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict:
    return json.loads((folder / "expected.json").read_text())


def seen(medium: Medium, keys: tuple[str, ...] = ()) -> list[tuple[str, str, int, int]]:
    found = scan(medium, keys)
    return [("/".join(map(str, v.layers)), getattr(v, "kind", "damage"), v.offset, v.size) for v in found]


@pytest.mark.parametrize("name", PLAIN)
def test_a_file_system_without_table(name: str, folder: Path) -> None:
    _, medium = part(folder, f"made/{name}.raw.gz")
    assert seen(medium) == [("", PLAIN[name], 0, medium.size)]


@pytest.mark.parametrize(
    "name",
    ["made/gpt.raw.gz", "made/mbr-extended.raw.gz", "made/apm.raw.gz", "dfir_ntfs/exfat_lin_part.raw.gz",
     "dfir_ntfs/gpt-512-3p.raw.gz", "dfir_ntfs/gpt-512-0p.raw.gz", "dfir_ntfs/ntfs_index.raw.gz",
     "dfir_ntfs/fat64.raw.gz", "plaso/tsk_volume_system.raw.gz"],
)  # fmt: skip
def test_partitions_are_those_another_reader_found(name: str, folder: Path, expected: dict) -> None:
    _, medium = part(folder, name)
    rows = expected[name]["volume_system"]["partitions"]
    wanted = {(row["start"] * 512, row["length"] * 512) for row in rows if row["allocated"]}
    assert {(at, size) for path, _, at, size in seen(medium) if not path.startswith("@")} == wanted


@pytest.mark.parametrize("name", ["mbr-512-p1e2.bin.gz", "mbr-512-p1e2_2.bin.gz"])
def test_logical_partitions(name: str, folder: Path, expected: dict) -> None:
    table = read_table(part(folder / "dfir_ntfs", name)[1])
    assert table is not None
    wanted = [
        (row["start"] * 512, row["length"] * 512)
        for row in expected[f"dfir_ntfs/{name}"]["sleuthkit"]
        if row["allocated"]
    ]
    assert sorted((p.offset, p.size) for p in table.partitions) == sorted(wanted)
    assert [p.number for p in table.partitions if p.number > 4] == [5, 6]


def test_kinds_numbers_and_gaps(folder: Path) -> None:
    _, medium = part(folder, "made/mbr-extended.raw.gz")
    found = [row[:2] for row in seen(medium)]
    assert found == [("p1", "ext"), ("p5", "fat"), ("p6", "ntfs"), ("@5242880+1048576", "gap")]
    gap = open_volume(medium, [bytes_at(5242880, 1048576)])
    assert b"silver-lynx-08" in whole(gap)
    assert whole(open_volume(medium, [Layer("p", "6")])) == whole(part(folder, "made/ntfs.raw.gz")[1])
    with pytest.raises(AddressError):
        open_volume(medium, [Layer("p", "9")])
    with pytest.raises(AddressError):
        open_volume(medium, [Layer("bde")])


def test_the_second_gpt_serves(folder: Path) -> None:
    data = whole(part(folder, "made/gpt.raw.gz")[1])
    damaged = Memory(changed(data, 512, bytes(32 * 512)))
    found = [v for v in scan(damaged) if isinstance(v, Volume)]
    assert [(str(v.layers[0]), v.kind, v.flags) for v in found] == [
        ("p1", "ext", ("backup-gpt",)), ("p2", "fat", ("backup-gpt",)), ("p3", "ntfs", ("backup-gpt",))
    ]  # fmt: skip
    assert whole(open_volume(damaged, [Layer("p", "3")])) == whole(part(folder, "made/ntfs.raw.gz")[1])


def test_a_lost_table_leaves_its_file_systems(folder: Path) -> None:
    data = whole(part(folder, "made/gpt.raw.gz")[1])
    medium = Memory(changed(changed(data, 0, bytes(34 * 512)), len(data) - 33 * 512, bytes(33 * 512)))
    found = [v for v in scan(medium) if isinstance(v, Volume)]
    assert [(v.kind, v.offset) for v in found] == [
        ("unknown", 0),
        ("ext", 1 << 20),
        ("fat", 5 << 20),
        ("ntfs", 7 << 20),
    ]
    assert whole(open_volume(medium, found[-1].layers))[:512] == data[7 << 20 : (7 << 20) + 512]


def test_ext_without_its_first_superblock(folder: Path) -> None:
    """A file system of 1 KiB blocks, large enough for a second group."""
    data = whole(part(folder, "made/ext2.raw.gz")[1])
    backup = changed(data[1024:2048], 90, (1).to_bytes(2, "little"))
    large = changed(data.ljust(9 << 20, b"\0"), 8193 * 1024, backup)
    assert [v.flags for v in scan(Memory(large)) if isinstance(v, Volume)] == [()]
    found = [v for v in scan(Memory(changed(large, 1024, bytes(1024)))) if isinstance(v, Volume)]
    assert [(v.kind, v.flags, v.label) for v in found] == [("ext", ("backup-superblock",), "MO_ext2")]


def test_what_was_not_acquired_reads_as_zeros(folder: Path) -> None:
    data = whole(part(folder, "made/fat16.raw.gz")[1])
    medium = Memory(data[:3000000])
    found = next(iter(scan(medium)))
    assert isinstance(found, Volume)
    assert (found.size, found.flags) == (len(data), ("truncated",))
    volume = open_volume(medium, found.layers)
    assert (volume.size, volume.present) == (len(data), 3000000)
    assert whole(volume) == data[:3000000].ljust(len(data), b"\0")


def test_inside_a_container(folder: Path) -> None:
    _, medium = part(folder, "made/luks1.raw.gz")
    assert seen(medium, ("moisson",)) == [("luks", "fat", 0, 524288)]
    locked = next(iter(scan(medium, ["a", "b"])))
    assert isinstance(locked, Locked)
    assert (locked.kind, locked.detail) == ("luks1", "luks1: 2 keys tried, none opens it")
    assert whole(open_volume(medium, [Layer("luks")], ["moisson"])) == whole(part(folder, "made/secret.raw.gz")[1])
    with pytest.raises(PasswordError):
        open_volume(medium, [Layer("luks")], ["a"])


def test_a_container_in_a_partition(folder: Path) -> None:
    disk = whole(part(folder, "made/gpt.raw.gz")[1])
    inner = whole(part(folder, "made/luks1.raw.gz")[1])
    medium = Memory(changed(disk, 7 << 20, inner))
    assert ("p3/luks", "fat") in [row[:2] for row in seen(medium, ("moisson",))]


def test_an_old_superblock_does_not_hide_a_table(folder: Path) -> None:
    disk = whole(part(folder, "made/mbr-extended.raw.gz")[1])
    old = whole(part(folder, "made/ext4.raw.gz")[1])[1024:2048]
    assert [row[0] for row in seen(Memory(changed(disk, 1024, old)))][:3] == ["p1", "p5", "p6"]


def test_chains_that_loop_end(folder: Path) -> None:
    sector = bytearray(512)
    sector[446:462] = bytes((0, 0, 0, 0, 5, 0, 0, 0)) + (1).to_bytes(4, "little") + (90).to_bytes(4, "little")
    sector[510:] = b"\x55\xaa"
    second = bytearray(sector)
    second[446:462] = bytes((0, 0, 0, 0, 0x83, 0, 0, 0)) + (1).to_bytes(4, "little") + (5).to_bytes(4, "little")
    second[462:478] = bytes((0, 0, 0, 0, 5, 0, 0, 0)) + (0).to_bytes(4, "little") + (5).to_bytes(4, "little")
    table = read_table(Memory(bytes(sector + second).ljust(100 * 512, b"\0")))
    assert table is not None
    assert [(p.number, p.offset) for p in table.partitions] == [(5, 1024)]


def test_zeros_are_nothing_and_noise_is_unknown() -> None:
    assert seen(Memory(bytes(100_000))) == []
    assert seen(Memory(random.Random(1).randbytes(100_000))) == [("", "unknown", 0, 100_000)]


@pytest.mark.parametrize(
    "name", ["made/gpt.raw.gz", "made/mbr-extended.raw.gz", "made/apm.raw.gz", "dfir_ntfs/mbr-512-p1e2.bin.gz"]
)
def test_damaged_tables_never_surprise(name: str, folder: Path) -> None:
    data = whole(part(folder, name)[1])[: 3 << 20]
    rng = random.Random(name)
    for _ in range(60):
        damaged = bytearray(data[: rng.choice((len(data), rng.randrange(600, 3000)))])
        for _ in range(rng.choice((1, 8))):
            at = rng.choice((rng.randrange(440, 510), rng.randrange(510, 600), rng.randrange(600)))
            damaged[at] = rng.choice((0, 1, 0xEE, 5, 255, rng.randrange(256)))
        for found in scan(Memory(bytes(damaged))):
            assert isinstance(found, Damage | Locked | Volume)
            if isinstance(found, Volume):
                volume = open_volume(Memory(bytes(damaged)), found.layers)
                assert volume.size == found.size
                assert len(volume.pread(0, 100)) == min(100, volume.size)


@given(
    st.binary(max_size=2000),
    st.sampled_from((b"", b"\xeb\x3c\x90", b"XFSB", b"hsqs", b"LUKS\xba\xbe\0\2", b"LUKS\xba\xbe\0\1")),
)
@settings(max_examples=100, deadline=None)
def test_noise(noise: bytes, head: bytes) -> None:
    for found in scan(Memory(head + noise), ["x"]):
        if isinstance(found, Volume):
            open_volume(Memory(head + noise), found.layers).pread(0, 10)


@given(st.lists(st.sampled_from(("p1", "p5", "luks", "bde", "@5+9", "@999999999999", "zip:x", "ntfs:5")), max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_layers_open_or_are_refused(parts: list[str]) -> None:
    from contextlib import suppress

    from moisson.address import parse_layer

    with suppress(EvidenceError):
        open_volume(Memory(bytes(5000)), [parse_layer(p) for p in parts]).pread(0, 10)
