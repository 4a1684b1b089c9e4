"""Cells of registry hives that have lost their bin (regf format; Windows registry file format specification, Suhanov).

A key proves itself: its length is that of its name, its time is one of Windows' time, its numbers are places of cells.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from moisson.carve.ground import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.carve.ground import Carved
    from moisson.reader import Reader

_KIND = "application/x-ms-regf-cells"
_LONGEST, _CHAIN, _FEWEST = 1 << 14, 1 << 16, 3
_KEY, _VALUE, _NONE = 80, 24, 0xFFFFFFFF
_SINCE, _UNTIL = 0x01B00000, 0x01E80000
_PLACES = (20, 32, 44, 48, 52)
_LISTS = {b"lf": 8, b"lh": 8, b"li": 4, b"ri": 4}


class Cell(NamedTuple):
    """A cell: where it lies, how long it is, what it is ("" for bytes or a free one)."""

    at: int
    size: int
    kind: str


def carve_cells(data: Reader, offset: int, limit: int) -> Carved | None:
    """Cells from a key on, as far as one follows the other: to the last that is a key, a value or a list."""
    span = Span(data, offset, limit)
    raw = span.pread(0, 1024)
    if not _is_key(raw, 0, -int.from_bytes(raw[:4], "little", signed=True)):
        return None
    kept = [cell for cell in cells(span.pread(0, _CHAIN)) if cell.kind]
    if len(kept) < _FEWEST:
        return None
    return span.carved(_KIND, kept[-1].at + kept[-1].size, 0.8, "fragment")


def cells(raw: bytes, at: int = 0) -> Iterator[Cell]:
    """The cells that follow one another."""
    while at + 8 <= len(raw):
        size = int.from_bytes(raw[at : at + 4], "little", signed=True)
        length = abs(size)
        if not 8 <= length <= _LONGEST or length % 8 or at + length > len(raw):
            break
        yield Cell(at, length, _kind(raw, at, length) if size < 0 else "")
        at += length


def _kind(raw: bytes, at: int, size: int) -> str:
    mark = raw[at + 4 : at + 6]
    if mark == b"nk" and _is_key(raw, at, size):
        return "nk"
    if mark == b"vk" and size >= _VALUE:
        name, _, _, kind, flags = struct.unpack_from("<HIIIH", raw, at + 6)
        return "vk" if 0 <= size - _VALUE - name < 16 and kind <= 11 and flags <= 3 else ""
    if mark in _LISTS and size - 8 >= _LISTS[mark] * int.from_bytes(raw[at + 6 : at + 8], "little"):
        return mark.decode()
    if mark == b"sk" and 24 <= 24 + int.from_bytes(raw[at + 20 : at + 24], "little") <= size:
        return "sk"
    return ""


def _is_key(raw: bytes, at: int, size: int) -> bool:
    if size < _KEY or size > 1024 or size % 8 or len(raw) < at + _KEY or raw[at + 4 : at + 6] != b"nk":
        return False
    name = int.from_bytes(raw[at + 76 : at + 78], "little")
    when = int.from_bytes(raw[at + 12 : at + 16], "little")
    if not 0 < name <= size - _KEY < name + 64 or not _SINCE <= when < _UNTIL:
        return False
    places = (int.from_bytes(raw[at + place : at + place + 4], "little") for place in _PLACES)
    return all(place == _NONE or (not place % 8 and place < 1 << 31) for place in places)
