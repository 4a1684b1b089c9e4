from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moisson.address import Address
from moisson.custody.ledger import Ledger
from moisson.engine.case import Case
from moisson.engine.local import Broken, Local
from moisson.engine.plan import Unit
from moisson.errors import CaseError, UsageError
from moisson.export.coverage import coverage
from moisson.model import Run, identity
from moisson.store.manifest import Manifest
from moisson.store.proof import proof
from tests.conftest import DEMO, Silent, harvest_demo

TABLES = ("items", "texts", "sightings", "events", "leads", "failures")


def records_of(root: Path) -> set[str]:
    case = Case(root)
    return {identity(record) for table in TABLES for record in case.records(table) if not isinstance(record, Run)}


@pytest.fixture(scope="module")
def case(demo_case):
    opened = Case(demo_case)
    yield opened
    opened.close()


def test_every_item_reads_again_to_the_bytes_that_were_hashed(case):
    rows = case.store.sql("select address, sha256 from items where sha256 != '' and role != 'medium'")
    assert len(rows) > 200
    wrong = [a for a, sha256 in rows if hashlib.sha256(case.read(a)).hexdigest() != sha256]
    assert wrong == []


def test_every_sighting_points_at_what_was_written(case):
    rows = case.store.sql(
        "select address, raw, item from sightings where run not like 'sweep.%' order by hash(address) limit 400"
    )
    wrong = []
    for address, raw, item in rows:
        found = case.read(address).decode()
        exact = Address.parse(address).layers[-1].scheme == "t"
        if not Address.parse(item).holds(Address.parse(address)) or (found != raw if exact else raw not in found):
            wrong.append((address, raw, found[:80]))
    assert len(rows) == 400
    assert wrong == []


def test_every_raw_sighting_reads_again_through_its_layers(case):
    rows = case.store.sql("select address, raw, run, item from sightings where run like 'sweep.%'")
    assert len(rows) > 20
    wrong = [(address, raw) for address, raw, _, _ in rows if case.read(address).decode() != raw]
    assert wrong == []
    assert {run.partition("@")[0] for _, _, run, _ in rows} >= {"sweep.live", "sweep.free"}
    owned = case.store.sql(
        "select count(*) from items where address in (select unnest(?))", [r[3] for r in rows if r[3]]
    )
    assert owned[0][0] > 0


def test_files_that_nothing_names_are_carved_and_read(case):
    rows = case.store.sql("select kind, sha256, path, flags from items where state = 'carved'")
    assert rows
    named = {s for (s,) in case.store.sql("select sha256 from items where state in ('live', 'deleted')")}
    assert any(sha256 not in named for _, sha256, _, _ in rows)


def test_every_byte_of_every_image_was_looked_at(case):
    found = {c.medium: c for c in coverage(case.store)}
    assert set(found) >= {"AMP-001", "AMP-002", "AMP-003", "AMP-005", "AMP-006", "AMP-006/luks"}
    assert all(c.unseen == [] and sum(c.kinds.values()) == c.size for c in found.values())


def test_what_is_locked_opens_with_the_passwords_at_hand(case):
    inside = case.store.sql("select count(*) from items where address like 'AMP-006/luks/%' and sha256 != ''")
    assert inside[0][0] > 0


def test_deleted_files_are_read_too(case):
    states = dict(case.store.sql("select state, count(*) from items where sha256 != '' group by 1"))
    assert states["deleted"] > 3
    assert states["live"] > 50


def test_known_files_are_hashed_and_not_read(case):
    rows = case.store.sql("select address from items where list_contains(flags, 'known')")
    assert rows
    texts = case.store.sql(
        "select count(*) from texts semi join (select unnest(?) address) using (address)", [r[0] for r in rows]
    )
    assert texts[0][0] == 0


def test_leads_name_the_line_that_asked(case):
    rules = {r for (r,) in case.store.sql("select distinct rule from leads")}
    assert any(rule.startswith("watchlist:") for rule in rules)
    assert any(rule.startswith("requirement:") for rule in rules)


def test_again_does_nothing_twice(demo_case):
    before = records_of(demo_case)
    harvest_demo(demo_case)
    assert records_of(demo_case) == before


def test_one_worker_finds_what_two_find(demo_case, tmp_path):
    harvest_demo(tmp_path / "case", workers=1)
    assert records_of(tmp_path / "case") == records_of(demo_case)


def test_a_shallow_harvest_deepens_in_place(demo_case, tmp_path):
    harvest_demo(tmp_path / "case", until="glance")
    glance = Case(tmp_path / "case").store.sql("select count(*) from entries")[0][0]
    harvest_demo(tmp_path / "case")
    assert records_of(tmp_path / "case") == records_of(demo_case)
    assert glance > 100


def harvest_command(root: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "moisson", "harvest", str(root), "--intake", str(DEMO / "intake.csv")),
        *("--watchlist", str(DEMO / "watchlist.csv"), "--requirements", str(DEMO / "requirements.yaml")),
        *("--known", str(DEMO / "known.csv"), "--passwords", str(DEMO / "passwords.txt")),
    ]


def descendants(pid: int) -> list[int]:
    found, at = [], [pid]
    while at:
        children = Path(f"/proc/{at[0]}/task/{at.pop(0)}/children")
        try:
            mine = [int(word) for word in children.read_text().split()]
        except OSError:
            continue
        found += mine
        at += mine
    return found


def does_not_hold(root: Path) -> list[str]:
    """What of a case that was cut off does not hold; nothing, if it had come so far as to have a ledger."""
    if not (root / "ledger.db").is_file():
        return []
    manifest = Manifest(root / "manifest.db", readonly=True)
    try:
        with Ledger.open(root / "ledger.db", readonly=True) as ledger:
            return list(proof(root, manifest, ledger))
    finally:
        manifest.close()


def harvest_with_kills(root: Path, kills: int, seed: int) -> None:
    """Kill the coordinator or any process below it at random moments, then let it end."""
    rng, left = random.Random(seed), kills
    while True:
        done = left
        process = subprocess.Popen(harvest_command(root), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while left and process.poll() is None:
            time.sleep(rng.uniform(0.05, 1.5))
            family = [process.pid, *descendants(process.pid)]
            victim = process.pid if rng.random() < 0.5 else rng.choice(family)
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            left -= 1
            if victim == process.pid:
                assert does_not_hold(root) == []
                break
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0 or left < done, f"undisturbed, it ended with {process.returncode}: {said}"
        if process.returncode == 0 and not left:
            return
        if process.returncode == 0:
            left = 0


def test_a_case_whose_making_was_cut_off_is_made_again(tmp_path):
    (tmp_path / "case").mkdir()
    with sqlite3.connect(tmp_path / "case" / "manifest.db") as begun:
        begun.execute("pragma journal_mode=wal")
    begun.close()
    done = subprocess.run([*harvest_command(tmp_path / "case"), "--until", "glance"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_kills_at_random_moments_change_nothing(demo_case, tmp_path):
    harvest_with_kills(tmp_path / "case", 5, seed=1)
    assert records_of(tmp_path / "case") == records_of(demo_case)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_fifty_kills_change_nothing(demo_case, tmp_path, seed):
    harvest_with_kills(tmp_path / "case", 10, seed=100 + seed)
    assert records_of(tmp_path / "case") == records_of(demo_case)


def test_nothing_below_outlives_the_coordinator(tmp_path):
    process = subprocess.Popen(harvest_command(tmp_path / "case"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while len(family := descendants(process.pid)) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(family) >= 4
    process.kill()
    process.wait()
    while (alive := [p for p in family if running(p)]) and time.monotonic() < deadline + 10:
        time.sleep(0.05)
    assert alive == []


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def test_two_coordinators_are_one_too_many(demo_case):
    from moisson.engine import case as cases

    with cases.locked(demo_case), pytest.raises(CaseError), cases.locked(demo_case):
        pass


def test_a_folder_with_other_things_is_no_case(tmp_path):
    (tmp_path / "thesis.doc").write_text("x")
    with pytest.raises(CaseError):
        harvest_demo(tmp_path)


def test_no_exhibit_is_a_usage_error(tmp_path):
    from moisson.engine.harvest import harvest
    from moisson.settings import Settings

    with pytest.raises(UsageError):
        harvest(tmp_path / "case", [], Settings(), Silent())


def test_a_folder_of_odd_names_is_read_whole(tmp_path):
    from moisson.engine.harvest import harvest
    from moisson.settings import Settings

    folder = tmp_path / "odd"
    folder.mkdir()
    for name in (b"\xff\xfe.txt", "ملف\u202etxt".encode(), b"a b%2F.txt", b"-rf"):
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"appeler le +33 6 12 34 56 78")
    harvest(tmp_path / "case", [folder], Settings(), report := Silent(), workers=1)
    case = Case(tmp_path / "case")
    rows = case.store.sql("select address, sha256 from items where sha256 != ''")
    assert report.broke == []
    assert len(rows) == 4
    assert all(hashlib.sha256(case.read(address)).hexdigest() == sha256 for address, sha256 in rows)
    case.close()


class Dying:
    """An engine whose workers die of some units, three times each."""

    def __init__(self, root: Path, workers: int, deadly: tuple[str, ...]) -> None:
        self.inner, self.deadly, self.dead = Local(root, workers), deadly, list[Broken]()
        self.workers = workers

    def submit(self, unit: Unit) -> None:
        if unit.do in self.deadly:
            self.dead.append(Broken(unit.id, "the worker died 3 times (exit 1)"))
        else:
            self.inner.submit(unit)

    def wait(self, seconds: float) -> list:
        dead, self.dead = self.dead, []
        return dead or self.inner.wait(seconds)

    def close(self) -> None:
        self.inner.close()


@pytest.mark.parametrize("deadly", ["scan", "list", "read"])
def test_a_unit_that_no_worker_survives_becomes_failures(tmp_path, deadly):
    from moisson.engine.harvest import harvest
    from moisson.settings import Settings

    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("call +33 6 12 34 56 78")
    harvest(
        tmp_path / "case",
        [folder],
        Settings(),
        report := Silent(),
        engine=lambda r, n: Dying(r, n, (deadly,)),
        workers=1,
    )
    case = Case(tmp_path / "case")
    failures = set(case.store.sql("select address, kind from failures"))
    named = (
        {("folder/dir:a.txt", "crash"), ("folder/dir:b.txt", "crash")} if deadly == "read" else {("folder", "crash")}
    )
    assert failures == named
    assert report.broke
    assert {p.state for p in case.manifest.progress() if p.stage in ("glance", "skim", "harvest")} == {"done"}
    case.close()
