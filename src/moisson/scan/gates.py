"""What kind of bytes stand where: the gates before everything dearer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from moisson import native

PAGE = 4096
ZERO, TEXT, WIDE, ARABIC, RANDOM = 1, 2, 4, 8, 16
NAMES = {ZERO: "zero", TEXT: "text", WIDE: "utf16", ARABIC: "arabic", RANDOM: "random"}


class Gates(NamedTuple):
    """Ranges of a block that deserve a closer look, and the flags of its pages (a sum of `NAMES`)."""

    empty: bool
    dense: list[tuple[int, int]]
    wide: list[tuple[int, int]]
    long: list[tuple[int, int]]
    arabic: list[tuple[int, int]]
    old: list[tuple[int, int]]
    flags: bytearray


def look(data: bytes | memoryview, *, flags: bool = True) -> Gates:
    """The gates of a block, which begins at a page."""
    if native.code:
        return Gates._make(native.code.look(data, flags))
    from moisson.scan import arrays

    return arrays.look(data, flags=flags)


@dataclass
class Ranges:
    """The ranges that the gates of all pieces opened, those that touch joined."""

    wide: list[tuple[int, int]] = field(default_factory=list)
    long: list[tuple[int, int]] = field(default_factory=list)
    arabic: list[tuple[int, int]] = field(default_factory=list)
    old: list[tuple[int, int]] = field(default_factory=list)

    def add(self, seen: Gates, start: int) -> None:
        """Take what one piece, which begins here, showed."""
        for mine, found in (
            (self.wide, seen.wide), (self.long, seen.long), (self.arabic, seen.arabic), (self.old, seen.old),
        ):  # fmt: skip
            for a, b in found:
                if mine and mine[-1][1] >= a + start:
                    mine[-1] = mine[-1][0], b + start
                else:
                    mine.append((a + start, b + start))
