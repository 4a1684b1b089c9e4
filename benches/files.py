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

from benches.measure import measure
from moisson.evidence import filesystem, image, volume
from moisson.evidence.filesystem import Fault


def ours(parts: list[Path]) -> tuple[float, float, int, int, float]:
    """CPU seconds to list, CPU seconds to read and hash all, entries, bytes, wall seconds."""
    started = time.monotonic()
    opened = image.open_image([(p.name, image.Descriptor(os.open(p, os.O_RDONLY))) for p in parts])
    entries = size = 0
    listing = reading = 0.0
    for found in volume.scan(opened):
        if not isinstance(found, volume.Volume) or found.kind not in ("ntfs", "fat", "exfat", "ext"):
            continue
        began = time.process_time()
        system = filesystem.mount(found.kind, volume.open_volume(opened, found.layers))
        listed = [e for e in system.entries() if not isinstance(e, Fault)]
        entries += len(listed)
        listing += time.process_time() - began
        began = time.process_time()
        for entry in sorted((e for e in listed if not e.directory), key=lambda e: e.offset):
            digest = hashlib.sha256()
            for chunk in system.open(entry.locator).chunks():
                digest.update(chunk)
                size += len(chunk)
        reading += time.process_time() - began
    return listing, reading, entries, size, time.monotonic() - started


def offsets(part: Path) -> list[str]:
    """Where The Sleuth Kit sees file systems, in sectors; empty for one without a partition table."""
    run = subprocess.run(["mmls", "-a", str(part)], capture_output=True, text=True, check=False)
    rows = [line.split() for line in run.stdout.splitlines() if line[:3].rstrip(":").isdigit()]
    return [row[2] for row in rows]


def main() -> None:
    """Print the table."""
    parts = [Path(word) for word in sys.argv[1:]]
    listing, reading, entries, size, wall = ours(parts)
    total = listing + reading
    print(f"{'moisson, listing':32} {listing:8.2f} CPU s  {entries / listing:10,.0f} entries/s  ({entries} entries)")
    rate = f"{size / 1e6 / total:10.1f} MB/s, {wall:.2f} s wall"
    print(f"{'moisson, listing, reading, hashing':32} {total:8.2f} CPU s  {rate}")
    if not shutil.which("tsk_recover"):
        print("tsk_recover is not installed: apt-get install sleuthkit")
        return
    peer, clock = 0.0, 0.0
    for offset in offsets(parts[0]) or [""]:
        with tempfile.TemporaryDirectory() as folder:
            where = ["-o", offset] if offset else []
            cost = measure(["tsk_recover", "-e", *where, *parts, folder])
            peer, clock = peer + cost.cpu, clock + cost.wall
    times = f"{peer / total:10.1f} times ours, {clock:.2f} s wall, {clock / wall:.1f} times ours"
    print(f"{'tsk_recover -e (writes them too)':32} {peer:8.2f} CPU s  {times}")


if __name__ == "__main__":
    main()
