"""Whether another file begins inside a carved one: then that one ends before it, or goes on elsewhere."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from moisson.carve.anchors import anchors
from moisson.carve.ground import SECTOR, Carved

if TYPE_CHECKING:
    from moisson.carve.anchors import Anchor
    from moisson.carve.ground import Ground

_SOLID = ("image/webp", "image/bmp", "image/tiff", "audio/", "video/", "image/hei", "image/gif", "application/x-ms-")
_OWN_PICTURES = ("image/tiff", "video/", "audio/mpeg", "image/hei", "application/x-ms-regf")
_STRONG = 0.95
_LEAST = 1024
_PIECE = 1 << 20


def before_intruder(ground: Ground, carved: Carved) -> Carved:
    """The file as it is, or what of it lies before the first whole file of another format that begins at a sector."""
    if len(carved.extents) > 1 or not carved.kind.startswith(_SOLID):
        return carved
    start, size = carved.extents[0]
    pictures = carved.kind.startswith(_OWN_PICTURES)
    for at in range(start + SECTOR - start % SECTOR, start + size, _PIECE):
        piece = ground.pread(at, min(_PIECE, start + size - at))
        for inside in range(0, len(piece), SECTOR):
            for anchor in _heads(pictures) if _any(pictures).match(piece, inside) else ():
                if re.match(anchor.pattern, piece[inside : inside + 64], re.DOTALL) and _stands(
                    ground, at + inside, anchor
                ):
                    return Carved(carved.kind, ((start, at + inside - start),), carved.name, 0.4, ("truncated",))
    return carved


def _stands(ground: Ground, at: int, anchor: Anchor) -> bool:
    found = anchor.call(ground, at, ground.size)
    return found is not None and found.confidence >= _STRONG and found.size >= _LEAST


@cache
def _heads(pictures: bool) -> tuple[Anchor, ...]:
    """The anchors that stand at the first byte of a file and are long enough to be none by chance."""
    rows = tuple(a for a in anchors() if a.at == 0 and a.align == 1 and a.width >= 4)
    return tuple(a for a in rows if not (pictures and a.carver.startswith(("jpeg", "raster", "tiff"))))


@cache
def _any(pictures: bool) -> re.Pattern[bytes]:
    return re.compile(b"|".join(b"(?:%b)" % a.pattern for a in _heads(pictures)), re.DOTALL)
