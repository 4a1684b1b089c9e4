"""Tape archives: ustar, GNU and pax (POSIX.1-2001); members are ranges of the archive."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, LimitError
from moisson.extract.headers import to_text
from moisson.extract.unpack import Names
from moisson.model import Fact, Flag
from moisson.reader import Child, Reader, Window
from moisson.registry import step
from moisson.times import Instant, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_ENTRIES = 200_000
_MAX_EXTENDED = 1 << 20
_FILES = b"\x000\x37S"
_EMPTY = bytes(512)


@step("extract.tar", version=1, kinds=("application/x-tar",), names=("*.tar",), reference="POSIX.1-2001 pax, GNU tar")
def read_tar(data: Reader, keys: Sequence[str] = ()) -> Iterator[Child | Fact | Flag]:
    """The files of a tape archive, also of a truncated one."""
    names, at, count = Names("tar"), 0, 0
    given: dict[str, str] = {}
    while at + 512 <= data.size:
        head = data.pread(at, 512)
        if head == _EMPTY:
            break
        if not _checks(head):
            if not count:
                raise DamagedError("no tar header")
            yield Flag("damaged", f"no header at {at}")
            break
        size, sort = _number(head[124:136]), head[156:157]
        if sort in b"xgLK" and sort:
            if size > _MAX_EXTENDED:
                raise LimitError("extended header above 1 MiB")
            _extend(given, sort, data.pread(at + 512, size))
        else:
            count += 1
            size = int(given["size"]) if given.get("size", "").isdecimal() else size
            if count > MAX_ENTRIES:
                raise LimitError(f"more than {MAX_ENTRIES} members")
            if sort in _FILES or not sort:
                yield _member(data, head, given, names, at + 512, size)
            given = {}
            size = size if sort in _FILES else 0
        at += 512 + -(-size // 512) * 512
    if not count:
        yield Flag("empty", "no member")


def _member(data: Reader, head: bytes, given: dict[str, str], names: Names, at: int, size: int) -> Child:
    name = given.get("path") or _path(head)
    there = max(0, min(size, data.size - at))
    flags = ("truncated",) if there < size else ()
    if head[156:157] == b"S":
        flags = (*flags, "sparse")
    when = _when(given.get("mtime", "")) or from_unix(_number(head[136:148]))
    opener = partial(_open, data, at, there)
    return Child(name, names.layer(name), opener, there, modified=when, flags=flags)


def _open(data: Reader, at: int, size: int) -> Reader:
    return Reader(Window(data.medium, at, size))


def _path(head: bytes) -> str:
    name = to_text(head[:100].partition(b"\0")[0])
    prefix = to_text(head[345:500].partition(b"\0")[0]) if head[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _when(text: str) -> Instant | None:
    try:
        return from_unix(float(text)) if text else None
    except (ValueError, OverflowError):
        return None


def _checks(head: bytes) -> bool:
    stated = _number(head[148:156])
    return stated in (sum(head) - sum(head[148:156]) + 256, _signed(head))


def _signed(head: bytes) -> int:
    bare = head[:148] + b" " * 8 + head[156:]
    return sum(b - 256 if b > 127 else b for b in bare)


def _number(field: bytes) -> int:
    """Octal, or base 256 where the highest bit is set."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big") if field[0] == 0x80 else 0
    try:
        return int(field.partition(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        return 0


def _extend(given: dict[str, str], sort: bytes, raw: bytes) -> None:
    if sort == b"L":
        given["path"] = to_text(raw.partition(b"\0")[0])
    while sort == b"x" and raw:
        length, _, _ = raw.partition(b" ")
        if not length.isdigit() or len(length) > 7 or not 4 < int(length) <= len(raw):
            return
        key, _, value = raw[len(length) + 1 : int(length) - 1].partition(b"=")
        given[to_text(key)] = to_text(value)
        raw = raw[int(length) :]
