"""What every file system, folder and phone extraction looks like from outside: entries, and the bytes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

from moisson.errors import UnsupportedError
from moisson.model import FailureKind
from moisson.times import Instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moisson.reader import Medium, Reader


class Entry(Struct, frozen=True, omit_defaults=True):
    """One name in a volume; `locator` is what stands after the scheme in its address.

    `path` is relative to the volume, a stream is written `path:stream`. `offset` is its first byte on the medium of the
    volume, -1 when it has none. `slack` is the room between its end and the end of its last block.
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


def mount(kind: str, medium: Medium) -> FileSystem:
    """The file system of a kind that `volume.scan` names; raises `DamagedError` or `UnsupportedError`."""
    from moisson.evidence import ntfs, tsk

    if kind == "ntfs":
        return ntfs.mount(medium)
    if kind in tsk.KINDS:
        return tsk.Tree(kind, medium)
    raise UnsupportedError(f"no reader for {kind}")
