"""`moisson sweep` as it is typed: all forms, all sorts of files, and what it says when it cannot."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from moisson.cli.program import program

MEDIA = Path(__file__).parents[2] / "demo" / "media"


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A FAT volume with a letter in it, and a value behind its end."""
    path = tmp_path_factory.mktemp("disk") / "stick one.dd"
    with path.open("wb") as file:
        file.truncate(2 << 20)
    if shutil.which("mkfs.vfat"):
        subprocess.run(["mkfs.vfat", "-i", "01020304", str(path)], check=True, capture_output=True)
    data = bytearray(path.read_bytes())
    data[300_000:300_040] = b" Anna <anna@verger.example>, and a = 1\r\n"
    data[1_500_000:1_500_044] = "karim@atelier.example".encode("utf-16-le").ljust(44, b"\0")
    data[900_000:1_000_000] = random.Random(3).randbytes(100_000)
    path.write_bytes(data)
    return path


def run(*words, code=0):
    result = CliRunner().invoke(program, ["sweep", *map(str, words)])
    assert result.exit_code == code, result.output
    return result


def test_without_a_folder_it_prints_lines_and_says_the_rest_aside(disk):
    result = run(disk, "--workers", 1)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {(r["address"], r["value"]) for r in rows} >= {
        ("stick_one.dd/@300007+19", "anna@verger.example"),
        ("stick_one.dd/@1500000+42/utf16le", "karim@atelier.example"),
    }
    assert hashlib.sha256(disk.read_bytes()).hexdigest() in result.stderr
    assert "2.1 MB in" in result.stderr


def test_two_workers_tell_what_one_tells_in_the_same_order(disk):
    assert run(disk, "--workers", 1).stdout == run(disk, "--workers", 2).stdout


@pytest.mark.parametrize("form", ["jsonl", "csv", "be"])
def test_every_form_holds_the_same_values(disk, tmp_path, form):
    result = run(disk, tmp_path / "out", "--format", form, "--workers", 1)
    out = {p.name: p.read_text("utf-8-sig") for p in (tmp_path / "out").iterdir()}
    assert "sha256" in result.stdout
    if form == "be":
        rows = [line.split("\t") for line in out["email.txt"].splitlines() if not line.startswith("#")]
        assert [row[:2] for row in rows] == [
            ["300007", "anna@verger.example"],
            ["1500000-UTF16LE", "karim@atelier.example"],
        ]
        assert "n=1\tanna@verger.example" in out["email_histogram.txt"].splitlines()
        assert "# Filename: stick one.dd" in out["email.txt"]
    elif form == "csv":
        rows = list(csv.DictReader(out["sightings.csv"].splitlines()))
        assert {"anna@verger.example", "karim@atelier.example"} <= {row["value"] for row in rows}
    else:
        values = {json.loads(line)["value"] for line in out["sightings.jsonl"].splitlines()}
        assert {"anna@verger.example", "karim@atelier.example"} <= values
    assert any(name.startswith("email_histogram") for name in out)


def test_a_sample_looks_and_writes_nothing(disk, tmp_path):
    out = tmp_path / "out"
    result = run(disk, out, "--sample")
    assert "places looked at" in result.stdout
    assert "empty" in result.stdout
    assert not out.exists()


def test_an_image_of_several_forms_is_swept_as_what_it_holds():
    result = run(MEDIA / "AMP-001.E01", "--workers", 1)
    assert json.loads(result.stdout.splitlines()[0])["address"].startswith("AMP-001.E01/@")
    assert "as the image says" in result.stderr
    assert "NOT" not in result.stderr


def test_what_has_no_blocks_is_no_medium(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/null", "/dev/zero"):
        assert "neither an image nor a device" in run(path, code=2).output


def test_a_device_is_opened_as_it_is(tmp_path):
    node = tmp_path / "node"
    try:
        os.mknod(node, 0o600 | stat.S_IFBLK, os.makedev(240, 9))
    except OSError:
        pytest.skip("nodes of devices need rights that this user does not have")
    assert "node cannot be read" in run(node, "--workers", 1, code=4).output


def test_what_makes_no_sense_is_refused_before_anything_is_done(disk, tmp_path):
    assert "is a folder" in run(tmp_path, code=2).output
    (tmp_path / "kept").write_text("mine")
    assert "not empty" in run(disk, tmp_path, code=2).output
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]
    run(tmp_path / "absent.dd", code=2)
    run(disk, "--format", "xml", code=2)
    run(disk, "--workers", -3, code=2)
    run(disk, "--regions", "france", code=2)


def test_a_file_that_nobody_may_read_is_one_sentence(tmp_path):
    closed = tmp_path / "closed.dd"
    closed.write_bytes(bytes(4096))
    closed.chmod(0)
    if os.access(closed, os.R_OK):
        pytest.skip("this user may read everything")
    assert "closed.dd" in run(closed, code=4).output


@pytest.mark.parametrize("size", [0, 1, 511, 4097])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_smallest_media_are_swept_too(tmp_path, size, workers):
    path = tmp_path / "small.dd"
    path.write_bytes(b"\n anna@verger.example \n".ljust(size, b"\0")[:size])
    result = run(path, "--workers", workers)
    assert (json.loads(result.stdout)["address"] if result.stdout else "") == ("small.dd/@2+19" if size > 30 else "")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in result.stderr


def test_a_damaged_image_ends_in_one_sentence(tmp_path):
    path = tmp_path / "half.E01"
    path.write_bytes(b"EVF\t\r\n\xff\0" + bytes(3000))
    assert run(path, code=4).output.startswith("moisson: ")


def test_a_sample_says_which_listed_values_it_saw(disk, tmp_path):
    listed = tmp_path / "list.csv"
    listed.write_text("kind,value\nemail,Anna@Verger.example\nemail,nobody@verger.example\n", "utf-8")
    rows = [json.loads(line) for line in run(disk, "--sample", "--watchlist", listed, "--json").stdout.splitlines()]
    shown = {row["sought"]: (row["places"], row["address"]) for row in rows if "sought" in row}
    assert shown == {"Anna@Verger.example": (1, "stick_one.dd/@300007+19"), "nobody@verger.example": (0, "")}
    assert "anna@verger.example" in run(disk, "--sample", "--watchlist", listed).stdout.lower()
    assert "--sample" in run(disk, "--watchlist", listed, code=2).output
