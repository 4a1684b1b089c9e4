"""One member of a ZIP archive as a row of its directory states it: sizes, name, time, lock (APPNOTE.TXT 6.3)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import datetime

from moisson.times import Instant, from_datetime, from_filetime, from_unix


@dataclass(slots=True)
class Entry:
    """One member as the directory declares it; `offset` is that of its local header in the file."""

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    dos_time: int
    extra: bytes
    name: str = ""
    modified: Instant | None = None
    aes: tuple[int, int, int] | None = None
    overlaps: bool = False

    @property
    def encrypted(self) -> bool:
        return bool(self.flags & 1)

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/") and not self.size


def extended(extra: bytes, unpacked: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Sizes and offset, where the extra field has the wide ones."""
    if 0xFFFFFFFF not in (unpacked, packed, offset):
        return unpacked, packed, offset
    values = field(extra, 1)
    found = [unpacked, packed, offset]
    for i, value in enumerate(found):
        if value == 0xFFFFFFFF and len(values) >= 8:
            found[i], values = int.from_bytes(values[:8], "little"), values[8:]
    return found[0], found[1], found[2]


def field(extra: bytes, wanted: int) -> bytes:
    """One extra field."""
    at = 0
    while at + 4 <= len(extra):
        tag, size = struct.unpack_from("<HH", extra, at)
        if tag == wanted:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def finish(entry: Entry, guess: str) -> Entry:
    """Add what is derived from the row: name, time, how it is locked."""
    entry.name = _name(entry, guess)
    entry.modified = _time(entry)
    if entry.extra and len(aes := field(entry.extra, 0x9901)) >= 7:
        entry.aes = (int.from_bytes(aes[:2], "little"), aes[4], int.from_bytes(aes[5:7], "little"))
    return entry


def _name(entry: Entry, guess: str) -> str:
    raw = entry.raw_name
    if not entry.extra and raw.isascii():
        return raw.decode("ascii")
    if len(other := field(entry.extra, 0x7075)) > 5 and int.from_bytes(other[1:5], "little") == zlib.crc32(raw):
        raw, guess = other[5:], "utf-8"
    for name in ("utf-8", guess):
        try:
            return raw.decode(name)
        except (UnicodeError, ValueError):
            continue
    return raw.decode("cp437")


def _time(entry: Entry) -> Instant | None:
    if len(ntfs := field(entry.extra, 0x000A)) >= 16 and ntfs[4:8] == b"\1\0\x18\0":
        return from_filetime(int.from_bytes(ntfs[8:16], "little"))
    if len(unix := field(entry.extra, 0x5455)) >= 5 and unix[0] & 1:
        return from_unix(int.from_bytes(unix[1:5], "little", signed=True))
    time, date = entry.dos_time & 0xFFFF, entry.dos_time >> 16
    try:
        parts = ((date >> 9) + 1980, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, min(time & 31, 29) * 2)
        return from_datetime(datetime(*parts), "2s")  # noqa: DTZ001
    except ValueError:
        return None
