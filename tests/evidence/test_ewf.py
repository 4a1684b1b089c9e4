from __future__ import annotations

import random
from pathlib import Path

import pytest

from moisson.errors import DamagedError, UnsupportedError
from moisson.evidence.ewf import Ewf
from moisson.reader import Memory
from tests.evidence.media import changed, part, run, whole

FIELDS = ["-C", "c", "-E", "e", "-e", "x", "-D", "d", "-N", "n"]


@pytest.fixture(scope="module")
def disk() -> bytes:
    """Five megabytes in stretches of words, noise and zeros; the last chunk is not full."""
    rng = random.Random(3)
    words = [rng.randbytes(4) for _ in range(300)]
    stretches = []
    for n in range(40):
        kind = n % 4
        stretches.append(
            b"".join(rng.choices(words, k=32768)) if kind == 0 else rng.randbytes(131072) if kind < 3 else bytes(131072)
        )
    return b"".join(stretches)[: 39 * 131072 + 512 * 7]


@pytest.fixture(scope="module")
def segments(disk: bytes, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("ewf")
    (folder / "disk.raw").write_bytes(disk)
    run(
        "ewfacquire",
        "-u",
        "-q",
        "-t",
        "out",
        "-f",
        "encase6",
        "-S",
        "1MiB",
        "-c",
        "fast",
        *FIELDS,
        "disk.raw",
        cwd=folder,
    )
    found = [path.read_bytes() for path in sorted(folder.glob("out.E*"))]
    assert len(found) > 3
    return found


def opened(segments: list[bytes]) -> Ewf:
    return Ewf([Memory(data) for data in segments])


def agrees(ewf: Ewf, disk: bytes) -> int:
    """Everything is right or listed and zero; the number of bytes that are right."""
    data, lost = whole(ewf), 0
    for offset, length, _ in ewf.faults.list():
        assert not data[offset : offset + length].strip(b"\0")
        data = changed(data, offset, disk[offset : offset + length])
        lost += length
    assert data == disk
    return len(disk) - lost


def test_segments_in_any_order(segments: list[bytes], disk: bytes) -> None:
    ewf = opened(segments[::-1])
    assert ewf.size == ewf.present == len(disk)
    assert agrees(ewf, disk) == len(disk)
    assert ewf.marks == set()
    assert ewf.about["number"] == "e"


def test_any_range(segments: list[bytes], disk: bytes) -> None:
    ewf, rng = Ewf([Memory(data) for data in segments], cache=200_000), random.Random(5)
    for _ in range(300):
        at, n = rng.randrange(len(disk) + 100), rng.choice((1, 512, 40_000, 900_000))
        assert ewf.pread(at, n) == disk[at : at + n]
    assert ewf.pread(-1, 10) == b""


@pytest.mark.parametrize("name", ["made/ext4.E01", "dfvfs/ext2.E01", "plaso/image.E01"])
def test_libewf_reads_the_same(name: str, corpora: Path) -> None:
    pyewf = pytest.importorskip("pyewf")
    handle = pyewf.handle()
    handle.open([str(corpora / "filesystems" / name)])
    ewf = Ewf([part(corpora / "filesystems", name)[1]])
    assert ewf.size == handle.get_media_size()
    assert whole(ewf) == handle.read_buffer(ewf.size)
    assert ewf.stored["md5"] == handle.get_hash_value("MD5")


@pytest.mark.parametrize("format", ["encase5", "encase6", "linen7", "ftk", "ewfx"])
@pytest.mark.parametrize("level", ["none", "best"])
def test_what_libewf_writes(format: str, level: str, disk: bytes, tmp_path: Path) -> None:
    data = disk[: 1 << 20]
    (tmp_path / "disk.raw").write_bytes(data)
    run(
        "ewfacquire",
        "-u",
        "-q",
        "-t",
        "out",
        "-f",
        format,
        "-c",
        level,
        "-b",
        "64",
        "-d",
        "sha1",
        *FIELDS,
        "disk.raw",
        cwd=tmp_path,
    )
    ewf = Ewf([Memory(path.read_bytes()) for path in sorted(tmp_path.glob("out.*")) if path.suffix[1:2] in "Ee"])
    assert agrees(ewf, data) == len(data)
    assert ewf.stored["md5"]


def test_a_flipped_bit_costs_one_chunk(segments: list[bytes], disk: bytes) -> None:
    rng = random.Random(11)
    for _ in range(12):
        where, data = rng.randrange(len(segments)), bytearray()
        data = bytearray(segments[where])
        data[rng.randrange(5000, len(data) - 20_000)] ^= 1 << rng.randrange(8)
        ewf = opened([*segments[:where], bytes(data), *segments[where + 1 :]])
        assert agrees(ewf, disk) >= len(disk) - 32768
        assert ewf.marks == {"chunk-errors"}


def test_the_copy_of_a_table_serves(segments: list[bytes], disk: bytes) -> None:
    data = segments[0]
    at = data.index(b"table".ljust(16, b"\0")) + 76 + 24
    ewf = opened([changed(data, at + 40, b"\xff\xff\xff\xff"), *segments[1:]])
    assert agrees(ewf, disk) == len(disk)


def test_the_last_segment_is_missing(segments: list[bytes], disk: bytes) -> None:
    ewf = opened(segments[:-1])
    assert ewf.size == len(disk)
    assert 0 < ewf.present < ewf.size
    assert "missing-segment" in ewf.marks
    assert agrees(ewf, disk) == ewf.present


def test_a_segment_in_the_middle_is_missing(segments: list[bytes], disk: bytes) -> None:
    ewf = opened([*segments[:1], *segments[2:]])
    assert agrees(ewf, disk) > len(disk) // 2
    assert ewf.pread(len(disk) - 4000, 4000) == disk[-4000:]
    assert "missing-segment" in ewf.marks


def test_the_first_segment_is_missing(segments: list[bytes], disk: bytes) -> None:
    ewf = opened(segments[1:])
    assert agrees(ewf, disk) > len(disk) // 2


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_acquisition_gives_what_it_holds(share: float, segments: list[bytes], disk: bytes) -> None:
    data = segments[0][: int(len(segments[0]) * share)]
    ewf = opened([data])
    assert ewf.size == len(disk)
    assert "truncated" in ewf.marks
    right = agrees(ewf, disk)
    assert right == ewf.present > len(data) * 0.9


def test_other_versions_are_named() -> None:
    with pytest.raises(UnsupportedError, match="Ex01"):
        Ewf([Memory(b"EVF2\x0d\x0a\x81\x00" + bytes(100))])
    with pytest.raises(UnsupportedError, match="L01"):
        Ewf([Memory(b"LVF\x09\x0d\x0a\xff\x00" + bytes(100))])
    with pytest.raises(DamagedError):
        Ewf([Memory(b"EVF\x09\x0d\x0a\xff\x00\x01\x01\x00\x00\x00")])
