"""The parts of a split archive are read as one; a part that stands alone says what it is."""

from __future__ import annotations

import io
import random
import struct
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import rars

from moisson.engine.case import Case
from moisson.engine.harvest import harvest
from moisson.engine.messages import Read, Wanted
from moisson.engine.read import Walk
from moisson.engine.split import MOST, SAID, Parts
from moisson.evidence.filesystem import Entry
from moisson.model import Failure
from moisson.reader import Reader
from moisson.settings import Settings
from moisson.store.query import Reader as Records
from tests.conftest import Silent

HERE = Path(__file__).parent.parent / "extract" / "specimens"


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


def archives(*names, state="live"):
    parts = Parts()
    for n, name in enumerate(names):
        parts.add(n, Entry(str(n), name, name.rpartition("/")[2], 10, state))
    return [(name, [entry.path for _, entry in found]) for name, found in parts.archives()]


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        (["d/A.7z.002", "d/a.7z.001", "d/a.7z.003"], ("a.7z", ["d/a.7z.001", "d/A.7z.002", "d/a.7z.003"])),
        (["a.part2.rar", "a.part1.rar"], ("a.rar", ["a.part1.rar", "a.part2.rar"])),
        (["a.r01", "a.rar", "a.r00"], ("a.rar", ["a.rar", "a.r00", "a.r01"])),
        (["a.zip", "a.z02", "a.z01"], ("a.zip", ["a.z01", "a.z02", "a.zip"])),
    ],
)
def test_parts_are_put_in_order(names, whole):
    assert archives(*names) == [whole]


@pytest.mark.parametrize(
    "names",
    [
        ["a.7z.001"],
        ["a.7z.001", "a.7z.003"],
        ["a.7z.002", "a.7z.003"],
        ["d/a.7z.001", "e/a.7z.002"],
        ["a.7z.001", "b.7z.002"],
        ["a.rar", "a.zip", "b.zip"],
        ["a.z01", "a.z02"],
        ["a.r00", "a.r01"],
        [f"a.part{n}.rar" for n in range(1, MOST + 2)],
    ],
)
def test_what_is_not_whole_is_not_joined(names):
    assert archives(*names) == []


def test_deleted_parts_are_not_joined():
    assert archives("a.7z.001", "a.7z.002", state="deleted") == []


def cut(folder, name, data, size):
    for n, at in enumerate(range(0, len(data), size), 1):
        (folder / f"{name}.{n:03}").write_bytes(data[at : at + size])


def span(folder, stem, files, size):
    """What a ZIP program writes over several disks: offsets that begin anew on each (APPNOTE.TXT 4.3, 4.4.11)."""
    out = io.BytesIO(b"PK\7\x08")
    out.seek(4)
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    raw = bytearray(out.getvalue())
    end = raw.rfind(b"PK\5\6")
    start = struct.unpack_from("<I", raw, end + 16)[0]
    struct.pack_into("<HH", raw, end + 4, end // size, start // size)
    struct.pack_into("<I", raw, end + 16, start % size)
    at = start
    while raw[at : at + 4] == b"PK\1\2":
        n, m, k = struct.unpack_from("<HHH", raw, at + 28)
        offset = struct.unpack_from("<I", raw, at + 42)[0]
        struct.pack_into("<H", raw, at + 34, offset // size)
        struct.pack_into("<I", raw, at + 42, offset % size)
        at += 46 + n + m + k
    last = len(raw) // size
    for n in range(last):
        (folder / f"{stem}.z{n + 1:02}").write_bytes(raw[n * size : (n + 1) * size])
    (folder / f"{stem}.zip").write_bytes(raw[last * size :])


def test_split_archives_are_read_whole_and_their_addresses_lead_back(tmp_path):
    chance = random.Random(7)
    files = {f"وثيقة {n}.bin": chance.randbytes(9000) for n in range(4)}
    folder = tmp_path / "media" / "one, two"
    folder.mkdir(parents=True)
    cut(folder, "b.7z", (HERE / "bzip2.7z").read_bytes(), 100)
    span(folder, "c", files, 10_000)
    with tarfile.open(fileobj=(out := io.BytesIO()), mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    cut(folder, "d.tar.gz", out.getvalue(), 11_000)
    builder = rars.RarBuilder(format="rar50", volume_size=12_000)
    for name, data in files.items():
        builder.add_bytes(data, name)
    builder.write_volumes(str(folder / "e.part1.rar"))
    (folder / "f.7z.002").write_bytes(chance.randbytes(500))

    report = Silent()
    harvest(tmp_path / "case", [tmp_path / "media"], Settings(), report)
    assert report.broke == []
    reader = Records(tmp_path / "case")
    items = {item.address: item for item in reader.records("items")}
    failed = [(failure.address, failure.kind) for failure in reader.records("failures")]
    reader.close()
    assert failed == [("media/dir:one, two%2Ff.7z.002", "unsupported")]
    joined = {item.name: item for item in items.values() if item.role == "joined"}
    assert sorted(joined) == ["b.7z", "c.zip", "d.tar.gz", "e.rar"]
    with closing(Case(tmp_path / "case")) as case:
        for name, depth in (("c.zip", 1), ("d.tar.gz", 2), ("e.rar", 1)):
            base = joined[name].address
            found = {
                i.name: i
                for a, i in items.items()
                if a.startswith(base + "/") and a.count("/") == base.count("/") + depth
            }
            assert set(found) >= set(files), name
            for member, data in files.items():
                assert case.read(found[member].address) == data
        base = joined["b.7z"].address
        assert case.read(base) == (HERE / "bzip2.7z").read_bytes()
        assert [a for a in items if a.startswith(base + "/")]
        parts = [item for item in items.values() if "part" in item.flags]
        assert len(parts) == sum(item.address.count(",", item.address.find("/joined:")) + 2 for item in joined.values())
        assert all(item.sha256 and case.read(item.address) for item in parts)
