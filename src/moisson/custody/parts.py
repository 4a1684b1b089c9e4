"""Archives that were cut into files: which part of which archive a file is, by its name."""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBERED = re.compile(r"(.+\.(?:zip|7z|rar|tar|tgz|tar\.(?:gz|xz|bz2|zst)))\.(\d{3})", re.IGNORECASE)
_VOLUME = re.compile(r"(.+)\.part(\d{1,4})(\.rar)", re.IGNORECASE)
_OLDER = re.compile(r"(.+)\.(?:(r)(\d\d)|(z)(\d\d)|(rar)|(zip))", re.IGNORECASE)
_PATTERNS = (_NUMBERED, _VOLUME, re.compile(r".+\.[rz]\d\d", re.IGNORECASE))
LAST = 1 << 16


def is_part(name: str) -> bool:
    """Whether a file is named as one of several that make up an archive."""
    return any(pattern.fullmatch(name) for pattern in _PATTERNS)


class Place(NamedTuple):
    """Which archive a file may be a part of, by its name, and which part; `form` is the manner of numbering."""

    form: str
    whole: str
    number: int


def place(name: str) -> Place | None:
    """Where a file stands in a split archive; `a.rar` and `a.zip` may be the first and the last part of one."""
    if found := _NUMBERED.fullmatch(name):
        return Place("001", found[1], int(found[2]))
    if found := _VOLUME.fullmatch(name):
        return Place("part", found[1] + found[3], int(found[2]))
    if not (found := _OLDER.fullmatch(name)):
        return None
    stem, rar, volume, span, disk, first, _ = found.groups()
    if rar or first:
        return Place("r00", f"{stem}.rar", int(volume) + 2 if rar else 1)
    return Place("z01", f"{stem}.zip", int(disk) if span else LAST)
