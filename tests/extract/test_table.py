"""Databases: every row, deleted rows, hostile schemas, torn files."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moisson.errors import EvidenceError
from moisson.extract import btree
from moisson.extract.table import read_dbase, read_log, read_sqlite
from moisson.model import Fact, Flag, Passage
from moisson.reader import Child, Reader
from tests.conftest import unpack


def database(*statements, rows=()):
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)
        for statement, values in rows:
            db.executemany(statement, values)
        return db.serialize()


def text_of(pieces, place=None):
    """All text, or that which stands under a place."""
    out, at = [], ""
    for piece in pieces:
        if isinstance(piece, Passage):
            at = piece.place or at
            if place is None or at == place:
                out.append(piece.text)
    return "".join(out)


def flags(pieces):
    return {p.name for p in pieces if isinstance(p, Flag)}


SMS = "CREATE TABLE sms (_id INTEGER PRIMARY KEY, address TEXT, date INTEGER, body TEXT)"


def test_rows_are_lines():
    data = database(SMS, rows=[("INSERT INTO sms VALUES (?,?,?,?)", [(7, "+9647701234567", 1725730512000, "وصلت")])])
    pieces = list(read_sqlite(Reader.of(data)))
    assert text_of(pieces, "table:sms") == "sms: _id: 7; address: +9647701234567; date: 1725730512000; body: وصلت\n"
    assert Fact("sqlite.tables", ["sms"]) in pieces
    assert flags(pieces) == set()


def test_tables_of_every_shape():
    data = database(
        "PRAGMA encoding='UTF-16le'",
        'CREATE TABLE "odd ""name" ("a b" TEXT, rowid TEXT)',
        "CREATE TABLE k (name TEXT PRIMARY KEY, v REAL) WITHOUT ROWID",
        "CREATE TABLE g (a INTEGER, b INTEGER GENERATED ALWAYS AS (a * 2) VIRTUAL)",
        "CREATE VIRTUAL TABLE f USING fts5(words)",
        "CREATE VIEW v AS SELECT 'never' AS seen",
        "INSERT INTO \"odd \"\"name\" VALUES ('été', 'mine')",
        "INSERT INTO k VALUES ('قلعة', 1.5)",
        "INSERT INTO g (a) VALUES (21)",
        "INSERT INTO f VALUES ('indexed words')",
    )
    text = text_of(read_sqlite(Reader.of(data)))
    for line in ('odd "name: a b: été; rowid: mine\n', "k: name: قلعة; v: 1.5\n", "g: a: 21; b: 42\n", "indexed words"):
        assert line in text
    assert "never" not in text


def test_hostile_schema_is_not_run():
    loop = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    data = database(SMS, f"CREATE VIEW endless AS {loop}", "INSERT INTO sms VALUES (1, 'a', 2, 'kept')")
    assert "body: kept" in text_of(read_sqlite(Reader.of(data)))


def test_blobs():
    values = [
        (1, "text ✓".encode()),
        (2, bytes(range(256)) * 4),
        (3, b"\x0a\x04caf\xc3\xa9\x12\x06" + bytes(20) + b"N 5\xc2\xb0 33"),
    ]
    data = database("CREATE TABLE b (i INTEGER PRIMARY KEY, x BLOB)", rows=[("INSERT INTO b VALUES (?,?)", values)])
    pieces = list(read_sqlite(Reader.of(data)))
    text = text_of(pieces)
    assert "b: i: 1; x: text ✓\n" in text
    assert "café" in text
    assert "N 5° 33" in text
    child = next(p for p in pieces if isinstance(p, Child))
    assert str(child.layer) == "sqlite:b%2F2%2Fx"
    assert child.open().whole() == values[1][1]


def test_write_ahead_header_is_no_obstacle(tmp_path):
    path = tmp_path / "wal.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=wal")
        db.execute(SMS)
        db.execute("INSERT INTO sms VALUES (1, 'x', 2, 'in the log')")
        log = (tmp_path / "wal.db-wal").read_bytes()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = path.read_bytes()
    assert whole[18:20] == b"\2\2"
    assert "body: in the log" in text_of(read_sqlite(Reader.of(whole)))
    assert "in the log" in text_of(read_log(Reader.of(log)))


def written(count):
    return [(i, f"+96477012{i:05}", 1700000000 + i, f"message numéro {i} رسالة") for i in range(1, count + 1)]


@pytest.mark.parametrize("gone", ["_id = 40", "_id > 60", "_id % 3 = 0", "_id BETWEEN 10 AND 14", "1"])
def test_deleted_rows_come_back(gone):
    data = database(
        "PRAGMA secure_delete=off", SMS, rows=[("INSERT INTO sms VALUES (?,?,?,?)", written(80))]
    )  # fmt: skip
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.deserialize(data)
        db.execute("PRAGMA secure_delete=off")
        lost = db.execute(f"SELECT * FROM sms WHERE {gone}").fetchall()
        db.execute(f"DELETE FROM sms WHERE {gone}")
        data = db.serialize()
    pieces = list(read_sqlite(Reader.of(data)))
    text = text_of(pieces, "freelist")
    lost = [row for row in lost if f"{row[3]}".encode() in data]  # the others SQLite itself has overwritten
    assert lost
    assert all(row[3] in text for row in lost)
    assert sum(row[1] in text for row in lost) >= 0.9 * len(lost)
    assert "deleted-rows" in flags(pieces)


def test_overflowing_rows():
    long = "كلمة " * 5000
    data = database(SMS, rows=[("INSERT INTO sms VALUES (?,?,?,?)", [(1, "a", 1, long), (2, "b", 2, "short")])])
    pages = btree.Pages(Reader.of(data))
    rows = [row for number, raw in pages.walk(2) for row in pages.rows(number, raw)]
    assert rows == [btree.Row(1, (None, "a", 1, long)), btree.Row(2, (None, "b", 2, "short"))]
    assert long in text_of(read_sqlite(Reader.of(data)))


def test_torn_and_overwritten():
    data = database(SMS, rows=[("INSERT INTO sms VALUES (?,?,?,?)", written(900))])
    torn = list(read_sqlite(Reader.of(data[: len(data) * 2 // 3])))
    assert "damaged" in flags(torn)
    assert text_of(torn).count("numéro") > 450
    at = 4096 * 4
    hole = list(read_sqlite(Reader.of(data[:at] + b"\xa5" * 4096 + data[at + 4096 :])))
    assert "damaged" in flags(hole)
    assert text_of(hole).count("numéro") > 700


@pytest.mark.corpus
@pytest.mark.parametrize("group", ["phones", "browsers", "unix", pytest.param("windows", marks=pytest.mark.slow)])
def test_counts_of_the_corpora(corpora, group):
    expected = json.loads((corpora / group / "expected.json").read_text())
    seen, missing = 0, []
    for path, values in expected.items():
        if (
            not isinstance(values, dict)
            or not (counts := values.get("sqlite_rows"))
            or not (corpora / group / path).exists()
        ):
            continue
        data = unpack(corpora / group / path)
        if not data.startswith(b"SQLite format 3"):
            continue
        pieces = list(read_sqlite(Reader.of(data)))
        text, seen = "\n" + text_of(pieces), seen + 1
        tables = next(p.value for p in pieces if isinstance(p, Fact))
        missing += [(path, table) for table in tables if text.count(f"\n{table}: ") < counts.get(table, 0)]
    assert seen >= 1
    assert missing == []


@pytest.mark.corpus
def test_dbase(corpora):
    for path in sorted((corpora / "docs").rglob("*.dbf")):
        assert text_of(read_dbase(Reader.of(path.read_bytes()))).startswith("dbf: ")


SMALL = database(SMS, rows=[("INSERT INTO sms VALUES (?,?,?,?)", written(30))])


@given(st.integers(16, len(SMALL) - 1), st.binary(min_size=1, max_size=64))
def test_no_bytes_break_it(at, noise):
    data = SMALL[:at] + noise + SMALL[at + len(noise) :]
    try:
        assert len(list(read_sqlite(Reader.of(data)))) < 5000
    except EvidenceError:
        return


@given(st.binary(max_size=600))
def test_no_log_breaks_it(noise):
    for head in (bytes.fromhex("377f0682002de21800000200"), bytes.fromhex("d9d505f920a163d7")):
        try:
            list(read_log(Reader.of(head + noise)))
        except EvidenceError:
            continue


def test_columns_whose_names_are_no_text(tmp_path):
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table t (abcdef text)")
        db.execute("insert into t values ('call 0612345678')")
        db.commit()
    raw = path.read_bytes().replace(b"abcdef", b"ab\xc2def")
    pieces = list(read_sqlite(Reader.of(raw)))
    assert "0612345678" in "".join(p.text for p in pieces if isinstance(p, Passage))
    assert any(isinstance(p, Flag) and p.name == "damaged" for p in pieces)
