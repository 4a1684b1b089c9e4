"""Folders of this machine: everything regular, nothing through a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moisson.errors import AddressError, EvidenceError
from moisson.evidence.filesystem import Entry, Fault
from moisson.evidence.folder import DEEPEST, Folder, Local


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "leaf 100%.txt").write_bytes(b"leaf")
    (root / "top").write_bytes(b"x" * 70_000)
    (root / "محضر.txt").write_bytes(b"text")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f").write_bytes(b"out")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "dirlink").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(root / "pipe")
    (root / os.fsdecode(b"\xff\xfe.bin")).write_bytes(b"raw")
    os.utime(root / "top", ns=(1, 1_234_567_890_123_456_789))
    return Folder(Local(root))


def test_every_regular_file_is_listed_and_opened_by_its_locator(folder):
    entries = [e for e in folder.entries() if isinstance(e, Entry)]
    contents = {e.path: folder.open(e.locator).whole() for e in entries}
    assert contents == {
        "a/b/leaf 100%.txt": b"leaf",
        "top": b"x" * 70_000,
        "محضر.txt": b"text",
        "\\xff\\xfe.bin": b"raw",
    }
    assert {e.path: e.size for e in entries} == {path: len(data) for path, data in contents.items()}
    (top,) = [e for e in entries if e.path == "top"]
    assert (top.name, top.modified.ns) == ("top", 1_234_567_890_123_456_789)
    assert next(e.name for e in entries if e.path.startswith("a/")) == "leaf 100%.txt"


def test_the_same_order_each_time(folder):
    assert [e.locator for e in folder.entries()] == [e.locator for e in folder.entries()]


@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "/etc/passwd", "", ".", "a//b", "a/./b/leaf 100%.txt"])
def test_nothing_leads_out(folder, path):
    with pytest.raises(AddressError):
        folder.open(path)


@pytest.mark.parametrize(
    "path", ["link", "dirlink/f", "pipe", "a", "missing", "top/x", "x%00y", "%ED%A0%80", "n" * 5000]
)
def test_links_pipes_folders_and_what_is_absent(folder, path):
    with pytest.raises(EvidenceError):
        folder.open(path)


def test_no_descriptor_is_left_open(folder):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        for entry in folder.entries():
            if isinstance(entry, Entry):
                folder.open(entry.locator).head()
        for path in ("link", "dirlink/f", "pipe", "a", "missing"):
            with pytest.raises(EvidenceError):
                folder.open(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_root_that_is_gone(tmp_path):
    gone = Folder(Local(tmp_path / "gone"))
    (fault,) = gone.entries()
    assert (fault.kind, fault.detail) == ("unsupported", "No such file or directory")
    with pytest.raises(EvidenceError):
        gone.open("file")


def test_depth_is_bounded(tmp_path):
    at = tmp_path
    for n in range(DEEPEST + 3):
        at = at / "d"
        at.mkdir()
        if n in (DEEPEST - 1, DEEPEST):
            (at / f"f{n}").touch()
    rows = list(Folder(Local(tmp_path)).entries())
    assert [Path(e.path).name for e in rows if isinstance(e, Entry)] == [f"f{DEEPEST - 1}"]
    assert [Path(e.path).name for e in rows if isinstance(e, Fault)] == ["d"]


def test_a_folder_has_neither_slack_nor_free_space(folder):
    assert folder.slack("top").whole() == b""
    assert folder.extents("top") == []
    assert folder.free() == []


def test_what_a_walk_leaves_out_is_told(folder):
    list(folder.entries())
    assert dict(folder.files.skipped).items() >= {"link": "it is a link", "pipe": "it is no regular file"}.items()


def test_a_folder_that_became_a_link_is_not_entered(tmp_path):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text("x")
    (tmp_path / "in" / "a").touch()
    local = Local(tmp_path / "in")
    rows = local.walk()
    assert next(rows)[0] == "a"
    (tmp_path / "in" / "sub").rmdir()
    (tmp_path / "in" / "sub").symlink_to(tmp_path / "out")
    assert list(rows) == []
    assert [path for path, _ in local.skipped] == ["sub"]
