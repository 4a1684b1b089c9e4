"""The pages in SQLite's logs: the write-ahead log and the rollback journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moisson.errors import DamagedError
from moisson.extract.btree import LEAF, Pages
from moisson.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

_JOURNAL = bytes.fromhex("d9d505f920a163d7")
_FRAMES = 200_000


def pages_of(data: Reader) -> Iterator[tuple[Pages, bytes]]:
    """The leaf pages of tables in a log, in order, each with a reader of its records."""
    head = data.head(32)
    if head.startswith(_JOURNAL):
        size, at, before, after = int.from_bytes(head[24:28], "big"), int.from_bytes(head[20:24], "big"), 4, 4
        at = at or 512
    else:
        size, at, before, after = int.from_bytes(head[8:12], "big"), 32, 24, 0
    size = 65536 if size == 1 else size
    if size < 512 or size > 65536 or size & (size - 1):
        raise DamagedError("no page size in the log")
    charset = b"\0\0\0\1"
    for _ in range(_FRAMES):
        number = int.from_bytes(data.pread(at, 4), "big")
        raw = data.pread(at + before, size)
        if len(raw) < size:
            return
        if number == 1 and raw.startswith(b"SQLite format 3"):
            charset = raw[56:60]
        if raw[0] == LEAF:
            yield _alone(size, charset), raw
        at += before + size + after


def _alone(size: int, charset: bytes) -> Pages:
    """A reader of records for one page without its database: what overflows is lost."""
    head = bytearray(100)
    head[16:18] = (1 if size == 65536 else size).to_bytes(2, "big")
    head[56:60] = charset
    return Pages(Reader.of(bytes(head)))
