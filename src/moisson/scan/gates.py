"""What kind of bytes stand where: the gates before everything dearer."""

from __future__ import annotations

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
