from __future__ import annotations

import random
import sqlite3

import pytest

from moisson.carve.find import find
from moisson.carve.ground import Part, Span
from moisson.carve.rows import read_pages
from moisson.errors import DamagedError
from moisson.model import Passage
from moisson.reader import Reader


@pytest.fixture
def log(tmp_path):
    """A database whose rows are still in its log: the bytes of both."""
    path = tmp_path / "messages.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=wal")
    db.execute("CREATE TABLE message(id INTEGER PRIMARY KEY, who TEXT, body TEXT)")
    with db:
        db.executemany(
            "INSERT INTO message(who, body) VALUES (?, ?)", [(f"w{i}", f"letter number {i}") for i in range(400)]
        )
    raw = (tmp_path / "messages.db-wal").read_bytes()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path.read_bytes(), raw


def lines(shot: bytes) -> list[str]:
    text = ""
    for one in find(Reader.of(shot)):
        if one.kind == "application/x-sqlite-pages":
            part = Part(Span(Reader.of(shot), 0, len(shot)), *(n for pair in one.extents for n in pair))
            text += "".join(piece.text for piece in read_pages(Reader(part)) if isinstance(piece, Passage))
    return text.splitlines()


def test_a_log_is_carved_to_its_last_frame(log):
    _, raw = log
    shot = bytes(512) + raw + random.Random(1).randbytes(8192)
    assert [(c.offset, c.size, c.kind) for c in find(Reader.of(shot))] == [(512, len(raw), "application/x-sqlite-wal")]


def test_frames_without_their_log_give_their_rows(log):
    _, raw = log
    shot = random.Random(1).randbytes(700) + raw[32 + 24 + 4096 :] + random.Random(2).randbytes(3000)
    found = lines(shot)
    assert sum(f"letter number {i}" in line for i, line in enumerate(found)) == len(found) == 400


def test_pages_without_their_database_give_their_rows(log):
    data, _ = log
    shot = random.Random(1).randbytes(4096) + data[8192:] + random.Random(2).randbytes(4096)
    found = lines(shot)
    assert found[0] == "page: c1: w0; c2: letter number 0"
    assert len(found) == 400


def test_what_is_no_page_is_refused():
    with pytest.raises(DamagedError):
        list(read_pages(Reader.of(bytes(4096))))
