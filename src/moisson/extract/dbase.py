"""Tables of dBase, FoxPro and Clipper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.errors import DamagedError
from moisson.extract.exif import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

_CHARSETS = {
    0x01: "cp437",
    0x02: "cp850",
    0x03: "cp1252",
    0x57: "cp1252",
    0x58: "cp1252",
    0x59: "cp1252",
    0x64: "cp852",
    0x65: "cp866",
    0x66: "cp865",
    0x6B: "cp857",
    0x7D: "cp1255",
    0x7E: "cp1256",
    0xC8: "cp1250",
    0xC9: "cp1251",
    0xCA: "cp1254",
    0xCB: "cp1253",
}
_ROWS = 2_000_000


def rows(data: Reader) -> Iterator[tuple[list[str], list[str], bool]]:
    """Every row: the names of the fields, their values, and whether it is marked as deleted."""
    head = data.head(32)
    if len(head) < 32:
        raise DamagedError("no dBase header")
    count, start, width = (int.from_bytes(head[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    charset = _CHARSETS.get(head[29], "")
    fields = list(_fields(data.pread(32, max(0, start - 32))))
    if not fields or not width or sum(size for _, _, size in fields) >= width + 1:
        raise DamagedError("no dBase fields")
    names = [name for name, _, _ in fields]
    for i in range(min(count, _ROWS)):
        raw = data.pread(start + i * width, width)
        if len(raw) < width:
            return
        values, at = [], 1
        for _, kind, size in fields:
            values.append(_value(raw[at : at + size], kind, charset))
            at += size
        yield names, values, raw[:1] == b"*"


def _fields(raw: bytes) -> Iterator[tuple[str, str, int]]:
    for at in range(0, len(raw) - 31, 32):
        entry = raw[at : at + 32]
        if entry[:1] in (b"\r", b"\0"):
            return
        yield (
            entry[:11].split(b"\0")[0].decode("latin-1"),
            chr(entry[11]),
            entry[16] + (entry[17] << 8 if entry[11] == 67 else 0),
        )


def _value(raw: bytes, kind: str, charset: str) -> str:
    if kind in "I+" and len(raw) == 4:
        return str(int.from_bytes(raw, "little", signed=True))
    if charset:
        return clean(raw.decode(charset, "replace"))
    try:
        return clean(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return clean(raw.decode("cp1252", "replace"))
