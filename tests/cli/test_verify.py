"""`moisson verify` after every sort of tampering with a case: it names what does not hold, and only that."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess

import pytest
from click.testing import CliRunner

from moisson.cli.program import program
from moisson.custody.keys import case_key
from moisson.custody.ledger import Ledger
from tests.tampering import change, flip


@pytest.fixture
def case(demo_case, tmp_path):
    """A copy of the demonstration's case."""
    return shutil.copytree(demo_case, tmp_path / "case")


def verify(case, *more, code=5, items=1):
    result = CliRunner().invoke(program, ["verify", str(case), "--items", str(items), *map(str, more)])
    assert result.exit_code == code, result.output
    return result.output


def test_an_untouched_case_holds(case):
    said = verify(case, "--json", code=0, items=20)
    assert all(json.loads(line)["holds"] for line in said.splitlines())


def test_evidence_that_changed_or_went_is_named(case, tmp_path):
    copies = tmp_path / "media"
    copies.mkdir()
    with sqlite3.connect(case / "manifest.db") as database:
        files = [json.loads(r)["files"] for (r,) in database.execute("select record from exhibits")]
    database.close()
    one = files[0][0]
    shutil.copy(one, copies / "one")
    flip(copies / "one")
    change(case / "manifest.db", ("update exhibits set record = replace(record, ?, ?)", (one, str(copies / "one"))))
    said = verify(case)
    assert "SHA256 IS" in said
    assert "names other files than entry" in said
    (copies / "one").unlink()
    assert "is not there any more" in verify(case)


def test_a_ledger_that_is_gone_is_not_made_anew(case):
    (case / "ledger.db").unlink()
    assert "ledger" in verify(case)
    assert not (case / "ledger.db").exists()


def test_an_empty_ledger_vouches_for_nothing(case):
    (case / "ledger.db").write_bytes(b"")
    assert "not a ledger" in verify(case)


def test_reads_cut_off_are_found_by_a_checkpoint_kept_elsewhere(case, tmp_path):
    older = tmp_path / "older.db"
    shutil.copy(case / "ledger.db", older)
    shown = CliRunner().invoke(program, ["show", str(case), "AMP-001/@0+16", "--bytes"])
    assert shown.exit_code == 0
    verify(case, "--checkpoint", tmp_path / "kept", code=0)
    note = next((tmp_path / "kept").glob("*.note"))
    assert "does not hold" not in verify(case, "--kept", note, code=0)
    shutil.copy(older, case / "ledger.db")
    verify(case, code=0)
    assert "the ledger was cut" in verify(case, "--kept", note)


def test_the_checkpoint_is_one_that_ssh_keygen_reads(case, tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    said = verify(case, "--checkpoint", tmp_path / "kept", code=0)
    command = said.partition("`")[2].partition("`")[0]
    checked = subprocess.run(command, shell=True, cwd=tmp_path / "kept", capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_another_key_is_named(case, tmp_path):
    (case / "keys" / "case").unlink()
    (case / "keys" / "case.pub").unlink()
    case_key(case)
    assert "not among the trusted ones" in verify(case)
    verify(case, "--trusted", case / "keys" / "case.pub")


def test_other_lists_are_named(case):
    with (case / "lists" / "watchlist.csv").open("a") as file:
        file.write("phone,+33612345678,,1\n")
    assert "are not those of the last harvest" in verify(case)


def test_a_clock_that_went_back_is_said_and_is_no_fault(case):
    with Ledger.open(case / "ledger.db") as ledger:
        ledger.append("read", time="2001-01-01T00:00:00Z")
        ledger.checkpoint(case_key(case))
    assert "went back by" in verify(case, code=0)


def test_what_is_no_case_is_said(tmp_path):
    assert "no case" in verify(tmp_path / "none", code=3)
