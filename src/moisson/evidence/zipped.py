"""The central directory of a ZIP file, read in a bounded way, and the bytes of its members.

After APPNOTE.TXT 6.3 (PKWARE) and the WinZip AE-1 and AE-2 description.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from moisson.errors import DamagedError, PasswordError, UnsupportedError
from moisson.evidence.inflated import RAW, Inflated
from moisson.evidence.zipcipher import open_aes, open_classic
from moisson.reader import Window
from moisson.times import Instant, from_datetime, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

MOST = 1_000_000
_END, _END64, _LOCATOR64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ROW = struct.Struct("<4s4xHHHHIIIHHH4xII")
_LOCAL = struct.Struct("<4s2xHHHHIIIHH")
_TAIL = 22 + 0xFFFF
_BLOCK = 1 << 20
_STORED, _DEFLATED, _AES = 0, 8, 99
_NAME, _STAMP, _WIDE = 0x7075, 0x5455, 0x0001


class Member(NamedTuple):
    """One row of the directory; `offset` is where its own header stands, `extra` what follows its name there."""

    name: str
    offset: int
    packed: int
    size: int
    method: int
    flags: int
    crc: int
    check: int
    aes: bytes
    modified: Instant | None

    @property
    def locked(self) -> bool:
        return bool(self.flags & 1)


def read_directory(medium: Medium) -> Iterator[Member]:
    """The members in the order of the central directory; raises `DamagedError` where it ends before its end."""
    at, size, shift = _find(medium)
    end, count = at + size, 0
    block, base = b"", at
    while at + 46 <= end and count < MOST:
        if (at + 46 + 3 * 0xFFFF > base + len(block) and base + len(block) < end) or not block:
            block, base = medium.pread(at, min(_BLOCK, end - at)), at
        row = block[at - base : at - base + 46]
        if len(row) < 46 or row[:4] != b"PK\1\2":
            raise DamagedError("zip: its directory is damaged")
        n, m, k = struct.unpack_from("<HHH", row, 28)
        tail = block[at - base + 46 : at - base + 46 + n + m]
        yield _member(row, tail[:n], tail[n:], shift)
        at, count = at + 46 + n + m + k, count + 1


def _find(medium: Medium) -> tuple[int, int, int]:
    """Where the directory stands, its size, and how far everything is shifted by what was put before the file."""
    start = max(0, medium.size - _TAIL)
    tail = medium.pread(start, _TAIL)
    if (n := tail.rfind(_END)) < 0 or len(tail) - n < 22:
        raise DamagedError("zip: it has no directory, so it is damaged or cut off")
    size, at = struct.unpack_from("<II", tail, n + 12)
    end = start + n
    locator = medium.pread(end - 20, 20) if end >= 20 else b""
    if locator[:4] == _LOCATOR64:
        place = struct.unpack_from("<Q", locator, 8)[0]
        record = medium.pread(min(place, medium.size), 56)
        if record[:4] == _END64:
            size, at = struct.unpack_from("<QQ", record, 40)
            end = place
    shift = end - size - at
    if size > medium.size or not 0 <= at + shift <= medium.size:
        raise DamagedError("zip: its directory is out of bounds")
    return at + shift, size, shift


def _member(row: bytes, raw: bytes, extra: bytes, shift: int) -> Member:
    _, flags, method, clock, day, crc, packed, size, _, _, _, _, offset = _ROW.unpack(row)
    name = _decode(raw, flags)
    modified, aes = _moment(day, clock), b""
    for kind, data in _extras(extra):
        if kind == _WIDE:
            size, packed, offset = _wide(data, size, packed, offset)
        elif kind == _STAMP and len(data) >= 5 and data[0] & 1:
            modified = from_unix(struct.unpack_from("<i", data, 1)[0]) or modified
        elif kind == _NAME and len(data) > 5:
            name = data[5:].decode("utf-8", "surrogateescape")
        elif kind == 0x9901 and len(data) >= 7:
            aes = data[:7]
    check = clock >> 8 if flags & 8 else crc >> 24
    return Member(name, offset + shift, packed, size, method, flags, crc, check, aes, modified)


def _extras(raw: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(raw):
        kind, n = struct.unpack_from("<HH", raw, at)
        yield kind, raw[at + 4 : at + 4 + n]
        at += 4 + n


def _wide(data: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    values = iter(struct.unpack_from(f"<{len(data) // 8}Q", data))
    wide = [next(values, v) if v == 0xFFFFFFFF else v for v in (size, packed, offset)]
    return wide[0], wide[1], wide[2]


def _decode(raw: bytes, flags: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape") if flags & 0x800 else raw.decode("cp437")


def _moment(day: int, clock: int) -> Instant | None:
    try:
        date = (1980 + (day >> 9), day >> 5 & 15, day & 31)
        wall = datetime(*date, clock >> 11, clock >> 5 & 63, (clock & 31) * 2)  # noqa: DTZ001 - it knows no zone
    except ValueError:
        return None
    return from_datetime(wall, "2s")


def content(medium: Medium, member: Member, keys: Sequence[str]) -> Medium:
    """The bytes of a member; raises `PasswordError`, `DamagedError` or `UnsupportedError`."""
    raw, method = _packed(medium, member), member.method
    if member.locked:
        if method == _AES and member.aes:
            strength, method = member.aes[4], struct.unpack_from("<H", member.aes, 5)[0]
            clear = open_aes(raw, strength, keys)
        else:
            clear = open_classic(raw, member.check, keys)
        if clear is None:
            raise PasswordError(f"zip: no key at hand opens {member.name!r}")
        raw = clear
    if method == _STORED:
        if raw.size < member.size:
            raise DamagedError("zip: a stored member is shorter than it says")
        return Window(raw, 0, member.size)
    if method == _DEFLATED:
        return Inflated(raw, RAW, member.size)
    raise UnsupportedError(f"zip: packed by method {method}")


def _packed(medium: Medium, member: Member) -> Medium:
    head = medium.pread(member.offset, 30)
    if len(head) < 30 or head[:4] != b"PK\3\4":
        raise DamagedError("zip: a member is not where the directory says")
    n, m = struct.unpack_from("<HH", head, 26)
    at = member.offset + 30 + n + m
    if at + member.packed > medium.size:
        raise DamagedError("zip: a member runs beyond the end of the file")
    return Window(medium, at, member.packed)


def overlapping(members: Sequence[Member]) -> set[int]:
    """The places in the list of members whose bytes belong to another one as well."""
    order = sorted(range(len(members)), key=lambda n: members[n].offset)
    bad: set[int] = set()
    end = -1
    for n in order:
        start = members[n].offset
        if start < end:
            bad.add(n)
        end = max(end, start + 30 + members[n].packed)
    return bad


def salvage(medium: Medium) -> Iterator[Member]:
    """The members by their own headers, in order, as far as each says how long it is."""
    at = count = 0
    while count < MOST and (head := medium.pread(at, 30))[:4] == b"PK\3\4" and len(head) == 30:
        _, flags, method, clock, day, crc, packed, size, n, m = _LOCAL.unpack(head)
        tail = medium.pread(at + 30, n + m)
        row = _ROW.pack(b"", flags, method, clock, day, crc, packed, size, n, m, 0, 0, 0)
        member = _member(row, tail[:n], tail[n:], 0)._replace(offset=at)
        if flags & 8 and not member.packed:
            return
        yield member
        at, count = at + 30 + n + m + member.packed, count + 1
