"""Mail stores of Outlook, proved by the pages and blocks that they name, joined where these say their places."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from moisson.carve import mailmarks
from moisson.carve.ground import SECTOR, Carved, Span, joined
from moisson.carve.mailmarks import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.carve.mailmarks import Shape
    from moisson.reader import Reader

_KIND = "application/vnd.ms-outlook-pst"
_HEAD, _LONG_PAGES = 564, 36
_REACH, _COST, _TRIES, _WAYS = 8 << 20, 1 << 20, 64, 4
_CLUSTER = 4096


def carve_pst(data: Reader, offset: int, limit: int) -> Carved | None:
    """A mail store by the sums of its header and of all that its trees and maps name ([MS-PST] 2.2.2.6)."""
    span = Span(data, offset, limit)
    head = span.pread(0, _HEAD)
    if len(head) < _HEAD or head[8:10] != b"SM" or mailmarks.total(head[8:479]) != int.from_bytes(head[4:8], "little"):
        return None
    version = int.from_bytes(head[10:12], "little")
    form = mailmarks.shape(version)
    (size,) = struct.unpack_from(f"<{form.word}", head, form.length)
    if size < _HEAD:
        return None
    if version >= _LONG_PAGES:
        return span.carved(_KIND, size, 0.9) if size <= span.size else span.carved(_KIND, span.size, 0.2, "truncated")
    return _proved(_Store(span, form, head, size))


class _Store(NamedTuple):
    span: Span
    form: Shape
    head: bytes
    size: int

    def marks(self, *shifts: int) -> list[tuple[Mark, int]]:
        """All that is named, and how far each lies behind its place; -1 for what is nowhere."""
        found = dict[Mark, int]()

        def read(mark: Mark) -> bytes:
            for shift in shifts:
                raw = self.span.pread(mark.at + shift, mark.room(self.form))
                if mailmarks.holds(self.form, mark, raw):
                    found[mark] = shift
                    return raw
            return b""

        rows = [mark for mark, _ in mailmarks.marks(self.form, self.head, read, self.size)]
        return sorted(((mark, found.get(mark, -1)) for mark in rows), key=lambda row: row[0].at)

    def end(self, mark: Mark) -> int:
        """Where a page or a block ends."""
        return mark.at + mark.room(self.form)


def _proved(store: _Store) -> Carved:
    """The store whole, in two pieces, or as far as what it names is there."""
    span, rows = store.span, store.marks(0)
    broken = [mark for mark, shift in rows if shift < 0]
    if not broken and store.size <= span.size:
        return span.carved(_KIND, store.size)
    for gap in _gaps(store, broken[:_WAYS]):
        if found := _joint(store, gap):
            return found
    held = max((store.end(mark) for mark, shift in rows if not shift), default=0)
    if broken and held > broken[0].at and store.size <= span.size:
        return span.carved(_KIND, store.size, 0.6, "damaged")
    return span.carved(_KIND, max(held, _HEAD), 0.4 if held else 0.2, "truncated")


def _gaps(store: _Store, broken: list[Mark]) -> Iterator[int]:
    """How far what is missing has moved, by where its trailers are found instead."""
    form, seen = store.form, {0}
    for mark in broken:
        due = mark.at + mark.room(form) - form.trailer
        at = due
        for _ in range(_TRIES):
            at = store.span.find(mailmarks.needle(mark), at + 1, due + _REACH)
            if at < 0 or not store.span.ground.afford(_COST):
                break
            raw = store.span.pread(at - due + mark.at, mark.room(form))
            if (at - due) % SECTOR == 0 and at - due not in seen and mailmarks.holds(form, mark, raw):
                seen.add(at - due)
                yield at - due


def _joint(store: _Store, gap: int) -> Carved | None:
    """The store around a gap, when all it names is there, first before it and then behind it."""
    rows, span = store.marks(0, gap), store.span
    low = max((store.end(mark) for mark, shift in rows if not shift), default=0)
    high = min((mark.at for mark, shift in rows if shift == gap), default=0)
    across = [mark for mark, shift in rows if shift < 0]
    if low > high or len(across) > 1 or store.size + gap > span.size:
        return None
    least, most = max(low, _HEAD), high
    cuts = [cut for cut in range(-(-least // SECTOR) * SECTOR, most + 1, SECTOR) if _hold(store, across, cut, gap)]
    if not cuts:
        return None
    whole = [cut for cut in cuts if not cut % _CLUSTER]
    cut, sure = (whole or cuts)[0], len(cuts) == 1
    extents = joined(((span.offset, cut), (span.offset + cut + gap, store.size - cut)))
    flags = ("rejoined",) if sure else ("rejoined", "uncertain")
    return Carved(_KIND, extents, "", 1.0 if sure else 0.75 if len(whole) == 1 else 0.6, flags)


def _hold(store: _Store, across: list[Mark], cut: int, gap: int) -> bool:
    """Whether what lies across a cut holds there."""
    for mark in across:
        first = store.span.pread(mark.at, max(0, cut - mark.at))
        rest = store.span.pread(max(cut, mark.at) + gap, store.end(mark) - max(cut, mark.at))
        if not mailmarks.holds(store.form, mark, (first + rest)[: mark.room(store.form)]):
            return False
    return True
