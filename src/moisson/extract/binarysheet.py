"""Workbooks in binary records inside a package ([MS-XLSB])."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.extract.cells import shown
from moisson.extract.parts import matching, relations
from moisson.model import Fact, Flag, Passage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from moisson.extract.package import Package

MAX_RECORD = 1 << 20
MAX_STRINGS = 4_000_000
_ROW, _STRING_ITEM, _FORMAT, _XF, _CELL_XFS, _END_CELL_XFS, _SHEET, _COMMENT_TEXT, _BOOK_PROPERTIES = (
    0, 19, 44, 47, 617, 618, 156, 637, 153,
)  # fmt: skip
_NUMBERS = {2: "rk", 5: "real", 9: "real", 7: "index", 6: "text", 8: "text", 4: "bool", 10: "bool"}


def records(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The records of a part (2.1.4): their type and their content; ends where the part is damaged."""
    buffer, at = bytearray(), 0
    for chunk in chunks:
        del buffer[:at]
        buffer += chunk
        at = 0
        while (header := _header(buffer, at)) and header[2] + header[1] <= len(buffer):
            kind, size, start = header
            if size > MAX_RECORD:
                return
            yield kind, bytes(buffer[start : start + size])
            at = start + size
        if len(buffer) - at > 2 * MAX_RECORD:
            return


def _header(buffer: bytearray, at: int) -> tuple[int, int, int] | None:
    if len(buffer) < at + 6 and len(buffer) < at + 2:
        return None
    kind = buffer[at]
    at += 1
    if kind & 0x80:
        kind = (kind & 0x7F) | (buffer[at] & 0x7F) << 7
        at += 1
    size = 0
    for shift in (0, 7, 14, 21):
        if at >= len(buffer):
            return None
        byte = buffer[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return kind, size, at


def wide(data: bytes, at: int) -> tuple[str, int]:
    """A counted string of UTF-16 (2.5.168) and where it ends; empty if it does not fit."""
    if len(data) < at + 4:
        return "", len(data)
    (count,) = struct.unpack_from("<I", data, at)
    if count == 0xFFFFFFFF or at + 4 + 2 * count > len(data):
        return "", at + 4
    return data[at + 4 : at + 4 + 2 * count].decode("utf-16-le", "replace"), at + 4 + 2 * count


class _Styles:
    def __init__(self, package: Package) -> None:
        self.codes: dict[int, str] = {}
        self.formats: list[int] = []
        cells = False
        for kind, data in records(package.chunks("xl/styles.bin")):
            if kind in (_CELL_XFS, _END_CELL_XFS):
                cells = kind == _CELL_XFS
            elif kind == _FORMAT and len(data) >= 6:
                self.codes[int.from_bytes(data[:2], "little")] = wide(data, 2)[0]
            elif kind == _XF and cells and len(data) >= 4 and len(self.formats) < 100_000:
                self.formats.append(int.from_bytes(data[2:4], "little"))

    def text(self, value: float, style: int, *, base_1904: bool) -> str:
        number = self.formats[style] if style < len(self.formats) else 0
        return shown(value, number, self.codes.get(number, ""), base_1904=base_1904)


def read_book(package: Package) -> Iterator[Passage | Fact | Flag]:
    """Every sheet row by row, then comments and links."""
    strings = [wide(d, 1)[0] for k, d in records(package.chunks("xl/sharedStrings.bin")) if k == _STRING_ITEM][
        :MAX_STRINGS
    ]
    styles = _Styles(package)
    names, base_1904 = {}, False
    for kind, data in records(package.chunks("xl/workbook.bin")):
        if kind == _SHEET:
            rid, at = wide(data, 8)
            names[rid] = wide(data, at)[0]
        elif kind == _BOOK_PROPERTIES and data:
            base_1904 = bool(data[0] & 1)
    targets = {r.target: names.get(rid, "") for rid, r in relations(package, "xl/workbook.bin").items() if rid in names}
    for part in dict.fromkeys([*targets, *matching(package, r"xl/worksheets/[^/]+\.bin")]):
        name = targets.get(part, "") or part.rpartition("/")[2]
        yield Passage(f"{name}\n", f"sheet:{name}")
        for line in _rows(package, part, strings, styles, base_1904=base_1904):
            yield Passage(line)
        for relation in relations(package, part).values():
            if relation.external:
                yield Passage(relation.target + "\n", "link")
    for part in matching(package, r"xl/comments\d*\.bin"):
        lines = [wide(d, 1)[0] for k, d in records(package.chunks(part)) if k == _COMMENT_TEXT]
        yield Passage("\n".join(lines) + "\n", "comments")


def _rows(package: Package, part: str, strings: list[str], styles: _Styles, *, base_1904: bool) -> Iterator[str]:
    row: list[str] = []
    for kind, data in records(package.chunks(part)):
        if kind == _ROW:
            if row:
                yield "\t".join(row) + "\n"
            row = []
        elif kind in _NUMBERS and len(data) >= 9:
            style = int.from_bytes(data[4:7], "little")
            if text := _cell(_NUMBERS[kind], data, style, strings, styles, base_1904=base_1904):
                row.append(text)
    if row:
        yield "\t".join(row) + "\n"


def _cell(how: str, data: bytes, style: int, strings: list[str], styles: _Styles, *, base_1904: bool) -> str:
    if how == "text":
        return wide(data, 8)[0]
    if how == "bool":
        return "TRUE" if data[8] else "FALSE"
    if how == "real":
        return styles.text(struct.unpack_from("<d", data, 8)[0], style, base_1904=base_1904) if len(data) >= 16 else ""
    if len(data) < 12:
        return ""
    (raw,) = struct.unpack_from("<I", data, 8)
    if how == "index":
        return strings[raw] if raw < len(strings) else ""
    return styles.text(rk(raw), style, base_1904=base_1904)


def rk(raw: int) -> float:
    """A number in four bytes ([MS-XLS] 2.5.217)."""
    if raw & 2:
        value: float = (raw >> 2) - (1 << 30 if raw & 0x80000000 else 0)
    else:
        (value,) = struct.unpack("<d", struct.pack("<II", 0, raw & 0xFFFFFFFC))
    return value / 100 if raw & 1 else value
