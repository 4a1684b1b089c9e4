"""Known files: lists of hashes, compiled once into a sorted file that is looked up where it lies.

The file is a JSON line naming each algorithm with its first byte and number of entries, then the sorted 16-byte
prefixes of the digests, one section an algorithm. A hundred million entries are 1.6 GB on the disk and nothing in memory.
"""

from __future__ import annotations

import csv
import mmap
import os
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from moisson.errors import CaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WIDTH = 16
LENGTHS = {64: "sha256", 40: "sha1", 32: "md5"}
_NAMES = {"sha-256": "sha256", "sha-1": "sha1"}
_BATCH = 1 << 20
_HEADER = 4096


class Section(Struct, frozen=True):
    """Where the entries of one algorithm lie."""

    algorithm: str
    offset: int
    count: int


def compile_lists(paths: Sequence[Path], out: Path) -> Path:
    """Read lists (CSV with columns sha256, sha1, md5 in any subset, or a hash a line) into one sorted file."""
    arrays: dict[str, list[np.ndarray]] = {}
    for path in paths:
        for algorithm, raw in _batches(path):
            arrays.setdefault(algorithm, []).append(np.frombuffer(raw, dtype=[("hi", ">u8"), ("lo", ">u8")]))
    temporary = out.with_suffix(".part")
    sections, at = [], _HEADER
    with temporary.open("wb") as file:
        file.write(bytes(_HEADER))
        for algorithm in sorted(arrays):
            found = np.unique(np.concatenate(arrays.pop(algorithm)))
            file.write(found.tobytes())
            sections.append(Section(algorithm, at, len(found)))
            at += len(found) * WIDTH
        file.seek(0)
        file.write(msgspec.json.encode(sections) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(out)
    return out


def _batches(path: Path) -> Iterator[tuple[str, bytes]]:
    held: dict[str, bytearray] = {}
    for algorithm, digest in _digests(path):
        batch = held.setdefault(algorithm, bytearray())
        batch += digest
        if len(batch) >= _BATCH * WIDTH:
            yield algorithm, bytes(batch)
            batch.clear()
    for algorithm, batch in held.items():
        yield algorithm, bytes(batch)


def _digests(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.reader(file)
            head = [_NAMES.get(name.strip().lower(), name.strip().lower()) for name in next(rows, [])]
            columns = [(n, name) for n, name in enumerate(head) if name in LENGTHS.values()]
            if not columns:
                yield from (found for cell in head if (found := _digest(cell)))
            for row in rows:
                cells = [row[n] for n, _ in columns if n < len(row)] if columns else row[:1]
                yield from (found for cell in cells if (found := _digest(cell)))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _digest(cell: str) -> tuple[str, bytes] | None:
    text = cell.strip().strip('"')
    try:
        return (LENGTHS[len(text)], bytes.fromhex(text)[:WIDTH]) if len(text) in LENGTHS else None
    except ValueError:
        return None


class Known:
    """A compiled list, open for looking up."""

    def __init__(self, data: mmap.mmap, sections: Sequence[Section]) -> None:
        self._data = data
        self._sections = {section.algorithm: section for section in sections}

    @classmethod
    def open(cls, path: Path) -> Known:
        """Map a compiled list; raises `CaseError`."""
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return cls(data, msgspec.json.decode(data[:_HEADER].partition(b"\n")[0], type=list[Section]))
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise CaseError(f"{path} is no compiled list of known files") from error

    @property
    def algorithms(self) -> set[str]:
        """The digests that a look-up needs."""
        return set(self._sections)

    def __len__(self) -> int:
        return sum(section.count for section in self._sections.values())

    def has(self, sha256: str = "", md5: str = "", sha1: str = "") -> bool:
        """Whether any of these digests is on the list."""
        given = {"sha256": sha256, "md5": md5, "sha1": sha1}
        return any(given[name] and self._find(section, given[name]) for name, section in self._sections.items())

    def _find(self, section: Section, digest: str) -> bool:
        wanted = bytes.fromhex(digest)[:WIDTH]
        low, high = 0, section.count
        while low < high:
            middle = (low + high) // 2
            at = section.offset + middle * WIDTH
            if self._data[at : at + WIDTH] < wanted:
                low = middle + 1
            else:
                high = middle
        at = section.offset + low * WIDTH
        return low < section.count and self._data[at : at + WIDTH] == wanted
