"""Enumerating a file system, and reading and hashing all its files, beside The Sleuth Kit's own programs.

python -m benches.files IMAGE...   the parts of one image, NTFS or another file system inside
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benches.measure import measure
from moisson.evidence import filesystem, image, volume
from moisson.evidence.filesystem import Fault
from moisson.evidence.mount import mount


class Spent(NamedTuple):
    """What listing, and reading and hashing all files, took."""

    listing: float
    reading: float
    entries: int
    size: int
    wall: float


def ours(parts: list[Path], workers: int = 1) -> Spent:
    """List in one process, then read and hash all in disk order, in so many processes that share the files."""
    started = time.monotonic()
    opened = image.open_image([(p.name, image.Descriptor(os.open(p, os.O_RDONLY))) for p in parts])
    entries = size = 0
    listing = reading = 0.0
    for found in volume.scan(opened):
        if not isinstance(found, volume.Volume) or found.kind not in ("ntfs", "fat", "exfat", "ext"):
            continue
        began = time.process_time()
        system = mount(found.kind, volume.open_volume(opened, found.layers))
        listed = [e for e in system.entries() if not isinstance(e, Fault)]
        entries += len(listed)
        listing += time.process_time() - began
        size += sum(e.size for e in listed)
        files = sorted((e for e in listed if not e.directory), key=lambda e: e.offset)
        reading += shared(system, files, workers)
    return Spent(listing, reading, entries, size, time.monotonic() - started)


def shared(system: filesystem.FileSystem, files: list[filesystem.Entry], workers: int) -> float:
    """CPU seconds of all workers, each with as many bytes as the others in one stretch of the medium."""
    share, before, running = sum(e.size for e in files) / workers + 1, 0, dict[int, list[filesystem.Entry]]()
    for entry in files:
        running.setdefault(int(before / share), []).append(entry)
        before += entry.size
    if workers == 1:
        began = time.process_time()
        read(system, files)
        return time.process_time() - began
    for mine in running.values():
        if os.fork() == 0:
            read(system, mine)
            os._exit(0)
    used = [os.wait4(-1, 0)[2] for _ in running]
    return sum(u.ru_utime + u.ru_stime for u in used)


def read(system: filesystem.FileSystem, files: list[filesystem.Entry]) -> None:
    """Read and hash them."""
    for entry in files:
        digest = hashlib.sha256()
        for chunk in system.open(entry.locator).chunks():
            digest.update(chunk)


def offsets(part: Path) -> list[str]:
    """Where The Sleuth Kit sees file systems, in sectors; empty for one without a partition table."""
    run = subprocess.run(["mmls", "-a", str(part)], capture_output=True, text=True, check=False)
    rows = [line.split() for line in run.stdout.splitlines() if line[:3].rstrip(":").isdigit()]
    return [row[2] for row in rows]


def main() -> None:
    """Print the table."""
    parts = [Path(word) for word in sys.argv[1:]]
    alone, two = ours(parts), ours(parts, 2)
    rate = f"{alone.entries / alone.listing:10,.0f} entries/s  ({alone.entries} entries)"
    print(f"{'moisson, listing':34} {alone.listing:8.2f} CPU s  {rate}")
    for label, spent in (("moisson, listed, read, hashed", alone), ("the same, read by two processes", two)):
        total = spent.listing + spent.reading
        print(f"{label:34} {total:8.2f} CPU s  {spent.size / 1e6 / total:10.1f} MB/s, {spent.wall:.2f} s wall")
    if not shutil.which("tsk_recover"):
        print("tsk_recover is not installed: apt-get install sleuthkit")
        return
    peer, clock = 0.0, 0.0
    for offset in offsets(parts[0]) or [""]:
        with tempfile.TemporaryDirectory() as folder:
            where = ["-o", offset] if offset else []
            cost = measure(["tsk_recover", "-e", *where, *parts, folder])
            peer, clock = peer + cost.cpu, clock + cost.wall
    total = alone.listing + alone.reading
    print(f"{'tsk_recover -e (writes them too)':34} {peer:8.2f} CPU s  {clock:.2f} s wall")
    ratios = (
        f"{peer / total:.1f} times the CPU, {clock / alone.wall:.1f} times the wall, {clock / two.wall:.1f} with two"
    )
    print(f"{'':34} {ratios}")


if __name__ == "__main__":
    main()
