"""The directory of a ZIP archive (APPNOTE.TXT 6.3), read with suspicion: prefixes, overlaps, damage, strange names."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from moisson.errors import DamagedError
from moisson.extract.headers import codec
from moisson.times import Instant, from_datetime, from_filetime, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

MAX_ENTRIES = 200_000
_MAX_DIRECTORY = 64 << 20
_LOCAL, _CENTRAL, _END, _END64, _LOCATOR = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7"
_BLOCK = 1 << 20


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


def read_directory(data: Reader) -> tuple[list[Entry], str]:
    """The entries in order, and in words what was wrong with the directory (empty if nothing)."""
    wrong = ""
    try:
        entries = _central(data)
    except (DamagedError, struct.error) as why:
        entries, wrong = list(_scan(data)), str(why)
        if not entries:
            raise DamagedError(f"no ZIP directory: {why}") from why
    _finish(entries)
    return entries, wrong


def _central(data: Reader) -> list[Entry]:
    tail_at = max(0, data.size - 66_000)
    tail = data.pread(tail_at, data.size - tail_at)
    found = tail.rfind(_END)
    while found >= 0:
        end_at = tail_at + found
        record = tail[found : found + 22]
        if len(record) == 22:
            *_, count, size, offset, _ = struct.unpack("<4sHHHHIIH", record)
            count, size, offset, end_at = _zip64(data, end_at, count, size, offset)
            if size <= end_at:
                return _entries(data, end_at - size, size, end_at - size - offset, count)
        found = tail.rfind(_END, 0, found)
    raise DamagedError("no end record")


def _zip64(data: Reader, end_at: int, count: int, size: int, offset: int) -> tuple[int, int, int, int]:
    locator = data.pread(end_at - 20, 20) if end_at >= 20 else b""
    if not locator.startswith(_LOCATOR):
        return count, size, offset, end_at
    where = int.from_bytes(locator[8:16], "little")
    for at in (where, end_at - 76):
        record = data.pread(at, 56) if 0 <= at < data.size else b""
        if record.startswith(_END64) and len(record) == 56:
            *_, many, length, start = struct.unpack("<4sQHHIIQQQQ", record)
            return many, length, start, at
    return count, size, offset, end_at


def _entries(data: Reader, at: int, size: int, shift: int, count: int) -> list[Entry]:
    if size > _MAX_DIRECTORY:
        raise DamagedError("directory above 64 MiB")
    raw, pos, entries = data.pread(at, size), 0, list[Entry]()
    shift = _settle_shift(data, raw, shift)
    while raw[pos : pos + 4] == _CENTRAL and len(entries) < MAX_ENTRIES:
        fields = struct.unpack_from("<4sHHHHIIIIHHHHHII", raw, pos)
        _, _, _, flags, method, when, crc, packed, unpacked, n, m, k, _, _, _, offset = fields
        name, extra = raw[pos + 46 : pos + 46 + n], raw[pos + 46 + n : pos + 46 + n + m]
        unpacked, packed, offset = _extended(extra, unpacked, packed, offset)
        entries.append(Entry(name, flags, method, crc, packed, unpacked, offset + shift, when, extra))
        pos += 46 + n + m + k
    if not entries and count:
        raise DamagedError("no entry where the directory should be")
    if len(entries) < count & 0xFFFF:
        raise DamagedError(f"{len(entries)} of {count} entries in the directory")
    return entries


def _settle_shift(data: Reader, raw: bytes, shift: int) -> int:
    """Offsets count from the archive's start, or from the file's when a prefix was taken into account."""
    if not shift or raw[:4] != _CENTRAL or len(raw) < 46:
        return shift
    first = int.from_bytes(raw[42:46], "little")
    return 0 if data.pread(first, 4) == _LOCAL and data.pread(first + shift, 4) != _LOCAL else shift


def _extended(extra: bytes, unpacked: int, packed: int, offset: int) -> tuple[int, int, int]:
    values = _field(extra, 1)
    found = [unpacked, packed, offset]
    for i, value in enumerate(found):
        if value == 0xFFFFFFFF and len(values) >= 8:
            found[i], values = int.from_bytes(values[:8], "little"), values[8:]
    return found[0], found[1], found[2]


def _field(extra: bytes, wanted: int) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        tag, size = struct.unpack_from("<HH", extra, at)
        if tag == wanted:
            return extra[at + 4 : at + 4 + size]
        at += 4 + size
    return b""


def _scan(data: Reader) -> Iterator[Entry]:
    """Members by their local headers alone, for archives without a usable directory."""
    at, count = 0, 0
    while at < data.size and count < MAX_ENTRIES:
        block = data.pread(at, _BLOCK + 4)
        hit = block.find(_LOCAL)
        if hit < 0:
            at += _BLOCK
            continue
        at += hit
        entry, after = _local(data, at)
        if entry:
            count += 1
            yield entry
        at = max(at + 4, after)


def _local(data: Reader, at: int) -> tuple[Entry | None, int]:
    head = data.pread(at, 30)
    if len(head) < 30:
        return None, at
    _, _, flags, method, when, crc, packed, size, n, m = struct.unpack("<4sHHHIIIIHH", head)
    rest = data.pread(at + 30, n + m)
    name, extra = rest[:n], rest[n:]
    if not name or method > 99 or n > 4096 or b"\0" in name:
        return None, at
    start = at + 30 + n + m
    if flags & 8 and not packed:
        packed, size, crc = _described(data, start, method)
    else:
        size, packed, _ = _extended(extra, size, packed, 0)
    return Entry(name, flags, method, crc, packed, size, at, when, extra), start + packed


def _described(data: Reader, start: int, method: int) -> tuple[int, int, int]:
    """Sizes of a member that states them only behind its data: by decoding it, or by its mark."""
    if method == 8:
        decoder, at, size = zlib.decompressobj(-15), start, 0
        crc = 0
        try:
            while not decoder.eof and at < data.size and size < 1 << 30:
                chunk = data.pread(at, 1 << 16)
                out = decoder.decompress(chunk)
                crc, size, at = zlib.crc32(out, crc), size + len(out), at + len(chunk)
        except zlib.error:
            return 0, 0, 0
        return at - len(decoder.unused_data) - start, size, crc
    at = start
    while at < data.size:
        block = data.pread(at, _BLOCK + 4)
        if (hit := block.find(b"PK\7\x08")) >= 0:
            crc, packed, size = struct.unpack("<III", data.pread(at + hit + 4, 12).ljust(12, b"\0"))
            if packed == at + hit - start:
                return packed, size, crc
            at += hit + 4
        else:
            at += _BLOCK
    return 0, 0, 0


def _finish(entries: list[Entry]) -> None:
    guess = _guess_names([e.raw_name for e in entries if not e.raw_name.isascii() and not e.flags & 0x800])
    for entry in entries:
        entry.name = _name(entry, guess)
        entry.modified = _time(entry)
        if len(aes := _field(entry.extra, 0x9901)) >= 7:
            entry.aes = (int.from_bytes(aes[:2], "little"), aes[4], int.from_bytes(aes[5:7], "little"))
    reached = -1
    for entry in sorted(entries, key=lambda e: e.offset):
        entry.overlaps = entry.offset < reached
        reached = max(reached, entry.offset + 30 + len(entry.raw_name) + entry.packed)


def _name(entry: Entry, guess: str) -> str:
    raw = entry.raw_name
    if len(other := _field(entry.extra, 0x7075)) > 5 and int.from_bytes(other[1:5], "little") == zlib.crc32(raw):
        raw, guess = other[5:], "utf-8"
    for name in ("utf-8", guess):
        try:
            return raw.decode(name)
        except (UnicodeError, ValueError):
            continue
    return raw.decode("cp437")


def _guess_names(raws: list[bytes]) -> str:
    """One code page for all the names that are neither ASCII nor declared; DOS's own by default."""
    if not raws:
        return "cp437"
    import chardet

    found = chardet.detect(b"\n".join(raws)[:65536])
    name = codec(found.get("encoding") or "") or "cp437"
    return name if (found.get("confidence") or 0) > 0.1 and name not in ("cp1252", "iso8859-1") else "cp437"


def _time(entry: Entry) -> Instant | None:
    if len(ntfs := _field(entry.extra, 0x000A)) >= 16 and ntfs[4:8] == b"\1\0\x18\0":
        return from_filetime(int.from_bytes(ntfs[8:16], "little"))
    if len(unix := _field(entry.extra, 0x5455)) >= 5 and unix[0] & 1:
        return from_unix(int.from_bytes(unix[1:5], "little", signed=True))
    time, date = entry.dos_time & 0xFFFF, entry.dos_time >> 16
    try:
        parts = ((date >> 9) + 1980, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, min(time & 31, 29) * 2)
        return from_datetime(datetime(*parts), "2s")  # noqa: DTZ001
    except ValueError:
        return None
