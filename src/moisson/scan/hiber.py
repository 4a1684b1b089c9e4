"""Sets of pages in a hibernation file of Windows 8 and later, as Sylve, Marziale and Richard describe them (2016).

A set is a header of four bytes (places of pages in 8 bits, compressed size in 22, packing in 2), those places in eight
bytes each, and up to 16 pages compressed together (MS-XCA 2.2, or 2.4). Sets follow one another without a gap and
without a signature; the first ones begin at a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from moisson import native
from moisson.errors import DamagedError
from moisson.evidence.unpacking import unpack_xpress
from moisson.scan import xpress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium, Reader

PAGE, PAGES = 4096, 16
LONGEST = 4 + 8 * PAGES + PAGES * PAGE
HEAD = 4 + 8 * PAGES
_CODES = 256
_LINKS = 2
_TRIED = 200


class Set(NamedTuple):
    """The header of a set: where its data begins, their size, the size unpacked, and how they are packed."""

    start: int
    packed: int
    size: int
    packing: int


def header(head: bytes) -> Set | None:
    """The set whose header these bytes begin with, if it can be one."""
    word = int.from_bytes(head[:4], "little")
    count, packed = word & 255, word >> 8 & 0x3FFFFF
    if not 0 < count <= PAGES or len(head) < 4 + 8 * count or packed < 8:
        return None
    pages, before = 0, -1
    for at in range(4, 4 + 8 * count, 8):
        # Page numbers of less than a TiB of memory, in order as the system walks them.
        place = int.from_bytes(head[at : at + 8], "little")
        if place >> 32 or place >> 4 == before:
            return None
        pages, before = pages + (place & 15) + 1, place >> 4
    if pages > PAGES or packed > pages * PAGE:
        return None
    return Set(4 + 8 * count, packed, pages * PAGE, word >> 30)


def block(source: Reader, limit: int) -> tuple[bytes, int]:
    """The pages of the set that begins here, and the bytes it took."""
    found = header(source.pread(0, HEAD))
    if not found:
        raise DamagedError("no set of pages")
    body = source.pread(found.start, found.packed)
    used = found.start + len(body)
    size = min(found.size, limit)
    if found.packed == found.size:
        return body[:size], used
    if found.packing < 2:
        return xpress.decompress(body, size), used
    return unpack_xpress(body, size)[0], used


def chain(medium: Medium, at: int, stop: int) -> Iterator[tuple[int, int]]:
    """Where the packed sets from this place on begin and end, as long as one begins before `stop`.

    The codes of the first one prove that it is one, or the headers of those that follow.
    """
    held: list[tuple[int, int, bool]] = []
    sure = _complete(medium, at)
    while at < stop or (not sure and len(held) <= _LINKS):
        found = header(medium.pread(at, HEAD))
        if not found:
            break
        end = at + found.start + found.packed
        held.append((at, end, found.packed < found.size))
        at = end
    if sure or len(held) > _LINKS:
        yield from ((start, end) for start, end, packed in held if packed and start < stop)


def _complete(medium: Medium, at: int) -> bool:
    """Whether a set with Huffman codes begins here, and they leave nothing over."""
    found = header(medium.pread(at, HEAD))
    if not found or found.packing < 2 or found.packed == found.size:
        return False
    codes = medium.pread(at + found.start, _CODES)
    lengths = [n for byte in codes for n in (byte & 15, byte >> 4) if n]
    return sum(1 << 15 - n for n in lengths) == 1 << 15


def first(medium: Medium, data: bytes, start: int, stop: int, offset: int) -> int:
    """The first place in a window of bytes where a chain of sets goes on, or -1.

    For what begins in the midst of a hibernation file: a set is never longer than the window has to be.
    """
    for at in _begins(data, start, max(start, min(stop, len(data)))):
        if next(chain(medium, offset + at, offset + at + 1), None):
            return at
    return -1


def _begins(data: bytes, start: int, stop: int) -> list[int]:
    """Where the header of a set may begin."""
    if native.code:
        return native.code.sets(data, start, stop, _TRIED)
    from moisson.scan import arrays

    return arrays.sets(data, start, stop, _TRIED)
