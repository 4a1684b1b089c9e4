"""The header of a 7z archive: folders, their coders and packed streams, the members' names and times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moisson.errors import DamagedError, LimitError
from moisson.times import Instant, from_filetime

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"7z\xbc\xaf\x27\x1c"
MAX_HEADER = 64 << 20
MAX_MEMBERS = 200_000
AES = b"\x06\xf1\x07\x01"


@dataclass(slots=True)
class Coder:
    """One method with its properties and number of streams."""

    method: bytes
    properties: bytes
    inputs: int = 1
    outputs: int = 1


@dataclass(slots=True)
class Folder:
    """A stream of members: its coders, the bonds between them, where the packed bytes lie, and its sizes."""

    coders: list[Coder] = field(default_factory=list)
    bonds: list[tuple[int, int]] = field(default_factory=list)
    packed_inputs: list[int] = field(default_factory=list)
    packed: list[tuple[int, int]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    crc: int | None = None
    parts: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def encrypted(self) -> bool:
        return any(c.method == AES for c in self.coders)

    @property
    def size(self) -> int:
        """The size of the last output, the one that no bond consumes."""
        used = {out for _, out in self.bonds}
        return next((size for i, size in enumerate(self.sizes) if i not in used), 0)

    @property
    def first(self) -> tuple[int, int | None]:
        """Size and checksum of the first member."""
        return self.parts[0] if self.parts else (self.size, self.crc)


@dataclass(slots=True)
class Member:
    """A file: in which folder and where in its stream; folder -1 when it is empty."""

    name: str
    number: int
    folder: int = -1
    start: int = 0
    size: int = 0
    crc: int | None = None
    modified: Instant | None = None
    is_folder: bool = False


@dataclass(slots=True)
class Header:
    """Everything a 7z archive says of its contents."""

    folders: list[Folder] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)


class _Bytes:
    """A header being read; running over its end is damage."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, n: int) -> bytes:
        if n < 0 or self.at + n > len(self.raw):
            raise DamagedError("the 7z header breaks off")
        self.at += n
        return self.raw[self.at - n : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """7-Zip's variable-length number."""
        first, mask, value = self.byte(), 0x80, 0
        for i in range(8):
            if not first & mask:
                return value | (first & (mask - 1)) << 8 * i
            value |= self.byte() << 8 * i
            mask >>= 1
        return value

    def count(self) -> int:
        """A number of things, bounded by what the header could hold."""
        n = self.number()
        if n > MAX_MEMBERS:
            raise LimitError(f"{n} entries in a 7z header")
        return n

    def bits(self, n: int, *, all_known: bool = False) -> list[bool]:
        """A bit vector; with `all_known` a leading byte may say that all are set."""
        if all_known and self.byte():
            return [True] * n
        raw = self.take((n + 7) // 8)
        return [bool(raw[i // 8] & 0x80 >> i % 8) for i in range(n)]

    def checksums(self, n: int) -> list[int | None]:
        return [int.from_bytes(self.take(4), "little") if known else None for known in self.bits(n, all_known=True)]


def parse_header(raw: bytes) -> Header:
    """Read an unpacked header."""
    data, header = _Bytes(raw), Header()
    if data.byte() != 1:
        raise DamagedError("no 7z header")
    while (tag := data.byte()) != 0:
        if tag == 2:
            while data.byte():
                data.take(data.number())
        elif tag in (3, 4):
            folders = _streams(data)
            header.folders = folders if tag == 4 else header.folders
        elif tag == 5:
            header.members = _files(data)
        else:
            raise DamagedError(f"7z header: tag {tag}")
    _place(header)
    return header


def parse_streams(raw: bytes) -> Folder:
    """The one folder that a packed header is."""
    data = _Bytes(raw)
    data.byte()
    folders = _streams(data)
    if not folders:
        raise DamagedError("a packed header without a folder")
    return folders[0]


def _streams(data: _Bytes) -> list[Folder]:
    at, packed, folders = 0, list[int](), list[Folder]()
    with_parts = False
    while (tag := data.byte()) != 0:
        if tag == 6:
            at = 32 + data.number()
            packed = _pack_sizes(data, data.count())
        elif tag == 7:
            folders = _folders(data)
        elif tag == 8:
            _parts(data, folders)
            with_parts = True
        else:
            raise DamagedError(f"7z streams: tag {tag}")
    sizes = iter(packed)
    for folder in folders:
        for _ in folder.packed_inputs:
            size = next(sizes, 0)
            folder.packed.append((at, size))
            at += size
        if not with_parts:
            folder.parts = [(folder.size, folder.crc)]
    return folders


def _pack_sizes(data: _Bytes, count: int) -> list[int]:
    sizes: list[int] = []
    while (tag := data.byte()) != 0:
        if tag == 9:
            sizes = [data.number() for _ in range(count)]
        elif tag == 10:
            data.checksums(count)
        else:
            raise DamagedError(f"7z pack info: tag {tag}")
    return sizes


def _folders(data: _Bytes) -> list[Folder]:
    folders: list[Folder] = []
    while (tag := data.byte()) != 0:
        if tag == 11:
            count = data.count()
            if data.byte():
                raise DamagedError("7z folders in an external stream")
            folders = [_folder(data) for _ in range(count)]
        elif tag == 12:
            for folder in folders:
                folder.sizes = [data.number() for c in folder.coders for _ in range(c.outputs)]
        elif tag == 10:
            for folder, crc in zip(folders, data.checksums(len(folders)), strict=True):
                folder.crc = crc
        else:
            raise DamagedError(f"7z folders: tag {tag}")
    return folders


def _folder(data: _Bytes) -> Folder:
    folder, count = Folder(), data.number()
    if not 0 < count <= 32:
        raise DamagedError(f"{count} coders in a 7z folder")
    for _ in range(count):
        flag = data.byte()
        coder = Coder(data.take(flag & 15), b"")
        if flag & 16:
            coder.inputs, coder.outputs = data.number(), data.number()
        if flag & 32:
            coder.properties = data.take(data.number())
        if coder.inputs > 32 or coder.outputs > 32:
            raise DamagedError("a 7z coder with too many streams")
        folder.coders.append(coder)
    inputs, outputs = sum(c.inputs for c in folder.coders), sum(c.outputs for c in folder.coders)
    folder.bonds = [(data.number(), data.number()) for _ in range(outputs - 1)]
    free = inputs - len(folder.bonds)
    bound = {i for i, _ in folder.bonds}
    folder.packed_inputs = [i for i in range(inputs) if i not in bound][:1] if free == 1 else [
        data.number() for _ in range(free)
    ]  # fmt: skip
    return folder


def _parts(data: _Bytes, folders: list[Folder]) -> None:
    counts = [1] * len(folders)
    sizes: list[list[int]] | None = None
    tag = data.byte()
    if tag == 13:
        counts = [data.count() for _ in folders]
        if sum(counts) > MAX_MEMBERS:
            raise LimitError(f"{sum(counts)} members")
        tag = data.byte()
    if tag == 9:
        sizes = [list(_sizes(data, n, f.size)) for n, f in zip(counts, folders, strict=True)]
        tag = data.byte()
    sizes = sizes or [[f.size] if n else [] for n, f in zip(counts, folders, strict=True)]
    unknown = [len(s) for s, f in zip(sizes, folders, strict=True) if not (len(s) == 1 and f.crc is not None)]
    crcs: Iterator[int | None] = iter(())
    while tag != 0:
        if tag == 10:
            crcs = iter(data.checksums(sum(unknown)))
        tag = data.byte()
    for folder, listed in zip(folders, sizes, strict=True):
        own = len(listed) == 1 and folder.crc is not None
        folder.parts = [(size, folder.crc if own else next(crcs, None)) for size in listed]


def _sizes(data: _Bytes, count: int, whole: int) -> Iterator[int]:
    for _ in range(count - 1):
        size = data.number()
        whole -= size
        yield size
    if count:
        yield max(0, whole)


def _files(data: _Bytes) -> list[Member]:
    count = data.count()
    members = [Member("", n) for n in range(count)]
    empty, empty_files = [False] * count, list[bool]()
    while (tag := data.number()) != 0:
        size = data.number()
        block = _Bytes(data.take(size))
        if tag == 14:
            empty = block.bits(count)
        elif tag == 15:
            empty_files = block.bits(sum(empty))
        elif tag == 17 and not block.byte():
            _names(block, members)
        elif tag == 20:
            _times(block, members)
    is_file = iter(empty_files)
    for member, blank in zip(members, empty, strict=True):
        member.folder = -1 if blank else 0
        member.is_folder = blank and not next(is_file, False)
    return members


def _names(block: _Bytes, members: list[Member]) -> None:
    names = block.raw[block.at :].decode("utf-16-le", "surrogatepass").split("\0")
    for member, name in zip(members, names, strict=False):
        member.name = name


def _times(block: _Bytes, members: list[Member]) -> None:
    known = block.bits(len(members), all_known=True)
    if block.byte():
        return
    for member, given in zip(members, known, strict=True):
        if given:
            member.modified = from_filetime(int.from_bytes(block.take(8), "little"))


def _place(header: Header) -> None:
    """Give each member that has bytes its folder and its place in the folder's stream."""
    places = ((n, part) for n, folder in enumerate(header.folders) for part in folder.parts)
    current, at = -1, 0
    for member in header.members:
        if member.folder < 0:
            continue
        number, (size, crc) = next(places, (-1, (0, None)))
        at = 0 if number != current else at
        current = number
        member.folder, member.start, member.size, member.crc = number, at, size, crc
        at += size
