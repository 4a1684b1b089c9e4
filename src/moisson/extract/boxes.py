"""Boxes of ISO base media files: pictures, sound and films alike (ISO/IEC 14496-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Reader

_BOXES = 20_000


class Box(NamedTuple):
    """A box: its type and the range of its content."""

    kind: bytes
    at: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes its content has."""
        return self.end - self.at


def boxes(data: Reader, at: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes of a range in order, as far as their sizes make sense."""
    end = data.size if end is None else min(end, data.size)
    for _ in range(_BOXES):
        head = data.pread(at, 16) if at + 8 <= end else b""
        if len(head) < 8:
            return
        size, start = int.from_bytes(head[:4], "big"), at + 8
        if size == 1 and len(head) == 16:
            size, start = int.from_bytes(head[8:16], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < start - at or at + size > end:
            if size >= 8:
                yield Box(head[4:8], start, end)
            return
        yield Box(head[4:8], start, at + size)
        at += size


def inside(data: Reader, box: Box, *path: bytes) -> Box | None:
    """The first box along a path of types within a box, or None."""
    for kind in path:
        found = next((b for b in boxes(data, box.at + _prefix(box.kind), box.end) if b.kind == kind), None)
        if found is None:
            return None
        box = found
    return box


def _prefix(kind: bytes) -> int:
    """How many bytes stand before the children: version and flags of a full box."""
    return 4 if kind == b"meta" else 8 if kind == b"stsd" else 0


def read(data: Reader, box: Box, limit: int = 1 << 20) -> bytes:
    """The content of a box, at most `limit` bytes of it."""
    return data.pread(box.at, min(box.size, limit))
