"""The recovery keys of a BitLocker volume, one view of the volume for each, for libbde tries the first alone.

Layout after the libbde project's "BitLocker Drive Encryption (BDE) format specification".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from moisson.evidence.superblock import Overlay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

_SIGNATURE = b"-FVE-FS-"
_RECOVERY, _OTHER = 0x0800, 0x7F00
_VMK = 2
_MOST = 1 << 16
_PLACES = (176, 440)


def each_recovery(medium: Medium) -> Iterator[Medium]:
    """The volume as it is, then once for each further recovery key, with those before it hidden."""
    yield medium
    copies = [places for at in _copies(medium) if (places := list(_protectors(medium, at)))]
    for hidden in range(1, max(map(len, copies), default=0)):
        mark = _OTHER.to_bytes(2, "little")
        stretches = [(place, mark) for places in copies for place in places[:hidden]]
        yield Overlay(medium, stretches, f"recovery key {hidden + 1}")


def _copies(medium: Medium) -> Iterator[int]:
    """Where the three copies of the metadata begin."""
    head = medium.pread(0, 512).ljust(512, b"\0")
    for place in _PLACES:
        for at in struct.unpack_from("<QQQ", head, place):
            if 0 < at < medium.size and medium.pread(at, 8) == _SIGNATURE:
                yield at


def _protectors(medium: Medium, start: int) -> Iterator[int]:
    """Where it is written that a key of the volume is protected by a recovery key."""
    raw = medium.pread(start, _MOST)
    if len(raw) < 112:
        return
    end, at = min(len(raw), 64 + int.from_bytes(raw[64:68], "little")), 112
    while at + 36 <= end:
        size, kind = struct.unpack_from("<HH", raw, at)
        if size < 8:
            return
        if kind == _VMK and int.from_bytes(raw[at + 34 : at + 36], "little") == _RECOVERY:
            yield start + at + 34
        at += size
