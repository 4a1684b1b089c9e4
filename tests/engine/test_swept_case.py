"""The sweep as a case has it: real file systems, sought files, and extents that lie."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import struct
import subprocess

import duckdb
import pytest

from moisson.engine.case import Case
from moisson.engine.harvest import Lists, give_up, harvest
from moisson.engine.plan import sweep_units
from moisson.export.coverage import coverage
from moisson.settings import Settings
from tests.conftest import Silent

pytestmark = pytest.mark.skipif(
    not (shutil.which("mkfs.vfat") and shutil.which("mcopy")), reason="mtools and dosfstools make the images here"
)


def stick(path, files, megabytes=4):
    """A FAT volume with these files in it."""
    with path.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.vfat", "-F", "16", "-s", "1", "-i", "01020304", str(path)], check=True, capture_output=True)
    for name, data in files.items():
        (path.parent / name).write_bytes(data)
        environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}
        command = ["mcopy", "-i", str(path), str(path.parent / name), f"::{name}"]
        subprocess.run(command, check=True, capture_output=True, env=environment)
    return path


def swept(root, image, **lists):
    report = Silent()
    harvest(root, [image], Settings(), report, lists=Lists(**lists), workers=1)
    assert report.broke == []
    return Case(root)


def test_a_piece_of_a_sought_file_in_free_space_is_a_lead_that_leads_to_its_bytes(tmp_path):
    sought = random.Random(4).randbytes(40 * 4096)
    (tmp_path / "plan.bin").write_bytes(sought)
    image = stick(tmp_path / "stick.dd", {"A.TXT": b"nothing here\n" * 50})
    data = bytearray(image.read_bytes())
    at = 3 << 20
    data[at : at + 5 * 4096] = sought[7 * 4096 : 12 * 4096]
    data[2_000_000:2_000_021] = b" anna@verger.example "
    image.write_bytes(data)
    case = swept(tmp_path / "case", image, sought=(tmp_path / "plan.bin",))
    ((why, evidence, urgency),) = case.store.sql(
        "select why, evidence, severity from leads where rule = 'sought-content'"
    )
    assert urgency == 2
    assert why == "5 of 40 blocks of the sought file plan.bin lie on this medium"
    assert [case.read(address) for address in evidence] == [sought[7 * 4096 : 12 * 4096]]
    rows = case.store.sql("select run, address, value from sightings where value = 'anna@verger.example'")
    assert rows
    assert all(b"anna@verger.example" in case.read(address) for _, address, _ in rows)
    assert {r.partition("@")[0] for r, _, _ in rows} <= {"sweep.free", "find.text"}
    (found,) = coverage(case.store)
    assert (found.unseen, sum(found.kinds.values())) == ([], found.size)
    case.close()


def test_files_that_claim_what_others_hold_and_bytes_beyond_the_end_cost_nothing(tmp_path):
    files = {f"F{n:02}.TXT": (b"file %02d of the stick, see anna%d@verger.example\n" % (n, n)) * 60 for n in range(12)}
    image = stick(tmp_path / "stick.dd", files)
    data = bytearray(image.read_bytes())
    entry = data.find(b"F00     TXT")
    assert entry > 0
    for n in range(12):
        row = data.find(b"F%02d     TXT" % n)
        struct.pack_into("<H", data, row + 26, 3 if n % 2 else 0xFFF0)
        struct.pack_into("<I", data, row + 28, 3000 if n % 2 else 0xFFFFFF00)
    data[3_500_000:3_500_023] = b" karim@atelier.example "
    image.write_bytes(data[: (4 << 20) - 777])
    case = swept(tmp_path / "case", image)
    assert case.store.sql("select count(*) from sightings where value = 'karim@atelier.example'")[0][0] == 1
    found = next(c for c in coverage(case.store) if c.medium == c.exhibit)
    assert all(at >= len(data) - 777 for at, _ in found.unseen)
    wrong = [
        address
        for address, sha256 in case.store.sql("select address, sha256 from items where state = 'carved'")
        if hashlib.sha256(case.read(address)).hexdigest() != sha256
    ]
    assert wrong == []
    case.close()


@pytest.mark.parametrize("size", [0, 1, 511, 4097])
def test_the_smallest_images_are_cases_too(tmp_path, size):
    image = tmp_path / "small.dd"
    image.write_bytes(b"\n anna@verger.example \n".ljust(size, b"\0")[:size])
    case = swept(tmp_path / "case", image)
    found = [c for c in coverage(case.store) if c.size]
    assert [(c.size, c.unseen) for c in found] == ([(size, [])] if size else [])
    values = case.store.sql("select distinct value from sightings")
    assert values == ([("anna@verger.example",)] if size > 30 else [])
    case.close()


def test_a_stretch_that_no_worker_survives_is_named_with_its_range(tmp_path):
    image = tmp_path / "small.dd"
    image.write_bytes(bytes(4096))
    case = swept(tmp_path / "case", image)
    unit = next(sweep_units("small", ("p1", "luks"), 300 << 20))
    result = give_up(tmp_path / "case", unit, "it died")
    rows = duckdb.sql(f"select address from '{tmp_path}/case/seg/{result.descriptor.name}/failures.parquet'").fetchall()
    assert rows == [(f"small/p1/luks/@0+{256 << 20}",)]
    case.close()
