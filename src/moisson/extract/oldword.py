"""The text of Word 6 to 2003 by its piece table ([MS-DOC] 2.4.1)."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from moisson.errors import DamagedError
from moisson.extract import oldcrypt, oldxor
from moisson.model import Flag, Passage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.extract.compound import Compound

_PARTS = ("", "footnotes", "headers", "macro", "comments", "endnotes", "textbox", "headertextbox")
_MAX_PIECES = 1_000_000
_CHARS = str.maketrans({"\r": "\n", "\x0b": "\n", "\x0c": "\n", "\x0e": "\n", "\x07": "\t", "\x1e": "-", "\x1f": None,
                        "\x13": " ", "\x14": " ", "\x15": " ", "\x01": None, "\x02": None, "\x03": None, "\x04": None,
                        "\x05": None, "\x08": None, "\0": None})  # fmt: skip
_ROW_END = re.compile("\x07\x07")
_PAGES = {
    0x401: "cp1256", 0x429: "cp1256", 0x40D: "cp1255", 0x419: "cp1251", 0x408: "cp1253", 0x41F: "cp1254",
    0x411: "cp932", 0x412: "cp949", 0x804: "cp936", 0x404: "cp950", 0x415: "cp1250", 0x405: "cp1250",
}  # fmt: skip


def read_words(file: Compound, keys: Sequence[str]) -> Iterator[Passage | Flag]:
    """The text part by part: body, footnotes, headers, comments, endnotes, text boxes."""
    main = file.read("WordDocument")
    if len(main) < 68:
        raise DamagedError("no stream WordDocument")
    version, flags = struct.unpack_from("<H", main, 2)[0], struct.unpack_from("<H", main, 10)[0]
    old = version < 105
    table_name = "1Table" if flags & 0x200 else "0Table"
    table = main if old else file.read(table_name)
    if flags & 0x100:
        main, table = _opened(main, table, keys, obfuscated=old or bool(flags & 0x8000), old=old)
        yield Flag("encrypted")
    at, size = _clx(main, old=old)
    counts = _counts(main, old=old)
    charset = _PAGES.get(struct.unpack_from("<H", main, 6)[0], "cp1252") if old else "cp1252"
    # Counts are of UTF-16 units, of which some characters need two.
    units = "".join(_pieces(main, table, at, size, charset, old=old)).encode("utf-16-le", "surrogatepass")
    start = 0
    for part, count in zip(_PARTS, counts, strict=True):
        if count > 0 and (piece := units[2 * start : 2 * (start + count)]):
            yield Passage(clean(piece.decode("utf-16-le", "replace")) + "\n", part)
        start += max(0, count)


def _opened(main: bytes, table: bytes, keys: Sequence[str], *, obfuscated: bool, old: bool) -> tuple[bytes, bytes]:
    """Both streams without their lock; the head of the first one has none."""
    (key,) = struct.unpack_from("<I", main, 14)
    if obfuscated:
        veil, head = oldxor.find(key >> 16, key & 0xFFFF, keys), 52 if old else 68
        main = main[:head] + veil.lift_stream(main)[head:]
        return main, main if old else veil.lift_stream(table)
    lock = oldcrypt.unlock(table[: max(52, key)], keys)
    return main[:68] + lock.open(main, 512)[68:], lock.open(table, 512)


def _clx(main: bytes, *, old: bool) -> tuple[int, int]:
    if old:
        at, size = struct.unpack_from("<II", main, 0x160)
        return at, size
    at = 32
    at += 2 + 2 * int(struct.unpack_from("<H", main, at)[0])
    at += 2 + 4 * int(struct.unpack_from("<H", main, at)[0])
    at, size = struct.unpack_from("<II", main, at + 2 + 33 * 8)
    return at, size


def _counts(main: bytes, *, old: bool) -> tuple[int, ...]:
    if old:
        return struct.unpack_from("<8i", main, 0x34)
    at = 32
    at += 2 + 2 * int(struct.unpack_from("<H", main, at)[0])
    found: tuple[int, ...] = struct.unpack_from("<8i", main, at + 2 + 12)
    return found


def _pieces(main: bytes, table: bytes, at: int, size: int, charset: str, *, old: bool) -> Iterator[str]:
    """The pieces in order (2.9.38 to 2.9.177); the whole text lies in one piece if there is no table."""
    end = min(len(table), at + size)
    while at < end and table[at] == 1:
        at += 3 + int(struct.unpack_from("<H", table, at + 1)[0])
    if not size or at + 5 > end or table[at] != 2:
        first, last = struct.unpack_from("<II", main, 24)
        raw = main[first : min(last, len(main))]
        yield _narrow(raw, charset)
        return
    (length,) = struct.unpack_from("<I", table, at + 1)
    count = min((length - 4) // 12, _MAX_PIECES)
    places = struct.unpack_from(f"<{count + 1}I", table, at + 5)
    descriptors = at + 5 + 4 * (count + 1)
    for i in range(count):
        (fc,) = struct.unpack_from("<I", table, descriptors + 8 * i + 2)
        chars = places[i + 1] - places[i]
        if chars <= 0 or chars > len(main):
            continue
        if old:
            yield _narrow(main[fc : fc + chars], charset)
        elif fc & 0x40000000:
            start = (fc & 0x3FFFFFFF) // 2
            yield _narrow(main[start : start + chars], charset)
        else:
            yield main[fc : fc + 2 * chars].decode("utf-16-le", "replace")


def _narrow(raw: bytes, charset: str) -> str:
    return raw.decode(charset, "replace")


def clean(text: str) -> str:
    """Marks of cells, rows, fields and pages as blanks and lines."""
    return _ROW_END.sub("\t\n", text).translate(_CHARS)
