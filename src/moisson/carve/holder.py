"""Which sectors of a compound file may hold another file: those that follow one another in one stream ([MS-CFB])."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moisson.carve.compound import table
from moisson.carve.ground import SECTOR, Carved, Span
from moisson.carve.storage import chain

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_DIRECTORY, _SHORT, _PADDED = 1 << 12, 4096, 8


class Holder:
    """A compound file as what may hold others."""

    def __init__(self, span: Span, head: bytes) -> None:
        self.span, self.shift = span, head[30]
        self.table = table(span, head, self.shift)
        first, root = int.from_bytes(head[48:52], "little"), b""
        self.starts = set[int]()
        for place in chain(self.table, first, self.shift, _DIRECTORY):
            raw = span.pread(place, 1 << self.shift)
            root = root or raw[:128]
            self.starts |= {int.from_bytes(raw[i + 116 : i + 120], "little") for i in range(0, len(raw) - 127, 128)}
        small = chain(self.table, int.from_bytes(root[116:120], "little"), self.shift, len(self.table))
        self.small = {(place >> self.shift) - 1 for place in small}

    def begins(self, at: int) -> bool:
        """Whether a stream begins at a place."""
        return not at % (1 << self.shift) and (at >> self.shift) - 1 in self.starts

    def holds(self, carved: Carved) -> bool:
        """Whether a file may lie in a stream: in sectors of it that follow one another, more of it right behind.

        What begins a sector and is padded with zeros to the end of one is a file of its own.
        """
        at, size = carved.offset - self.span.offset, carved.size
        if len(carved.extents) > 1 or at + size > self.span.size:
            return len(carved.extents) > 1
        sectors = range((at >> self.shift) - 1, (at + size - 1 >> self.shift))
        if size < _SHORT and self.small.issuperset(sectors):
            return True
        if not self._follow(sectors):
            return False
        rest = -(at + size) % SECTOR
        return rest < _PADDED or not self.span.blank(at + size, at + size + rest)

    def _follow(self, sectors: Iterable[int]) -> bool:
        steps = np.asarray(sectors, np.int64)
        return bool(steps[-1] < len(self.table) and (self.table[steps[:-1]] == steps[1:]).all())


def holder(span: Span) -> Holder | None:
    """The compound file that a span is, or None."""
    head = span.pread(0, SECTOR)
    return Holder(span, head) if head.startswith(_MAGIC) and head[30] in (9, 12) and len(head) == SECTOR else None
