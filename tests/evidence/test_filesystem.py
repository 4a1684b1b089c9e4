"""Every kind of volume through one door, and what damage may bring forth."""

from __future__ import annotations

import json

import pytest

from moisson.errors import EvidenceError, UnsupportedError
from moisson.evidence.filesystem import Entry, Fault
from moisson.evidence.mount import mount
from moisson.evidence.volume import Volume, open_volume, scan
from moisson.reader import Memory
from tests.conftest import unpack

from .specimens import exercise, expected_live, live, mutated, split

NAMES = (
    [f"made/{name}.raw.gz" for name in ("ext2", "ext3", "ext4", "fat12", "fat16", "fat32", "exfat", "ntfs", "secret")]
    + ["made/iso-joliet-rockridge.iso.gz", "made/gpt.raw.gz", "made/mbr-extended.raw.gz"]
    + [f"dfir_ntfs/{name}.raw.gz" for name in ("exfat_lin_part", "fat16_moved", "fat_lfn_test")]
    + [f"dfir_ntfs/{name}.raw.gz" for name in ("fat_noloop", "fat_unusual_cluster", "ntfs3", "ntfs_index")]
    + ["dfir_ntfs/win_exfat_7.raw.gz", "plaso/syslog_image.dd"]
)


@pytest.fixture(scope="module")
def truth(corpora):
    return json.loads((corpora / "filesystems" / "expected.json").read_text())


def volumes(medium):
    return [v for v in scan(medium) if isinstance(v, Volume) and v.kind != "gap"]


@pytest.mark.corpus
@pytest.mark.parametrize("name", NAMES)
def test_live_files_are_those_of_the_reference(corpora, truth, name):
    medium = Memory(unpack(corpora / "filesystems" / name))
    found = [live(mount(v.kind, open_volume(medium, v.layers))) for v in volumes(medium)]
    wanted = [expected_live(f["entries"]) for f in truth[name]["filesystems"]]
    assert found == wanted


@pytest.mark.corpus
@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("made/") and n[5:8] not in ("gpt", "mbr", "iso")])
def test_labels_and_serials(corpora, truth, name):
    (wanted,) = truth[name]["filesystems"]
    medium = Memory(unpack(corpora / "filesystems" / name))
    (volume,) = volumes(medium)
    system = mount(volume.kind, medium)
    assert system.label == (wanted.get("label") or "")
    if volume.kind != "ext":
        number = wanted["serial"].removeprefix("0x").replace("-", "").upper()
        assert system.serial == number.zfill(len(system.serial))


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/ext4.raw.gz", "made/fat16.raw.gz", "made/exfat.raw.gz", "made/ntfs.raw.gz"])
def test_places_are_where_the_bytes_lie(corpora, name):
    medium = Memory(unpack(corpora / "filesystems" / name))
    (volume,) = volumes(medium)
    system = mount(volume.kind, medium)
    checked = 0
    taken = []
    for entry in split(system)[0]:
        if (
            entry.directory
            or entry.state != "live"
            or "symlink" in entry.flags
            or not (extents := system.extents(entry.locator))
        ):
            continue
        laid = b"".join(bytes(n) if at is None else medium.pread(at, n) for at, n in extents)
        assert laid[: entry.size] == system.open(entry.locator).whole(), entry.path
        assert entry.offset == next(at for at, _ in extents if at is not None)
        slack = system.slack(entry.locator).whole()
        assert len(slack) == entry.slack
        assert laid.endswith(slack)
        taken += [(at, n) for at, n in extents if at is not None]
        checked += 1
    assert checked >= 2
    for at, n in system.free():
        assert not any(at < start + length and start < at + n for start, length in taken)


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/ext4.raw.gz", "made/fat16.raw.gz", "made/exfat.raw.gz", "made/ntfs.raw.gz"])
def test_the_deleted_word_is_in_a_deleted_file_or_in_free_space(corpora, name):
    medium = Memory(unpack(corpora / "filesystems" / name))
    (volume,) = volumes(medium)
    system = mount(volume.kind, medium)
    word = b"copper-heron-77"
    assert word in medium.data
    dead = [e for e in split(system)[0] if e.state != "live" and not e.directory and e.size]
    in_files = any(word in system.open(e.locator).whole() for e in dead)
    assert in_files or any(word in medium.pread(at, n) for at, n in system.free())


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["fat32_loop", "fat_deleted_dir", "fat_deleted_dir_2", "exfat_orphan", "fat_dir"])
def test_walks_end(corpora, truth, name):
    medium = Memory(unpack(corpora / "filesystems" / "dfir_ntfs" / f"{name}.raw.gz"))
    (volume,) = volumes(medium)
    system = mount(volume.kind, medium)
    entries, _ = split(system)
    assert 0 < len(entries) < 2000
    assert len({e.locator for e in entries}) == len(entries)
    assert sum(e.size for e in entries if e.state != "live") <= medium.size


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/ext4.raw.gz", "made/fat32.raw.gz", "made/ntfs.raw.gz", "made/exfat.raw.gz"])
def test_locators_lead_back_in_a_second_mount(corpora, name):
    medium = Memory(unpack(corpora / "filesystems" / name))
    (volume,) = volumes(medium)
    first, second = (mount(volume.kind, medium) for _ in range(2))
    for entry in split(first)[0]:
        if not entry.directory and entry.size:
            assert second.open(entry.locator).whole() == first.open(entry.locator).whole()


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/ext4.raw.gz", "made/fat16.raw.gz", "made/ntfs.raw.gz"])
@pytest.mark.parametrize(
    "locator", ["", "x", "-1", "99999999999999999999", "1-2-3-4", "5-", "999999", "3~2", "1.5", "٣"]
)
def test_locators_that_lead_nowhere(corpora, name, locator):
    medium = Memory(unpack(corpora / "filesystems" / name))
    (volume,) = volumes(medium)
    system = mount(volume.kind, medium)
    for ask in (system.open, system.slack, system.extents):
        with pytest.raises(EvidenceError):
            ask(locator)


@pytest.mark.parametrize("kind", ["ntfs", "fat", "exfat", "ext", "iso9660", "hfs"])
@pytest.mark.parametrize("raw", [b"", bytes(512), b"\xff" * 70_000])
def test_media_that_hold_no_such_volume(kind, raw):
    with pytest.raises(EvidenceError):
        mount(kind, Memory(raw))


@pytest.mark.parametrize("kind", ["xfs", "unknown", "gap", ""])
def test_kinds_without_a_reader(kind):
    with pytest.raises(UnsupportedError):
        mount(kind, Memory(bytes(4096)))


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/ext4.raw.gz", "made/fat12.raw.gz", "made/exfat.raw.gz", "made/ntfs.raw.gz"])
def test_truncated_images_give_what_is_there(corpora, name):
    data = unpack(corpora / "filesystems" / name)
    whole = live(mount(volumes(Memory(data))[0].kind, Memory(data)))
    cut = Memory(data[: len(data) * 4 // 5])
    (volume, *_) = volumes(cut)
    assert "truncated" in volume.flags
    medium = open_volume(cut, volume.layers)
    assert medium.size >= volume.size - 4096
    system = mount(volume.kind, medium)
    rows = list(system.entries())
    assert all(isinstance(r, Entry | Fault) for r in rows)
    intact = 0
    for e in rows:
        if isinstance(e, Entry) and e.state == "live" and e.path in whole and "truncated" not in e.flags and e.size:
            intact += 1
            assert system.open(e.locator).size == whole[e.path][0]
    assert intact


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "reach"),
    [
        ("made/ext4.raw.gz", 1 << 17),
        ("made/fat12.raw.gz", 1 << 15),
        ("made/exfat.raw.gz", 1 << 18),
        ("made/ntfs.raw.gz", 1 << 17),
        ("made/iso-joliet-rockridge.iso.gz", 1 << 17),
        ("dfvfs/hfsplus.raw.gz", 1 << 17),
        ("dfir_ntfs/mbr-512-p1e2.bin.gz", 1 << 20),
        ("dfir_ntfs/gpt-512-3p.raw.gz", 1 << 15),
    ],
)
def test_damage_raises_nothing_but_faults_of_the_evidence(corpora, name, reach):
    data = unpack(corpora / "filesystems" / name)
    read = sum(exercise(mutated(data, seed, reach)) for seed in range(8))
    assert read or name.startswith("dfir_ntfs")


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["ext2", "ext4"])
def test_a_symbolic_link_is_read_as_where_it_leads(corpora, name):
    system = mount("ext", Memory(unpack(corpora / "filesystems" / "made" / f"{name}.raw.gz")))
    (link,) = [e for e in split(system)[0] if "symlink" in e.flags]
    assert (link.path, link.size, link.slack) == ("link-to-rapport", 21, 0)
    assert system.open(link.locator).whole() == b"Documents/rapport.txt"
    assert system.extents(link.locator) == []


@pytest.mark.corpus
@pytest.mark.parametrize("name", ["made/hfs", "format-corpus/hfs-speltzman-JW_disk9_hfstest_9"])
def test_classic_hfs_is_refused_by_name(corpora, name):
    path = next((corpora / "filesystems").glob(f"{name}.*gz"))
    (volume,) = volumes(medium := Memory(unpack(path)))
    assert volume.kind == "hfs"
    with pytest.raises(UnsupportedError, match="classic HFS"):
        mount(volume.kind, medium)
