"""What was locked opens in a later run, with the passwords that were found since."""

from __future__ import annotations

from moisson.engine.harvest import harvest
from moisson.model import identity
from moisson.settings import Settings
from moisson.store.query import Reader
from tests.conftest import DEMO, Silent

MEDIA = [path for name in ("AMP-001*", "AMP-006*") for path in sorted((DEMO / "media").glob(name))]
WORDS = tuple((DEMO / "passwords.txt").read_text().split())


def run(root, *words):
    report = Silent()
    harvest(root, MEDIA, Settings(passwords=words), report)
    assert report.broke == []


def records(root):
    reader = Reader(root)
    tables = ("items", "texts", "sightings", "events", "failures", "extents", "stretches")
    found = {table: sorted(identity(record) for record in reader.records(table)) for table in tables}
    reader.close()
    return found


def locked(root):
    reader = Reader(root)
    found = [address for (address,) in reader.sql("select address from failures where kind = 'password'")]
    reader.close()
    return found


def test_later_passwords_open_what_was_locked_and_the_case_is_as_if_they_had_been_there(tmp_path):
    run(tmp_path / "once", *WORDS)
    run(tmp_path / "twice", "not this one")
    before = locked(tmp_path / "twice")
    assert any(address.endswith("/luks") for address in before)
    assert any("/zip:" in address for address in before)
    run(tmp_path / "twice", *WORDS)
    assert locked(tmp_path / "twice") == locked(tmp_path / "once")
    assert records(tmp_path / "twice") == records(tmp_path / "once")
    run(tmp_path / "twice", "another")
    assert locked(tmp_path / "twice") == locked(tmp_path / "once") == []
