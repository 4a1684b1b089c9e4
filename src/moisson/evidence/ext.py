"""ext2, ext3 and ext4, walked from the root and through the inodes that no name leads to, in time linear in both.

The locator of an entry is the number of its inode; `#2` after it is its second name, `~2` a deleted name whose inode
belongs to another file now.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

from moisson.errors import AddressError, DamagedError, PasswordError
from moisson.evidence.extents import Claims, Extent, Pieces, Range, first, length, overlaps, rest
from moisson.evidence.filesystem import Budget, Entry, Fault, printable, unclaimed
from moisson.evidence.inodes import DIRECTORY, ENCRYPTED, FILE, INLINE, LINK, Inode, Inodes
from moisson.evidence.named import label_and_serial
from moisson.evidence.names import read_names
from moisson.evidence.superblock import repair
from moisson.reader import Memory, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

_ROOT = 2
_DEPTH = 256
_ORPHANS = "$OrphanFiles"
_MOST_NAMES = 64 << 20
_LONGEST_TARGET = 4096
_LOCATOR = re.compile(r"(?P<number>[0-9]{1,10})(?:#[0-9]+|(?P<reused>~[0-9]+))?")
_State = Literal["live", "deleted", "orphan"]


class _Found(NamedTuple):
    """A name; without an inode when that belongs to another file now, or to none."""

    path: str
    name: str
    number: int
    state: _State
    turn: str
    inode: Inode | None


class Ext:
    """A mounted ext volume."""

    kind = "ext"

    def __init__(self, medium: Medium) -> None:
        self.medium, self.mended = medium, ""
        found = _open(medium)
        if found is None and (view := repair(medium)) is not None:
            self.medium, self.mended = view, view.what
            found = _open(view)
        if found is None:
            raise DamagedError("ext: no superblock that leads to a root directory")
        self.inodes = found
        self.block = found.block
        self.label, self.serial = label_and_serial("ext", self.medium)
        self._claimed: list[Range] | None = None
        self._met: Counter[int] = Counter()

    def entries(self) -> Iterator[Entry | Fault]:
        """Every entry; deleted ones after the live ones, so that what they lost to these is known."""
        if self.mended:
            yield Fault("", "", "damaged", f"the primary superblock is gone, {self.mended} stands in for it")
        self._met.clear()
        claims, named, late = Claims(), set[int](), list[_Found]()
        for row in self._walk([(_ROOT, "", 0, False)], named):
            if isinstance(row, Fault):
                yield row
            elif row.state != "live":
                late.append(row)
            else:
                yield from self._entries(row, [], claims)
        self._claimed = claims.merged()
        budget = Budget(self.medium.size)
        for row in late:
            yield from budget.spend(self._entries(row, self._claimed, claims))
        yield from budget.spend(self._orphans(named, self._claimed, claims))
        yield from budget.over()

    def _walk(self, todo: list[tuple[int, str, int, bool]], named: set[int]) -> Iterator[_Found | Fault]:
        seen = {number for number, *_ in todo}
        while todo:
            number, base, depth, dead = todo.pop()
            inside: list[tuple[int, str, int, bool]] = []
            data, lost = self._directory(number, dead=dead)
            if lost and not dead:
                yield Fault(str(number), base, "damaged", lost)
            for raw in read_names(data, self.block, self.inodes.count, typed=self.inodes.typed):
                if raw.name in (b".", b".."):
                    continue
                found = self._row(raw.number, raw.name, base, gone=raw.gone, dead=dead)
                if found is None:
                    continue
                if found.inode is not None:
                    named.add(found.number)
                yield found
                inode = found.inode
                if inode is not None and inode.kind == DIRECTORY and found.number not in seen and depth < _DEPTH:
                    seen.add(found.number)
                    inside.append((found.number, found.path, depth + 1, found.state != "live"))
            todo += reversed(inside)

    def _directory(self, number: int, *, dead: bool) -> tuple[bytes, str]:
        """The bytes of a directory, and what of them is missing."""
        inode = self.inodes.read(number)
        if inode is None or inode.kind != DIRECTORY:
            return b"", "this directory has no inode any more"
        if inode.flags & INLINE:
            return inode.place[4:60].ljust(self.block, b"\0"), ""
        extents, _ = self.inodes.blocks(inode)
        size = min(inode.size, length(extents), self.medium.size, _MOST_NAMES)
        if dead and not length(extents, real=True):
            return b"", ""
        data = Pieces(self.medium, extents, size).pread(0, size)
        gone = sum(n for at, n in extents if at is None or at + n > self.medium.present)
        lost = f"{gone} bytes of this directory are not there" if gone else ""
        return data, lost or ("this directory claims more than it can hold" if size < inode.size else "")

    def _row(self, number: int, raw: bytes, base: str, *, gone: bool, dead: bool) -> _Found | None:
        name = printable(raw)
        path = f"{base}/{name}" if base else name
        inode = self.inodes.read(number) if number else None
        if inode is None:
            return _Found(path, name, 0, "deleted", self._turn(-1, reused=True), None) if gone or dead else None
        state: _State = "deleted" if gone or dead else "live"
        reused = state == "deleted" and self.inodes.is_live(number)
        turn = "" if state == "live" and inode.links <= 1 else self._turn(number, reused=reused)
        return _Found(path, name, number, state, turn, None if reused else inode)

    def _turn(self, number: int, *, reused: bool) -> str:
        """What tells one name of an inode from the others."""
        key = -number - 1 if reused else number
        self._met[key] += 1
        count = self._met[key]
        return f"~{count}" if reused else f"#{count}" if count > 1 else ""

    def _orphans(self, named: set[int], claimed: list[Range], claims: Claims) -> Iterator[Entry]:
        """Files that no name leads to: deleted ones, and those of directories that are lost."""
        for number in self.inodes.unnamed(named):
            inode = self.inodes.read(number)
            if inode is not None:
                name = f"OrphanFile-{number}"
                row = _Found(f"{_ORPHANS}/{name}", name, number, "orphan", "", inode)
                yield from (e for e in self._entries(row, claimed, claims) if e.directory or e.size)

    def _entries(self, found: _Found, claimed: list[Range], claims: Claims) -> Iterator[Entry]:
        inode = found.inode
        if inode is None:
            lost = ("reused",) if found.number else ("content-gone",)
            yield Entry(f"{found.number}{found.turn}", found.path, found.name, 0, found.state, flags=lost)
            return
        if inode.kind not in (FILE, DIRECTORY, LINK):
            return
        size, flags, offset, slack = self._content(inode, claimed, None if found.turn else claims, found.state)
        flags += ("link",) * bool(found.turn) + ("symlink",) * (inode.kind == LINK)
        yield Entry(
            f"{found.number}{found.turn}",
            found.path,
            found.name,
            size,
            found.state,
            inode.kind == DIRECTORY,
            *inode.times,
            flags,
            offset,
            slack,
        )

    def _content(
        self, inode: Inode, claimed: list[Range], claims: Claims | None, state: _State
    ) -> tuple[int, tuple[str, ...], int, int]:
        """Size, flags, offset and slack."""
        extents, own = self.inodes.blocks(inode)
        if claims is not None and state == "live":
            claims.add(extents)
            claims.add(own)
        if inode.kind == DIRECTORY:
            return 0, (), -1, 0
        if inode.kind == LINK:
            return len(self._target(inode, extents)), (), -1, 0
        size = self._size(inode, extents, dead=state != "live")
        flags = list(self._flags(inode, extents, size, claimed))
        return size, tuple(flags), first(extents), length(rest(extents, size)) if size else 0

    def _size(self, inode: Inode, extents: list[Extent], *, dead: bool) -> int:
        if inode.flags & INLINE:
            return min(inode.size, len(inode.place))
        if dead and first(extents) < 0:
            return 0
        return min(inode.size, self.medium.size, length(extents))

    def _flags(self, inode: Inode, extents: list[Extent], size: int, claimed: list[Range]) -> Iterator[str]:
        if inode.flags & ENCRYPTED:
            yield "encrypted"
        if inode.flags & INLINE:
            yield "resident"
        if any(at is None for at, _ in extents):
            yield "sparse"
        if inode.size > size:
            yield "size-cut" if size else "content-gone"
        if any(at is not None and at + n > self.medium.present for at, n in extents):
            yield "truncated"
        if claimed and any(at is not None and overlaps(claimed, at, n) for at, n in extents):
            yield "overwritten"

    def _target(self, inode: Inode, extents: list[Extent]) -> bytes:
        """Where a symbolic link leads."""
        if not extents:
            return inode.place[: inode.size]
        return Pieces(self.medium, extents, min(inode.size, length(extents), _LONGEST_TARGET)).pread(0, inode.size)

    def _find(self, locator: str) -> tuple[Inode, list[Extent], int]:
        if not (parts := _LOCATOR.fullmatch(locator)):
            raise AddressError(f"ext:{locator} is no entry")
        if parts["reused"]:
            raise DamagedError(f"ext:{locator}: its inode belongs to another file now")
        number = int(parts["number"])
        if (inode := self.inodes.read(number)) is None:
            raise AddressError(f"ext:{locator} is no entry")
        extents, _ = self.inodes.blocks(inode)
        return inode, extents, self._size(inode, extents, dead=not self.inodes.is_live(number))

    def open(self, locator: str) -> Reader:
        """The bytes of an entry; raises `PasswordError` for one that the kernel encrypted."""
        inode, extents, size = self._find(locator)
        if inode.kind == LINK:
            return Reader(Memory(self._target(inode, extents)))
        if inode.flags & ENCRYPTED and inode.kind == FILE:
            raise PasswordError(f"ext:{locator} is encrypted by the file system (fscrypt)")
        if inode.flags & INLINE:
            return Reader(Memory(inode.place[:size]))
        return Reader(Pieces(self.medium, extents, size))

    def slack(self, locator: str) -> Reader:
        """The rest of the last block."""
        inode, extents, size = self._find(locator)
        left = rest(extents, size) if size and inode.kind != LINK else []
        return Reader(Pieces(self.medium, left, length(left)))

    def extents(self, locator: str) -> list[Extent]:
        """Where an entry lies."""
        inode, extents, _ = self._find(locator)
        return [] if inode.kind == LINK else extents

    def free(self) -> list[Range]:
        """What no live entry claims."""
        return unclaimed(self.entries(), lambda: self._claimed, self.medium.size)


def _open(medium: Medium) -> Inodes | None:
    """The inodes, if they lead to a root directory."""
    try:
        inodes = Inodes(medium)
    except DamagedError:
        return None
    root = inodes.read(_ROOT)
    return inodes if root is not None and root.kind == DIRECTORY else None
