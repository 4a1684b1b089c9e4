"""What the ledger does not vouch for in a case: every sort of tampering is named."""

from __future__ import annotations

import shutil

import pytest

from moisson.custody.keys import case_key
from moisson.custody.ledger import Ledger
from moisson.store.manifest import Manifest
from moisson.store.proof import proof
from moisson.store.query import Reader
from tests.tampering import change, flip


@pytest.fixture
def case(demo_case, tmp_path):
    """A copy of the demonstration's case."""
    return shutil.copytree(demo_case, tmp_path / "case")


def segments(case, having):
    """The folders of live segments that have such a file."""
    manifest = Manifest(case / "manifest.db", readonly=True)
    folders = [case / "seg" / segment.name for segment in manifest.live()]
    manifest.close()
    return sorted(folder for folder in folders if (folder / having).exists())


def tell(case):
    """All that does not hold, one thing a line."""
    manifest = Manifest(case / "manifest.db", readonly=True)
    with Ledger.open(case / "ledger.db", readonly=True) as ledger:
        found = list(proof(case, manifest, ledger))
    manifest.close()
    return "\n".join(found)


def test_an_untouched_case_holds(demo_case):
    assert tell(demo_case) == ""


@pytest.mark.parametrize(
    "name", ["items.parquet", "sightings.parquet", "texts.parquet", "selectors.parquet", "text.pack"]
)
def test_a_changed_file_of_a_segment_is_named(case, name):
    folder = segments(case, name)[0]
    flip(folder / name)
    assert f"segment {folder.name}: {name} was changed since entry" in tell(case)


def test_a_file_taken_away_or_added_is_named(case):
    folder = segments(case, "events.parquet")[0]
    (folder / "events.parquet").rename(folder / "leads2.parquet")
    said = tell(case)
    assert f"segment {folder.name}: events.parquet is not there since entry" in said
    assert f"segment {folder.name}: leads2.parquet was added since entry" in said


def test_two_segments_exchanged_are_named(case):
    one, two = segments(case, "sightings.parquet")[:2]
    one.rename(case / "seg" / "between")
    two.rename(one)
    (case / "seg" / "between").rename(two)
    said = tell(case)
    assert f"segment {one.name}: sightings.parquet was changed" in said
    assert f"segment {two.name}: sightings.parquet was changed" in said


def test_a_changed_index_alone_is_named(case):
    folder = segments(case, "index")[0]
    flip(next((folder / "index").glob("*.store")), 5)
    assert f"segment {folder.name}: its index is not made of its tables" in tell(case)


def test_an_index_of_another_segment_is_named(case):
    one, two = segments(case, "index")[:2]
    shutil.rmtree(one / "index")
    shutil.copytree(two / "index", one / "index")
    assert f"segment {one.name}: its index is not made of its tables" in tell(case)


def test_an_index_made_anew_holds(case):
    for folder in segments(case, "index"):
        shutil.rmtree(folder / "index")
    assert tell(case) == ""
    Reader(case).close()
    assert (segments(case, "index")[0] / "index").is_dir()
    assert tell(case) == ""


def test_a_segment_that_the_manifest_forgot_is_named(case):
    change(case / "manifest.db", "delete from segments where rowid in (select min(rowid) from segments)")
    assert "is gone from the manifest" in tell(case)


def test_a_table_that_the_manifest_denies_is_named(case):
    folder = segments(case, "leads.parquet")[0]
    update = "update segments set counts = json_remove(counts, '$.leads') where name = ?"
    change(case / "manifest.db", (update, (folder.name,)))
    assert f"segment {folder.name}: leads.parquet has" in tell(case)


def test_a_segment_slipped_in_is_named(case):
    folder = segments(case, "sightings.parquet")[0]
    shutil.copytree(folder, case / "seg" / ("f" * 32))
    row = "insert into segments select 'read/more', ?, exhibit, counts, bytes from segments where name = ?"
    change(case / "manifest.db", (row, ("f" * 32, folder.name)))
    assert f"segment {'f' * 32}: no entry of the ledger says that it was written" in tell(case)


def test_units_that_change_places_in_the_manifest_are_named(case):
    change(case / "manifest.db", "update segments set unit = unit || '-' where rowid % 2")
    assert "the manifest has it for" in tell(case)


def test_other_digests_or_files_of_an_exhibit_are_named(case):
    record = "update exhibits set record = json_remove(record, '$.digests') where id = 'AMP-001'"
    change(case / "manifest.db", record)
    assert "exhibit AMP-001: the manifest has other digests" in tell(case)
    change(
        case / "manifest.db", "update exhibits set record = replace(record, 'AMP-002', 'AMP-2') where id = 'AMP-002'"
    )
    assert "gone from the manifest" in tell(case)


def test_a_tail_cut_with_all_that_was_signed_over_it_is_named(case):
    with Ledger.open(case / "ledger.db") as ledger:
        size = len(ledger)
    keep = size - 5
    change(
        case / "ledger.db",
        f"delete from entries where seq >= {keep}",
        "delete from checkpoints",
        f"delete from nodes where (idx + 1) << level > {keep}",
    )
    with Ledger.open(case / "ledger.db") as ledger:
        ledger.checkpoint(case_key(case))
    assert "no entry of the ledger says that it was written" in tell(case)
