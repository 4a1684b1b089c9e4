"""A case with every kind of record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moisson.model import Exhibit
from moisson.store.manifest import Manifest
from moisson.store.query import Reader

from .specimens import LISTED, READ, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty case."""
    Manifest(tmp_path / "manifest.db").close()
    return tmp_path


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    root = tmp_path_factory.mktemp("case")
    manifest = Manifest(root / "manifest.db")
    manifest.add_exhibits([Exhibit("E1", "x@1", "E1", "a disk", digests={"md5": "a"}, files=("a.dd",))])
    assert manifest.publish(write(root, "list/a", LISTED))
    assert manifest.publish(write(root, "read/a", READ))
    return Reader(root)
