"""A plain folder as an exhibit: its files, opened one by one by whoever may open files."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Protocol

from moisson.address import decode, encode
from moisson.errors import AddressError, EvidenceError, LimitError
from moisson.evidence.filesystem import Entry, Fault, printable
from moisson.evidence.image import Descriptor
from moisson.reader import Memory, Reader
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEEPEST = 200
MOST_SKIPPED = 10_000
_HOLE, _SPARSE = 1 << 30, 200
_LINK = "it is a link"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Files(Protocol):
    """Who lists a folder and opens its files; `skipped` says what `walk` left out and why."""

    skipped: list[tuple[str, str]]

    def walk(self) -> Iterator[tuple[str, int, int]]:
        """Every regular file: relative path, size, time of change in ns."""
        ...

    def open(self, path: str) -> int:
        """A read-only descriptor; raises `EvidenceError`."""
        ...


class Local:
    """The files below a folder of this machine: no link is followed, no special file opened.

    `skipped` says what `walk` left out and why, up to a bound.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skipped: list[tuple[str, str]] = []

    def walk(self) -> Iterator[tuple[str, int, int]]:
        """Every regular file, in the order of their names."""
        self.skipped.clear()
        todo = [("", 0)]
        while todo:
            base, depth = todo.pop()
            below: list[tuple[str, int]] = []
            try:
                rows = self._list(base)
            except OSError as error:
                self._skip(base, error.strerror or "it cannot be listed")
                continue
            for name, info in rows:
                path = f"{base}/{name}" if base else name
                if info is not None and stat.S_ISREG(info.st_mode):
                    yield path, info.st_size, info.st_mtime_ns
                elif info is not None and stat.S_ISDIR(info.st_mode) and depth < DEEPEST:
                    below.append((path, depth + 1))
                else:
                    self._skip(path, _why(info))
            todo += reversed(below)

    def _list(self, base: str) -> list[tuple[str, os.stat_result | None]]:
        at = self._enter(base.split("/") if base else [])
        try:
            with os.scandir(at) as found:
                names = sorted(row.name for row in found)
            return [(name, _stat(name, at)) for name in names]
        finally:
            os.close(at)

    def _enter(self, parts: list[str]) -> int:
        """A descriptor of a folder, reached part by part without following a link."""
        at = os.open(self.root, _FOLDER)
        for part in parts:
            try:
                new = os.open(_raw(part), _FOLDER | os.O_NOFOLLOW, dir_fd=at)
            finally:
                os.close(at)
            at = new
        return at

    def _skip(self, path: str, why: str) -> None:
        if len(self.skipped) < MOST_SKIPPED:
            self.skipped.append((path, why))

    def open(self, path: str) -> int:
        """A descriptor of a regular file; raises `AddressError` or `EvidenceError`."""
        parts = path.split("/")
        if path.startswith("/") or "\0" in path or any(part in ("", ".", "..") for part in parts):
            raise AddressError(f"{path!r} leads out of the folder")
        try:
            at = self._enter(parts[:-1])
            try:
                found = os.open(_raw(parts[-1]), _FILE, dir_fd=at)
            finally:
                os.close(at)
        except (OSError, UnicodeEncodeError) as error:
            raise EvidenceError(f"{printable(path)[:500]}: {_reason(error)}") from error
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            raise EvidenceError(f"{printable(path)}: it is no regular file")
        return found


def _raw(name: str) -> bytes:
    """The bytes of a name as `address.decode` gives it: bytes that are no text may come back as lone surrogates."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")


def _stat(name: str, at: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=at, follow_symlinks=False)
    except OSError:
        return None


def _why(info: os.stat_result | None) -> str:
    if info is None:
        return "it cannot be looked at"
    if stat.S_ISDIR(info.st_mode):
        return f"deeper than {DEEPEST} folders"
    return _LINK if stat.S_ISLNK(info.st_mode) else "it is no regular file"


def _reason(error: OSError | UnicodeEncodeError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "no file can have that name"
    return "it is a link" if error.errno == errno.ELOOP else error.strerror or "it cannot be opened"


class _Held(Descriptor):
    """A descriptor that is closed with its last reader."""

    def __init__(self, fd: int) -> None:
        self._held = fd
        super().__init__(fd)

    def written(self) -> int:
        """How many of its bytes have a place on the disk."""
        return os.fstat(self._held).st_blocks * 512

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
            text = printable(path)
            moment = Instant(changed, "ns") if changed else None
            yield Entry(encode(path), text, text.rpartition("/")[2], size, modified=moment)
        for path, why in self.files.skipped:
            if why != _LINK:
                yield Fault(encode(path), printable(path), "unsupported", why)

    def open(self, locator: str) -> Reader:
        """The bytes of a file; raises `LimitError` for one that is nearly all hole."""
        held = _Held(self.files.open(decode(locator)))
        if held.size > _HOLE and held.written() < held.size // _SPARSE:
            raise LimitError(f"{held.size} bytes, of which {held.written()} were ever written")
        return Reader(held)

    def slack(self, locator: str) -> Reader:
        """A file of a folder has none."""
        return Reader(Memory(b""))

    def extents(self, locator: str) -> list[tuple[int | None, int]]:
        """Where it lies on the disk is not known."""
        return []

    def free(self) -> list[tuple[int, int]]:
        """A folder has no free space."""
        return []
