"""Volumes of a medium: partition tables, encrypted containers, file systems, and the gaps between them.

Partitions are numbered from 1 in the order of their tables: the primary entries of an MBR (1 to 4, as their slots),
then the logical ones in the order of the chain (5, 6 …); the entries of a GPT by their index.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from msgspec import Struct

from moisson.address import Layer
from moisson.errors import AddressError, DamagedError, EvidenceError
from moisson.evidence import unlock
from moisson.reader import Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

MAX_PARTITIONS = 256
MAX_NESTING = 4
_EXTENDED = (0x05, 0x0F, 0x85)
_BACKUPS = ((8193, 1024), (16384, 2048), (32768, 4096))


class Volume(Struct, frozen=True):
    """A range of the medium and what it holds; `kind` is a file system's name or `unknown`."""

    layers: tuple[Layer, ...]
    offset: int
    size: int
    kind: str
    label: str = ""
    name: str = ""
    flags: tuple[str, ...] = ()


class Locked(Struct, frozen=True):
    """A container that no key at hand opens."""

    layers: tuple[Layer, ...]
    kind: str
    detail: str


class Damage(Struct, frozen=True):
    """A table or a container that cannot be read as it claims."""

    layers: tuple[Layer, ...]
    detail: str


class Partition(Struct, frozen=True):
    """A row of a partition table, in bytes."""

    number: int
    offset: int
    size: int
    name: str = ""


def probe(medium: Medium) -> tuple[str, tuple[str, ...]]:
    """The file system at the start of a medium and flags about it; an empty kind when none is known."""
    head = medium.pread(0, 4096)
    if head[3:11] == b"NTFS    ":
        return "ntfs", ()
    if head[3:11] == b"EXFAT   ":
        return "exfat", ()
    if medium.pread(1080, 2) == b"\x53\xef":
        return "ext", ()
    if _is_fat(head):
        return "fat", ()
    if head[:4] == b"XFSB":
        return "xfs", ()
    if head[32:36] == b"NXSB":
        return "apfs", ()
    if medium.pread(1024, 2) in (b"H+", b"HX", b"BD"):
        return "hfs", ()
    if medium.pread(0x10040, 8) == b"_BHRfS_M":
        return "btrfs", ()
    if medium.pread(32769, 5) == b"CD001":
        return "iso9660", ()
    if medium.pread(4086, 10) == b"SWAPSPACE2":
        return "swap", ()
    if head[:4] in (b"hsqs", b"sqsh"):
        return "squashfs", ()
    return "", ()


def _is_fat(head: bytes) -> bool:
    if len(head) < 512 or head[510:512] != b"\x55\xaa" or head[0] not in (0xEB, 0xE9):
        return False
    sector, cluster, reserved, fats = struct.unpack_from("<HBHB", head, 11)
    return (
        sector in (512, 1024, 2048, 4096)
        and cluster in (1, 2, 4, 8, 16, 32, 64, 128)
        and reserved > 0
        and fats in (1, 2)
    )


def _backup(medium: Medium) -> bool:
    """Whether ext without its primary superblock still has a backup one."""
    for at, size in _BACKUPS:
        block = medium.pread(at * size, 1024)
        if block[56:58] == b"\x53\xef" and 1024 << min(struct.unpack_from("<I", block, 24)[0], 16) == size:
            return True
    return False


def scan(medium: Medium, keys: Sequence[str] = ()) -> Iterator[Volume | Locked | Damage]:
    """Every volume of a medium; encryption is looked for before file systems, and these before tables."""
    yield from _scan(medium, (), 0, keys, 0)


def _scan(
    medium: Medium, layers: tuple[Layer, ...], offset: int, keys: Sequence[str], depth: int, name: str = ""
) -> Iterator[Volume | Locked | Damage]:
    if sort := unlock.probe(medium):
        layer = Layer("bde" if sort == "bitlocker" else "luks")
        try:
            clear = unlock.open_clear(medium, sort, keys)
        except EvidenceError as error:
            yield Locked((*layers, layer), sort, str(error))
            return
        if depth < MAX_NESTING:
            yield from _scan(clear, (*layers, layer), 0, keys, depth + 1, name)
        return
    kind, flags = probe(medium)
    if kind:
        yield Volume(layers, offset, medium.size, kind, name=name, flags=flags)
        return
    try:
        found = partitions(medium)
    except DamagedError as error:
        yield Damage(layers, str(error))
        found = []
    if found and depth < MAX_NESTING:
        for part in found:
            window = Window(medium, part.offset, part.size)
            inner = (*layers, Layer("p", str(part.number)))
            yield from _scan(window, inner, offset + part.offset, keys, depth + 1, part.name)
        return
    if _backup(medium):
        yield Volume(layers, offset, medium.size, "ext", name=name, flags=("backup-superblock",))
    elif depth or not _is_empty(medium):
        yield Volume(layers, offset, medium.size, "unknown", name=name)


def _is_empty(medium: Medium) -> bool:
    return not medium.pread(0, 1 << 16).strip(b"\0") and not medium.pread(medium.size // 2, 1 << 16).strip(b"\0")


def partitions(medium: Medium) -> list[Partition]:
    """The rows of a GPT or of an MBR with its logical partitions; empty when there is no table.

    Raises `DamagedError` for a GPT of which neither copy holds.
    """
    for sector in (512, 4096):
        protective = any(row[4] == 0xEE for row in _rows(medium.pread(0, 512)))
        header = medium.pread(sector, 92)
        if header[:8] == b"EFI PART" or protective:
            for at in (sector, medium.size - sector):
                if found := _gpt(medium, at, sector):
                    return found
    if any(row[4] == 0xEE for row in _rows(medium.pread(0, 512))):
        raise DamagedError("neither copy of the GPT holds")
    return _mbr(medium)


def _gpt(medium: Medium, at: int, sector: int) -> list[Partition]:
    header = medium.pread(at, 92)
    if len(header) < 92 or header[:8] != b"EFI PART":
        return []
    size, crc = struct.unpack_from("<II", header, 12)
    if not 92 <= size <= sector:
        return []
    raw = medium.pread(at, size)
    if zlib.crc32(raw[:16] + b"\0\0\0\0" + raw[20:]) != crc:
        return []
    first, count, width = struct.unpack_from("<QII", header, 72)
    if not 128 <= width <= 4096 or count > 1024:
        return []
    table = medium.pread(first * sector, count * width)
    found = []
    for n in range(len(table) // width):
        row = table[n * width : (n + 1) * width]
        start, end = struct.unpack_from("<QQ", row, 32)
        if row[:16] != bytes(16) and start <= end and start * sector < medium.size:
            name = row[56:128].decode("utf-16-le", "replace").partition("\0")[0]
            found.append(Partition(n + 1, start * sector, (end - start + 1) * sector, name))
    return found


def _rows(sector: bytes) -> list[bytes]:
    if len(sector) < 512 or sector[510:512] != b"\x55\xaa":
        return []
    return [sector[446 + 16 * n : 462 + 16 * n] for n in range(4)]


def _mbr(medium: Medium) -> list[Partition]:
    rows = _rows(medium.pread(0, 512))
    if any(row[0] not in (0, 0x80) for row in rows):
        return []
    found, extended = [], []
    for n, row in enumerate(rows):
        start, size = (512 * v for v in struct.unpack_from("<II", row, 8))
        if not row[4] or not size or start >= medium.size or not start:
            continue
        if row[4] in _EXTENDED:
            extended.append(start)
        else:
            found.append(Partition(n + 1, start, size))
    for base in extended:
        found += _logical(medium, base, 5 + len([p for p in found if p.number > 4]))
    return found


def _logical(medium: Medium, base: int, number: int) -> Iterator[Partition]:
    at, seen = base, set[int]()
    while at not in seen and len(seen) < MAX_PARTITIONS:
        seen.add(at)
        rows, following = _rows(medium.pread(at, 512)), 0
        for row in rows:
            start, size = (512 * v for v in struct.unpack_from("<II", row, 8))
            if not row[4] or not size:
                continue
            if row[4] in _EXTENDED:
                following = following or base + start
            elif at + start < medium.size:
                yield Partition(number, at + start, size)
                number += 1
        if not following:
            return
        at = following


def open_volume(medium: Medium, layers: Sequence[Layer], keys: Sequence[str] = ()) -> Medium:
    """The medium that layers lead to; raises `AddressError`, `PasswordError` or `DamagedError`."""
    for layer in layers:
        if layer.scheme == "p":
            part = next((p for p in partitions(medium) if str(p.number) == layer.locator), None)
            if part is None:
                raise AddressError(f"no partition {layer.locator} here")
            medium = Window(medium, part.offset, part.size)
        elif layer.scheme in ("bde", "luks"):
            if not (sort := unlock.probe(medium)):
                raise AddressError(f"nothing locked here for {layer}")
            medium = unlock.open_clear(medium, sort, keys)
        elif layer.scheme == "@":
            offset, length = layer.span
            medium = Window(medium, offset, medium.size - offset if length is None else length)
        else:
            raise AddressError(f"{layer} leads to no volume")
    return medium
