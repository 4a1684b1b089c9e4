"""Tables for a spreadsheet."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.export.sheets import _write, export_sheets

if TYPE_CHECKING:
    from pathlib import Path

    from moisson.store.query import Reader


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_all_sheets(reader: Reader, tmp_path: Path) -> None:
    counts = export_sheets(reader, tmp_path / "out")
    assert set(counts) == {"files", "sightings", "leads", "not read", "links", "countries"}
    for name, n in counts.items():
        assert len(read(tmp_path / "out" / f"{name}.csv")) == n + 1
    sheet = read(tmp_path / "out" / "sightings.csv")
    assert ["phone", "+33612345678", "06 12 34 56 78", "A", "a/=cmd.txt", "'=1+1", "A/ntfs:1/t:5+14"] in sheet
    assert ["A", "password", "'-locked", "A/ntfs:3"] in read(tmp_path / "out" / "not read.csv")
    assert read(tmp_path / "out" / "files.csv")[1][6] == "2023-11-14 22:13:20"


def test_leads_of_older_lists_are_left_out(reader: Reader, tmp_path: Path) -> None:
    export_sheets(reader, tmp_path)
    assert {row[1] for row in read(tmp_path / "leads.csv")[1:]} == {"watchlist:7", "rule:wiping"}


@pytest.mark.parametrize("cell", ["+33612345678", "-1.5", "+33 6 12", "a=b", "", "'quoted"])
def test_harmless_cells_stay(tmp_path: Path, cell: str) -> None:
    _write(tmp_path / "x.csv", ("a", "b"), [(cell, 1)])
    assert read(tmp_path / "x.csv")[1] == [cell, "1"]


@given(
    st.sampled_from(["=", "@", "+", "-", "\t", "\r", "\n", " =", "\u00a0@", "＝", "＋", "－", "＠"]),
    st.text(max_size=20),
)
def test_nothing_runs(tmp_path_factory: pytest.TempPathFactory, lead: str, rest: str) -> None:
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    _write(path, ("a",), [(f"{lead}A{rest}",)])
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert file.read().splitlines()[1].lstrip('"').startswith("'")
