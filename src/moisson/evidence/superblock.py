"""ext without its primary superblock: a view of the medium in which a backup stands in its place.

Layout after the kernel's documentation of ext4 ("Super Block", "Group Descriptors").
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moisson.reader import Medium

_AT, _SIZE = 1024, 1024
_MAGIC = b"\x53\xef"
_GROUPS = (1, 3, 5, 7, 9, 25, 27, 49)
_MOST_DESCRIPTORS = 8 << 20


class Overlay:
    """A medium of which some stretches are exchanged; `what` says why."""

    def __init__(self, medium: Medium, stretches: list[tuple[int, bytes]], what: str) -> None:
        self.medium, self.stretches, self.what = medium, stretches, what
        self.size, self.present = medium.size, medium.present

    def pread(self, offset: int, n: int) -> bytes:
        """Bytes at an offset."""
        data = self.medium.pread(offset, n)
        for start, new in self.stretches:
            low, high = max(offset, start), min(offset + len(data), start + len(new))
            if low < high:
                data = data[: low - offset] + new[low - start : high - start] + data[high - offset :]
        return data


def repair(medium: Medium) -> Overlay | None:
    """The medium with its superblock, and its group descriptors if these are gone too, taken from a backup."""
    for block in (1024, 2048, 4096):
        for group in _GROUPS:
            number = group * 8 * block + (block == 1024)
            backup = medium.pread(number * block, _SIZE)
            if len(backup) == _SIZE and _is_backup(backup, block, group):
                stretches = [(_AT, backup[:90] + b"\0\0" + backup[92:])]
                if new := _descriptors(medium, backup, block, number):
                    stretches.append((block * (1 + (block == 1024)), new))
                return Overlay(medium, stretches, f"the backup of the superblock in block {number}")
    return None


def _is_backup(raw: bytes, block: int, group: int) -> bool:
    size = struct.unpack_from("<I", raw, 24)[0]
    return raw[56:58] == _MAGIC and size <= 6 and 1024 << size == block and raw[90:92] == struct.pack("<H", group)


def _descriptors(medium: Medium, backup: bytes, block: int, number: int) -> bytes:
    """The group descriptors beside a backup, if the primary ones lead nowhere."""
    primary = medium.pread(block * (1 + (block == 1024)), 64)
    if all(struct.unpack_from("<III", primary)):
        return b""
    blocks, per_group = (struct.unpack_from("<I", backup, at)[0] for at in (4, 32))
    wide = struct.unpack_from("<H", backup, 254)[0] if backup[96] & 0x80 else 32
    groups = -(-blocks // per_group) if per_group else 0
    return medium.pread((number + 1) * block, min(groups * max(wide, 32), _MOST_DESCRIPTORS))
