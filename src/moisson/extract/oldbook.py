"""Excel 5 to 2003: a walk over the records of the workbook stream ([MS-XLS] 2.3, 2.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moisson.errors import DamagedError
from moisson.extract import oldcrypt, oldxor
from moisson.extract.binarysheet import rk
from moisson.extract.cells import shown
from moisson.extract.charset import codec
from moisson.extract.oldstrings import Fragments, link, short
from moisson.model import Fact, Flag, Passage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from moisson.extract.compound import Compound

MAX_STRINGS = 2_000_000
_BOF, _EOF, _CONTINUE, _FILEPASS = 0x809, 0x0A, 0x3C, 0x2F
_UNLOCKED = frozenset((_BOF, _FILEPASS, 0x194, 0xE1, 0x95, 0x138, 0x195))
_STARTS = {0x809: 8, 0x409: 4, 0x209: 3, 0x009: 2}


@dataclass(slots=True)
class _Book:
    version: int = 8
    charset: str = "cp1252"
    strings: list[str] = field(default_factory=list)
    codes: dict[int, str] = field(default_factory=dict)
    formats: list[int] = field(default_factory=list)
    sheets: dict[int, str] = field(default_factory=dict)
    base_1904: bool = False

    def number(self, value: float, style: int) -> str:
        number = self.formats[style] if style < len(self.formats) else 0
        return shown(value, number, self.codes.get(number, ""), base_1904=self.base_1904)


def read_book(file: Compound, keys: Sequence[str]) -> Iterator[Passage | Fact | Flag]:
    """The workbook stream of a compound file."""
    name = next((n for n in ("Workbook", "Book") if n in file), "")
    if not name:
        raise DamagedError("no stream Workbook")
    yield from read_records(file.read(name), keys)


def read_records(stream: bytes, keys: Sequence[str]) -> Iterator[Passage | Fact | Flag]:
    """Sheets row by row, then their comments, links and headers."""
    book = _Book()
    plain, flag = _unlocked(stream, keys)
    if flag:
        yield flag
    rest: list[str] = []
    cells: list[tuple[int, int, str]] = []
    for kind, data, at in records(plain):
        if kind in _STARTS:
            book.version = struct.unpack_from("<H", data)[0] >> 8 if kind == _BOF and len(data) >= 2 else _STARTS[kind]
            if at in book.sheets:
                yield Passage(f"{book.sheets[at]}\n", f"sheet:{book.sheets[at]}")
        elif kind == _EOF:
            yield from _lines(cells, rest)
            cells, rest = [], []
        else:
            _global(book, kind, data, rest)
            cells += _cell(book, kind, data)
            if kind == 0x207 and cells and len(data) > 2:
                row, column, _ = cells[-1]
                cells[-1] = (row, column, _string(book, data, 0))
            if len(cells) > 20_000:
                yield from _lines(cells, [])
                cells = []
    yield from _lines(cells, rest)


def _lines(cells: list[tuple[int, int, str]], rest: list[str]) -> Iterator[Passage]:
    rows: dict[int, list[str]] = {}
    for row, _, text in sorted(cells, key=lambda cell: cell[:2]):
        if text:
            rows.setdefault(row, []).append(text)
    lines = ["\t".join(row) for row in rows.values()] + [line for line in rest if line]
    if lines:
        yield Passage("\n".join(lines) + "\n")


def records(stream: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Type, content and place of every record, continuations joined unless their borders matter."""
    at = 0
    while at + 4 <= len(stream):
        start = at
        kind, size = struct.unpack_from("<HH", stream, at)
        if not kind and not size:
            return
        data, at = stream[at + 4 : at + 4 + size], at + 4 + size
        pieces = [data]
        while stream[at : at + 2] == b"\x3c\0" and at + 4 <= len(stream) and kind in (0xFC, 0x1B6, 0x1B8):
            (size,) = struct.unpack_from("<H", stream, at + 2)
            pieces.append(stream[at + 4 : at + 4 + size])
            at += 4 + size
        if len(pieces) > 1 or kind == 0xFC:
            yield kind, Fragments(pieces).joined(kind), start
        else:
            yield kind, data, start


def _unlocked(stream: bytes, keys: Sequence[str]) -> tuple[bytes, Flag | None]:
    """The stream with its records decrypted, if a record says that it is locked."""
    at = 0
    while at + 4 <= len(stream) and at < 1 << 16:
        kind, size = struct.unpack_from("<HH", stream, at)
        if kind == _FILEPASS:
            return _opened(stream, stream[at + 4 : at + 4 + size], keys), Flag("encrypted")
        at += 4 + size
    return stream, None


def _opened(stream: bytes, lock: bytes, keys: Sequence[str]) -> bytes:
    """The stream by what its record of a password says (2.4.117): before Excel 97 it has no type."""
    if lock[:2] == b"\1\0" and len(lock) > 6:
        opened = oldcrypt.unlock(lock[2:], keys).open(stream, 1024)
        return _replaced(stream, lambda at, size: opened[at : at + size])
    key, verifier = struct.unpack_from("<HH", lock, len(lock) - 4)
    veil = oldxor.find(key, verifier, keys)
    return _replaced(stream, lambda at, size: veil.lift_record(stream[at : at + size], at))


def _replaced(stream: bytes, plain: Callable[[int, int], bytes]) -> bytes:
    """Headers of records and some records stay as they are; the key stream runs over them all the same."""
    out, at = bytearray(stream), 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        size = min(size, len(stream) - at - 4)
        if kind not in _UNLOCKED:
            skip = 4 if kind == 0x85 else 0
            out[at + 4 + skip : at + 4 + size] = plain(at + 4, size)[skip:]
        at += 4 + size
    return bytes(out)


def _string(book: _Book, data: bytes, at: int, *, wide: int = 2) -> str:
    return short(data, at, wide, book.charset, unicode=book.version >= 6)


def _global(book: _Book, kind: int, data: bytes, rest: list[str]) -> None:
    """Records that are no cells."""
    if kind == 0x42 and len(data) >= 2:
        book.charset = codec(f"cp{struct.unpack_from('<H', data)[0]}") or "cp1252"
    elif kind == 0x22:
        book.base_1904 = data[:1] == b"\1"
    elif kind == 0x85 and len(data) > 7:
        place = struct.unpack_from("<I", data)[0]
        book.sheets[place] = _string(book, data, 6, wide=1)
    elif kind == 0x41E and len(data) > 2:
        book.codes[struct.unpack_from("<H", data)[0]] = _string(book, data, 2, wide=2 if book.version >= 6 else 1)
    elif kind == 0xE0 and len(data) >= 4 and len(book.formats) < 100_000:
        book.formats.append(struct.unpack_from("<H", data, 2)[0])
    elif kind == 0xFC:
        book.strings = data.decode("utf-16-le", "replace").split("\0")[:MAX_STRINGS]
    elif kind == 0x1B6:
        rest.append(data.decode("utf-16-le", "replace"))
    elif kind in (0x14, 0x15) and len(data) > 3:
        rest.append(_string(book, data, 0, wide=2 if book.version >= 6 else 1))
    elif kind == 0x1B8:
        rest.append(link(data))


def _cell(book: _Book, kind: int, data: bytes) -> list[tuple[int, int, str]]:
    """The cells of one record: row, column and what is shown."""
    if len(data) < 6:
        return []
    row, column, style = struct.unpack_from("<HHH", data)
    text = ""
    if kind == 0xFD and len(data) >= 10:
        index = struct.unpack_from("<I", data, 6)[0]
        text = book.strings[index] if index < len(book.strings) else ""
    elif kind in (0x204, 0xD6):
        text = _string(book, data, 6)
    elif kind == 0x203 and len(data) >= 14:
        text = book.number(struct.unpack_from("<d", data, 6)[0], style)
    elif kind == 0x27E and len(data) >= 10:
        text = book.number(rk(struct.unpack_from("<I", data, 6)[0]), style)
    elif kind == 0xBD:
        return [
            (row, column + i, book.number(rk(value), xf))
            for i, (xf, value) in enumerate(struct.iter_unpack("<HI", data[4 : 4 + (len(data) - 6) // 6 * 6]))
        ]
    elif kind in (0x06, 0x206, 0x406) and len(data) >= 14:
        if data[12:14] != b"\xff\xff":
            text = book.number(struct.unpack_from("<d", data, 6)[0], style)
        elif data[6] == 0:
            return [(row, column, "")]
        elif data[6] == 1:
            text = "TRUE" if data[8] else "FALSE"
    elif kind == 0x205 and len(data) >= 8 and not data[7]:
        text = "TRUE" if data[6] else "FALSE"
    return [(row, column, text)] if text else []
