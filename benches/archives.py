"""Listing a phone extraction, and reading and hashing all its members, beside the standard library's readers.

python -m benches.archives [MB] [MEMBERS]   a zip and a tar.gz of that size, made in the folder for temporary files
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import sys
import tarfile
import tempfile
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moisson.engine.phone import open_archive
from moisson.evidence.filesystem import Fault
from moisson.evidence.image import Descriptor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 64
PIECE = 1 << 20


def members(megabytes: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents, half text and half noise, of any length around the mean."""
    chance = random.Random(1)
    words = [chance.randbytes(chance.randrange(3, 10)).hex().encode() for _ in range(4000)]
    base = b" ".join(chance.choices(words, k=400_000)) + chance.randbytes(4 << 20)
    mean = megabytes * 1_000_000 // count
    for n in range(count):
        size = min(int(chance.expovariate(1 / mean)), len(base) // 2)
        at = chance.randrange(len(base) - size)
        yield f"data/data/app{n % 40}/files/{n:06}.bin", base[at : at + size]


def make(path: Path, megabytes: int, count: int) -> None:
    """The archive that the name asks for."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in members(megabytes, count):
                archive.writestr(name, data)
        return
    with tarfile.open(path, "w:gz", compresslevel=1) as tape:
        for name, data in members(megabytes, count):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tape.addfile(info, io.BytesIO(data))


def opened(path: Path, notes: bytes = b"") -> Any:
    """The archive as Moisson's child opens it."""
    found = open_archive(Descriptor(os.open(path, os.O_RDONLY)), (), notes)
    assert found is not None
    return found[1]


def ours(path: Path, *, read: bool = False, fresh: bool = False) -> int:
    """List, and read and hash all; `fresh` opens the archive anew every so many members, as fresh children do."""
    archive, count = opened(path), 0
    names = [e.locator for e in archive.entries() if not isinstance(e, Fault)]
    if read:
        notes = archive.news()
        for n, name in enumerate(names):
            if fresh and n % PATIENCE == 0:
                archive = opened(path, notes)
            digest = hashlib.sha256()
            for chunk in archive.open(name).chunks():
                digest.update(chunk)
            count += 1
    return count if read else len(names)


def theirs(path: Path, *, read: bool = False, fresh: bool = False) -> int:
    """The same by `zipfile` or `tarfile`; a tape is read in one go, which is the best that `tarfile` can do."""
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        names = archive.infolist()
        for n, name in enumerate(names if read else ()):
            if fresh and n % PATIENCE == 0:
                archive = zipfile.ZipFile(path)
            with archive.open(name) as file:
                hashed(file.read)
        return len(names)
    with tarfile.open(path) as tape:
        count = 0
        for info in tape:
            count += 1
            if read and (content := tape.extractfile(info)):
                hashed(content.read)
    return count


def hashed(read: Callable[[int], bytes]) -> bytes:
    """The digest of a stream."""
    digest = hashlib.sha256()
    while data := read(PIECE):
        digest.update(data)
    return digest.digest()


def apart(work: Callable[[], int]) -> tuple[float, float, int]:
    """CPU seconds and peak MB of a piece of work in a process of its own, and what it counted."""
    ours_end, theirs_end = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(theirs_end, str(work()).encode())
        os._exit(0)
    os.close(theirs_end)
    _, status, used = os.wait4(pid, 0)
    count = os.read(ours_end, 32)
    os.close(ours_end)
    if status:
        raise SystemExit(f"it ended with {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, int(count)


def rows(path: Path) -> Iterator[tuple[str, str, Callable[[], int]]]:
    """Who does what."""
    peer = "python zipfile" if path.suffix == ".zip" else "python tarfile"
    for label, work in (("moisson", ours), (peer, theirs)):
        yield label, "list", partial(work, path)
        yield label, "list, read, hash", partial(work, path, read=True)
        if work is ours or path.suffix == ".zip":
            yield label, f"…, opened anew every {PATIENCE}", partial(work, path, read=True, fresh=True)


def main() -> None:
    """Print the table."""
    given = [int(word) for word in sys.argv[1:3]]
    megabytes, count = (*given, *(1000, 20_000)[len(given) :])
    with tempfile.TemporaryDirectory() as folder:
        for name in ("it.zip", "it.tar.gz"):
            path = Path(folder) / name
            make(path, megabytes, count)
            print(f"{name}, {megabytes} MB in {count} members, {path.stat().st_size / 1e6:.0f} MB packed")
            for label, what, work in rows(path):
                cpu, peak, found = apart(work)
                print(f"  {label:16} {what:28} {cpu:8.2f} CPU s  {peak:6.0f} MB peak  {found:8} members")


if __name__ == "__main__":
    main()
