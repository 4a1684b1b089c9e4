from __future__ import annotations

import csv
import json

import pytest

from moisson.errors import UsageError
from moisson.export import features
from moisson.export.features import escape, forensic_path, open_features
from moisson.model import Sighting

SEEN = [
    Sighting("disk/@120+17", "sweep.scan@1", "email", "a@example.org", "A@Example.org", "", "from A@Example.org to"),
    Sighting("disk/@900/zip/@34/gzip/@7+12", "sweep.scan@1", "phone", "+33612345678", "06 12 34 56 78", "", "tel"),
    Sighting("disk/@2000+17", "sweep.scan@1", "email", "a@example.org", "a@example.org", "", "a\tb\\c\x07"),
    Sighting("disk/@3000+9", "sweep.scan@1", "account", "=1+1", "=1+1"),
]


@pytest.fixture
def written(tmp_path, request):
    writer = open_features(request.param, tmp_path / "out", "disk.dd")
    writer.add(SEEN)
    writer.close()
    return tmp_path / "out"


@pytest.mark.parametrize("written", ["be"], indirect=True)
def test_feature_files_read_as_those_of_bulk_extractor(written):
    lines = (written / "email.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "120\tA@Example.org\tfrom A@Example.org to",
        "2000\ta@example.org\ta\\x09b\\x5Cc\\x07",
    ]
    assert "# Feature-Recorder: email" in lines
    assert "# Feature-File-Version: 1.1" in lines
    assert (written / "telephone.txt").read_text().splitlines()[-1].split("\t")[0] == "900-ZIP-34-GZIP-7"
    assert (written / "email_histogram.txt").read_text().splitlines()[-1] == "n=2\ta@example.org"


@pytest.mark.parametrize("written", ["jsonl"], indirect=True)
def test_lines_are_the_records(written):
    rows = [json.loads(line) for line in (written / "sightings.jsonl").read_text().splitlines()]
    assert [row["address"] for row in rows] == [s.address for s in SEEN]


@pytest.mark.parametrize("written", ["csv"], indirect=True)
def test_no_cell_of_a_sheet_is_a_formula(written):
    with (written / "sightings.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["value"] == "a@example.org"
    assert rows[3]["value"] == "'=1+1"


def test_a_folder_with_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        open_features("jsonl", tmp_path, "disk")


def test_paths_name_each_decoder():
    assert forensic_path("E3/@756745/zip/@3418/zip/@1154+31") == "756745-ZIP-3418-ZIP-1154"
    assert forensic_path("E3/@5+4/utf16le") == "5-UTF16LE"


def test_control_characters_are_escaped_as_their_bytes():
    assert escape("plain ب") == "plain ب"
    assert escape("a\nb\u202e") == "a\\x0Ab\\xE2\\x80\\xAE"


@pytest.mark.parametrize("form", ["jsonl", "csv", "be"])
def test_a_kind_names_no_file_outside_of_the_folder(tmp_path, form):
    writer = open_features(form, tmp_path / "in" / "out", "disk.dd")
    for kind in ("../../stolen", "/tmp/stolen", "", "a" * 300, "a\0b", "email"):
        writer.add([Sighting("disk/@1+2", "sweep.scan@1", kind, "value", "raw")])
    writer.close()
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["out"]
    names = {p.name for p in (tmp_path / "in" / "out").iterdir()}
    assert {"email_histogram.txt", "other_histogram.txt"} <= names


def test_no_more_files_are_opened_than_a_process_may(tmp_path):
    writer = open_features("be", tmp_path / "out", "disk.dd")
    for n in range(3000):
        writer.add([Sighting("disk/@1+2", "sweep.scan@1", f"kind{n}", "value", "raw")])
    writer.close()
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert "other.txt" in names
    assert len(names) < 250
    rows = [
        x for p in (tmp_path / "out").glob("*.txt") if "histogram" not in p.name for x in p.read_text().splitlines()
    ]
    assert len([row for row in rows if not row.startswith("#")]) == 3000


def test_values_beyond_the_room_of_a_histogram_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "_MOST_VALUES", 3)
    writer = open_features("jsonl", tmp_path / "out", "disk.dd")
    for n in (0, 1, 2, 3, 4, 0):
        writer.add([Sighting("disk/@1+2", "sweep.scan@1", "email", f"v{n}", "raw")])
    writer.close()
    lines = (tmp_path / "out" / "email_histogram.txt").read_text().splitlines()
    assert lines[0] == "n=2\tv0"
    assert len(lines) == 4
    assert "2 more sightings" in lines[-1]
