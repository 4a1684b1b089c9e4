"""The room that a file was given beyond what it holds: zeros up to a step of its growth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moisson.carve.ground import Carved, joined

if TYPE_CHECKING:
    from moisson.carve.ground import Span

_ANY = re.compile(rb"[^\0]")
_CLUSTER, _AROUND, _COST = 4096, 64, 1 << 17


def filled(span: Span, end: int, full: int) -> int:
    """The full length of a file that grows by pieces filled with zeros, if there are zeros up to there."""
    return full if end < full <= span.size and span.blank(end, full) else end


def given(span: Span, kind: str, end: int, full: int) -> Carved | None:
    """A file with its zeros up to its full length, whole clusters of others left out that lie among them, or None.

    All zeros are alike, so it does not matter which of them were the file's own.
    """
    broken = span.search(_ANY, end, full)
    if broken is None:
        return span.carved(kind, full) if end < full <= span.size else None
    cut, rest = broken[0], full - broken[0]
    if cut % _CLUSTER or cut == end or not span.ground.afford(_COST):
        return None
    for after in range(cut + _CLUSTER, cut + _AROUND * _CLUSTER, _CLUSTER):
        if after + rest > span.size:
            break
        if span.blank(after, after + min(rest, _CLUSTER)) and span.blank(after, after + rest):
            extents = joined(((span.offset, cut), (span.offset + after, rest)))
            return Carved(kind, extents, "", 0.9, ("rejoined", "uncertain"))
    return None
