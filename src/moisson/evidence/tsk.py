"""FAT, ISO 9660, HFS and odd variants of ext through The Sleuth Kit, which reads a medium of ours and nothing else.

The locator of an entry is its number, with `-type-id` where it is not the main stream; `#2` after it is the second name
of the same file, `~2` a deleted name whose record belongs to another file now.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytsk3  # type: ignore[import-untyped]

from moisson.errors import AddressError, DamagedError, UnsupportedError
from moisson.evidence.extents import Claims, Extent, Pieces, Range, first, length, rest
from moisson.evidence.filesystem import Budget, Entry, Fault, unclaimed
from moisson.evidence.named import label_and_serial
from moisson.evidence.rows import Geometry, Row
from moisson.evidence.sleuth import (
    DIRECTORIES,
    LINK,
    Attribute,
    attributes,
    flags_of,
    is_packed,
    open_fs,
    runs_of,
    sentence,
    size_of,
    stream_name,
    target,
    times,
)
from moisson.evidence.sleuthnames import Found, Names
from moisson.evidence.superblock import repair
from moisson.reader import Memory, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium

SCHEMES = {"fat": "fat", "exfat": "exfat", "ext": "ext", "iso9660": "iso", "hfs": "hfs", "ntfs": "ntfs"}
_LOCATOR = re.compile(r"(?P<number>[0-9]{1,20})(?:-(?P<stream>[0-9]+-[0-9]+))?(?:#[0-9]+|(?P<reused>~[0-9]+))?")
_FILES = (int(pytsk3.TSK_FS_META_TYPE_REG), int(pytsk3.TSK_FS_META_TYPE_UNDEF))


class Tree:
    """A file system of The Sleuth Kit, walked from its root and through its orphans."""

    def __init__(self, kind: str, medium: Medium) -> None:
        if kind == "hfs" and medium.pread(1024, 2) == b"BD":
            raise UnsupportedError("classic HFS is not read here, only HFS+")
        self.source, self.kind = kind, SCHEMES[kind]
        self.medium, self.mended = medium, ""
        try:
            self.fs = open_fs(kind, medium)
        except DamagedError:
            if kind != "ext" or (view := repair(medium)) is None:
                raise
            self.medium, self.mended = view, view.what
            self.fs = open_fs(kind, view)
        self.block = int(self.fs.info.block_size) or 512
        self.local = kind in ("fat", "exfat")
        self.rows = Geometry(self.medium) if kind == "fat" else None
        self.label, self.serial = label_and_serial(kind, self.medium)
        self._claimed: list[Range] | None = None

    def entries(self) -> Iterator[Entry | Fault]:
        """Every entry; deleted ones after the live ones, so that what they lost to these is known."""
        if self.mended:
            yield Fault("", "", "damaged", f"the primary superblock is gone, {self.mended} stands in for it")
        late: list[Found] = []
        names = Names(self.fs, self.source, self.rows, self.label)
        claims = names.claims
        for found, file in names.walk():
            if isinstance(found, Fault):
                yield found
            elif found.state == "live":
                if isinstance(file, Row):
                    yield self._cut(found, file, claims)
                    continue
                if not found.turn:
                    claims.add(e for a in attributes(file) for e in runs_of(a, self.block))
                yield from self._entries(found, file, [])
            else:
                late.append(found)
        self._claimed, self.label = claims.merged(), names.label
        budget = Budget(self.medium.size)
        for found in late:
            yield from budget.spend(self._late(found))
        yield from budget.over()

    def _cut(self, found: Found, row: Row, claims: Claims) -> Entry:
        """The entry of a file that claims too much: what its chain of clusters holds of it."""
        extents = self._chain(row)
        claims.add(extents)
        size = min(row.size, length(extents))
        flags = ("size-cut" if size else "content-gone",)
        return Entry(f"{row.number}{found.turn}", found.path, found.name, size, flags=flags, offset=first(extents))

    def _chain(self, row: Row) -> list[Extent]:
        return self.rows.chain(row.cluster, self.medium.size) if self.rows is not None else []

    def _is_guess(self, extents: list[Extent], *, dead: bool) -> bool:
        """Whether that a file lies in one piece is but a guess."""
        return dead and self.rows is not None and length(extents) > self.rows.cluster

    def _late(self, found: Found) -> Iterator[Entry]:
        if found.turn.startswith("~"):
            locator = f"{found.number}{found.turn}"
            flags = ("reused",) if found.number else ("content-gone",)
            yield Entry(locator, found.path, found.name, 0, found.state, flags=flags)
            return
        try:
            file = self.fs.open_meta(found.number)
        except OSError:
            return
        for entry in self._entries(found, file, self._claimed or []):
            if found.state != "orphan" or entry.directory or self._is_likely(entry):
                yield entry

    def _is_likely(self, entry: Entry) -> bool:
        """Whether an orphan is more than noise that looks like a directory entry."""
        if not entry.size or "size-cut" in entry.flags or not entry.name.isprintable():
            return False
        return not self.local or entry.modified is not None

    def _entries(self, found: Found, file: Any, claimed: list[Range]) -> Iterator[Entry]:
        meta = file.info.meta
        kind = int(meta.type)
        modified, accessed, changed, created = times(meta, self.source)
        if kind in DIRECTORIES or kind == LINK or kind in _FILES:
            extra: tuple[str, ...] = ("link",) if found.turn else ()
            extra += ("symlink",) if kind == LINK else ()
            rows = (
                [(str(found.number), "", 0, (), -1, 0)] if kind in DIRECTORIES else self._streams(file, found, claimed)
            )
            for locator, stream, size, flags, offset, slack in rows:
                yield Entry(
                    locator + found.turn,
                    f"{found.path}:{stream}" if stream else found.path,
                    f"{found.name}:{stream}" if stream else found.name,
                    size,
                    found.state,
                    kind in DIRECTORIES,
                    modified,
                    accessed,
                    changed,
                    created,
                    flags + extra,
                    offset,
                    slack,
                )

    def _streams(
        self, file: Any, found: Found, claimed: list[Range]
    ) -> Iterator[tuple[str, str, int, tuple[str, ...], int, int]]:
        """Locator, name, size, flags, offset and slack of the main stream and of those beside it."""
        number, seen = found.number, False
        for attribute in attributes(file):
            stream = stream_name(attribute)
            if stream is None:
                continue
            main = not stream
            if main and seen:
                continue
            seen = seen or main
            if main and (leads := target(file)) is not None:
                yield str(number), "", len(leads), (), -1, 0
                continue
            extents = runs_of(attribute, self.block)
            size = size_of(attribute, extents, self.medium)
            flags: tuple[str, ...] = ("stream",) if stream else ()
            flags += tuple(flags_of(attribute, extents, size, self.medium, claimed))
            info = attribute.info
            plain = main and self.source != "ntfs"
            locator = str(number) if plain else f"{number}-{int(info.type)}-{int(info.id)}"
            flags += ("uncertain",) * self._is_guess(extents, dead=found.state != "live")
            slack = length(rest(extents, size)) if size else 0
            yield locator, stream, size, flags, first(extents), slack
        if not seen and int(file.info.meta.type) in _FILES and self.source != "ntfs":
            flags = ("content-gone",) if int(file.info.meta.size) else ()
            yield str(number), "", 0, flags, -1, 0

    def _find(self, locator: str) -> tuple[Any, Any]:
        if not (parts := _LOCATOR.fullmatch(locator)):
            raise AddressError(f"{self.kind}:{locator} is no entry")
        if parts["reused"]:
            raise DamagedError(f"{self.kind}:{locator}: its record belongs to another file now")
        number, wanted = parts["number"], parts["stream"]
        try:
            file = self.fs.open_meta(int(number))
            for attribute in attributes(file):
                if wanted == f"{int(attribute.info.type)}-{int(attribute.info.id)}":
                    return file, attribute
                if not wanted and stream_name(attribute) == "":
                    return file, attribute
        except (ValueError, OverflowError) as error:
            raise AddressError(f"{self.kind}:{locator} is no entry") from error
        except OSError as error:
            raise DamagedError(f"{self.kind}:{locator}: {sentence(error)}") from error
        if wanted:
            raise AddressError(f"{self.kind}:{locator} is not in this volume")
        return file, None

    def open(self, locator: str) -> Reader:
        """The bytes of an entry."""
        if (big := self._big(locator)) is not None:
            return Reader(Pieces(self.medium, self._chain(big), min(big.size, length(self._chain(big)))))
        file, attribute = self._find(locator)
        if attribute is None:
            return Reader(Memory(b""))
        if (leads := target(file)) is not None:
            return Reader(Memory(leads))
        extents = runs_of(attribute, self.block)
        size = size_of(attribute, extents, self.medium)
        if is_packed(attribute) or self.source == "ntfs":
            return Reader(Attribute(file, attribute, size, self.medium.size))
        return Reader(Pieces(self.medium, extents, size))

    def _big(self, locator: str) -> Row | None:
        """The row of a file that claims more than the volume, if the locator leads to one."""
        parts = _LOCATOR.fullmatch(locator)
        if self.source != "fat" or self.rows is None or not parts or parts["reused"] or parts["stream"]:
            return None
        return self.rows.by_number(int(parts["number"]))

    def slack(self, locator: str) -> Reader:
        """What lies in its blocks beyond what was written to it."""
        if self._big(locator) is not None:
            return Reader(Memory(b""))
        file, attribute = self._find(locator)
        extents = runs_of(attribute, self.block) if attribute is not None and target(file) is None else []
        left: list[Extent] = []
        if extents:
            size = size_of(attribute, extents, self.medium)
            left = rest(extents, size)
        return Reader(Pieces(self.medium, left, length(left)))

    def extents(self, locator: str) -> list[Extent]:
        """Where an entry lies."""
        if (big := self._big(locator)) is not None:
            return self._chain(big)
        file, attribute = self._find(locator)
        return runs_of(attribute, self.block) if attribute is not None and target(file) is None else []

    def free(self) -> list[Range]:
        """What no live entry claims."""
        return unclaimed(self.entries(), lambda: self._claimed, self.medium.size)
