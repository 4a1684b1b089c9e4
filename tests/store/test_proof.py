"""What the ledger does not vouch for in a case: every sort of tampering is named."""

from __future__ import annotations

import shutil

import pytest

from moisson.custody.keys import case_key
from moisson.custody.ledger import Ledger
from moisson.store.manifest import Manifest
from moisson.store.proof import proof, unpublished
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


def waiting(case):
    """How many finished segments wait to be published."""
    manifest = Manifest(case / "manifest.db", readonly=True)
    with Ledger.open(case / "ledger.db", readonly=True) as ledger:
        count = unpublished(case, manifest, ledger)
    manifest.close()
    return count


def enter(case, act, **fields):
    """Make an entry in the ledger."""
    with Ledger.open(case / "ledger.db") as ledger:
        ledger.append(act, **fields)


def finish(case, unit="read/AMP-001/more"):
    """Bring a planned unit to the moment before it is published; its segment."""
    folder = case / "seg" / ("e" * 32)
    shutil.copytree(segments(case, "sightings.parquet")[0], folder)
    row = "insert into units(id, exhibit, pass, priority, cost, payload, state) values(?, '', 'skim', 0, 0, '', 'running')"
    change(case / "manifest.db", (row, (unit,)))
    enter(case, "read", object="AMP-001", params={"unit": unit, "files": {}}, outputs=[folder.name])
    return folder


def again(case):
    """Begin a run that is cut off."""
    with Ledger.open(case / "ledger.db", readonly=True) as ledger:
        lists = [entry.params for entry in ledger.entries() if entry.act == "harvest"][-1]
    enter(case, "harvest", params=lists)


@pytest.fixture
def cut_off(case):
    """A case of which the last run was cut off: it began and has no end."""
    again(case)
    return case


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


def test_a_finished_segment_that_no_entry_knows_waits_after_a_run_that_was_cut_off(cut_off):
    shutil.copytree(segments(cut_off, "sightings.parquet")[0], cut_off / "seg" / ("f" * 32))
    assert tell(cut_off) == ""
    assert waiting(cut_off) == 1


def test_the_same_after_a_run_that_ended_is_a_strangers(case):
    shutil.copytree(segments(case, "sightings.parquet")[0], case / "seg" / ("f" * 32))
    assert tell(case) == f"segment {'f' * 32}: nobody wrote it"
    assert waiting(case) == 0


@pytest.mark.parametrize("name", ["f" * 31, "F" * 32, "mine"])
def test_a_folder_with_a_strange_name_is_a_strangers(cut_off, name):
    shutil.copytree(segments(cut_off, "sightings.parquet")[0], cut_off / "seg" / name)
    assert tell(cut_off) == f"segment {name}: nobody wrote it"
    assert waiting(cut_off) == 0


@pytest.mark.parametrize("put", ["a file", "a folder", "a link", "a link to it all", "a file for a folder"])
def test_a_folder_with_strange_contents_is_a_strangers(cut_off, tmp_path, put):
    folder = cut_off / "seg" / ("f" * 32)
    if put == "a link to it all":
        folder.symlink_to(segments(cut_off, "sightings.parquet")[0])
    elif put == "a file for a folder":
        folder.write_bytes(b"")
    else:
        folder.mkdir()
        if put == "a file":
            (folder / "run.sh").write_text("")
        elif put == "a folder":
            (folder / "text.pack").mkdir()
        else:
            (folder / "text.pack").symlink_to(tmp_path)
    assert tell(cut_off) == f"segment {folder.name}: nobody wrote it"
    assert waiting(cut_off) == 0


def test_a_segment_that_waits_is_read_by_nobody(cut_off):
    before = Reader(cut_off)
    rows = before.sql("select count(*) from sightings")
    before.close()
    shutil.copytree(segments(cut_off, "sightings.parquet")[0], cut_off / "seg" / ("f" * 32))
    after = Reader(cut_off)
    assert after.sql("select count(*) from sightings") == rows
    after.close()


def test_a_segment_that_was_entered_and_not_published_waits(cut_off):
    folder = finish(cut_off)
    assert (tell(cut_off), waiting(cut_off)) == ("", 1)
    shutil.rmtree(folder)
    assert (tell(cut_off), waiting(cut_off)) == ("", 0)


def test_a_segment_of_an_earlier_run_does_not_wait(cut_off):
    folder = finish(cut_off)
    again(cut_off)
    assert tell(cut_off).startswith(f"segment {folder.name} of read/AMP-001/more, written in entry")


def test_a_segment_of_a_run_that_ended_does_not_wait(cut_off):
    folder = finish(cut_off)
    enter(cut_off, "harvested")
    assert tell(cut_off).startswith(f"segment {folder.name} of read/AMP-001/more, written in entry")


def test_a_joined_segment_that_was_never_published_is_missed_by_nobody(case):
    manifest = Manifest(case / "manifest.db", readonly=True)
    olds = [s.unit for s in manifest.live("AMP-001") if not s.listing][:2]
    manifest.close()
    made = {"params": {"unit": "compact/AMP-001/0", "files": {}}, "outputs": ["e" * 32]}
    enter(case, "compact", object="AMP-001", inputs=olds, **made)
    assert tell(case) == ""
    change(case / "manifest.db", ("delete from segments where unit = ?", (olds[0],)))
    assert "compact/AMP-001/0" in tell(case)
