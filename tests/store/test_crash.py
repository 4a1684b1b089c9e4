"""The store after kill -9 of its writer, and while it is written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moisson.store.compact import collect_garbage
from moisson.store.manifest import Manifest, Unit
from moisson.store.query import Reader

from .specimens import everything

UNITS, EACH = 30, 40
WRITER = """
import sys
from pathlib import Path
from moisson import model as m
from moisson.store.manifest import Manifest, Unit
from moisson.store.segment import SegmentWriter

root = Path(sys.argv[1])
manifest = Manifest(root / "manifest.db")
manifest.put_back()
while units := manifest.next_units(2):
    for unit in units:
        n = int(unit.payload)
        writer = SegmentWriter(root, "E1", unit.id)
        for k in range(40):
            at = f"E1/ntfs:{n}-{k}"
            writer.add(m.Item(at, "id@1", f"{k}.txt", f"{n}/{k}.txt", sha256="aa"))
            writer.add(m.Text(at, "t@1", f"common text of {n} and {k} " * 20))
            writer.add(m.Sighting(f"{at}/t:0+4", "s@1", "phone", f"+{k}", "x", at))
        manifest.publish(writer.close(), [Unit(f"u{n + 15}", "E1", "skim", 1, 1, str(n + 15))] if n < 15 else [])
"""


def start(root):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(root)])


def plan(root):
    manifest = Manifest(root / "manifest.db")
    manifest.add_units(Unit(f"u{n}", "E1", "skim", 1, 1, str(n)) for n in range(UNITS // 2))
    manifest.close()


def consistent(reader):
    """The number of segments; all that can be asked agrees with it."""
    reader.refresh()
    n = len(reader.segments)
    assert reader.search("common").total == n * EACH
    assert reader.sql("select count(*), count(distinct address) from items") == [(n * EACH, n * EACH)]
    assert reader.sql("select coalesce(sum(n), 0)::bigint from selectors") == [(n * EACH,)]
    return n


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root: Path = tmp_path_factory.mktemp("calm")
    plan(root)
    assert start(root).wait() == 0
    return everything(Reader(root))


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_killed_writers_lose_nothing_that_was_published(root, undisturbed, seed):
    plan(root)
    chance, seen, kills = random.Random(seed), 0, 0
    reader = Reader(root)
    while True:
        writer = start(root)
        deadline = time.monotonic() + chance.uniform(0.2, 0.7)
        while writer.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if writer.poll() is None and kills < 6:
            os.kill(writer.pid, signal.SIGKILL)
            kills += 1
        code = writer.wait()
        now = consistent(reader)
        assert now >= seen
        seen = now
        if code == 0:
            break
    assert kills > 0
    assert seen == UNITS
    assert everything(reader) == undisturbed
    manifest = Manifest(root / "manifest.db")
    collect_garbage(root, manifest, grace=0)
    assert len(list((root / "seg").iterdir())) == UNITS
    assert everything(Reader(root)) == undisturbed


def test_two_writers_and_a_reader_at_once(root, undisturbed):
    plan(root)
    reader, writers, seen = Reader(root), [start(root), start(root)], set()
    while any(writer.poll() is None for writer in writers):
        seen.add(consistent(reader))
        time.sleep(0.02)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert consistent(reader) == UNITS
    assert len(seen) > 1
    assert everything(reader) == undisturbed
