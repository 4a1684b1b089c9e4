"""The rows of SQLite pages that have lost their database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.carve.pages import frame_step, leaf_size
from moisson.errors import DamagedError
from moisson.extract import btree
from moisson.extract.rowtext import CHILDREN, Writer
from moisson.model import Flag
from moisson.reader import Reader
from moisson.registry import Limits, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.model import Passage
    from moisson.reader import Child

_COUNT = 1 << 16


@step(
    "extract.table-pages",
    version=1,
    kinds=("application/x-sqlite-pages",),
    limits=Limits(seconds=30, per_mb=2, memory_mb=512, children=CHILDREN),
    reference="SQLite database file format",
)
def read_pages(data: Reader, keys: Sequence[str] = ()) -> Iterator[Passage | Flag | Child]:
    """The rows of every leaf page as lines `page: value; …`, and those that its unused bytes still hold."""
    size = leaf_size(data.head(65536))
    if not size:
        raise DamagedError("no leaf page of a table")
    pages = btree.Pages(Reader.of(_header(size)))
    writer, found = Writer(), False
    writer.begin("page")
    gap = frame_step(data, size)
    for index in range(min(_COUNT, -(-data.size // gap))):
        raw = data.pread(index * gap, size)
        if len(raw) < size or raw[0] != btree.LEAF:
            continue
        for row in pages.rows(2, raw):
            yield from writer.row(str(row.rowid), (), row.values)
        for start, end, freed in btree.gaps(raw, 0):
            for values in btree.carve(pages, raw[start:end], btree.Shape(), freed=freed):
                if not (len(values) == 1 and isinstance(values[0], bytes)):
                    found = True
                    yield from writer.row("", (), values)
    yield from writer.end()
    if found:
        yield Flag("deleted-rows")


def _header(size: int) -> bytes:
    """A database of one empty page, which says no more than how long a page is and that its text is UTF-8."""
    head = b"SQLite format 3\0" + (1 if size == 65536 else size).to_bytes(2, "big") + b"\1\1\0\x40\x20\x20"
    return (head.ljust(56, b"\0") + b"\0\0\0\1").ljust(size, b"\0")
