"""Lists of known files: hundreds of millions of digests in one sorted file, looked up without loading it.

The file begins with `MOISKNW1`, the number of sections and a directory: for each section the algorithm (8 bytes), the
offset and the number of its entries. An entry is the first 16 bytes of a digest; they are sorted and no two are equal.
"""

from __future__ import annotations

import mmap
import re
import struct
from bisect import bisect_left
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from moisson.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_MAGIC = b"MOISKNW1"
_DIRECTORY = struct.Struct("<8sQQ")
_WIDTHS = {64: "sha256", 40: "sha1", 32: "md5"}
_ALGORITHMS = ("md5", "sha1", "sha256")
_ENTRY = np.dtype([("high", ">u8"), ("low", ">u8")])
_SIZE = 16
_BUFFER = 4_000_000
_WINDOW = 48
_DIGEST = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?![0-9A-Fa-f])")
_NAMES = {"sha256": "sha256", "sha-256": "sha256", "sha1": "sha1", "sha-1": "sha1", "md5": "md5", "md-5": "md5"}


def compile_lists(paths: Iterable[Path], out: Path) -> Path:
    """Write the digests of lists as one file for `Known`; raises `UsageError` when there is none in them.

    A list is CSV with a header that names its columns (the NSRL's included), or has a digest on each line.
    """
    parts = {algorithm: _Section(algorithm, out) for algorithm in _ALGORITHMS}
    try:
        for path in paths:
            for algorithm, digests in _digests(path):
                parts[algorithm].add(digests)
        filled = [section for section in parts.values() if section.total]
        if not filled:
            raise UsageError("no digest in the lists of known files")
        _write(filled, out)
    finally:
        for section in parts.values():
            section.remove()
    return out


def _digests(path: Path) -> Iterator[tuple[str, bytes]]:
    """The digests of a list, many at a time: algorithm and the first 16 bytes of each, one after the other."""
    with path.open("rb") as file:
        head = file.readline(1 << 16).decode("utf-8-sig", "replace")
        columns = _columns(head)
        if columns:
            yield from _by_column(file, columns)
            return
        file.seek(0)
        yield from _by_shape(file)


def _columns(head: str) -> dict[str, int]:
    """Which column of a header line holds which digest."""
    fields = [field.strip().strip('"').lower() for field in re.split(r"[,;\t]", head)]
    return {_NAMES[field]: i for i, field in enumerate(fields) if field in _NAMES}


def _by_column(file: BinaryIO, columns: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    lengths = {"sha256": 64, "sha1": 40, "md5": 32}
    wanted = [(algorithm, place, lengths[algorithm]) for algorithm, place in columns.items()]
    last = max(columns.values())
    for lines in _batches(file):
        found: dict[str, list[bytes]] = {algorithm: [] for algorithm in columns}
        for line in lines:
            fields = re.split(rb"[,;\t]", line.rstrip(), maxsplit=last + 1)
            for algorithm, place, length in wanted:
                if place < len(fields) and len(field := fields[place].strip(b' "')) == length:
                    found[algorithm].append(field[:32])
        for algorithm, digits in found.items():
            yield algorithm, _binary(digits)


def _by_shape(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    for lines in _batches(file):
        found: dict[str, list[bytes]] = {algorithm: [] for algorithm in _ALGORITHMS}
        for line in lines:
            if not line.startswith((b"#", b"%")):
                for m in _DIGEST.finditer(line[:4096].decode("latin-1")):
                    found[_WIDTHS[len(m[0])]].append(m[0][:32].encode())
        for algorithm, digits in found.items():
            yield algorithm, _binary(digits)


def _batches(file: BinaryIO) -> Iterator[list[bytes]]:
    while lines := file.readlines(8 << 20):
        yield lines


def _binary(digits: list[bytes]) -> bytes:
    """Digits as bytes; should one of the digests hold something else, only that one is left out."""
    try:
        return bytes.fromhex(b"".join(digits).decode("ascii"))
    except ValueError:
        out = []
        for digest in digits:
            with suppress(ValueError):
                out.append(bytes.fromhex(digest.decode("ascii", "replace")))
        return b"".join(out)


class _Section:
    """The entries of one algorithm: sorted runs on disk, merged by range of values when they are written."""

    def __init__(self, algorithm: str, out: Path) -> None:
        self.algorithm = algorithm
        self.total = 0
        self._waiting: list[bytes] = []
        self._size = 0
        self._runs: list[Path] = []
        self._stem = out.with_name(f"{out.name}.{algorithm}")

    def add(self, digests: bytes) -> None:
        """Take more entries."""
        if digests:
            self._waiting.append(digests)
            self._size += len(digests)
            self.total += len(digests) // _SIZE
        if self._size >= _BUFFER * _SIZE:
            self._spill()

    def _spill(self) -> None:
        run = self._stem.with_name(f"{self._stem.name}.{len(self._runs)}")
        _unique(b"".join(self._waiting)).tofile(run)
        self._waiting, self._size = [], 0
        self._runs.append(run)

    def sorted(self) -> Iterator[np.ndarray]:
        """All entries in order without doubles, some millions at a time."""
        if self._size:
            self._spill()
        slices = max(1, 2 * self.total // _BUFFER)
        bounds = [np.uint64((i << 64) // slices) for i in range(1, slices)]
        cuts = []
        for run in self._runs:
            high = np.fromfile(run, _ENTRY)["high"].astype(np.uint64)
            cuts.append([0, *np.searchsorted(high, bounds).tolist(), len(high)])
        for i in range(slices):
            pieces = [
                np.fromfile(run, np.uint8, (cut[i + 1] - cut[i]) * _SIZE, offset=cut[i] * _SIZE).tobytes()
                for run, cut in zip(self._runs, cuts, strict=True)
            ]
            yield _unique(b"".join(pieces))

    def remove(self) -> None:
        """Delete the runs."""
        for run in self._runs:
            run.unlink(missing_ok=True)


def _unique(raw: bytes) -> np.ndarray:
    """Entries in order, each once."""
    entries = np.frombuffer(raw, _ENTRY)
    high, low = entries["high"].astype(np.uint64), entries["low"].astype(np.uint64)
    order = np.argsort(high, kind="stable")
    high, low = high[order], low[order]
    if (high[1:] == high[:-1]).any():
        order = np.lexsort((low, high))
        high, low = high[order], low[order]
    keep = np.ones(len(high), bool)
    keep[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    found = np.empty(int(keep.sum()), _ENTRY)
    found["high"], found["low"] = high[keep], low[keep]
    return found


def _write(sections: Sequence[_Section], out: Path) -> None:
    """The file, under another name until it is whole."""
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            at = len(_MAGIC) + 8 + len(sections) * _DIRECTORY.size
            file.write(bytes(at))
            rows = []
            for section in sections:
                start = file.tell()
                for entries in section.sorted():
                    file.write(entries.tobytes())
                rows.append((section.algorithm, start, (file.tell() - start) // _SIZE))
            file.seek(0)
            file.write(_MAGIC + len(rows).to_bytes(8, "little"))
            for algorithm, start, count in rows:
                file.write(_DIRECTORY.pack(algorithm.encode(), start, count))
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


class Known:
    """A compiled list of known files."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self._data = data
        self._sections = {name: (at, count) for name, at, count in _directory(data)}

    @classmethod
    def open(cls, path: Path) -> Known:
        """Map a file that `compile_lists` wrote; raises `UsageError` for any other."""
        try:
            with path.open("rb") as file:
                return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:
            raise UsageError(f"no list of known files: {path}") from error

    @property
    def algorithms(self) -> set[str]:
        """The digests that the lists are made of, so that callers compute no others."""
        return set(self._sections)

    def __len__(self) -> int:
        return sum(count for _, count in self._sections.values())

    def has(self, sha256: str = "", md5: str = "", sha1: str = "") -> bool:
        """True if any of the digests (hexadecimal) is in the lists."""
        for algorithm, digest in (("sha256", sha256), ("sha1", sha1), ("md5", md5)):
            if digest and algorithm in self._sections and self._holds(algorithm, digest):
                return True
        return False

    def _holds(self, algorithm: str, digest: str) -> bool:
        """Look where an even spread would put the digest, widen until it is enclosed, then halve."""
        try:
            wanted = bytes.fromhex(digest[:32])
        except ValueError:
            return False
        start, count = self._sections[algorithm]
        if len(wanted) < _SIZE or not count:
            return False
        guess = int.from_bytes(wanted[:8], "big") * count >> 64
        step = _WINDOW
        low, high = max(0, guess - step), min(count, guess + step)
        while low > 0 and self._entry(start, low) > wanted:
            step *= 4
            low = max(0, low - step)
        while high < count and self._entry(start, high - 1) < wanted:
            step *= 4
            high = min(count, high + step)
        at = bisect_left(range(low, high), wanted, key=lambda i: self._entry(start, i)) + low
        return at < count and self._entry(start, at) == wanted

    def _entry(self, start: int, index: int) -> bytes:
        at = start + index * _SIZE
        return self._data[at : at + _SIZE]


def _directory(data: mmap.mmap | bytes) -> Iterator[tuple[str, int, int]]:
    head = len(_MAGIC) + 8
    sections = int.from_bytes(data[len(_MAGIC) : head], "little")
    if data[: len(_MAGIC)] != _MAGIC or sections > len(_ALGORITHMS) or len(data) < head + sections * _DIRECTORY.size:
        raise UsageError("no list of known files")
    for i in range(sections):
        name, at, count = _DIRECTORY.unpack_from(data, head + i * _DIRECTORY.size)
        algorithm = name.rstrip(b"\0").decode("ascii", "replace")
        if algorithm not in _ALGORITHMS or at + count * _SIZE > len(data):
            raise UsageError("a damaged list of known files")
        yield algorithm, at, count
