"""Where the shared specimens lie, and a skip in one sentence where they are absent."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import signal
from pathlib import Path

import pytest

# Where the tests themselves run in the background of a shell, Ctrl-C is ignored, and by whatever they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

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


DEMO = Path(__file__).resolve().parents[1] / "demo"


class Silent:
    """A report that remembers and prints nothing."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.broke: list[str] = []

    def registered(self, exhibits: object) -> None: ...

    def started(self, unit: object) -> None: ...

    def finished(self, unit: object, result: object, total: object) -> None:
        self.notes += result.notes  # type: ignore[attr-defined]

    def broken(self, unit: object, detail: str) -> None:
        self.broke.append(detail)

    def tick(self, root: object, total: object) -> None: ...


def harvest_demo(root: Path, workers: int = 2, **changes: object) -> Silent:
    """Harvest the demonstration haul into `root`."""
    from moisson.engine.harvest import Lists, harvest
    from moisson.settings import Settings

    report = Silent()
    passwords = tuple((DEMO / "passwords.txt").read_text().split())
    lists = Lists(DEMO / "watchlist.csv", DEMO / "requirements.yaml", (DEMO / "known.csv",))
    settings = Settings(passwords=passwords, **changes)  # type: ignore[arg-type]
    harvest(root, [], settings, report, intake=DEMO / "intake.csv", lists=lists, workers=workers)
    return report


@pytest.fixture(scope="session")
def demo_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration haul, harvested once a session."""
    root = tmp_path_factory.mktemp("demo") / "case"
    report = harvest_demo(root)
    assert report.broke == []
    return root
