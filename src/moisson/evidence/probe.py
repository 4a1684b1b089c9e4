"""What begins at the first byte of a medium: file systems by their signatures, with size and label where stated.

Format references: the signatures and superblocks as documented for each file system by its makers; FAT by the Microsoft
FAT specification (fatgen103), ext by the kernel's "ext4 Data Structures and Algorithms".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from moisson.reader import Medium

MOST = 1 << 50
_GROUPS = (1, 3, 5, 7, 9, 25, 27, 49, 81)


class Found(NamedTuple):
    """A file system: `size` is what it declares, 0 where it does not say."""

    kind: str
    size: int = 0
    label: str = ""
    flags: tuple[str, ...] = ()


def probe(medium: Medium) -> Found | None:
    """The file system that begins here; None when no signature is known."""
    head = medium.pread(0, 4096).ljust(4096, b"\0")
    for look in _AT_START:
        if found := look(head):
            return _sane(found)
    for kind, at, magic, read in _FURTHER:
        if medium.pread(at, len(magic)) == magic and (found := read(kind, medium)):
            return _sane(found)
    return None


def backup_ext(medium: Medium) -> Found | None:
    """An ext file system whose first superblock is gone, by one of its copies."""
    for group in _GROUPS:
        for block in (1024, 2048, 4096):
            at = (group * 8 * block + (block == 1024)) * block
            raw = medium.pread(at, 1024) if at + 1024 <= medium.size else b""
            if len(raw) == 1024 and raw[56:58] == b"\x53\xef" and int.from_bytes(raw[90:92], "little") == group:
                found = _superblock(raw)
                if found and 1024 << int.from_bytes(raw[24:28], "little") == block:
                    return _sane(found._replace(flags=("backup-superblock",)))
    return None


def _sane(found: Found) -> Found:
    return found if 0 <= found.size <= MOST else found._replace(size=0)


def _text(raw: bytes, encoding: str = "utf-8") -> str:
    return raw.decode(encoding, "replace").split("\0", 1)[0].rstrip()


def _ntfs(head: bytes) -> Found | None:
    if head[3:11] != b"NTFS    ":
        return None
    sector, sectors = int.from_bytes(head[11:13], "little"), int.from_bytes(head[40:48], "little")
    return Found("ntfs", (sectors + 1) * sector if sectors else 0)


def _exfat(head: bytes) -> Found | None:
    if head[3:11] != b"EXFAT   ":
        return None
    return Found("exfat", int.from_bytes(head[72:80], "little") << head[108] if head[108] <= 12 else 0)


def _fat(head: bytes) -> Found | None:
    sector, cluster, reserved, fats, _, small = struct.unpack_from("<HBHBHH", head, 11)
    named = head[54:57] == b"FAT" or head[82:87] == b"FAT32"
    if head[0] not in (0xEB, 0xE9) or (head[510:512] != b"\x55\xaa" and not named):
        return None
    fits = sector in (512, 1024, 2048, 4096) and cluster and not cluster & cluster - 1
    if not fits or not reserved or fats not in (1, 2) or head[21] < 0xF0:
        return None
    label = head[71:82] if head[82:85] == b"FAT" else head[43:54] if named else b""
    name = _text(label, "cp437")
    large = int.from_bytes(head[32:36], "little")
    return Found("fat", (small or large) * sector, "" if name == "NO NAME" else name)


def _xfs(head: bytes) -> Found | None:
    if head[:4] != b"XFSB":
        return None
    block, blocks = struct.unpack_from(">IQ", head, 4)
    return Found("xfs", block * blocks, _text(head[108:120]))


def _apfs(head: bytes) -> Found | None:
    if head[32:36] != b"NXSB":
        return None
    block, blocks = struct.unpack_from("<IQ", head, 36)
    return Found("apfs", block * blocks)


def _plain(head: bytes) -> Found | None:
    if head[:4] in (b"hsqs", b"sqsh"):
        return Found("squashfs", int.from_bytes(head[40:48], "little") if head[:1] == b"h" else 0)
    if head[3:11] == b"ReFS\0\0\0\0":
        return Found("refs")
    if head[88:90] == b"CS" and head[64:72].rstrip(b"\0"):
        return Found("corestorage") if head[8:10] == b"\1\0" else None
    if any(head[at : at + 8] == b"LABELONE" and head[at + 24 : at + 28] == b"LVM2" for at in range(0, 2048, 512)):
        return Found("lvm")
    return Found("swap") if head[4086:4096] in (b"SWAPSPACE2", b"SWAP-SPACE") else None


def _superblock(raw: bytes) -> Found | None:
    inodes, blocks = struct.unpack_from("<II", raw)
    shift = int.from_bytes(raw[24:28], "little")
    if not inodes or not blocks or shift > 6:
        return None
    if int.from_bytes(raw[96:100], "little") & 0x80:
        blocks |= int.from_bytes(raw[336:340], "little") << 32
    return Found("ext", blocks * (1024 << shift), _text(raw[120:136]))


def _ext(kind: str, medium: Medium) -> Found | None:
    return _superblock(medium.pread(1024, 1024).ljust(1024, b"\0"))


def _hfs(kind: str, medium: Medium) -> Found | None:
    raw = medium.pread(1024, 64).ljust(64, b"\0")
    if raw[:2] == b"BD":
        block = int.from_bytes(raw[20:24], "big")
        length = min(raw[36], 27)
        return Found("hfs", 0, _text(raw[37 : 37 + length], "mac-roman")) if block and not block % 512 else None
    block, blocks = struct.unpack_from(">II", raw, 40)
    return Found("hfs", block * blocks) if block and not block % 512 else None


def _btrfs(kind: str, medium: Medium) -> Found | None:
    raw = medium.pread(0x10000, 0x400).ljust(0x400, b"\0")
    return Found("btrfs", int.from_bytes(raw[0x70:0x78], "little"), _text(raw[0x12B:0x22B]))


def _iso(kind: str, medium: Medium) -> Found | None:
    raw = medium.pread(32768, 2048).ljust(2048, b"\0")
    return Found("iso9660", int.from_bytes(raw[80:84], "little") * 2048, _text(raw[40:72]))


def _only(kind: str, medium: Medium) -> Found | None:
    return Found(kind)


_AT_START: tuple[Callable[[bytes], Found | None], ...] = (_ntfs, _exfat, _xfs, _apfs, _plain, _fat)
_FURTHER: tuple[tuple[str, int, bytes, Callable[[str, Medium], Found | None]], ...] = (
    ("ext", 1080, b"\x53\xef", _ext),
    ("hfs", 1024, b"H+", _hfs),
    ("hfs", 1024, b"HX", _hfs),
    ("hfs", 1024, b"BD", _hfs),
    ("f2fs", 1024, b"\x10\x20\xf5\xf2", _only),
    ("btrfs", 0x10040, b"_BHRfS_M", _btrfs),
    ("iso9660", 32769, b"CD001", _iso),
    ("udf", 32769, b"BEA01", _only),
)
