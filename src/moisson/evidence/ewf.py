"""Expert Witness images, version 1 (E01 and its later segments): chunks of deflate or plain bytes, each with its sum.

Format reference: "Expert Witness Compression Format specification" of the libewf project. A chunk whose checksum fails
reads as zeros and is listed by `errors()`; tables are read when first needed, so that a large image opens at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING

from isal import isal_zlib

from moisson.evidence.ewfsection import IsalError, read_segments
from moisson.evidence.faults import Faults

if TYPE_CHECKING:
    from array import array
    from collections.abc import Sequence

    from moisson.evidence.ewfsection import Table
    from moisson.reader import Medium

CACHE = 32 << 20
TABLES = 4_000_000
MEMO_STORED = 512
MEMO_ENTRIES = 1024
SCAN = 512 << 10


class Ewf:
    """The media inside the segments of one image; `parts` may come in any order.

    Where later segments are missing, `present` ends before `size`; a hole in the middle is placed by counting the
    chunks from the end and is listed by `errors()`.
    """

    def __init__(self, parts: Sequence[Medium], cache: int = CACHE) -> None:
        found = read_segments(parts)
        self._parts = found.parts
        self.chunk, self.size = found.geometry.chunk, found.geometry.size
        self.stored, self.about = found.stored, found.about
        self.marks = set(found.marks)
        self.faults = Faults()
        self._tables = found.tables
        self._starts = [table.first for table in self._tables]
        self._loaded: OrderedDict[int, array[int]] = OrderedDict()
        self._held = 0
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._cached, self._most = 0, cache
        self._memo: dict[bytes, bytes] = {}
        self.present = self._note_holes(found.geometry.chunks)
        for first, count in found.unread:
            self.faults.add(first * found.geometry.sector, count * found.geometry.sector, "not readable when acquired")

    def _note_holes(self, chunks: int) -> int:
        at = 0
        for table in self._tables:
            if table.first > at:
                self._lose(at, table.first, "segment missing")
            at = max(at, table.first + table.count)
        if at < chunks:
            self.marks.add("truncated")
            self._lose(at, chunks, "image truncated")
        return min(self.size, at * self.chunk)

    def _lose(self, first: int, end: int, why: str) -> None:
        start = first * self.chunk
        self.faults.add(start, min(end * self.chunk, self.size) - start, why)

    def pread(self, offset: int, n: int) -> bytes:
        n = min(n, self.size - offset)
        if n <= 0 or offset < 0:
            return b""
        first, last = offset // self.chunk, (offset + n - 1) // self.chunk
        pieces: list[bytes] = []
        at = first
        while at <= last:
            got = self._cached_chunk(at)
            if got is not None:
                pieces.append(got)
                at += 1
                continue
            run = self._run(at, last, keep=n < SCAN)
            pieces += run
            at += len(run)
        skip = offset - first * self.chunk
        if len(pieces) == 1:
            return pieces[0][skip : skip + n]
        pieces[0] = pieces[0][skip:]
        pieces[-1] = pieces[-1][: offset + n - last * self.chunk]
        return b"".join(pieces)

    def _cached_chunk(self, index: int) -> bytes | None:
        data = self._cache.get(index)
        if data is not None:
            self._cache.move_to_end(index)
        return data

    def _keep(self, index: int, data: bytes) -> None:
        self._cache[index] = data
        self._cached += len(data)
        while self._cached > self._most and len(self._cache) > 1:
            self._cached -= len(self._cache.popitem(last=False)[1])

    def _run(self, first: int, last: int, *, keep: bool) -> list[bytes]:
        """Chunks from `first` on that lie together in one table and are not cached: one read for all of them."""
        which = bisect_right(self._starts, first) - 1
        table = self._tables[which] if which >= 0 else None
        if table is None or first >= table.first + table.count:
            return [self._zeros(first)]
        offsets = self._offsets(which, table)
        end = min(last + 1, table.first + table.count, first + max(1, (4 << 20) // self.chunk))
        stop = first + 1
        while stop < end and stop not in self._cache:
            stop += 1
        spans = [table.span(offsets, index - table.first) for index in range(first, stop)]
        chunks = self._read(table, spans, first)
        for index, data in enumerate(chunks, first):
            if keep or index in (first, last):
                self._keep(index, data)
        return chunks

    def _read(self, table: Table, spans: list[tuple[int, int, bool]], first: int) -> list[bytes]:
        part = self._parts[table.segment]
        limit = 2 * self.chunk + 65536
        low = min(at for at, _, _ in spans)
        high = max(at + min(size, limit) for at, size, _ in spans)
        together = high - low <= len(spans) * limit
        block = memoryview(part.pread(low, high - low)) if together else memoryview(b"")
        chunks = []
        for index, (at, size, packed) in enumerate(spans, first):
            size = min(size, limit)
            if at + size > part.present:
                chunks.append(self._bad(index, "image truncated"))
                continue
            stored = block[at - low : at - low + size] if together else memoryview(part.pread(at, size))
            chunks.append(self._inflate(index, stored) if packed else self._plain(index, stored))
        return chunks

    def _length(self, index: int) -> int:
        return max(0, min(self.chunk, self.size - index * self.chunk))

    def _zeros(self, index: int) -> bytes:
        return bytes(self._length(index))

    def _bad(self, index: int, why: str) -> bytes:
        self.marks.add("truncated" if why == "image truncated" else "chunk-errors")
        self.faults.add(index * self.chunk, self._length(index), why)
        return self._zeros(index)

    def _inflate(self, index: int, stored: memoryview) -> bytes:
        short = bytes(stored) if len(stored) <= MEMO_STORED else None
        if short is not None and (known := self._memo.get(short)) is not None:
            return known[: self._length(index)]
        inflater = isal_zlib.decompressobj()
        try:
            data: bytes = inflater.decompress(stored, self.chunk + 1)
        except IsalError:
            return self._bad(index, "chunk does not inflate, or its checksum fails")
        wanted = self._length(index)
        if not inflater.eof or not wanted <= len(data) <= self.chunk:
            return self._bad(index, f"chunk inflates to {len(data)} bytes, not {wanted}")
        if short is not None and len(self._memo) < MEMO_ENTRIES:
            self._memo[short] = data
        return data[:wanted]

    def _plain(self, index: int, stored: memoryview) -> bytes:
        """Plain bytes and their Adler-32; the last chunk may be cut to the media or padded to a full chunk."""
        wanted = self._length(index)
        for length in (self.chunk, wanted, len(stored) - 4):
            if wanted <= length <= len(stored) - 4:
                data = stored[:length]
                if isal_zlib.adler32(data) == int.from_bytes(stored[length : length + 4], "little"):
                    return bytes(data[:wanted])
        return self._bad(index, "chunk checksum fails")

    def _offsets(self, which: int, table: Table) -> array[int]:
        if which in self._loaded:
            self._loaded.move_to_end(which)
            return self._loaded[which]
        offsets, sound = table.load(self._parts[table.segment])
        if not sound:
            self.marks.add("table-errors")
        self._loaded[which] = offsets
        self._held += len(offsets)
        while self._held > TABLES and len(self._loaded) > 1:
            self._held -= len(self._loaded.popitem(last=False)[1])
        return offsets
