"""Whether another file begins inside a carved one: then that one ends before it, or goes on elsewhere."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from moisson.carve.anchors import anchors
from moisson.carve.ground import SECTOR, Carved, Span
from moisson.carve.holder import Holder, holder

if TYPE_CHECKING:
    from moisson.carve.anchors import Anchor
    from moisson.carve.ground import Ground

_SOLID = (
    "image/webp",
    "image/bmp",
    "image/tiff",
    "image/vnd.adobe.photoshop",
    "audio/",
    "video/",
    "image/hei",
    "image/gif",
    "application/x-ms-evtx",
    "application/x-ms-regf",
)
_OWN_PICTURES = (
    "image/tiff",
    "image/vnd.adobe.photoshop",
    "video/",
    "audio/mpeg",
    "image/hei",
    "application/x-ms-regf",
)
_HOLDERS = (
    "application/x-tar",
    "application/zip",
    "application/epub",
    "application/java",
    "application/vnd.android",
    "application/vnd.oasis",
    "application/vnd.openxml",
    "application/vnd.rar",
)
_STRONG = _PROVED = 0.9
_LEAST = 256
_PIECE, _TRIES, _REMEMBERED = 1 << 20, 64, 1 << 16
_PARTS = ("pages:carve_pages", "windows:carve_chunk", "windows:carve_bins")
_CARDS = "writing:carve_card"


def before_intruder(ground: Ground, carved: Carved) -> Carved:
    """The file as it is, or what of it lies before the first whole file of another format that begins at a sector."""
    if len(carved.extents) > 1 or carved.kind.startswith(_HOLDERS):
        return carved
    start, size = carved.extents[0]
    solid = carved.kind.startswith(_SOLID)
    streams = None if solid else holder(Span(ground, start, start + size))
    if carved.confidence >= _PROVED and not solid and streams is None:
        return carved
    heads, tries = _heads(carved.kind.startswith(_OWN_PICTURES), solid or streams is not None), 0
    begins = _any(heads)
    for at in range(start + SECTOR - start % SECTOR, start + size, _PIECE):
        piece = ground.pread(at, _PIECE + SECTOR)
        for inside in range(0, min(_PIECE, start + size - at), SECTOR):
            if not begins.match(piece, inside) or (streams and streams.begins(at + inside - start)):
                continue
            if _stands(ground, at + inside, piece[inside : inside + SECTOR], heads, carved, streams):
                return Carved(carved.kind, ((start, at + inside - start),), carved.name, 0.4, ("truncated",))
            tries += 1
            if tries >= _TRIES:
                return carved
    return carved


def _stands(
    ground: Ground, at: int, piece: bytes, heads: tuple[Anchor, ...], carved: Carved, streams: Holder | None
) -> bool:
    for anchor in heads:
        if re.compile(anchor.pattern, re.DOTALL).match(piece, anchor.at):
            found = _proved(ground, at, anchor)
            if found and found.kind != carved.kind and not (streams and streams.holds(found)):
                return True
    return False


def _proved(ground: Ground, at: int, anchor: Anchor) -> Carved | None:
    """The whole file at a place; asked once for each place, whoever is said to hold it."""
    place = (at, anchor.carver)
    if place not in ground.proved:
        if len(ground.proved) >= _REMEMBERED:
            ground.proved.clear()
        before = ground.served
        found = anchor.call(ground, at, ground.reach(at))
        ground.blame(before)
        strong = found is not None and found.confidence >= _STRONG and found.size >= _LEAST
        ground.proved[place] = found if strong else None
    return ground.proved[place]


@cache
def _heads(pictures: bool, solid: bool) -> tuple[Anchor, ...]:
    """The anchors that a file may begin with which is none of the parts of another; cards stand in mail and texts."""
    parts = _PARTS if solid else (*_PARTS, _CARDS)
    rows = tuple(a for a in anchors() if a.width >= 2 and not a.carver.startswith(parts))
    return tuple(a for a in rows if not (pictures and a.carver.startswith(("jpeg", "raster", "tiff"))))


@cache
def _any(heads: tuple[Anchor, ...]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(b"(?:%b)" % (b"." * a.at + a.pattern) for a in heads), re.DOTALL)
