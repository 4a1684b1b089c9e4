"""exFAT by our own walk: what The Sleuth Kit reads, and what it hides; nothing wrong, whatever is damaged."""

from __future__ import annotations

import struct

import pytest

from moisson.errors import AddressError, DamagedError, EvidenceError
from moisson.evidence import exfat
from moisson.evidence.exfat import Exfat
from moisson.evidence.exfatrows import ROW, candidates, is_sound, read_boot, read_set
from moisson.evidence.image import open_image
from moisson.evidence.tsk import Tree
from moisson.evidence.volume import open_volume, scan
from moisson.reader import Memory
from tests.conftest import unpack

from .media import changed
from .specimens import live, mutated, sha, split

NAMES = ["made/exfat", "dfir_ntfs/exfat_encrypted", "dfir_ntfs/exfat_lin_part", "dfir_ntfs/exfat_win"]
NAMES += ["dfir_ntfs/exfat_orphan", "dfir_ntfs/win_exfat_7"]


def volume_of(corpora, name):
    image = open_image([(name, Memory(unpack(corpora / "filesystems" / f"{name}.raw.gz")))])
    (found,) = [v for v in scan(image) if getattr(v, "kind", "") == "exfat"]
    return open_volume(image, found.layers)


@pytest.fixture(scope="module")
def made(corpora):
    return unpack(corpora / "filesystems" / "made" / "exfat.raw.gz")


def fixed(data, at):
    """The volume with the checksum of a set put right."""
    rows = bytearray(data[at : at + (data[at + 1] + 1) * ROW])
    total = 0
    for place, byte in enumerate(rows):
        if place not in (2, 3):
            total = ((total & 1) << 15 | total >> 1) + (byte if place % ROW else byte | 0x80) & 0xFFFF
    return changed(data, at + 2, total.to_bytes(2, "little"))


def row_of(data, path):
    system = Exfat(Memory(data))
    entry = next(e for e in split(system)[0] if e.path == path)
    return system.boot.heap + (int(entry.locator) - 3) * ROW


@pytest.mark.corpus
@pytest.mark.parametrize("name", NAMES)
def test_all_that_the_sleuth_kit_lists_is_listed_the_same(corpora, name):
    medium = volume_of(corpora, name)
    ours, theirs = Exfat(medium), Tree("exfat", medium)
    found = {e.locator: e for e in split(ours)[0]}
    for wanted in split(theirs)[0]:
        entry = found[wanted.locator]
        same = ("path", "name", "size", "state", "directory")
        assert [getattr(entry, key) for key in same] == [getattr(wanted, key) for key in same]
        if entry.state == "live" and not entry.directory:
            valid = read_set(ours.clusters.rows(int(entry.locator)), 0).valid
            content = theirs.open(wanted.locator).whole()
            assert ours.open(entry.locator).whole() == content[:valid].ljust(entry.size, b"\0")
            assert ours.extents(entry.locator) == theirs.extents(wanted.locator)
            assert entry.offset == wanted.offset
    assert (ours.label, ours.serial) == (theirs.label, theirs.serial)


@pytest.mark.corpus
def test_a_deleted_directory_shows_what_was_in_it(corpora):
    system = Exfat(volume_of(corpora, "dfir_ntfs/exfat_orphan"))
    dead = [e for e in split(system)[0] if e.state == "deleted" and not e.directory]
    assert [e.path for e in dead] == [f"test/{n}.txt" for n in range(1, 401)]
    assert all("overwritten" not in e.flags for e in dead)


@pytest.mark.corpus
def test_a_time_with_its_zone_is_universal_time(corpora):
    system = Exfat(volume_of(corpora, "dfir_ntfs/win_exfat_7"))
    times = {e.name: e.modified for e in split(system)[0]}
    assert {str(t) for t in times.values()} >= {"2022-01-23T19:44:00Z", "2022-01-23T20:21:54Z"}
    assert {t.zone for t in times.values()} == {"utc"}


@pytest.mark.corpus
def test_a_name_of_256_letters_is_one(corpora):
    names = [e.name for e in split(Exfat(volume_of(corpora, "dfir_ntfs/exfat_lin_part")))[0]]
    assert sorted(len(name) for name in names)[-2:] == [255, 256]


@pytest.mark.corpus
def test_what_a_file_never_wrote_reads_as_zeros_and_is_slack(made):
    before = Exfat(Memory(made))
    whole = next(e for e in split(before)[0] if e.path == "big.txt")
    content = before.open(whole.locator).whole()
    tree = Exfat(Memory(changed(made, row_of(made, "big.txt") + ROW + 8, (1000).to_bytes(8, "little"))))
    big = next(e for e in split(tree)[0] if e.path == "big.txt")
    assert (big.size, big.slack) == (whole.size, whole.slack + whole.size - 1000)
    assert tree.open(big.locator).whole() == content[:1000] + bytes(len(content) - 1000)
    assert tree.slack(big.locator).whole()[: len(content) - 1000] == content[1000:]


@pytest.mark.corpus
def test_the_copy_of_the_boot_sector_serves(made):
    gone = Exfat(Memory(changed(made, 0, bytes(512))))
    assert live(gone) == live(Exfat(Memory(made)))
    with pytest.raises(DamagedError):
        Exfat(Memory(changed(changed(made, 0, bytes(512)), 12 * 512, bytes(512))))


@pytest.mark.corpus
def test_a_lost_directory_is_found_with_what_is_in_it(made):
    whole = live(Exfat(Memory(made)))
    boot = read_boot(Memory(made))
    root = boot.heap + (boot.root - 2) * boot.cluster
    system = Exfat(Memory(changed(made, root + 96, bytes(boot.cluster - 96))))
    found = {e.path.removeprefix("$OrphanFiles/"): e for e in split(system)[0] if e.state == "orphan" and e.size}
    inside = {path: value for path, value in whole.items() if path.count("/")}
    assert inside
    for path, (size, digest) in inside.items():
        names = [e for p, e in found.items() if path.endswith(p)]
        assert [(e.size, sha(system.open(e.locator))) for e in names] == [(size, digest)]


@pytest.mark.corpus
def test_a_broken_chain_of_a_dead_file_is_a_guess_and_a_whole_one_is_not(made):
    at = row_of(made, "big.txt")
    boot = read_boot(Memory(made))
    rows = read_set(made[at : at + 600], 0)
    many = -(-rows.size // boot.cluster)
    assert many > 1
    dead = changed(made, at + ROW + 1, bytes([made[at + ROW + 1] & ~2]))
    table = b"".join(struct.pack("<I", rows.cluster + n + 1) for n in range(many - 1)) + b"\xff" * 4
    for chain, flags in ((table, ()), (bytes(4 * many), ("uncertain",))):
        data = bytearray(changed(dead, boot.table + rows.cluster * 4, chain))
        for n in range(rows.rows):
            data[at + n * ROW] &= 0x7F
        system = Exfat(Memory(fixed(bytes(data), at)))
        big = next(e for e in split(system)[0] if e.path == "big.txt")
        assert (big.state, big.flags, big.size) == ("deleted", flags, rows.size)
        assert sha(system.open(big.locator)) == live(Exfat(Memory(made)))["big.txt"][1]


@pytest.mark.corpus
def test_loops_end(made):
    boot = read_boot(Memory(made))
    folder = row_of(made, "Documents")
    for cluster in (boot.root, read_set(made[folder : folder + 200], 0).cluster):
        data = changed(made, folder + ROW + 20, cluster.to_bytes(4, "little"))
        data = changed(data, boot.table + cluster * 4, cluster.to_bytes(4, "little"))
        assert len(split(Exfat(Memory(data)))[0]) < 100


@pytest.mark.corpus
@pytest.mark.parametrize("seed", range(40))
def test_damage_gives_faults_and_nothing_wrong(made, seed):
    data = mutated(made, seed, 1 << 18 if seed % 2 else len(made))
    try:
        system = Exfat(Memory(data))
        for entry in split(system)[0]:
            assert 0 <= entry.size <= len(data)
            if not entry.directory:
                assert len(system.open(entry.locator).whole()) == entry.size
                assert system.slack(entry.locator).size == entry.slack
        assert all(n > 0 for _, n in system.free())
    except EvidenceError as error:
        assert str(error)


@pytest.mark.corpus
@pytest.mark.parametrize("locator", ["", "x", "-1", "99999999999999999999", "3", "0", "387", "٣"])
def test_locators_that_lead_nowhere(made, locator):
    with pytest.raises(AddressError):
        Exfat(Memory(made)).open(locator)


def entry_set(name, cluster=0, size=0, kind=0x20):
    """A sound set of rows."""
    letters = name.encode("utf-16-le", "surrogatepass")
    parts = [letters[n : n + 30].ljust(30, b"\0") for n in range(0, len(letters), 30)]
    head = struct.pack("<BBHH2xIII12x", 0x85, 1 + len(parts), 0, kind, 0x5A6F6000, 0x5A6F6000, 0x5A6F6000)
    stream = struct.pack("<BBxB4xQ4xIQ", 0xC0, 3, len(letters) // 2, size, cluster, size)
    return fixed(head + stream + b"".join(b"\xc1\0" + part for part in parts), 0)


def volume_with(rows, cluster=4096):
    """A volume whose root is the rows."""
    many = -(-len(rows) // cluster) + 1
    boot = bytearray(512)
    boot[3:11] = b"EXFAT   "
    struct.pack_into("<QQIIIII", boot, 64, 0, 0, 24, 8 * many // 512 + 8, 4096, many + 100, 2)
    boot[108:111] = bytes([9, 3, 1])
    chain = [3 + n for n in range(many - 1)] + [0xFFFFFFFF]
    data = bytearray(4096 * 512 + (many + 100) * cluster)
    data[:512] = boot
    data[24 * 512 + 8 : 24 * 512 + 8 + 4 * many] = struct.pack(f"<{many}I", *chain)
    data[4096 * 512 : 4096 * 512 + len(rows)] = rows
    return bytes(data)


ODD = ["صورة عائلية.jpg", "a\nb", "a/b/../c", "lone \ud800 half", "\u202egpj.exe", "x" * 255, "nul\0inside", "😀" * 60]


def test_odd_names_travel():
    system = Exfat(Memory(volume_with(b"".join(entry_set(name) for name in ODD))))
    entries, faults = split(system)
    assert len(entries) == len(ODD)
    assert not faults
    assert all(entry.path.encode() and entry.name == entry.path for entry in entries)
    assert {"صورة عائلية.jpg", "\u202egpj.exe", "lone \\ud800 half"} <= {entry.name for entry in entries}


def test_many_names_in_one_directory():
    rows = b"".join(entry_set(f"a photograph of a day {n:06}.jpg") for n in range(20_000))
    entries, faults = split(system := Exfat(Memory(volume_with(rows))))
    assert (len({e.name for e in entries}), faults) == (20_000, [])
    assert [system.open(entries[n].locator).size for n in (0, 127, 19_999)] == [0, 0, 0]


def test_candidates_are_where_sets_begin():
    rows = b"\xff" * ROW + entry_set("a.txt") + bytes(ROW) + entry_set("b" * 40)
    dead = bytes(b & 0x7F if n % ROW == 0 else b for n, b in enumerate(rows))
    for data in (rows, dead):
        assert candidates(data) == [ROW, 5 * ROW]
        assert all(is_sound(data, at) for at in candidates(data))
    assert not is_sound(changed(rows, 2 * ROW + 8, b"\1"), ROW)
    assert candidates(b"") == candidates(bytes(100)) == []


class Counted(Memory):
    """A medium that knows how much was read of it."""

    read = 0

    def pread(self, offset, n):
        data = super().pread(offset, n)
        self.read += len(data)
        return data


def test_directories_that_overlap_are_not_read_over_and_over():
    size = 3000 * 4096
    rows = b"".join(entry_set(f"d{n}", cluster=30 + n % 60, size=size, kind=0x10) for n in range(900))
    medium = Counted(volume_with(rows))
    entries, faults = split(Exfat(medium))
    assert (len(entries), [f.kind for f in faults]) == (900, ["limit"])
    assert medium.read < 5 * medium.size


def test_files_that_share_a_long_chain_do_not_cost_its_length_each():
    sets = [bytearray(entry_set(f"f{n}", cluster=2, size=1 << 40)) for n in range(4000)]
    for row in sets:
        row[ROW + 1] = 1
    data = volume_with(b"".join(sets))
    system = Exfat(Memory(data))
    steps = 0
    following = system.clusters.following

    def counted(cluster):
        nonlocal steps
        steps += 1
        return following(cluster)

    system.clusters.following = counted
    entries, _ = split(system)
    assert len(entries) == 4000
    assert steps <= 8 * (system.boot.clusters + (1 << 16)) + 2 * len(entries)


def test_too_many_dead_files_are_said_to_be_too_many(monkeypatch):
    monkeypatch.setattr(exfat, "_MOST_DEAD", 5)
    dead = b"".join(bytes(b & 0x7F if n % ROW == 0 else b for n, b in enumerate(entry_set(f"f{i}"))) for i in range(9))
    data = bytearray(volume_with(dead))
    at = len(data) - 8192
    data[at : at + len(dead)] = dead
    entries, faults = split(Exfat(Memory(bytes(data))))
    assert [e.state for e in entries] == ["deleted"] * 5 + ["orphan"] * 5
    assert [f.kind for f in faults] == ["limit"]
