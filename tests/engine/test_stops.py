"""A run that is stopped, disturbed or not allowed: one sentence, a code that stays, and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from moisson.engine import case as cases
from moisson.engine.case import Case
from moisson.engine.harvest import harvest
from moisson.errors import CaseError, UsageError
from moisson.settings import Settings
from moisson.store import manifest as store
from tests.conftest import Silent

FILES = 450


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """More files than one unit reads, each with a number."""
    root = tmp_path_factory.mktemp("stops") / "files"
    root.mkdir()
    for n in range(FILES):
        (root / f"{n:03}.txt").write_text(f"call +33 6 12 34 5{n // 100} {n % 100:02}")
    return root


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("stops") / "case"
    harvest(root, [folder], Settings(), Silent(), workers=1)
    return root


def moisson(*words):
    return subprocess.run(
        [sys.executable, "-m", "moisson", *map(str, words)], capture_output=True, text=True, check=False
    )


def sightings(root):
    case = Case(root)
    found = case.store.sql("select address, kind, value from sightings order by all")
    case.close()
    return found


def start(root, folder, until):
    """A harvest in a process group of its own, when it has come as far as `until` says."""
    command = [sys.executable, "-m", "moisson", "harvest", str(root), str(folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while process.poll() is None and not until():
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_stopped_says_so_and_goes_on_later(number, folder, finished, tmp_path):
    root = tmp_path / "case"
    process = start(root, folder, lambda: (root / "seg").is_dir() and any((root / "seg").iterdir()))
    os.killpg(process.pid, number)
    said, complained = process.communicate()
    assert (process.returncode, complained) == (128 + number, "")
    assert "nothing that was published is lost" in " ".join(said.split())
    again = moisson("harvest", root)
    assert again.returncode == 0, again.stderr
    assert sightings(root) == sightings(finished)
    assert moisson("verify", root).returncode == 0


def test_a_second_coordinator_is_sent_away_and_disturbs_nothing(folder, finished, tmp_path):
    root = tmp_path / "case"
    process = start(root, folder, lambda: (root / "seg").is_dir() and any((root / "seg").iterdir()))
    os.killpg(process.pid, signal.SIGSTOP)  # so that it cannot end before the other has asked
    assert process.poll() is None
    second = moisson("harvest", root, folder)
    os.killpg(process.pid, signal.SIGCONT)
    assert (second.returncode, second.stderr.count("\n")) == (CaseError.exit_code, 1)
    assert "is being harvested by another process" in second.stderr
    _, complained = process.communicate()
    assert (process.returncode, complained) == (0, "")
    assert sightings(root) == sightings(finished)


@pytest.fixture
def sealed(finished, tmp_path):
    """The case on a file system that cannot be written to."""
    place = tmp_path / "sealed"
    place.mkdir()
    bind = subprocess.run(["mount", "--bind", finished, place], capture_output=True, check=False)
    if bind.returncode:
        pytest.skip("nothing can be mounted here")
    subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_case_that_cannot_be_written_to_can_be_read(sealed, finished):
    assert sightings(sealed) == sightings(finished)
    for words in (("leads",), ("links",), ("status",), ("verify",), ("search", "call")):
        done = moisson(words[0], sealed, *words[1:])
        assert done.returncode == 0, (words, done.stderr)


def test_a_case_that_cannot_be_written_to_is_not_harvested_into(sealed, folder):
    refused = moisson("harvest", sealed, folder)
    assert (refused.returncode, refused.stderr) == (
        CaseError.exit_code,
        f"moisson: {sealed} can be read but not written to\n",
    )


def test_a_case_copied_while_it_was_written_is_not_read_as_if_it_were_whole(finished, tmp_path, monkeypatch):
    (tmp_path / "manifest.db").write_bytes((finished / "manifest.db").read_bytes())
    (tmp_path / "manifest.db-wal").write_bytes(b"what was not yet in the manifest")
    monkeypatch.setattr(store.os, "access", lambda *_: False)
    with pytest.raises(CaseError, match="copied while it was written"):
        store.Manifest(tmp_path / "manifest.db", readonly=True)


def test_a_clock_that_runs_backwards_costs_nothing(folder, finished, tmp_path, monkeypatch):
    hours = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: 1.7e9 - 3600 * next(hours))
    harvest(tmp_path / "case", [folder], Settings(), report := Silent(), workers=1)
    assert report.broke == []
    assert sightings(tmp_path / "case") == sightings(finished)


def test_a_case_is_let_go_of_when_a_run_ends_badly(tmp_path):
    with pytest.raises(UsageError):
        harvest(tmp_path / "case", [], Settings(), Silent(), workers=1)
    with cases.locked(tmp_path / "case"):
        pass
