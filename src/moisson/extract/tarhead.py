"""The headers of a tape archive, one after the other: ustar, GNU and pax (POSIX.1-2001), sparse members included."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, LimitError
from moisson.evidence.extents import Pieces
from moisson.extract.encoding import to_text
from moisson.reader import Window
from moisson.times import Instant, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.evidence.extents import Extent
    from moisson.reader import Medium

_BARE = b"123456"
FILES = b"\x000\x37S"
LINK, SYMLINK, FOLDER = b"1", b"2", b"5"
_MAX_EXTENDED = 1 << 20
_MAX_CHUNKS = 100_000
_MOST_SIZE = 1 << 42
_EMPTY = bytes(512)
_NEAR = 1 << 20


@dataclass(slots=True)
class Member:
    """One member: `at` is its first header, `start` its first byte; `size` and `stored` differ for a sparse one."""

    at: int
    start: int
    name: str
    sort: bytes
    size: int
    stored: int
    target: str = ""
    modified: Instant | None = None
    pieces: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_file(self) -> bool:
        return self.sort in FILES

    def content(self, medium: Medium) -> Medium:
        """Its bytes, holes of a sparse one as zeros; never more than the archive has."""
        there = max(0, min(self.stored, medium.size - self.start))
        if not self.pieces:
            return Window(medium, self.start, there)
        extents: list[Extent] = []
        at, from_ = 0, self.start
        for offset, length in self.pieces:
            if offset > at:
                extents.append((None, offset - at))
            extents.append((from_, length))
            at, from_ = offset + length, from_ + length
        return Pieces(medium, extents, self.size)


class Tape:
    """A tape archive as a sequence of headers; `damage` says, once it was gone through, what was skipped."""

    def __init__(self, medium: Medium) -> None:
        self.medium, self.damage = medium, ""

    def members(self, at: int = 0) -> Iterator[Member]:
        """Every member from an offset on, folders and links too; a damaged header is skipped and the next one sought.

        Raises `DamagedError` when there is none at all, `LimitError` for an extended header of more than a megabyte.
        """
        first = at
        while at + 512 <= self.medium.size:
            head = self.medium.pread(at, 512)
            if head == _EMPTY or len(head) < 512:
                break
            if not checks(head):
                if at == first:
                    raise DamagedError("no tar header")
                self.damage = self.damage or f"no header at {at}"
                if (found := self._resume(at)) < 0:
                    return
                at = found
                continue
            member, at = self._member(at, head)
            if member is not None:
                yield member
        if at > self.medium.size:  # known by now, also where the archive was packed
            self.damage = self.damage or "the last member breaks off"

    def _resume(self, at: int) -> int:
        """Where the next sound header stands, or -1."""
        while at < self.medium.size:
            block = self.medium.pread(at, _NEAR)
            found = block.find(b"ustar", 257)
            while found >= 0:
                if (found - 257) % 512 == 0 and checks(block[found - 257 : found + 255]):
                    return at + found - 257
                found = block.find(b"ustar", found + 1)
            at += _NEAR
        return -1

    def _member(self, at: int, head: bytes) -> tuple[Member | None, int]:
        """The member whose headers begin here, or None when they lead to none, and where the next one begins."""
        given: dict[str, str] = {}
        chunks: list[str] = []
        first = at
        while (sort := head[156:157]) in (b"x", b"g", b"L", b"K"):
            size = number(head[124:136])
            if size > _MAX_EXTENDED:
                raise LimitError("extended header above 1 MiB")
            if sort != b"g":
                _extend(given, chunks, sort, self.medium.pread(at + 512, size))
            at += 512 + _blocks(size)
            head = self.medium.pread(at, 512)
            if len(head) < 512 or not checks(head):
                self.damage = self.damage or f"no header at {at}"
                return None, at
        return self._plain(first, at + 512, head, given, chunks)

    def _plain(
        self, first: int, start: int, head: bytes, given: dict[str, str], chunks: list[str]
    ) -> tuple[Member, int]:
        sort = head[156:157]
        stored = _whole(given.get("size", ""), number(head[124:136]))
        stored = 0 if sort in _BARE and sort else max(0, min(stored, _MOST_SIZE))
        name = given.get("GNU.sparse.name") or given.get("path") or _path(head)
        when = _when(given.get("mtime", "")) or from_unix(number(head[136:148]))
        target = (
            (given.get("linkpath") or to_text(head[157:257].partition(b"\0")[0])) if sort in (LINK, SYMLINK) else ""
        )
        if sort in (b"\0", b"0") and name.endswith("/"):
            sort = FOLDER
        member = Member(first, start, name, sort, stored, stored, target, when)
        self._spread(member, head, given, chunks)
        return member, start + _blocks(stored) + (member.start - start if sort == b"S" else 0)

    def _spread(self, member: Member, head: bytes, given: dict[str, str], chunks: list[str]) -> None:
        """Where the pieces of a sparse member belong (GNU tar: old, 0.0, 0.1 and 1.0)."""
        if member.sort == b"S":
            member.pieces, member.start = self._old_map(head, member.start)
            member.size = min(number(head[483:495]), _MOST_SIZE)
        elif given.get("GNU.sparse.major") == "1":
            member.pieces, skip = self._first_map(member.start)
            member.start, member.stored = member.start + skip, max(0, member.stored - skip)
        elif chunks:
            numbers = [_whole(c, 0) for c in chunks]
            member.pieces = list(zip(numbers[::2], numbers[1::2], strict=False))
        if member.pieces and member.sort != b"S":
            real = given.get("GNU.sparse.realsize") or given.get("GNU.sparse.size") or ""
            member.size = min(_whole(real, member.size), _MOST_SIZE)
        reached, kept = 0, list[tuple[int, int]]()
        for offset, length in member.pieces:
            if offset < reached or length < 0:
                break
            kept.append((offset, length))
            reached = offset + length
        member.pieces = [piece for piece in kept if piece[1]] or ([(member.size, 0)] if member.pieces else [])

    def _old_map(self, head: bytes, at: int) -> tuple[list[tuple[int, int]], int]:
        raw, more = head[386:482], head[482]
        while more and len(raw) < 24 * _MAX_CHUNKS and len(block := self.medium.pread(at, 512)) == 512:
            raw, more, at = raw + block[:504], block[504], at + 512
        pairs = [(number(raw[i : i + 12]), number(raw[i + 12 : i + 24])) for i in range(0, len(raw) - 23, 24)]
        return [pair for pair in pairs if pair != (0, 0)] or [(0, 0)], at

    def _first_map(self, start: int) -> tuple[list[tuple[int, int]], int]:
        """The map that stands before the data of a sparse member of pax format 1.0, and its length."""
        raw = self.medium.pread(start, 512)
        count = int(text) if (text := raw.partition(b"\n")[0]).isdigit() and len(text) < 8 else 0
        need = 2 * min(count, _MAX_CHUNKS) + 1
        while (
            raw.count(b"\n") < need
            and len(raw) < 24 * _MAX_CHUNKS
            and (more := self.medium.pread(start + len(raw), 512))
        ):
            raw += more
        numbers = [int(n) for n in raw.split(b"\n")[1:need] if n.isdigit() and len(n) < 19]
        return list(zip(numbers[::2], numbers[1::2], strict=False)), len(raw)


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else otherwise


def _blocks(size: int) -> int:
    return -(-size // 512) * 512


def _path(head: bytes) -> str:
    name = to_text(head[:100].partition(b"\0")[0])
    prefix = to_text(head[345:500].partition(b"\0")[0]) if head[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _when(text: str) -> Instant | None:
    try:
        return from_unix(float(text)) if text else None
    except (ValueError, OverflowError):
        return None


def checks(head: bytes) -> bool:
    """Whether a block is a header: its checksum fits."""
    stated = number(head[148:156])
    plain = sum(head) - sum(head[148:156]) + 256
    return stated == plain or stated == _signed(head)


def _signed(head: bytes) -> int:
    bare = head[:148] + b" " * 8 + head[156:]
    return sum(b - 256 if b > 127 else b for b in bare)


def number(text: bytes) -> int:
    """Octal, or base 256 where the highest bit is set."""
    if text[:1] >= b"\x80":
        return int.from_bytes(text[1:], "big") if text[0] == 0x80 else 0
    try:
        return int(text.partition(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        return 0


def _extend(given: dict[str, str], chunks: list[str], sort: bytes, raw: bytes) -> None:
    if sort in (b"L", b"K"):
        given["path" if sort == b"L" else "linkpath"] = to_text(raw.partition(b"\0")[0])
    while sort == b"x" and raw:
        length, _, _ = raw.partition(b" ")
        if not length.isdigit() or len(length) > 7 or not 4 < int(length) <= len(raw):
            return
        key, _, value = raw[len(length) + 1 : int(length) - 1].partition(b"=")
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            chunks.append(to_text(value))
        elif key == b"GNU.sparse.map":
            chunks += to_text(value).split(",")
        else:
            given[to_text(key)] = to_text(value)
        raw = raw[int(length) :]
