"""What the tests of evidence share: media in memory, listings with digests, and damage on purpose."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from itertools import islice
from typing import TYPE_CHECKING

from moisson.errors import EvidenceError
from moisson.evidence.filesystem import Entry, Fault
from moisson.evidence.mount import mount
from moisson.evidence.volume import Volume, open_volume, scan
from moisson.reader import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def sha(reader) -> str:
    """The SHA-256 of everything a reader gives."""
    digest = hashlib.sha256()
    for piece in reader.chunks():
        digest.update(piece)
    return digest.hexdigest()


def member(path: Path, name: str) -> Memory:
    """One member of a zip as a medium."""
    return Memory(zipfile.ZipFile(io.BytesIO(path.read_bytes())).read(name))


def split(system) -> tuple[list[Entry], list[Fault]]:
    """The entries and the faults of a file system."""
    rows = list(system.entries())
    return [r for r in rows if isinstance(r, Entry)], [r for r in rows if isinstance(r, Fault)]


def live(system) -> dict[str, tuple[int, str]]:
    """Size and digest of the live files by path."""
    return {
        e.path: (e.size, sha(system.open(e.locator)))
        for e in split(system)[0]
        if e.state == "live" and not e.directory and not {"system", "symlink"} & set(e.flags)
    }


def expected_live(entries) -> dict[str, tuple[int, str]]:
    """The same from a list of expected.json, streams included."""
    found = {}
    for e in entries:
        path = e["path"].lstrip("/")
        if e.get("deleted") or e.get("pseudo") or e["type"] != "file" or path.startswith("$OrphanFiles"):
            continue
        found[path] = (e["size"], e["sha256"])
        for stream in e.get("streams", []):
            found[f"{path}:{stream['name']}"] = (stream["size"], stream["sha256"])
    return found


def mutated(data: bytes, seed: int, reach: int) -> bytes:
    """The bytes with a few of the first `reach` changed, and now and then an end cut off."""
    chance = random.Random(seed)
    raw = bytearray(data)
    places = [i for i in range(0, min(reach, len(raw)), 16) if any(raw[i : i + 16])]
    for _ in range(chance.randrange(1, 40)):
        at = min(chance.choice(places) + chance.randrange(16), len(raw) - 8)
        width = chance.choice((1, 2, 4, 8))
        raw[at : at + width] = chance.choice((b"\xff" * 8, b"\0" * 8, chance.randbytes(8)))[:width]
    if chance.random() < 0.2:
        del raw[chance.randrange(len(raw)) :]
    return bytes(raw)


def exercise(data: bytes, most: int = 400) -> int:
    """Scan, mount, list and read; only faults of the evidence may come out. Returns how many entries were read."""
    medium, seen = Memory(data), 0
    volumes: Iterator = islice(scan(medium), 40)
    while True:
        try:
            found = next(volumes)
        except StopIteration:
            return seen
        except EvidenceError:
            return seen
        if not isinstance(found, Volume):
            continue
        try:
            system = mount(found.kind, open_volume(medium, found.layers))
            for entry in islice(system.entries(), most):
                if isinstance(entry, Entry) and not entry.directory:
                    seen += _read(system, entry, medium.size)
            free = system.free()
        except EvidenceError:
            continue
        assert all(at >= 0 and n > 0 for at, n in free)


def _read(system, entry: Entry, size: int) -> int:
    assert 0 <= entry.size <= size
    try:
        reader = system.open(entry.locator)
        assert reader.size <= size
        reader.pread(max(0, reader.size - 4096), 4096)
        reader.head()
        system.slack(entry.locator).head()
        system.extents(entry.locator)
    except EvidenceError:
        return 0
    return 1
