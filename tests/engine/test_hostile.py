from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moisson.address import Address
from moisson.engine.case import Case
from moisson.errors import EvidenceError, LimitError
from moisson.settings import Settings
from tests.engine.hostile import bombs, pictures, places, writings

COORDINATOR_MB, WORKER_MB = 400, 600
# A child may take what the settings give it above what it shares with the process it was forked from.
CHILD_MB = Settings().limits.memory_mb + 300


def processes(pid: int) -> list[int]:
    """A process and everything below it, whichever thread started it."""
    found, at = [pid], [pid]
    while at:
        try:
            threads = list(Path(f"/proc/{at.pop()}/task").iterdir())
            below = [int(word) for thread in threads for word in (thread / "children").read_text().split()]
        except OSError:
            continue
        found += below
        at += below
    return found


def peak(pid: int) -> tuple[str, int]:
    """What a process is, and the most memory it ever had, in MB."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return "", 0
    sort = (
        "worker"
        if "moisson.engine.local" in command
        else "child"
        if "moisson.engine.zygote" in command
        else "coordinator"
    )
    return sort, next((int(line.split()[1]) >> 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def run(case: Path, *arguments: str, seconds: float) -> tuple[int, str, dict[str, int]]:
    """Harvest as a user would: the exit code, what was printed, and the peaks of memory by sort of process."""
    command = [sys.executable, "-m", "moisson", "harvest", str(case), *arguments]
    peaks: dict[str, int] = {}
    with (case.parent / "out.txt").open("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + seconds
        while process.poll() is None:
            for pid in processes(process.pid):
                sort, most = peak(pid)
                peaks[sort] = max(peaks.get(sort, 0), most)
            if time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"not done after {seconds} s")
            time.sleep(0.05)
        out.seek(0)
        return process.returncode, out.read(), peaks


class Harvested:
    """A hostile haul and what came of it."""

    def __init__(self, root: Path, weight: int, seconds: float) -> None:
        self.files = {**bombs.build(weight), **writings.build(weight), **pictures.build()}
        root.mkdir()
        places.write_folder(root / "files", self.files)
        places.write_images(root / "images", weight)
        self.root = root / "case"
        before = snapshot(root)
        self.code, self.said, self.peaks = run(self.root, "--intake", str(places.write_intake(root)), seconds=seconds)
        self.touched = {p for p in snapshot(root) ^ before if not p.startswith(("case", "out.txt", "intake.csv"))}
        self.case = Case(self.root)


def snapshot(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*")}


@pytest.fixture(scope="module", params=[pytest.param(1, id="fast"), pytest.param(4, id="full", marks=pytest.mark.slow)])
def harvested(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile") / "haul"
    found = Harvested(root, request.param, 240 if request.param == 1 else 1800)
    yield found
    found.case.close()


def test_the_run_ends_well(harvested):
    assert harvested.code == 0, harvested.said
    assert "given up" not in harvested.said


def test_every_file_was_read_or_says_why_not(harvested):
    rows = harvested.case.store.sql(
        """select address from entries where kind != 'inode/directory'
           and address not in (select address from items where sha256 != '')
           and address not in (select address from failures)"""
    )
    assert rows == []
    listed = harvested.case.store.sql("select count(*) from entries where address like 'FILES/%'")[0][0]
    assert listed == len(harvested.files) + len(places.NAMES) + 2


def test_every_image_was_opened_or_says_why_not(harvested):
    spoken = {a for (a,) in harvested.case.store.sql("select exhibit from entries union select exhibit from failures")}
    units = harvested.case.manifest.progress()
    assert {p.state for p in units if p.stage in ("glance", "skim", "harvest")} == {"done"}
    assert {e for e in harvested.case.exhibits if e.startswith(("fatloop", "ebr", "beyond", "luks", "noise"))} <= spoken


def test_special_files_are_named(harvested):
    named = {a for (a,) in harvested.case.store.sql("select address from failures where kind = 'unsupported'")}
    assert {"FILES/dir:odd%2Fpipe", "FILES/dir:odd%2Fsocket"} <= named


def test_memory_stays_within_what_is_promised(harvested):
    assert harvested.peaks["coordinator"] <= COORDINATOR_MB, harvested.peaks
    assert harvested.peaks["worker"] <= WORKER_MB, harvested.peaks
    assert harvested.peaks["child"] <= CHILD_MB, harvested.peaks


def test_nothing_was_written_outside_the_case(harvested):
    assert harvested.touched == set()


def test_no_harmless_member_of_a_bomb_is_lost(harvested):
    names = {n for (n,) in harvested.case.store.sql("select name from items where address like '%names.zip/%'")}
    assert len(names) >= 17
    assert any("\u202e" in name for name in names)


def test_the_case_verifies(harvested):
    checked = subprocess.run(
        [sys.executable, "-m", "moisson", "verify", str(harvested.root)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_address_leads_back(harvested):
    """To the bytes that were hashed, to the very characters, or to a fault that is no crash."""
    case, wrong = harvested.case, []
    for address, digest in case.store.sql(
        "select address, sha256 from items where sha256 != '' order by hash(address) limit 80"
    ):
        if hashlib.sha256(case.read(address)).hexdigest() != digest:
            wrong.append(address)
    for address, raw in case.store.sql("select address, raw from sightings order by hash(address) limit 30"):
        found = case.read(address).decode("utf-8", "replace")
        if raw not in found if Address.parse(address).layers[-1].scheme != "t" else raw != found:
            wrong.append(address)
    for (address,) in case.store.sql("select distinct address from failures order by hash(address) limit 20"):
        try:
            case.read(address, 1 << 16)
        except EvidenceError as error:
            if "ended in crash" in str(error):
                wrong.append(address)
    assert wrong == []


def test_a_terabyte_of_nothing_is_glanced_at(tmp_path):
    places.write_large(tmp_path / "large.dd")
    code, said, peaks = run(tmp_path / "case", str(tmp_path / "large.dd"), "--until", "skim", seconds=60)
    assert code == 0, said
    assert max(peaks.values()) <= WORKER_MB
    case = Case(tmp_path / "case")
    assert case.store.sql("select count(*) from entries")[0][0] > 0


def test_a_hole_in_a_folder_is_not_read_for_hours(tmp_path):
    from moisson.evidence.folder import Folder, Local

    with (tmp_path / "hole").open("wb") as file:
        file.write(b"x")
        file.truncate(1 << 40)
    with pytest.raises(LimitError, match="1099511627776 bytes"):
        Folder(Local(tmp_path)).open("hole")


def test_names_that_look_like_surrogates_open_again(tmp_path):
    from moisson.evidence.folder import Folder, Local

    (tmp_path / os.fsdecode(b"\xed\xa0\x80.txt")).write_bytes(b"here")
    folder = Folder(Local(tmp_path))
    assert [folder.open(entry.locator).whole() for entry in folder.entries()] == [b"here"]
