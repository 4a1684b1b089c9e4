"""Archives that were cut into files beside each other: which files are the parts of one, by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.evidence.filesystem import Entry

_NUMBERED = re.compile(r"(.+\.(?:zip|7z|rar|tar|tgz|tar\.(?:gz|xz|bz2|zst)))\.(\d{3})", re.IGNORECASE)
_VOLUME = re.compile(r"(.+)\.part(\d{1,4})(\.rar)", re.IGNORECASE)
_OLDER = re.compile(r"(.+)\.(?:(r)(\d\d)|(z)(\d\d)|(rar)|(zip))", re.IGNORECASE)
_PATTERNS = (_NUMBERED, _VOLUME, re.compile(r".+\.[rz]\d\d", re.IGNORECASE))
_LAST = 1 << 16
MOST = 200
FLAG = "part"
SAID = "by its name it is a part of a split archive, which is read only when all parts stand beside each other"


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
    return Place("z01", f"{stem}.zip", int(disk) if span else _LAST)


class Parts:
    """The parts seen in a listing; each with the number that its caller knows it by."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], dict[int, tuple[int, Entry]]] = {}

    def add(self, number: int, entry: Entry) -> None:
        """Note an entry, if it can be a part."""
        if entry.state == "live" and not entry.directory and (found := place(entry.name)):
            folder = entry.path[: len(entry.path) - len(entry.name)]
            self._seen.setdefault((folder, found.form, found.whole.casefold()), {})[found.number] = (number, entry)

    def archives(self) -> Iterator[tuple[str, list[tuple[int, Entry]]]]:
        """The name of each archive of which no part is missing before the last one there is, and its parts in order."""
        for (_, form, _), parts in self._seen.items():
            numbers = sorted(parts)
            count = len(numbers) - (form == "z01")
            whole = numbers[:count] == list(range(1, count + 1)) and (form != "z01" or numbers[-1] == _LAST)
            if whole and 1 < len(numbers) <= MOST:
                name = place(parts[numbers[0]][1].name)
                yield name.whole if name else "", [parts[n] for n in numbers]
