"""Where the shared specimens lie, and a skip in one sentence where they are absent."""

from __future__ import annotations

import gzip
import json
import lzma
import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MOISSON_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of the shared corpora."""
    if not (SHARED / "corpora" / "index.json").exists():
        pytest.skip("the shared corpora are not beside this checkout")
    return SHARED / "corpora"


@pytest.fixture(scope="session")
def index(corpora: Path) -> dict:
    """What the corpora say of each of their files."""
    return json.loads((corpora / "index.json").read_text())


def unpack(path: Path) -> bytes:
    """The bytes of a specimen, whether it is stored as it is or packed with gzip or xz."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return lzma.decompress(data) if path.suffix == ".xz" else data
