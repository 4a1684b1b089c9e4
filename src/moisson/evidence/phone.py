"""A phone extraction as an exhibit: a zip, a tar or a tar.gz whose members are the files of the telephone.

The locator of a member is its name, percent-encoded; `#2` after it is the second member of that name.
"""

from __future__ import annotations

import tarfile
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from moisson.address import Layer, encode
from moisson.errors import AddressError, DamagedError, EvidenceError, LimitError
from moisson.evidence import zipped
from moisson.evidence.extents import Extent, Pieces
from moisson.evidence.filesystem import Entry, Fault, printable
from moisson.evidence.inflated import GZIP, Inflated
from moisson.reader import Memory, Reader
from moisson.times import Instant, from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from moisson.reader import Medium

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_MOST = 1_000_000
_MOST_LINKS = 16


class _Place(NamedTuple):
    """Where a member of a tar lies; `target` is the name of the member that a link means."""

    extents: tuple[Extent, ...]
    size: int
    target: str = ""


class _Listing(Protocol):
    def entries(self) -> Iterator[Entry | Fault]: ...

    def open(self, locator: str) -> Medium: ...


class Archive:
    """The members of an archive as the entries of a volume; `kind` is zip or tar."""

    label = serial = ""

    def __init__(self, medium: Medium, kind: str, keys: Sequence[str] = ()) -> None:
        self.kind, self.medium = kind, medium
        self._listing: _Listing = _Zip(medium, keys) if kind == "zip" else _Tar(medium)

    def entries(self) -> Iterator[Entry | Fault]:
        """Every member, in order."""
        if isinstance(self.medium, Inflated) and self.medium.damage:
            yield Fault("", "", "damaged", self.medium.damage)
        yield from self._listing.entries()

    def open(self, locator: str) -> Reader:
        """The bytes of a member, never more than it declares."""
        return Reader(self._listing.open(locator))

    def slack(self, locator: str) -> Reader:
        """A member has none."""
        return Reader(Memory(b""))

    def extents(self, locator: str) -> list[Extent]:
        """Where a member lies is of no use, since it is packed or the archive is."""
        return []

    def free(self) -> list[tuple[int, int]]:
        """An archive has no free space."""
        return []


def open_archive(medium: Medium, keys: Sequence[str] = ()) -> tuple[tuple[Layer, ...], Archive] | None:
    """The layers before an archive and its members; None when the medium is no archive."""
    head = medium.pread(0, 512)
    if head[:4] in _ZIP:
        return (), Archive(medium, "zip", keys)
    if _is_tar(head):
        return (), Archive(medium, "tar")
    if head[:3] == b"\x1f\x8b\x08" and _is_tar(_first(medium)):
        return (Layer("gzip"),), Archive(inflate(medium), "tar")
    return None


def inflate(medium: Medium) -> Medium:
    """The plain bytes of a gzip file, from any place on."""
    return Inflated(medium, GZIP)


def _first(medium: Medium) -> bytes:
    try:
        return Inflated(medium, GZIP, 512).pread(0, 512)
    except DamagedError:
        return b""


def _is_tar(head: bytes) -> bool:
    """Whether a block is the header of a member: its checksum holds."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


class _Names:
    """Locators, each given once."""

    def __init__(self) -> None:
        self._met: Counter[str] = Counter()

    def locator(self, name: str) -> str:
        locator = encode(name) or "."
        self._met[locator] += 1
        turn = self._met[locator]
        return f"{locator}#{turn}" if turn > 1 else locator


def _path(name: str) -> str:
    """A name as a path inside the volume: what leads upwards or to a root is left out."""
    return printable("/".join(part for part in name.split("/") if part not in ("", ".", "..")))


class _Zip:
    def __init__(self, medium: Medium, keys: Sequence[str]) -> None:
        self.medium, self.keys = medium, keys
        self._members: dict[str, zipped.Member] | None = None
        self._bad: set[str] = set()
        self._faults: list[Fault] = []

    def _all(self) -> dict[str, zipped.Member]:
        if self._members is None:
            names, found = _Names(), list(self._read())
            self._members = {names.locator(member.name): member for member in found}
            locators = list(self._members)
            self._bad = {locators[n] for n in zipped.overlapping(found)}
            for locator in sorted(self._bad)[:100]:
                self._faults.append(Fault(locator, _path(self._members[locator].name), "attack", "members overlap"))
        return self._members

    def _read(self) -> Iterator[zipped.Member]:
        count = 0
        try:
            for member in zipped.read_directory(self.medium):
                count += 1
                yield member
        except DamagedError as error:
            self._faults.append(Fault("", "", "damaged", str(error)))
            if not count:
                yield from zipped.salvage(self.medium)
        if count >= zipped.MOST:
            self._faults.append(Fault("", "", "limit", f"only the first {count} members are listed"))

    def entries(self) -> Iterator[Entry | Fault]:
        members = self._all()
        yield from self._faults
        for locator, member in members.items():
            path = _path(member.name)
            yield Entry(
                locator,
                path,
                path.rpartition("/")[2],
                member.size,
                directory=member.name.endswith("/"),
                modified=member.modified,
                flags=("encrypted",) if member.locked else (),
                offset=member.offset,
            )

    def open(self, locator: str) -> Medium:
        if (member := self._all().get(locator)) is None:
            raise AddressError(f"zip:{locator} is not in this archive")
        if locator in self._bad:
            raise LimitError(f"zip:{locator} shares its bytes with another member")
        return zipped.content(self.medium, member, self.keys)


class _Tar:
    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self._places: dict[str, _Place] = {}
        self._complete = False

    def entries(self) -> Iterator[Entry | Fault]:
        self._places, names = {}, _Names()
        try:
            for info in self._infos():
                locator = names.locator(info.name)
                kept = self._place(info)
                self._places[locator] = kept
                flags: tuple[str, ...] = ("link",) if info.islnk() else ("symlink",) if info.issym() else ()
                flags += (
                    ("truncated",) if any(at + n > self.medium.size for at, n in kept.extents if at is not None) else ()
                )
                path = _path(info.name)
                yield Entry(
                    locator,
                    path,
                    path.rpartition("/")[2],
                    self._size(kept),
                    directory=info.isdir(),
                    modified=_moment(info),
                    flags=flags,
                    offset=kept.extents[0][0] if kept.extents and kept.extents[0][0] is not None else -1,
                )
        except EvidenceError as error:
            yield Fault("", "", "limit" if isinstance(error, LimitError) else "damaged", str(error))
        self._complete = True

    def _infos(self) -> Iterator[tarfile.TarInfo]:
        """The headers one by one, none kept."""
        try:
            with tarfile.TarFile(
                fileobj=Reader(self.medium).file(), mode="r", encoding="utf-8", errors="surrogateescape", errorlevel=2
            ) as tar:
                count = 0
                while (info := tar.next()) is not None:
                    tar.members = []  # type: ignore[attr-defined]
                    count += 1
                    if count > _MOST:
                        raise LimitError(f"only the first {_MOST} members are listed")
                    yield info
                if self.medium.pread(tar.offset, 512).strip(b"\0"):
                    raise DamagedError(f"tar: the header at {tar.offset} is damaged")
        except (tarfile.TarError, ValueError, OverflowError, OSError, UnicodeError, RecursionError) as error:
            raise DamagedError(f"tar: {' '.join(str(error).split())[:200]}") from error

    def _place(self, info: tarfile.TarInfo) -> _Place:
        if info.islnk():
            return _Place((), 0, info.linkname)
        if not info.isreg():
            return _Place((), 0)
        sparse: list[tuple[int, int]] | None = getattr(info, "sparse", None)
        if not sparse:
            return _Place(((info.offset_data, info.size),), max(0, info.size))
        extents: list[Extent] = []
        at, stored = 0, info.offset_data
        for start, n in sparse:
            if start > at:
                extents.append((None, start - at))
            if n > 0:
                extents.append((stored, n))
            at, stored = start + n, stored + n
        return _Place(tuple(extents), min(max(0, info.size), 1 << 42))

    def _size(self, place: _Place) -> int:
        for _ in range(_MOST_LINKS):
            if not place.target or (found := self._places.get(encode(place.target))) is None:
                break
            place = found
        return place.size

    def open(self, locator: str) -> Medium:
        if not self._complete and locator not in self._places:
            for _ in self.entries():
                pass
        if (place := self._places.get(locator)) is None:
            raise AddressError(f"tar:{locator} is not in this archive")
        for _ in range(_MOST_LINKS):
            if not place.target:
                break
            if (found := self._places.get(encode(place.target))) is None:
                raise DamagedError(f"tar:{locator} is a link to a member that is not there")
            place = found
        return Pieces(self.medium, place.extents, place.size)


def _moment(info: tarfile.TarInfo) -> Instant | None:
    try:
        return from_unix(info.mtime)
    except (OverflowError, ValueError):
        return None
