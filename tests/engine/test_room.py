from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys

import pytest

from moisson.engine.case import Case
from moisson.engine.room import FullError, writing
from moisson.errors import CaseError, CustodyError, UsageError
from moisson.model import Item, identity
from tests.conftest import DEMO
from tests.engine.test_harvest import records_of


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few MiB, and how to make it larger."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("no small file system can be mounted here")
    yield place, lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)
    subprocess.run(["umount", "-l", place], check=True)


def harvest(root) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "moisson", "harvest", str(root), "--intake", str(DEMO / "intake.csv")]
    command += ["--watchlist", str(DEMO / "watchlist.csv"), "--requirements", str(DEMO / "requirements.yaml")]
    command += ["--known", str(DEMO / "known.csv"), "--passwords", str(DEMO / "passwords.txt")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def found_in(root) -> set[str]:
    """What was read, without what is only listed yet: an entry gives way to the item that it becomes."""
    case = Case(root)
    tables = ("items", "texts", "sightings", "events", "failures")
    found = [r for table in tables for r in case.records(table) if not isinstance(r, Item) or r.sha256]
    case.close()
    return {identity(r) for r in found}


def test_a_full_disk_stops_in_a_sentence_and_nothing_is_lost(demo_case, small_disk):
    place, resize = small_disk
    stopped = harvest(place / "case")
    assert stopped.returncode == CaseError.exit_code, stopped.stderr
    assert "no room left" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    resize("64m")
    kept = found_in(place / "case")
    done = harvest(place / "case")
    assert done.returncode == 0, done.stderr
    assert kept
    assert kept <= records_of(place / "case") == records_of(demo_case)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        sqlite3.OperationalError("database or disk is full"),
        ValueError("An IO error occurred: 'No space left on device (os error 28)'"),
    ],
)
def test_every_library_has_its_own_words_for_it(tmp_path, error):
    with pytest.raises(FullError, match="no room left"), writing(tmp_path / "not" / "yet"):
        raise error


def test_a_full_disk_met_by_the_ledger_is_one_too(tmp_path):
    with pytest.raises(FullError, match="no room left") as raised, writing(tmp_path):
        raise CustodyError("cannot write") from sqlite3.OperationalError("database or disk is full")
    assert raised.value.exit_code == CaseError.exit_code


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.EIO, "Input/output error"), UsageError("x")])
def test_other_faults_stay_as_they_are(tmp_path, error):
    with pytest.raises(type(error)) as raised, writing(tmp_path):
        raise error
    assert raised.value is error
