"""What one child found out reaches the next child of the same exhibit, within bounds, and nobody else."""

from __future__ import annotations

import os

from moisson.engine import notebook
from moisson.engine.messages import Notes
from moisson.engine.notebook import Notebook


def told(book, exhibit):
    descriptor = book.open(exhibit)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def test_pieces_are_joined_and_belong_to_one_exhibit(tmp_path):
    book = Notebook(tmp_path)
    book.take("E1", Notes("E1", b"one ", last=False))
    assert told(Notebook(tmp_path), "E1") is None
    book.take("E1", Notes("E1", b"two"))
    book.take("E1", Notes("E2", b"smuggled"))
    assert told(Notebook(tmp_path), "E1") == b"one two"
    assert told(book, "E2") is None


def test_what_a_broken_child_began_is_forgotten(tmp_path):
    book = Notebook(tmp_path)
    book.take("E1", Notes("E1", b"half", last=False))
    assert book.open("E1") is None
    book.take("E1", Notes("E1", b"whole"))
    assert told(book, "E1") == b"whole"


def test_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(notebook, "_LARGEST", 10)
    book = Notebook(tmp_path)
    for _ in range(5):
        book.take("E1", Notes("E1", b"12345", last=False))
    book.take("E1", Notes("E1", b"1"))
    assert told(book, "E1") is None
    for n in range(40):
        book.take("E1", Notes("E1", keys=(f"key {n}", "x" * 2000)))
    assert book.keys["E1"] == tuple(f"key {n}" for n in range(16))


def test_keys_are_never_written(tmp_path):
    book = Notebook(tmp_path)
    book.take("E1", Notes("E1", b"notes", keys=("secret",)))
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"notes"]
    assert Notebook(tmp_path).keys == {}


def test_a_folder_that_cannot_be_written_to_is_done_without(tmp_path):
    book = Notebook(tmp_path / "gone")
    book.take("E1", Notes("E1", b"notes"))
    assert book.open("E1") is None
