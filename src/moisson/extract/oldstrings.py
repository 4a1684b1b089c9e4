"""The strings of Excel's records ([MS-XLS] 2.5.240, 2.5.293), also where they run over the borders of records."""

from __future__ import annotations

import struct

_MAX_STRINGS = 2_000_000
_GUID_URL = bytes.fromhex("e0c9ea79f9bace118c8200aa004ba90b")
_GUID_FILE = bytes.fromhex("0303000000000000c000000000000046")


class Fragments:
    """A record and its continuations, read as one, aware of the option byte that each continued text begins with."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces, self.number, self.at = pieces, 0, 0

    def joined(self, kind: int) -> bytes:
        """The texts of the record as UTF-16, parted by NULs."""
        if kind == 0x1B8:
            return b"".join(self.pieces)
        texts = self._table() if kind == 0xFC else [self._object()]
        return "\0".join(texts).encode("utf-16-le", "replace")

    def _table(self) -> list[str]:
        if len(self.pieces[0]) < 8:
            return []
        _, count = struct.unpack_from("<II", self.pieces[0])
        self.at = 8
        found: list[str] = []
        while len(found) < min(count, _MAX_STRINGS) and self._left():
            found.append(self._rich())
        return found

    def _object(self) -> str:
        """The text of a comment or a box (2.4.329): its length is in the record, its letters follow."""
        if len(self.pieces[0]) < 12 or len(self.pieces) < 2:
            return ""
        (count,) = struct.unpack_from("<H", self.pieces[0], 10)
        self.number, self.at = 1, 1
        flags = self.pieces[1][0] if self.pieces[1] else 0
        return self._characters(count, flags).replace("\r", "\n").replace("\0", "")

    def _left(self) -> bool:
        while self.number < len(self.pieces) and self.at >= len(self.pieces[self.number]):
            self.number, self.at = self.number + 1, 0
        return self.number < len(self.pieces)

    def _take(self, n: int) -> bytes:
        out = b""
        while len(out) < n and self._left():
            piece = self.pieces[self.number][self.at : self.at + n - len(out)]
            self.at += len(piece)
            out += piece
        return out.ljust(n, b"\0")

    def _skip(self, n: int) -> None:
        while n > 0 and self._left():
            step = min(n, len(self.pieces[self.number]) - self.at)
            self.at, n = self.at + step, n - step

    def _rich(self) -> str:
        count, flags = struct.unpack("<HB", self._take(3))
        runs = struct.unpack("<H", self._take(2))[0] if flags & 8 else 0
        phonetic = struct.unpack("<I", self._take(4))[0] if flags & 4 else 0
        text = self._characters(count, flags)
        self._skip(4 * runs + phonetic)
        return text.replace("\0", "")

    def _characters(self, count: int, flags: int) -> str:
        out: list[str] = []
        while count > 0 and self.number < len(self.pieces):
            piece, size = self.pieces[self.number], 2 if flags & 1 else 1
            chunk = piece[self.at : self.at + count * size]
            out.append(chunk.decode("utf-16-le" if size == 2 else "latin-1", "replace"))
            count -= len(chunk) // size
            self.at += len(chunk)
            if count > 0:
                self.number, self.at = self.number + 1, 1
                if self.number < len(self.pieces) and self.pieces[self.number]:
                    flags = self.pieces[self.number][0]
                if not chunk and self.number >= len(self.pieces):
                    break
        return "".join(out)


def short(data: bytes, at: int, wide: int, charset: str, *, unicode: bool) -> str:
    """A string within one record; `wide` is the size of its count in bytes."""
    if len(data) < at + wide:
        return ""
    count = int.from_bytes(data[at : at + wide], "little")
    at += wide
    if not unicode:
        return data[at : at + count].decode(charset, "replace")
    if len(data) <= at:
        return ""
    flags, at = data[at], at + 1
    at += (2 if flags & 8 else 0) + (4 if flags & 4 else 0)
    if flags & 1:
        return data[at : at + 2 * count].decode("utf-16-le", "replace")
    return data[at : at + count].decode("latin-1")


def link(data: bytes) -> str:
    """The address of a hyperlink record (2.4.140, [MS-OSHARED] 2.3.7.1)."""
    if (at := data.find(_GUID_URL)) >= 0 and len(data) >= at + 20:
        (size,) = struct.unpack_from("<I", data, at + 16)
        return data[at + 20 : at + 20 + min(size, 8192)].decode("utf-16-le", "replace").partition("\0")[0]
    if (at := data.find(_GUID_FILE)) >= 0 and len(data) >= at + 22:
        (size,) = struct.unpack_from("<I", data, at + 18)
        return data[at + 22 : at + 22 + min(size, 4096)].decode("latin-1").partition("\0")[0]
    return ""
