from __future__ import annotations

import io
import itertools
import random
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moisson.carve.find import find
from moisson.carve.ground import SECTOR, Carved
from moisson.reader import Reader
from tests.carve.made import files, hive_log, picture, tarred, zipped

SURE = 0.5


def carve(data: bytes) -> list[Carved]:
    return list(find(Reader.of(data)))


def content(data: bytes, carved: Carved) -> bytes:
    return b"".join(data[at : at + n] for at, n in carved.extents)


def image(*parts: bytes, rng: random.Random | None = None) -> bytes:
    """Parts at sectors, filled with zeros, among random sectors."""
    rng = rng or random.Random(0)
    out = b"".join(part + bytes(-len(part) % SECTOR) + rng.randbytes(SECTOR) for part in parts)
    return rng.randbytes(SECTOR) + out


@pytest.mark.parametrize("name", files())
def test_each_kind_comes_back_whole_and_alone(name):
    kind, data = files()[name]
    shot = image(data)
    found = [c for c in carve(shot) if c.confidence >= SURE]
    assert [(c.kind, content(shot, c) == data) for c in found] == [(kind, True)]


def test_all_kinds_in_one_image_come_back_and_nothing_else_does():
    order = list(files().values())
    random.Random(3).shuffle(order)
    shot = image(*(data for _, data in order))
    found = [content(shot, c) for c in carve(shot)]
    assert found == [data for _, data in order]


def test_random_bytes_hold_no_files():
    assert carve(random.Random(7).randbytes(6 << 20)) == []


def test_zeros_hold_no_files():
    assert carve(bytes(3 << 20)) == []


def test_a_file_within_a_file_belongs_to_it():
    thumbnail = picture("JPEG", size=(40, 30))
    outer = picture("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + thumbnail)
    stored = zipped()
    assert [c.kind for c in carve(image(outer, tarred(), stored))] == [
        "image/jpeg",
        "application/x-tar",
        "application/zip",
    ]


def test_files_off_the_sectors_are_found_too():
    png, jpeg = picture("PNG"), picture("JPEG")
    shot = random.Random(1).randbytes(777) + png + random.Random(2).randbytes(311) + jpeg + bytes(99)
    assert [content(shot, c) for c in carve(shot)] == [png, jpeg]


def test_an_intruder_ends_a_file_that_has_no_sums():
    bitmap, png = picture("BMP"), picture("PNG")
    shot = bytearray(image(bitmap))
    at = SECTOR + 40 * SECTOR
    shot[at : at + len(png)] = png
    found = carve(bytes(shot))
    assert [(c.kind, c.size, c.flags) for c in found][:2] == [
        ("image/bmp", 40 * SECTOR, ("truncated",)),
        ("image/png", len(png), ()),
    ]


def test_an_intruder_ends_a_photoshop_picture():
    painted, log = files()["psd"][1], hive_log()
    shot = bytearray(image(painted.ljust(len(painted) + len(log), b"\0")))
    at = SECTOR + 2 * SECTOR
    assert len(painted) > 4 * SECTOR
    shot[at : at + len(log)] = log
    found = {c.kind: c for c in carve(bytes(shot))}
    assert found["application/x-ms-regf-log"].size == len(log)
    assert found["application/x-ms-regf-log"].offset == at


def test_a_card_ends_what_cannot_hold_one():
    card = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Rami\r\nNOTE:" + b"n" * 300 + b"\r\nEND:VCARD\r\n"
    shot = bytearray(image(picture("BMP")))
    at = SECTOR + 40 * SECTOR
    shot[at : at + SECTOR] = card.ljust(SECTOR, b"\0")
    assert [(c.kind, c.size) for c in carve(bytes(shot))][:2] == [("image/bmp", 40 * SECTOR), ("text/vcard", len(card))]


def test_a_block_border_splits_nothing(monkeypatch):
    monkeypatch.setattr("moisson.carve.find._BLOCK", 8192)
    parts = [files()[name][1] for name in ("jpeg", "png", "utf8", "zip", "pdf", "film")]
    shot = image(*parts)
    assert [content(shot, c) for c in carve(shot)] == parts


def test_only_what_begins_in_the_range_is_carved():
    parts = [files()[name][1] for name in ("png", "pdf")]
    shot = image(*parts)
    second = shot.index(b"%PDF")
    assert [c.kind for c in find(Reader.of(shot), 0, second)] == ["image/png"]
    assert [c.kind for c in find(Reader.of(shot), second)] == ["application/pdf"]


def check(shot: bytes, found: list[Carved]) -> None:
    """Ranges lie inside the image and none is taken twice by files that are sure."""
    taken: list[tuple[int, int]] = []
    for one in found:
        assert one.size > 0
        assert 0 <= one.confidence <= 1
        for at, length in one.extents:
            assert at >= 0
            assert length > 0
            assert at + length <= len(shot)
        taken += [(at, at + n) for at, n in one.extents] if one.confidence >= SURE else []
    taken.sort()
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(taken))


def mixed(seed: int) -> bytes:
    rng = random.Random(seed)
    parts = [data[: rng.choice((len(data), rng.randint(1, len(data))))] for _, data in files().values()]
    rng.shuffle(parts)
    shot = bytearray(image(*parts[:8], rng=rng))
    for _ in range(rng.randint(0, 30)):
        at = rng.randrange(len(shot))
        shot[at : at + rng.choice((1, 4, 600))] = rng.randbytes(rng.choice((1, 4, 600)))
    return bytes(shot)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_overwritten_and_mixed_images_never_overlap_or_run_over(seed):
    shot = mixed(seed)
    check(shot, carve(shot))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_many_overwritten_and_mixed_images(seed):
    shot = mixed(seed)
    check(shot, carve(shot))


def test_everything_is_loaded_before_it_is_needed():
    import subprocess
    import sys

    code = (
        "from moisson.carve.find import prepare, find; prepare(); import sys; from moisson.reader import Reader;"
        "from tests.carve.made import files; files(); before = set(sys.modules);"
        "[list(find(Reader.of(bytes(512) + data + bytes(512)))) for _, data in files().values()];"
        "print(sorted(set(sys.modules) - before))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_archive_that_breaks_off_keeps_its_members():
    rows = tarred()
    second = rows.index(b"b.bin")
    shot = random.Random(1).randbytes(SECTOR) + rows[:second] + random.Random(2).randbytes(4 * SECTOR)
    assert carve(shot) == []
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("png", "pdf", "zip"):
            member = tarfile.TarInfo(name)
            member.size = len(files()[name][1])
            tar.addfile(member, io.BytesIO(files()[name][1]))
    held = out.getvalue()
    cut = held.index(b"zip\0") + SECTOR
    found = carve(random.Random(1).randbytes(SECTOR) + held[:cut] + random.Random(2).randbytes(4 * SECTOR))
    assert [(c.kind, c.size, c.flags) for c in found] == [("application/x-tar", cut - SECTOR, ("truncated",))]
