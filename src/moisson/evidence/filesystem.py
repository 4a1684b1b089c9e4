"""What every file system, folder and phone extraction looks like from outside: entries, and the bytes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from moisson.evidence.extents import complement
from moisson.model import FailureKind
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from moisson.evidence.extents import Range
    from moisson.reader import Reader


class Entry(Struct, frozen=True, omit_defaults=True, gc=False):
    """One name in a volume; `locator` is what stands after the scheme in its address.

    `path` is relative to the volume, a stream is written `path:stream`; bytes of a name that are no text are written as
    `printable` does. `offset` is its first byte on the medium of the volume, -1 when it has none. `slack` is how much
    lies between the end of what was written to it and the end of its last block.

    `flags`: `overwritten` (a live file claims some of its blocks), `truncated` (some lie beyond the end of the image),
    `uncertain` (deleted, and that its blocks follow each other is a guess), `size-cut` (it claims more than it can
    have), `content-gone` (no place is known of what it held), `reused` (its record is another file's now),
    `beyond-volume` (all deleted files before it fill the volume already), `link` (a second name of a file listed
    before), `stream`, `resident`, `sparse`, `compressed`, `encrypted`, `system`.
    """

    locator: str
    path: str
    name: str
    size: int = 0
    state: Literal["live", "deleted", "orphan"] = "live"
    directory: bool = False
    modified: Instant | None = None
    accessed: Instant | None = None
    changed: Instant | None = None
    created: Instant | None = None
    flags: tuple[str, ...] = ()
    offset: int = -1
    slack: int = 0


class Fault(Struct, frozen=True, omit_defaults=True):
    """A place in a volume that could not be listed."""

    locator: str
    path: str
    kind: FailureKind
    detail: str


class FileSystem(Protocol):
    """A mounted volume; `kind` is the scheme of its layer in an address."""

    kind: str
    label: str
    serial: str

    def entries(self) -> Iterator[Entry | Fault]:
        """Every entry, live and deleted, directories included; ends on any input."""
        ...

    def open(self, locator: str) -> Reader:
        """The bytes of an entry; raises `EvidenceError`."""
        ...

    def slack(self, locator: str) -> Reader:
        """The bytes between the end of an entry and the end of its last block."""
        ...

    def extents(self, locator: str) -> list[tuple[int | None, int]]:
        """Where an entry lies on the medium: (offset or None for a hole, length)."""
        ...

    def free(self) -> list[tuple[int, int]]:
        """The ranges of the medium that no live entry claims: (offset, length)."""
        ...


def unclaimed(entries: Iterator[object], claimed: Callable[[], list[Range] | None], size: int) -> list[Range]:
    """What of a volume no live entry claims; `claimed` knows it at some point of the listing, or before."""
    while claimed() is None and next(entries, None) is not None:
        pass
    return complement(claimed() or [], size)


def printable(name: str | bytes) -> str:
    """A name as text that can travel anywhere: what is no Unicode in it is written as Python escapes it."""
    if isinstance(name, bytes):
        return name.decode("utf-8", "backslashreplace")
    try:
        return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode()


class Budget:
    """How much deleted files may hold together: what exceeds the volume cannot all be true, so it stays a name."""

    def __init__(self, size: int) -> None:
        self.left, self.beyond = size, 0

    def spend(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        """The entries, without content once there cannot be any more."""
        for entry in entries:
            if entry.size <= self.left:
                self.left -= entry.size
                yield entry
            else:
                self.beyond += 1
                yield replace(entry, size=0, slack=0, flags=(*entry.flags, "beyond-volume"))

    def over(self) -> Iterator[Fault]:
        """One line on those that were left without content."""
        if self.beyond:
            detail = f"{self.beyond} deleted files are listed without content: together they exceed the volume"
            yield Fault("", "", "limit", detail)
