"""A phone extraction, or any archive delivered as an exhibit: its members as the entries of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from moisson.address import Layer
from moisson.evidence.inflated import GZIP, Inflated
from moisson.evidence.members import Notes, read_notes, write_notes
from moisson.extract.tarhead import checks
from moisson.extract.tarvolume import TarListing
from moisson.extract.zipvolume import ZipListing
from moisson.reader import Memory, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.evidence.filesystem import Entry, Fault
    from moisson.reader import Medium

_GZIP = b"\x1f\x8b\x08"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class _Listing(Protocol):
    kind: str
    notes: Notes | None

    def entries(self) -> Iterator[Entry | Fault]: ...

    def open(self, locator: str) -> Reader: ...


class Archive:
    """An archive as a file system."""

    label = serial = ""

    def __init__(self, listing: _Listing) -> None:
        self.kind, self._listing, self._said = listing.kind, listing, listing.notes

    def entries(self) -> Iterator[Entry | Fault]:
        """Every member, in order."""
        yield from self._listing.entries()

    def open(self, locator: str) -> Reader:
        """The bytes of a member."""
        return self._listing.open(locator)

    def slack(self, locator: str) -> Reader:
        """A member has none."""
        return Reader(Memory(b""))

    def extents(self, locator: str) -> list[tuple[int | None, int]]:
        """Where a member lies is of no use, since it is packed or the archive is."""
        return []

    def free(self) -> list[tuple[int, int]]:
        """An archive has no free space."""
        return []

    def news(self) -> bytes:
        """What another process should know to open a member at once, told once; empty when there is nothing new."""
        if (notes := self._listing.notes) is None or notes is self._said:
            return b""
        self._said = notes
        return write_notes(notes)


def open_archive(
    medium: Medium, keys: Sequence[str] = (), notes: bytes = b""
) -> tuple[tuple[Layer, ...], Archive] | None:
    """The layers before an archive and its members; None when the medium is no archive.

    `notes` are the `news` of another process about the same archive.
    """
    head = medium.pread(0, 512)
    if head[:4] in _ZIP:
        return (), Archive(ZipListing(medium, keys, read_notes(notes, "zip", medium.size)))
    if _is_tar(head):
        return (), Archive(TarListing(medium, medium.size, read_notes(notes, "tar", medium.size)))
    if head[:3] == _GZIP and _is_tar(Inflated(medium, GZIP, 512).pread(0, 512)):
        known = read_notes(notes, "tar", medium.size)
        plain = Inflated(medium, GZIP, index=known.index if known else None, lazy=True)
        return (Layer("gzip"),), Archive(TarListing(plain, medium.size, known))
    return None


def _is_tar(head: bytes) -> bool:
    return len(head) == 512 and checks(head)
