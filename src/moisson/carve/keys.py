"""What the bins and cells of registry hives say that have lost their hive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.carve.cells import Cell, cells
from moisson.extract.strings import read_strings
from moisson.model import Passage
from moisson.registry import Limits, step
from moisson.times import from_filetime

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Reader

_PIECE, _BIN = 1 << 22, 32


@step(
    "extract.registry-cells",
    version=1,
    kinds=("application/x-ms-regf-bins", "application/x-ms-regf-cells"),
    limits=Limits(seconds=30, per_mb=4, memory_mb=512),
    reference="Joachim Metz, Windows NT Registry File (REGF) format",
)
def read_cells(data: Reader, keys: Sequence[str] = ()) -> Iterator[Passage]:
    """Keys with the time they were written, names of values with numbers they hold themselves; then all words."""
    for start in range(0, data.size, _PIECE):
        raw = data.pread(start, _PIECE)
        if lines := [line for cell in _all(raw) if (line := _line(raw, cell))]:
            yield Passage("\n".join(lines) + "\n")
    yield from read_strings(data)


def _all(raw: bytes) -> Iterator[Cell]:
    """The cells of bins that follow one another, or of what is left of one."""
    at = 0
    while raw[at : at + 4] == b"hbin":
        size = int.from_bytes(raw[at + 8 : at + 12], "little")
        if size < _BIN:
            return
        yield from cells(raw[: at + size], at + _BIN)
        at += size
    yield from cells(raw, at)


def _line(raw: bytes, cell: Cell) -> str:
    at = cell.at
    if cell.kind == "nk":
        name = raw[at + 80 : at + 80 + int.from_bytes(raw[at + 76 : at + 78], "little")]
        when = from_filetime(int.from_bytes(raw[at + 8 : at + 16], "little"))
        return f"[{_text(name, raw[at + 6] & 0x20)}] {when or ''}".rstrip()
    if cell.kind != "vk":
        return ""
    size, held = (int.from_bytes(raw[at + place : at + place + 4], "little") for place in (8, 12))
    name = raw[at + 24 : at + 24 + int.from_bytes(raw[at + 6 : at + 8], "little")]
    told = f": {held}" if size == 0x80000004 else ""
    return f"{_text(name, raw[at + 20] & 1) or '(default)'}{told}"


def _text(name: bytes, narrow: int) -> str:
    return name.decode("latin-1" if narrow else "utf-16-le", "replace")
