"""A plain folder as an exhibit: its files, opened one by one by whoever may open files."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Protocol

from moisson.address import decode, encode
from moisson.errors import AddressError, EvidenceError
from moisson.evidence.filesystem import Entry, Fault
from moisson.evidence.image import Descriptor
from moisson.reader import Memory, Reader
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEEPEST = 200


class Files(Protocol):
    """Who lists a folder and opens its files."""

    def walk(self) -> Iterator[tuple[str, int, int]]:
        """Every regular file: relative path, size, time of change in ns."""
        ...

    def open(self, path: str) -> int:
        """A read-only descriptor; raises `EvidenceError`."""
        ...


class Local:
    """The files below a folder of this machine: no link is followed, no special file opened."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def walk(self) -> Iterator[tuple[str, int, int]]:
        """Every regular file, in the order of their names."""
        todo = [("", 0)]
        while todo:
            base, depth = todo.pop()
            try:
                with os.scandir(os.fsencode(self.root / base)) as found:
                    rows = sorted(found, key=lambda row: row.name)
            except OSError:
                continue
            for row in rows:
                path = f"{base}/{os.fsdecode(row.name)}" if base else os.fsdecode(row.name)
                try:
                    info = row.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISREG(info.st_mode):
                    yield path, info.st_size, info.st_mtime_ns
                elif stat.S_ISDIR(info.st_mode) and depth < DEEPEST:
                    todo.append((path, depth + 1))

    def open(self, path: str) -> int:
        """A descriptor of a regular file, reached part by part without following a link."""
        parts = path.split("/")
        if "\0" in path or any(part in ("", ".", "..") for part in parts):
            raise AddressError(f"{path!r} leads out of the folder")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        at = -1
        try:
            at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            for part in parts[:-1]:
                at, old = os.open(os.fsencode(part), flags | os.O_DIRECTORY, dir_fd=at), at
                os.close(old)
            found = os.open(os.fsencode(parts[-1]), flags | os.O_NONBLOCK, dir_fd=at)
        except UnicodeEncodeError as error:
            raise AddressError(f"{path!r} is no name of a file here") from error
        except OSError as error:
            why = "it is a link" if error.errno == errno.ELOOP else error.strerror
            raise EvidenceError(f"{path}: {why}") from error
        finally:
            if at >= 0:
                os.close(at)
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            raise EvidenceError(f"{path}: it is no regular file")
        return found


class _Held(Descriptor):
    """A descriptor that is closed with its last reader."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._held = fd

    def __del__(self) -> None:
        os.close(self._held)


class Folder:
    """A folder as a file system."""

    kind = "dir"
    label = serial = ""

    def __init__(self, files: Files) -> None:
        self.files = files

    def entries(self) -> Iterator[Entry | Fault]:
        """Every regular file."""
        for path, size, changed in self.files.walk():
            name = path.rpartition("/")[2]
            yield Entry(encode(path), path, name, size, modified=Instant(changed, "ns") if changed else None)

    def open(self, locator: str) -> Reader:
        """The bytes of a file."""
        return Reader(_Held(self.files.open(decode(locator))))

    def slack(self, locator: str) -> Reader:
        """A file of a folder has none."""
        return Reader(Memory(b""))

    def extents(self, locator: str) -> list[tuple[int | None, int]]:
        """Where it lies on the disk is not known."""
        return []

    def free(self) -> list[tuple[int, int]]:
        """A folder has no free space."""
        return []
